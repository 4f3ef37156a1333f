"""How scores are shown: the table on the terminal, and files of other kinds."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from erazoo.commands.table import WIDTH, table
from erazoo.errors import ConfigError
from erazoo.publish import write_json, write_text

LOUD = {"alarm": "ALARM", "warning": "warning", "note": "note"}
MEASURED = {"out_of_fold": "out-of-fold", "held_out": "held-out", "files": "scored"}


class Column(NamedTuple):
    """A column of the table: its head, and the value of a candidate of a result."""

    head: str
    value: Callable[[Mapping[str, Any], Mapping[str, Any]], Any]


def scores_text(result: Mapping[str, Any], *, wide: bool = False) -> str:
    """The scores of every candidate, what stands behind them, and what to be wary of."""
    foot = basis(result)
    if result.get("skipped"):
        foot += "; scored already"
    missing = [f"{name} is not scored: {why}" for name, why in result["missing"].items()]
    shown = scores_table(result, result["candidates"], wide=wide)
    return "\n".join([shown, foot, *missing, *alarm_lines(result)])


def alarm_lines(result: Mapping[str, Any]) -> list[str]:
    """What to know before believing the scores, a line each."""
    return [f"{LOUD[alarm['level']]}: {alarm['words']}" for alarm in result["alarms"]]


def basis(result: Mapping[str, Any]) -> str:
    """What the scores are of: the target, the eras, and the best that is achievable."""
    eras, best = result["eras"], (result["achievable"] or {}).get("corr")
    kind = "held-out" if result.get("held_out") else MEASURED[result["kind"]]
    text = f"{result['target']} over {len(eras)} {kind} eras, {eras[0]} to {eras[-1]}"
    return text if best is None else f"{text}; the best achievable CORR is {best:z.4f}"


def scores_table(result: Mapping[str, Any], names: Collection[str], *, wide: bool = False) -> str:
    """The scores of some candidates, in the order of the evaluation.

    Columns come in the order of their weight, as far as they fit into `WIDTH`; those without any
    value are left out. Where models and ensembles are scored in different numbers of eras, these
    stand beside their means.
    """
    chosen = {n: c for n, c in result["candidates"].items() if n in names}
    columns = _filled(result, chosen)
    text = _lines(columns[:2], result, chosen)
    for count in range(3, len(columns) + 1):
        longer = _lines(columns[:count], result, chosen)
        if not wide and max(map(len, longer.splitlines())) > WIDTH:
            break
        text = longer
    return text


def check_out(path: Path) -> None:
    """Refuse a file of a kind that scores are not written as.

    Raises:
        ConfigError: the suffix.
    """
    if path.suffix not in WRITERS:
        raise ConfigError(
            "scores are not written to such a file",
            received=str(path),
            expected=" or ".join(WRITERS),
        )


def write_scores(
    path: Path, result: Mapping[str, Any], config: Mapping[str, Any], root: Path
) -> None:
    """Write scores as the file's suffix says.

    Args:
        path: the file; see `WRITERS`.
        result: of an evaluation.
        config: the resolved configuration, as plain values.
        root: the run directory, which gives a page its name.
    """
    WRITERS[path.suffix](path, result, config, root)


def _filled(result: Mapping[str, Any], chosen: Mapping[str, Any]) -> list[Column]:
    named = [c for c in COLUMNS if any(c.value(result, one) is not None for one in chosen.values())]
    ours = [one for one in chosen.values() if one["kind"] in ("model", "ensemble")]
    if len({ERAS.value(result, one) for one in ours}) > 1 and ERAS in named:
        named.remove(ERAS)
        named.insert(2, ERAS)
    return [Column("name", lambda *_: None), *named]


def _lines(columns: Sequence[Column], result: Mapping[str, Any], chosen: Mapping[str, Any]) -> str:
    rows = [
        [name, *(column.value(result, candidate) for column in columns[1:])]
        for name, candidate in chosen.items()
    ]
    return table([column.head for column in columns], rows)


def _write_csv(path: Path, result: Mapping[str, Any], *_: Any) -> None:
    rows = [
        {"name": name, **_flat(result, candidate)}
        for name, candidate in result["candidates"].items()
    ]
    heads = list(dict.fromkeys(head for row in rows for head in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, heads, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


def _flat(result: Mapping[str, Any], candidate: Mapping[str, Any]) -> dict[str, Any]:
    """All figures of a candidate on one level; places of eras as their labels."""
    flat: dict[str, Any] = {
        "target": result["target"],
        "evaluation": "held_out" if result.get("held_out") else result["kind"],
        **{key: candidate[key] for key in ("kind", "family", "rows")},
    }
    for metric, summary in candidate["summary"].items():
        for figure, value in (summary or {}).items():
            place = figure in ("drawdown_start", "worst_era") and value is not None
            flat[f"{metric}_{figure}"] = result["eras"][value] if place else value
    train = candidate["train"] or {"eras": None, "corr": {"mean": None}}
    flat |= {"train_eras": train["eras"], "train_corr": train["corr"]["mean"]}
    flat |= {key: candidate[key] for key in ("overfitting", "deflated_sharpe", "return")}
    for part, figures in PARTS.items():
        held = candidate[part] or {}
        flat |= {f"{part}_{figure}": held.get(figure) for figure in figures}
    return flat


PARTS = {
    "exposure": ("mean", "max", "feature"),
    "like": ("benchmark", "meta_model"),
    "boundary": ("eras", "first", "rest", "standard_error", "chance"),
    "regression": ("rmse", "mae"),
    "classification": ("average_precision", "log_loss", "brier"),
    "seconds": ("fit", "predict"),
}


def _write_markdown(path: Path, result: Mapping[str, Any], *_: Any) -> None:
    chosen = result["candidates"]
    columns = _filled(result, chosen)
    rows = [
        [name, *(_cell(column.value(result, candidate)) for column in columns[1:])]
        for name, candidate in chosen.items()
    ]
    marks = ["---", *("---:" for _ in columns[1:])]
    lines = [[column.head for column in columns], marks, *rows]
    text = "\n".join(_markdown_row(row) for row in lines)
    notes = "\n".join(f"- {line}" for line in alarm_lines(result))
    write_text(path, "\n\n".join(filter(None, (text, basis(result) + ".", notes))) + "\n")


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:z.4f}" if isinstance(value, float) else str(value)


def _write_page(
    path: Path, result: Mapping[str, Any], config: Mapping[str, Any], root: Path
) -> None:
    from scoring.report.document import document
    from scoring.report.results import RunResults
    from scoring.report.scores import parse_scores
    from scoring.report.sections.header import header
    from scoring.report.sections.models import models_section
    from scoring.report.sections.scores import (
        calibration_section,
        likeness_section,
        time_section,
    )

    held = RunResults(root=root, config=config, scores=parse_scores(result))
    makers = (models_section, time_section, likeness_section, calibration_section)
    sections = [made for make in makers if (made := make(held)) is not None]
    write_text(path, document("Scores · erazoo", header(held), sections, "one evaluation"))


def _write_json(path: Path, result: Mapping[str, Any], *_: Any) -> None:
    write_json(path, dict(result))


WRITERS: dict[str, Callable[..., None]] = {
    ".csv": _write_csv,
    ".md": _write_markdown,
    ".html": _write_page,
    ".json": _write_json,
}


def _summary(metric: str, figure: str) -> Callable[..., Any]:
    return lambda _, candidate: (candidate["summary"].get(metric) or {}).get(figure)


def _part(part: str, figure: str) -> Callable[..., Any]:
    return lambda _, candidate: (candidate.get(part) or {}).get(figure)


def _plain(key: str) -> Callable[..., Any]:
    return lambda _, candidate: candidate.get(key)


def _of_best(result: Mapping[str, Any], candidate: Mapping[str, Any]) -> str | None:
    best, mean = (result["achievable"] or {}).get("corr"), candidate["summary"]["corr"]["mean"]
    return None if not best or mean is None else f"{100 * mean / best:z.0f} %"


def _hits(_: Any, candidate: Mapping[str, Any]) -> str | None:
    share = candidate["summary"]["corr"].get("hit_rate")
    return None if share is None else f"{100 * share:.0f} %"


def _train(_: Any, candidate: Mapping[str, Any]) -> float | None:
    return ((candidate.get("train") or {}).get("corr") or {}).get("mean")


ERAS = Column("eras", _summary("corr", "eras"))
COLUMNS = (
    Column("kind", _plain("kind")),
    Column("corr", _summary("corr", "mean")),
    Column("s.e.", _summary("corr", "standard_error")),
    Column("sharpe", _summary("corr", "sharpe")),
    Column("drawdown", _summary("corr", "drawdown")),
    Column("mmc", _summary("mmc", "mean")),
    Column("bmc", _summary("bmc", "mean")),
    Column("of best", _of_best),
    Column("fnc", _summary("fnc", "mean")),
    Column("train", _train),
    Column("hits", _hits),
    ERAS,
    Column("low", _summary("corr", "low")),
    Column("high", _summary("corr", "high")),
    Column("real", _plain("deflated_sharpe")),
    Column("std", _summary("corr", "std")),
    Column("smart", _summary("corr", "smart_sharpe")),
    Column("t", _summary("corr", "t")),
    Column("worst", _summary("corr", "worst")),
    Column("last", _summary("corr", "last")),
    Column("dd eras", _summary("corr", "drawdown_eras")),
    Column("autocorr", _summary("corr", "autocorrelation")),
    Column("train/val", _plain("overfitting")),
    Column("exposure", _part("exposure", "mean")),
    Column("max exp", _part("exposure", "max")),
    Column("~bench", _part("like", "benchmark")),
    Column("~meta", _part("like", "meta_model")),
    Column("mmc sharpe", _summary("mmc", "sharpe")),
    Column("bmc sharpe", _summary("bmc", "sharpe")),
    Column("fnc sharpe", _summary("fnc", "sharpe")),
    Column("rmse", _part("regression", "rmse")),
    Column("mae", _part("regression", "mae")),
    Column("precision", _part("classification", "average_precision")),
    Column("log loss", _part("classification", "log_loss")),
    Column("brier", _part("classification", "brier")),
    Column("return", _plain("return")),
    Column("rows", _plain("rows")),
    Column("fit s", _part("seconds", "fit")),
)
