"""A plausible run directory: result files whose scores come from the scoring code."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from erazoo.publish import write_json
from scoring.distribution import value_counts
from scoring.eras import EraSlices
from scoring.evaluate import score_candidates
from scoring.similarity import rank_correlation

ERAS, ROWS, FIRST_SCORED = 240, 120, 96
LABELS = [f"{k:04d}" for k in range(1, ERAS + 1)]
KINDS = {
    "ensemble": "ensemble",
    "lightgbm": "model",
    "ae_mlp": "model",
    "mlp": "model",
    "ridge": "model",
    "benchmark_a": "benchmark",
    "meta_model": "meta_model",
}
STRENGTHS = {
    "lightgbm": 0.19,
    "ae_mlp": 0.16,
    "mlp": 0.13,
    "ridge": 0.08,
    "benchmark_a": 0.1,
    "meta_model": 0.07,
}


@pytest.fixture(scope="session")
def example_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with four models, one that failed, an ensemble and both references."""
    return write_run(tmp_path_factory.mktemp("runs") / "example")


def write_run(root: Path) -> Path:
    write_json(root / "config.json", _config())
    write_json(root / "data" / "demo.json", {"profile": "balanced"})
    write_json(root / "shards" / "manifest.json", _manifest())
    write_json(root / "folds.json", _folds())
    for name in ("lightgbm", "ae_mlp", "mlp", "ridge"):
        write_json(root / "models" / name / "result.json", _result(name))
    broken = _result("tabm") | {
        "status": "failed",
        "reason": "TrainingError: loss is NaN after <2> epochs & no checkpoint",
    }
    write_json(root / "models" / "tabm" / "result.json", broken)
    scores = _scores(LABELS[FIRST_SCORED:200], "out_of_fold")
    write_json(root / "evaluation" / "scores.json", scores)
    final = _scores(LABELS[200:235], "held_out")
    write_json(root / "evaluation" / "final.json", final)
    write_json(root / "evaluation" / "openings.json", [{"opened": "2026-11-20T10:40:00Z"}])
    members = [{"name": name, "weight": 1.0} for name, kind in KINDS.items() if kind == "model"]
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
                "summary": {"eras": ERAS, "rows": ERAS * ROWS},
                "seconds": seconds,
                "finished": f"2026-11-20T10:{10 + 7 * k}:00Z",
            },
        )
    return root


def _config() -> dict[str, Any]:
    return {
        "run": {"name": "demo"},
        "data": {"source": "demo", "dir": "", "target": "target_ender_20"},
    }


def _manifest() -> dict[str, Any]:
    names = [f"feature_{k}" for k in range(60)]
    return {
        "format": 1,
        "rows": ERAS * ROWS + 100,
        "spec": {
            "names": names,
            "groups": {"small": names[:12], "medium": names[:40], "all": names},
        },
        "targets": ["target_ender_20", "target_ender_60", "target_cyrusd_20"],
        "references": ["numerai_meta_model", "benchmark_a"],
        "eras": {
            era: {
                "split": "train" if k < 150 else "validation",
                "rows": ROWS + k % 7,
                "resolved": {"target_ender_20": (ROWS + k % 7) if k < ERAS - 5 else 0},
            }
            for k, era in enumerate(LABELS)
        }
        | {"X": {"split": "live", "rows": 100, "resolved": {}}},
        "files": [{"path": "a", "eras": [], "bytes": 2_400_000, "sha256": ""}],
    }


def _folds() -> dict[str, Any]:
    edges = np.linspace(FIRST_SCORED, 200, 5).astype(int)
    folds = [
        _fold(f"fold-{k}", "development", low, high)
        for k, (low, high) in enumerate(itertools.pairwise(edges))
    ]
    folds.append(_fold("held_out", "held_out", 200, 235))
    return {
        "target": "target_ender_20",
        "label_eras": 4,
        "purge": 8,
        "embargo": 0,
        "axis": LABELS,
        "folds": folds,
        "final": LABELS[:235],
    }


def _fold(name: str, kind: str, low: int, high: int) -> dict[str, Any]:
    return {
        "name": name,
        "kind": kind,
        "train": LABELS[: low - 8],
        "purged": LABELS[low - 8 : low],
        "validation": LABELS[low:high],
    }


def _result(name: str) -> dict[str, Any]:
    families = {"lightgbm": "boosting", "ridge": "linear"}
    return {
        "name": name,
        "model": name,
        "family": families.get(name, "keras"),
        "preset": "small",
        "params": {},
        "seconds": {"fit": 10.0 + 25 * len(name), "predict": 0.4 * len(name)},
        "peak_memory_mb": 400.0 + 90 * len(name),
        "status": "ok",
        "reason": "",
        "folds": [],
    }


def _scores(labels: list[str], kind: str) -> dict[str, Any]:
    predictions, target, slices = _predictions(labels)
    names = list(KINDS)
    references = {
        "mmc": predictions[:, names.index("meta_model")],
        "bmc": predictions[:, names.index("benchmark_a")],
    }
    scores = score_candidates(predictions, names, target, slices, references, overlap=4)
    matrix = rank_correlation(predictions, slices)
    return {
        "target": "target_ender_20",
        "benchmark": "benchmark_a",
        "meta_model": "numerai_meta_model",
        "kind": kind,
        "eras": list(scores.eras),
        "candidates": {
            name: {
                "kind": role,
                "family": "linear" if name == "ridge" else "",
                **scores.to_json(name),
                "seconds": {"fit": 31.0, "predict": 1.1} if role == "model" else None,
            }
            for name, role in KINDS.items()
        },
        "correlation": {
            "names": names,
            "matrix": [[None if np.isnan(v) else float(v) for v in row] for row in matrix],
        },
        "achievable": {"corr": 0.163},
        "target_distribution": value_counts(target),
    }


def _predictions(
    labels: list[str],
) -> tuple[NDArray[np.float64], NDArray[np.float64], EraSlices]:
    """Noisy views of a target whose strength drifts over the eras."""
    rng = np.random.default_rng(11)
    rows = len(labels) * ROWS
    slices = EraSlices.from_labels(np.repeat(labels, ROWS))
    bins = [0, 0.25, 0.5, 0.75, 1]
    target = rng.choice(bins, p=[0.05, 0.2, 0.5, 0.2, 0.05], size=rows)
    drift = np.repeat(1 + 0.6 * np.sin(np.arange(len(labels)) / 9), ROWS)
    common = rng.normal(size=rows)
    columns = {
        name: 4 * (target - 0.5) * strength * drift + 0.7 * common + rng.normal(size=rows)
        for name, strength in STRENGTHS.items()
    }
    models = [columns[name] for name, kind in KINDS.items() if kind == "model"]
    columns["ensemble"] = np.mean(models, axis=0)
    columns["meta_model"][: 40 * ROWS] = np.nan
    return np.column_stack([columns[name] for name in KINDS]), target, slices
