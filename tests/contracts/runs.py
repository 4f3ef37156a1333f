"""Plausible run directories: result files of any size, made without data and without training."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.publish import write_json
from scoring.summary import Summary, summarise

ROWS, LABEL_ERAS, PURGE = 120, 4, 8
GROUPS = ("intelligence", "wisdom", "charisma", "dexterity", "strength", "agility", "sunshine")
REFERENCES = {"benchmark_a": "benchmark", "meta_model": "meta_model"}
STRENGTHS = {"lightgbm": 0.13, "ae_mlp": 0.11, "mlp": 0.09, "ridge": 0.05}
MADE_BY = {
    "erazoo": "0.1.0",
    "commit": "0123456789abcdef0123456789abcdef01234567",
    "python": "3.11.7",
    "platform": "Linux-x86_64",
    "libraries": {"numpy": "2.4.6", "lightgbm": "4.7.0", "keras": "3.15.1"},
}


@dataclass(frozen=True)
class Shape:
    """How large a run is: eras of the panel, where scored and held-out ones begin, models."""

    eras: int = 240
    first_scored: int = 96
    held_out: int = 200
    models: int = 4
    embargo: int = 2

    @property
    def labels(self) -> list[str]:
        return [f"{k:04d}" for k in range(1, self.eras + 1)]

    @property
    def resolved(self) -> int:
        """Eras with a target; the newest wait for theirs."""
        return self.eras - 5

    @property
    def names(self) -> list[str]:
        return [*STRENGTHS, *(f"network_{k:02d}" for k in range(self.models))][: self.models]


def write_run(root: Path, shape: Shape = Shape(), name: str = "demo") -> Path:
    """A finished run with models, one that failed, an ensemble and both references."""
    labels = shape.labels
    write_json(root / "config.json", config(name))
    write_json(root / "data" / "demo.json", {"profile": "balanced"})
    write_json(root / "shards" / "manifest.json", _manifest(shape))
    write_json(root / "folds.json", _folds(shape))
    for model in shape.names:
        write_json(root / "models" / model / "result.json", _result(model))
    broken = _result("tabm") | {
        "status": "failed",
        "reason": "TrainingError: loss is NaN after <2> epochs & no checkpoint",
        "folds": [],
    }
    write_json(root / "models" / "tabm" / "result.json", broken)
    scored = labels[shape.first_scored : shape.held_out]
    write_json(root / "evaluation" / "scores.json", scores(shape, scored, "out_of_fold"))
    later = labels[shape.held_out : shape.resolved]
    write_json(root / "evaluation" / "final.json", scores(shape, later, "held_out"))
    write_json(root / "evaluation" / "openings.json", [{"opened": "2026-11-20T10:40:00Z"}])
    members = [{"name": model, "weight": 1.0} for model in shape.names]
    write_json(root / "ensemble" / "ensemble.json", {"method": "rank_average", "members": members})
    for k, (stage, seconds) in enumerate(
        [("data", 11.2), ("shard", 3.1), ("train", 214.0), ("ensemble", 1.4), ("evaluate", 2.2)]
    ):
        write_json(
            root / "stages" / f"{stage}.json",
            {
                "stage": stage,
                "key": "0" * 16,
                "outputs": {},
                "summary": {"eras": shape.eras, "rows": shape.eras * ROWS},
                "seconds": seconds,
                "finished": f"2026-11-20T10:{10 + 7 * k}:00Z",
                "provenance": MADE_BY,
            },
        )
    return root


def config(name: str = "demo") -> dict[str, Any]:
    return {
        "run": {"name": name, "seed": 7},
        "data": {"source": "demo", "dir": "", "target": "target_ender_20"},
        "demo": {"seed": 11},
        "submit": {"slot": ""},
        "models": {"ridge": {"preset": "small", "params": {"alpha": 1.0}}},
    }


def importance(features: int) -> dict[str, Any]:
    """The content of `importance.json`, with names as long as they come."""
    names = [f"feature_unaesthetical_disheartening_{k:02d}" for k in range(features)]
    falling = {name: 0.01 / (k + 1) for k, name in enumerate(names)}
    groups = dict.fromkeys(GROUPS, 0.2)
    losses = {name: {"corr": value - 0.002, "error": 0.001} for name, value in falling.items()}
    unknown = {"dark": {"corr": None, "error": None}}
    return {
        "gain": {"features": falling, "groups": groups},
        "shap": {"rows": 4000, "features": falling, "groups": groups},
        "permutation": {"features": losses | unknown, "groups": {}},
    }


def scores(shape: Shape, labels: list[str], kind: str) -> dict[str, Any]:
    """The content of `scores.json`, with figures that the scoring code took from its series."""
    roles = {"ensemble": "ensemble", **dict.fromkeys(shape.names, "model"), **REFERENCES}
    draw = np.random.default_rng(11 + len(labels))
    corr = _corr(draw, shape, len(labels))
    per_era = {"corr": corr, "mmc": 0.5 * corr - 0.01, "bmc": 0.4 * corr - 0.01, "fnc": 0.8 * corr}
    for metric, reference in (("mmc", "meta_model"), ("bmc", "benchmark_a")):
        per_era[metric][:, list(roles).index(reference)] = 0.0
    sums = {m: summarise(t, overlap=LABEL_ERAS, bootstrap=200) for m, t in per_era.items()}
    train = summarise(1.6 * corr[::3], bootstrap=200)
    return {
        "format": 2,
        "target": "target_ender_20",
        "label_eras": LABEL_ERAS,
        "benchmark": "benchmark_a",
        "meta_model": "numerai_meta_model",
        "kind": kind,
        "eras": labels,
        "trials": shape.models,
        "candidates": {
            name: {
                "kind": role,
                "family": _family(name) if role == "model" else "",
                "rows": ROWS * len(labels),
                "per_era": {m: _plain(t[:, k]) for m, t in per_era.items()} | {"churn": None},
                "summary": {m: s[k].to_json() for m, s in sums.items()},
                **_beside(name, role, k, sums["corr"][k], train[k]),
                "seconds": {"fit": 31.0, "predict": 1.1} if role == "model" else None,
            }
            for k, (name, role) in enumerate(roles.items())
        },
        "correlation": _correlation(draw, list(roles)),
        "achievable": {"corr": 0.163},
        "target_distribution": [
            ["0.0", 50],
            ["0.25", 200],
            ["0.5", 500],
            ["0.75", 200],
            ["1.0", 5],
        ],
        "alarms": [
            {
                "level": "note",
                "candidate": None,
                "kind": "generated",
                "words": "These data are generated, with a signal far stronger than a market's.",
            }
        ],
    }


def trials(count: int = 400) -> dict[str, Any]:
    """The content of `trials.json`: later scores keep half of what validation promised."""
    draw = np.random.default_rng(3)
    past = draw.normal(0.6, 0.25, count)
    future = 0.5 * past + draw.normal(0.1, 0.15, count)
    made: list[dict[str, Any]] = [
        {"id": f"t{k}", "state": "complete", "scores": {"validation": a, "test": b}}
        for k, (a, b) in enumerate(zip(past.tolist(), future.tolist(), strict=True))
    ]
    made[3]["scores"]["test"] = None
    made.append({"id": "lost", "state": "failed", "scores": {"validation": None, "test": None}})
    best = max(range(count), key=lambda k: past[k] if k != 3 else -1)
    return {
        "format": 1,
        "metric": "corr_sharpe",
        "trials": made,
        "chosen": f"t{best}",
        "benchmark": {"validation": 0.7, "test": 0.52},
    }


def classification(tilt: float) -> dict[str, Any]:
    """The scores of class probabilities that are too sure for a `tilt` above 0."""
    points = [(k + 0.5) / 10 for k in range(10)]
    return {
        "classes": [-1, 0, 1],
        "average_precision": 0.61,
        "log_loss": 0.83,
        "brier": 0.45,
        "calibration": [
            {
                "predicted": p,
                "observed": min(1.0, max(0.0, 0.5 + (p - 0.5) * (1 - tilt))),
                "rows": 900 - 80 * k,
            }
            for k, p in enumerate(points)
        ],
    }


def figures_of(html: str) -> dict[str, Any]:
    """The views of every figure of a page, by the figure's id."""
    found = re.search(r'id="figures">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    held = json.loads(found[1])
    whole = _expanded(held["figures"], held["lists"])
    return {figure["id"]: figure["views"] for figure in whole}


def _expanded(value: Any, lists: list[Any]) -> Any:
    if isinstance(value, dict):
        if "list" in value:
            return lists[value["list"]]
        return {key: _expanded(item, lists) for key, item in value.items()}
    if isinstance(value, list):
        return [_expanded(item, lists) for item in value]
    return value


def _corr(draw: np.random.Generator, shape: Shape, eras: int) -> NDArray[np.float64]:
    """Per-era CORR (E, candidates): a common drift, noise of each, and the ensemble their mean."""
    strengths = [STRENGTHS.get(name, 0.07 + 0.001 * k) for k, name in enumerate(shape.names)]
    drift = 1 + 0.6 * np.sin(np.arange(eras) / 9)
    common = draw.normal(0, 0.05, eras)
    table = np.array(strengths) * drift[:, None] + common[:, None]
    table += draw.normal(0, 0.02, table.shape)
    own = table.mean(axis=1, keepdims=True) + 0.05
    benchmark = 0.07 * drift[:, None] + common[:, None]
    meta = benchmark - 0.01
    meta[: min(40, eras // 3)] = np.nan
    return np.hstack([own, table, benchmark, meta])


def _beside(name: str, role: str, place: int, corr: Summary, train: Summary) -> dict[str, Any]:
    ours = role in ("model", "ensemble")
    return {
        "train": {"eras": train.eras, "corr": train.to_json()} if role == "model" else None,
        "overfitting": train.mean / corr.mean if role == "model" else None,
        "deflated_sharpe": max(0.02, 0.99 - 0.07 * place) if ours else None,
        "exposure": {
            "mean": 0.02 + 0.002 * place,
            "max": 0.11,
            "feature": "feature_cyanic_forgotten_quill",
            "groups": {
                group: {"mean": 0.01 + 0.004 * k, "max": 0.04 + 0.01 * ((k + place) % 7)}
                for k, group in enumerate(GROUPS)
            },
        },
        "like": {"benchmark": 0.61 - 0.02 * place, "meta_model": 0.42} if ours else {},
        "boundary": {"eras": 16, "first": 0.1064, "rest": 0.1169} if ours else None,
        "regression": {"rmse": 0.2220, "mae": 0.1597} if role == "model" else None,
        "classification": None,
        "return": 0.31 - 0.02 * place if ours else None,
    }


def _correlation(draw: np.random.Generator, names: list[str]) -> dict[str, Any]:
    table = np.corrcoef(draw.normal(size=(len(names), 40)) + draw.normal(size=40))
    return {"names": names, "matrix": np.round(table, 6).tolist()}


def _plain(values: NDArray[np.float64]) -> list[float | None]:
    return [None if np.isnan(v) else float(v) for v in values]


def _family(name: str) -> str:
    return {"lightgbm": "boosting", "ridge": "linear"}.get(name, "keras")


def _manifest(shape: Shape) -> dict[str, Any]:
    names = [f"feature_{k}" for k in range(60)]
    return {
        "format": 1,
        "content": "43f4b6b1f6ad3fbc",
        "rows": shape.eras * ROWS + 100,
        "spec": {
            "names": names,
            "groups": {"small": names[:12], "medium": names[:40], "all": names},
            "fingerprint": "e8db5eca41d9bdc5",
        },
        "targets": ["target_ender_20", "target_ender_60", "target_cyrusd_20"],
        "references": ["numerai_meta_model", "benchmark_a"],
        "eras": {
            era: {
                "split": "train" if k < shape.eras // 2 else "validation",
                "rows": ROWS + k % 7,
                "resolved": {"target_ender_20": (ROWS + k % 7) if k < shape.resolved else 0},
            }
            for k, era in enumerate(shape.labels)
        }
        | {"X": {"split": "live", "rows": 100, "resolved": {}}},
        "files": [{"path": "a", "eras": [], "bytes": 2_400_000, "sha256": ""}],
    }


def _folds(shape: Shape) -> dict[str, Any]:
    """Four expanding folds, a fold in the middle with eras after it, and the held-out one."""
    edges = np.linspace(shape.first_scored, shape.held_out, 5).astype(int)
    folds = [
        _fold(shape, f"fold-{k}", "development", low, high)
        for k, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    folds.append(_fold(shape, "held_out", "held_out", shape.held_out, shape.resolved))
    return {
        "target": "target_ender_20",
        "label_eras": LABEL_ERAS,
        "purge": PURGE,
        "embargo": shape.embargo,
        "axis": shape.labels,
        "folds": folds,
        "final": shape.labels[: shape.resolved],
    }


def _fold(shape: Shape, name: str, kind: str, low: int, high: int) -> dict[str, Any]:
    labels = shape.labels
    train, purged = labels[: low - PURGE], labels[low - PURGE : low]
    if name == "fold-0":
        after = high + PURGE + shape.embargo
        purged += labels[high:after]
        train += labels[after : after + 30]
    return {
        "name": name,
        "kind": kind,
        "train": train,
        "purged": purged,
        "validation": labels[low:high],
    }


def _result(name: str) -> dict[str, Any]:
    family = _family(name)
    return {
        "name": name,
        "model": name,
        "family": family,
        "preset": "small",
        "params": {},
        "seconds": {"fit": 10.0 + 25 * len(name), "predict": 0.4 * len(name)},
        "peak_memory_mb": 400.0 + 90 * len(name),
        "status": "ok",
        "reason": "",
        "folds": [_curves(k) for k in range(5)] if family == "keras" else [],
    }


def _curves(fold: int) -> dict[str, Any]:
    epochs = np.arange(1, 9)
    loss = 0.25 - 0.01 * np.log(epochs) + 0.001 * fold
    watched = 0.251 - 0.006 * np.log(epochs) + 0.0006 * epochs + 0.001 * fold
    corr = 0.02 + 0.008 * np.log(epochs) - 0.001 * epochs
    return {
        "name": f"fold-{fold}" if fold < 4 else "held_out",
        "best_epoch": 5 + fold % 3,
        "history": {
            "loss": loss.tolist(),
            "val_loss": watched.tolist(),
            "val_corr": corr.tolist(),
        },
    }
