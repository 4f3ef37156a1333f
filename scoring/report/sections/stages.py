"""What ran: the finished stages and their times."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from scoring.report.markup import duration, moment, scrolling_table, tag, text
from scoring.report.results import RunResults, StageRecord
from scoring.report.sections.base import Section, absent

_FACTS = 5
_PLAIN = ("name", "status")
_HEADS = (
    text("th", "Stage", scope="col"),
    text("th", "Time", scope="col", class_="number"),
    tag("th", text("span", "Share of the longest", class_="unseen"), scope="col"),
    text("th", "Finished", scope="col"),
    text("th", "Result", scope="col"),
)


def stages_section(results: RunResults) -> Section:
    """A row a stage, with its time as a bar beside the longest."""
    if not results.stages:
        return Section("stages", "What ran", absent("No stage has finished.", "train"))
    longest = max(stage.seconds for stage in results.stages) or 1.0
    total = sum(stage.seconds for stage in results.stages)
    head = tag("tr", "".join(_HEADS))
    rows = "".join(_row(stage, longest) for stage in results.stages)
    words = f"{len(results.stages)} stages took {duration(total)}."
    table = scrolling_table(head, rows, "Stages and their times", class_="stages")
    return Section("stages", "What ran", text("p", words) + table)


def _row(stage: StageRecord, longest: float) -> str:
    bar = tag("span", class_="bar", style=f"width:{100 * stage.seconds / longest:.1f}%")
    cells = (
        text("th", stage.name, scope="row"),
        text("td", duration(stage.seconds), class_="number"),
        tag("td", bar, class_="bars", aria_hidden="true"),
        text("td", moment(stage.finished), class_="quiet"),
        text("td", _shown(stage.summary), class_="quiet"),
    )
    return tag("tr", "".join(cells))


def _shown(summary: Mapping[str, Any]) -> str:
    """The first plain facts of a summary."""
    plain = [
        f"{name.replace('_', ' ')} {value:.4g}"
        if isinstance(value, float)
        else f"{name.replace('_', ' ')} {value}"
        for name, value in summary.items()
        if name not in _PLAIN and isinstance(value, (str, int, float)) and value != ""
    ]
    return ", ".join(plain[:_FACTS])
