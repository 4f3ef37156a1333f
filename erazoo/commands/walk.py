"""What `erazoo ensemble --walk` would do, and the table of what it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from erazoo.commands.table import table, wrapped


def outlook_text(outlook: Mapping[str, Any]) -> str:
    """The course of a walk before it is begun."""
    first, last, eras = outlook["eras"]
    done = "would skip what is done already: " if outlook["stands"] else "would "
    line = (
        f"{done}walk {', '.join(outlook['models'])} through {eras} eras, {first} to {last}, with "
        f"{outlook['updates']} updates and {_held(outlook['held'])} in memory"
    )
    return "\n".join([wrapped(line), *_left_out(outlook)])


def walk_text(walk: Mapping[str, Any]) -> str:
    """The scores of a walk beside models that never learned again, and the verdict.

    Args:
        walk: the record; empty where nothing was walked.
    """
    if not walk:
        return ""
    eras, settings = walk["eras"], walk["settings"]
    done = " (done already)" if walk.get("skipped") else ""
    head = ["walk", "corr", "s.e.", "sharpe", "mmc", "bmc"]
    rows = [_row(name, entry["summary"]) for name, entry in walk["candidates"].items()]
    lines = [
        f"walked through {len(eras)} eras, {eras[0]} to {eras[-1]}, with {len(walk['updates'])} "
        f"updates ({settings['update']}), weights by {settings['method']}; an era is known after "
        f"{walk['purge']} others; {_held(walk['held'])} in memory{done}"
    ]
    lines += ["; ".join(map(_pair, walk["differences"])), f"learning on is {walk['verdict']}"]
    return "\n".join([table(head, rows), *map(wrapped, lines), *_left_out(walk)])


def _row(name: str, summary: Mapping[str, Any]) -> list[Any]:
    corr = summary["corr"]
    further = [(summary[metric] or {}).get("mean") for metric in ("mmc", "bmc")]
    return [name, corr["mean"], corr["standard_error"], corr["sharpe"], *further]


def _pair(pair: Mapping[str, Any]) -> str:
    mean, error = _number(pair["mean"], "+"), _number(pair["standard_error"])
    return f"{pair['of']} beyond {pair['to']} {mean} (s.e. {error})"


def _left_out(content: Mapping[str, Any]) -> list[str]:
    return [wrapped(f"{name} is left out: {why}") for name, why in content["left_out"].items()]


def _held(held: Mapping[str, int]) -> str:
    return f"{held['eras']} eras ({held['bytes'] / 1e6:.1f} MB)"


def _number(value: float | None, sign: str = "") -> str:
    return "-" if value is None else format(value, f"{sign}z.4f")
