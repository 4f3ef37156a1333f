"""Mining in the report of a run: what each study found, and what its past foretold."""

from __future__ import annotations

from dataclasses import replace

from scoring.report.figures.base import Figure
from scoring.report.figures.trials import past_future_figure, trial_cloud
from scoring.report.markup import count, number, scrolling_table, tag, text
from scoring.report.results import RunResults
from scoring.report.sections.base import Section
from scoring.report.studies import Mining

NUMERIC = ("Trainings", "Configurations", "Best", "Benchmark", "Beat it", "More than luck")
DRAWN = 3
"""Studies whose scatter is drawn; each has a page of its own."""


def mining_section(results: RunResults) -> Section | None:
    """A row and a verdict a study; None where nothing was mined, or nothing compared."""
    studies = results.mining
    if not studies:
        return None
    heads = ("Study", "Score", *NUMERIC)
    head = "".join(
        text("th", name, scope="col", class_="number" if name in NUMERIC else None)
        for name in heads
    )
    body = "".join(map(_row, studies.values()))
    table = scrolling_table(tag("tr", head), body, "Studies of mining")
    said = "".join(
        tag("p", text("strong", f"{name}: ") + text("span", one.verdict), class_="after")
        for name, one in studies.items()
    )
    figures = [made for one in list(studies.values())[:DRAWN] if (made := _scatter(one))]
    return Section("mining", "Mining", table + said, figures)


def _row(found: Mining) -> str:
    top = found.best[0][found.figure] if found.best else None
    numbers = [
        count(found.tries["trainings"]),
        count(found.tries["configurations"]),
        number(top),
        number(found.benchmark[found.figure]),
        count(found.beaten),
        count(len(found.survivors)),
    ]
    cells = "".join(text("td", one, class_="number") for one in numbers)
    return tag("tr", text("th", found.study, scope="row") + text("td", found.metric) + cells)


def _scatter(found: Mining) -> Figure | None:
    figure = past_future_figure(trial_cloud(found.scored))
    if figure is None:
        return None
    name = f"mining-{found.study}-chart"
    return replace(figure, id=name, title=f"The past against the future: {found.study}")
