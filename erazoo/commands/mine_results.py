"""`erazoo mine results`, `compare` and `plot`: what a study found, in words, tables and figures."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erazoo.commands.frame import Call
from erazoo.commands.table import WIDTH, fitting, table
from erazoo.errors import ConfigError

if TYPE_CHECKING:
    import polars as pl

    from search.api import Mining

SHORT = 8
"""Digits of an id that are shown; `erazoo mine export` takes them."""
HEADS = {"corr": "corr", "sharpe": "sharpe", "drawdown": "drawd", "mmc": "mmc", "bmc": "bmc"}
PARTS = {"validation": "val ", "test": "test ", "whole": "all "}
GAIN = {
    "gain": "gain",
    "gain_error": "s.e.",
    "deflated_sharpe": "p(skill)",
    "deflated_gain": "p(gain)",
    "survives": "survives",
}
ALIKE = {
    "benchmark_correlation": "~bench",
    "meta_model_correlation": "~meta",
    "others_correlation": "~others",
    "others_nearest": "nearest of others",
}
TABLES = ("limit", "wide", "unique_below", "others", "out")
TAKEN = {"results": ("sort", *TABLES), "compare": TABLES, "plot": ("figures",)}
"""What each action takes of a `Look`."""


@dataclass(frozen=True)
class Look:
    """What is to be shown; the options of `results`, `compare` and `plot`."""

    sort: str | None = None
    limit: int = 20
    wide: bool = False
    unique_below: float | None = None
    others: tuple[str, ...] = ()
    out: Path | None = None
    figures: Path | None = None


def check_look(action: str, look: Look) -> None:
    """Refuse what an action would not look at.

    Raises:
        ConfigError: an option that is another action's.
    """
    plain = Look()
    for name, value in vars(look).items():
        if value != getattr(plain, name) and name not in TAKEN.get(action, ()):
            takers = " and ".join(taker for taker, names in TAKEN.items() if name in names)
            option = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{option} is an option of {takers}", received=f"mine {action}")


def show_results(call: Call, mining: Mining, look: Look) -> None:
    """Print the best configurations, the benchmark first."""
    if _dry(call, mining, "score and list the best configurations"):
        return
    from search.api import best_configurations
    from search.table import check_target_file

    check_target_file(look.out)
    found = best_configurations(mining, look.sort, look.limit, look.unique_below, look.others)
    written = _write(found, look.out)
    shown = {**_scores(look.wide), **ALIKE}
    rows = found.to_dicts()
    lines = [
        _table(rows, shown, look.wide, _spare(mining, look)),
        "* the benchmark; val: validation eras; --wide shows every column",
        *_saved(written),
    ]
    call.emit({"best": rows, "out": written}, "\n".join(lines))


def show_comparison(call: Call, mining: Mining, look: Look) -> None:
    """Print what beats the benchmark, and how much of it is luck."""
    if _dry(call, mining, "score what there is and hold it against the benchmark"):
        return
    from search.api import compare_to_benchmark
    from search.others import all_finds, with_others
    from search.scores import Mined
    from search.table import check_target_file
    from search.unique import unique_subset

    check_target_file(look.out)
    found = compare_to_benchmark(mining)
    mined, winners = Mined.open(mining.folder), found.winners
    if look.unique_below is not None:
        kept = unique_subset(mined, list(winners["id"]), look.unique_below, look.limit).kept
        winners = winners.filter(winners["id"].is_in(kept))
    winners = winners.head(look.limit)
    if look.others:
        winners = with_others(mined, winners, list(all_finds(look.others)))
    written = _write(winners, look.out)
    rows = winners.to_dicts()
    shown = {**GAIN, **_scores(look.wide), **ALIKE}
    lines = [_table(rows, shown, look.wide, _spare(mining, look))] if rows else []
    if 0 < len(rows) < len(found.winners):
        lines.append(f"{len(rows)} of {len(found.winners)} that beat the benchmark")
    lines += [textwrap.fill(found.verdict, min(WIDTH, _columns())), *_saved(written)]
    result = {**found.to_json(), "winners": rows, "beaten": len(found.winners), "out": written}
    call.emit(result, "\n".join(lines))


def write_plots(call: Call, mining: Mining, look: Look) -> None:
    """Write the page of a study, and its figures as pictures where they are wanted."""
    mining.folder.check_there()
    page = mining.folder.page
    if call.dry_run:
        more = "" if look.figures is None else f" and its figures in {look.figures}"
        call.emit({"page": str(page), "dry_run": True}, f"would write {page}{more}")
        return
    from search.api import write_page

    if look.figures is not None:
        from scoring.report.browser import find_browser

        find_browser()
    result: dict[str, Any] = {"page": str(write_page(mining))}
    text = f"the page of {mining.config.mine.name} lies in {page}"
    if look.figures is not None:
        from scoring.report.pictures import save_pictures

        saved = [str(path) for path in save_pictures(page, look.figures)]
        result, text = (
            {**result, "figures": saved},
            f"{text}\n{len(saved)} figures lie in {look.figures}",
        )
    call.emit(result, text)


def _dry(call: Call, mining: Mining, work: str) -> bool:
    """Say what would be done, where that is all that is wanted."""
    mining.folder.check_there()
    if call.dry_run:
        call.emit({"folder": str(mining.folder.root), "dry_run": True}, f"would {work}")
    return call.dry_run


def _scores(wide: bool) -> dict[str, str]:
    """Columns of scores with their heads: validation and test, with `wide` all eras too."""
    parts = [part for part in PARTS if wide or part != "whole"]
    return {
        f"{part}_{name}": f"{PARTS[part]}{head}" for part in parts for name, head in HEADS.items()
    }


def _spare(mining: Mining, look: Look) -> tuple[str, ...]:
    """Columns that are left out where they have no room, the first ones first."""
    chosen = mining.config.mine.objective
    other = "corr" if chosen == "sharpe" else "sharpe"
    test = (f"test_{name}" for name in ("drawdown", "bmc", "mmc", other))
    own = (f"validation_{name}" for name in ("drawdown", "mmc", "bmc", other))
    rest = ("meta_model_correlation", *own, "benchmark_correlation", f"test_{chosen}")
    return tuple(name for name in (*test, *rest) if name != look.sort)


def _columns() -> int:
    """Of the terminal, or of where there is none."""
    return shutil.get_terminal_size((WIDTH, 0)).columns


def _table(
    rows: Sequence[Mapping[str, Any]], shown: Mapping[str, str], wide: bool, spare: Sequence[str]
) -> str:
    kept = {
        name: head for name, head in shown.items() if any(r.get(name) is not None for r in rows)
    }
    added = _parameters(rows) if wide else {}
    heads = ["configuration", "trees", *kept.values(), *added.values()]
    cells = [
        [
            _name(row),
            row["trees"],
            *(_cell(row.get(name)) for name in kept),
            *(_plain(row.get(name)) for name in added),
        ]
        for row in rows
    ]
    if wide:
        return table(heads, cells)
    return fitting(heads, cells, [kept[name] for name in spare if name in kept], _columns())


def _parameters(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    names = [name for row in rows for name, value in row.items() if value is not None]
    drawn = dict.fromkeys(name for name in names if name.startswith("param."))
    heads = {name: name.removeprefix("param.") for name in drawn if name != "param.n_estimators"}
    return {"target": "target", "features": "features", **heads}


def _name(row: Mapping[str, Any]) -> str:
    return f"{str(row['id'])[:SHORT]}{' *' if row['benchmark'] else ''}"


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value


def _plain(value: Any) -> str | None:
    """A parameter as it would be written, 1e-05 and not 0.0000."""
    return None if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(found: pl.DataFrame, out: Path | None) -> str | None:
    if out is None:
        return None
    from search.table import write_table

    write_table(found, out)
    return str(out)


def _saved(written: str | None) -> list[str]:
    return [] if written is None else [f"the table lies in {written}"]
