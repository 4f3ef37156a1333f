"""The head of a comparison: who leads and by how much, and what makes it unfair."""

from __future__ import annotations

import math
from collections.abc import Iterator

from scoring.report.comparison.runs import Comparison
from scoring.report.markup import counted, listing, number, text
from scoring.report.scores import Notice
from scoring.report.sections.base import notice_list

_NAMED = 4


def head(comparison: Comparison) -> str:
    """The header's inner HTML."""
    found = sorted(notices(comparison), key=lambda n: ("alarm", "warning", "note").index(n.level))
    loud = [notice for notice in found if notice.level == "alarm"]
    labels = [entrant.label for entrant in comparison.entrants]
    some = labels if len(labels) <= _NAMED else [*labels[:_NAMED], f"{len(labels) - _NAMED} more"]
    eras = comparison.scores.eras
    scope = f"{counted(len(eras), 'common era')}, {eras[0]} to {eras[-1]}"
    parts = [
        text("p", "Comparison of runs", class_="kicker"),
        text("h1", listing(some)),
        text("p", f"{scope} · target {comparison.scores.target}", class_="subtitle"),
        notice_list(loud, "Alarms"),
        text("p", verdict(comparison), class_="verdict"),
        notice_list([notice for notice in found if notice not in loud], "Warnings and notes"),
    ]
    return "".join(parts)


def verdict(comparison: Comparison) -> str:
    """Who leads the best candidate of another run, by how much, and whether that is luck."""
    first, *rest = comparison.scores.candidates
    run = _run(first.name)
    second = next((c for c in rest if _run(c.name) != run), None)
    said = f"Over the common eras {first.name} has the highest mean CORR, {number(first.corr.mean)}"
    if second is None:
        return f"{said}."
    gap = comparison.difference(first.name, second.name)
    said += f", {number(gap.mean)} above {second.name}"
    if math.isfinite(gap.low):
        said += f" (95 % interval of the difference: {number(gap.low)} to {number(gap.high)})"
    if not gap.low > 0:
        said += ". The difference may be luck"
    return f"{said}."


def notices(comparison: Comparison) -> Iterator[Notice]:
    """What makes the comparison unfair, and the alarms of each run."""
    entrants = comparison.entrants
    data = {e.results.data.content for e in entrants if e.results.data and e.results.data.content}
    if len(data) > 1:
        yield Notice(
            "alarm",
            f"The runs were made from different data (fingerprints {listing(sorted(data))}): "
            "a difference in score may come from the data and not from the models.",
        )
    targets = {entrant.scores.target for entrant in entrants}
    if len(targets) > 1:
        yield Notice(
            "alarm",
            f"The runs are scored on different targets ({listing(sorted(targets))}): their scores "
            "cannot be compared.",
        )
    for role in ("benchmark", "meta_model"):
        names = {getattr(entrant.scores, role) or "none" for entrant in entrants}
        if len(names) > 1:
            metric, what = ("BMC", "benchmarks") if role == "benchmark" else ("MMC", "meta models")
            words = f"{metric} is taken against different {what}: {listing(sorted(names))}."
            yield Notice("warning", words)
    if any(e.results.data is None or not e.results.data.content for e in entrants):
        yield Notice("warning", "Not every run says from which data it was made.")
    common = len(comparison.scores.eras)
    for entrant in entrants:
        if beyond := len(entrant.scores.eras) - common:
            words = f"{entrant.label} has {counted(beyond, 'scored era')} that another run lacks"
            yield Notice("note", f"{words}; left out here.")
        for alarm in entrant.scores.alarms:
            if alarm.level != "note":
                yield Notice(alarm.level, f"{entrant.label}: {alarm.words}")


def _run(name: str) -> str:
    return name.rpartition(": ")[0]
