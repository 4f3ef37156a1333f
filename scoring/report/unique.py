"""What an ensemble's unique version is and what it cost, in words for terminal and page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Report = Mapping[str, Any]
"""The content of `ensemble/unique/unique.json`."""


def change_words(report: Report) -> str:
    """What was changed, and by how much."""
    goal, amount = report["goal"], report["amount"]
    if goal["way"] == "neutralise":
        to = ", ".join(goal["to"])
        through = " through its stand-in" if report.get("stand_in") else ""
        return f"neutralised to {to}{through}, proportion {amount:.4f}"
    if goal["way"] == "segments":
        shifts = ", ".join(
            f"{s['high']} by {s['by']} times {amount * s['factor']:z.4f}" for s in goal["segments"]
        )
        return f"high segments shifted, {shifts}"
    return f"weights {amount:z.4f} of the way along the frontier from CORR to MMC and distance"


def wish_words(report: Report) -> str:
    """What was wished for and met; empty where a change was given instead."""
    solution = report["solution"]
    if solution is None:
        return ""
    share = f" ({solution['wish']})" if "times" in solution["wish"] else ""
    return (
        f"{report['goal']['figure']}: {solution['start']:z.4f} before, {solution['reached']:z.4f} "
        f"after; wished for {solution['wanted']:z.4f}{share}, within reach "
        f"{solution['low']:z.4f} to {solution['high']:z.4f}"
    )


def paid_words(difference: Mapping[str, Any]) -> str:
    """What was paid or gained of each score, with its standard error.

    >>> paid_words({"corr": {"mean": -0.002, "standard_error": 0.001}})
    'CORR paid 0.0020 (s.e. 0.0010)'
    """
    return ", ".join(
        f"{metric.upper()} {'gained' if one['mean'] >= 0 else 'paid'} {abs(one['mean']):.4f} "
        f"(s.e. {_number(one['standard_error'])})"
        for metric, one in difference.items()
        if one["mean"] is not None
    )


def between_words(report: Report) -> str:
    """How alike the two versions are, and over which eras."""
    eras = report["eras"]
    return (
        f"rank correlation of the two {_number(report['between'])}, over {len(eras)} out-of-fold "
        f"eras, {eras[0]} to {eras[-1]}"
    )


def stand_in_words(report: Report) -> str:
    """How well the stand-in does where the meta model is not known; empty without one."""
    held = report.get("stand_in")
    if held is None:
        return ""
    return (
        "the meta model is not known while rows are live; its stand-in has a rank correlation of "
        f"{held['mean']:z.4f} with it (lowest era {held['lowest']:z.4f}) over {held['eras']} eras "
        "that it had not learned from"
    )


def later_words(report: Report) -> str:
    """Whether what was solved on earlier eras held in later ones; empty where not tried."""
    later = report.get("later")
    if later is None:
        return ""
    if "failed" in later:
        return f"the first half of the eras alone gives no such change: {later['failed']}"
    first, last = later["eras"]
    return (
        f"solved up to era {later['solved_on'][1]} alone, {report['goal']['figure']} in eras "
        f"{first} to {last} goes from {later['start']:z.4f} to {later['reached']:z.4f}; there "
        f"{paid_words(later['difference'])}"
    )


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:z.4f}"
