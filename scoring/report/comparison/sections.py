"""The sections of a comparison."""

from __future__ import annotations

from collections.abc import Sequence

from erazoo.logs import redact
from scoring.report.comparison.runs import Comparison, Entrant, differences
from scoring.report.figures.cumulative import cumulative_figure
from scoring.report.figures.means import mean_figure
from scoring.report.figures.rolling import rolling_figure
from scoring.report.markup import (
    DASH,
    breakable,
    count,
    moment,
    number,
    percent,
    scrolling_table,
    tag,
    text,
)
from scoring.report.sections.base import Section
from scoring.report.sections.columns import Line
from scoring.report.sections.models import sortable_table
from scoring.report.sections.provenance import commit_words


def best_section(comparison: Comparison) -> Section:
    """The best model and the ensemble of each run, and their differences."""
    scores = comparison.scores
    lines = [Line(c.name, c, None, None, None) for c in scores.candidates]
    words = (
        "The best model and the ensemble of each run. Every figure but the time is taken over the "
        f"{count(len(scores.eras))} eras that all runs scored, {scores.eras[0]} to "
        f"{scores.eras[-1]}."
    )
    body = text("p", words) + sortable_table(lines) + _gaps(comparison)
    return Section("best", "Best of each run", body, [mean_figure(scores)], "Best")


def time_section(comparison: Comparison) -> Section:
    """Cumulative and rolling scores over the common eras."""
    figures = [cumulative_figure(comparison.scores)]
    if rolling := rolling_figure(comparison.scores):
        figures.append(rolling)
    return Section("time", "Scores over time", "", figures, "Over time")


def configuration_section(comparison: Comparison) -> Section:
    """The options in which the configurations differ."""
    rows = differences([e.results.config for e in comparison.entrants])
    if not rows:
        said = text("p", "The configurations are the same.")
        return Section("configuration", "Configuration", said)
    labels = [entrant.label for entrant in comparison.entrants]
    shown = [(key, [redact(value) for value in values]) for key, values in rows]
    table = _table("What differs", ("Option", *labels), shown)
    return Section("configuration", "What differs in the configuration", table, nav="Configuration")


def origin_section(comparison: Comparison) -> Section:
    """Where each run comes from: data, versions, eras."""
    heads = ("Run", "Folder", "Data", "Target", "Scored eras", "Commit", "Libraries", "Finished")
    rows = [(entrant.label, _origin(entrant)) for entrant in comparison.entrants]
    return Section("origin", "Provenance", _table("Provenance of each run", heads, rows))


def _gaps(comparison: Comparison) -> str:
    """Each candidate against the leader, era by era."""
    leader, *rest = comparison.scores.candidates
    if not rest:
        return ""
    rows = []
    for candidate in rest:
        gap = comparison.difference(candidate.name, leader.name)
        interval = f"{number(gap.low)} to {number(gap.high)}"
        rows.append((candidate.name, [number(gap.mean), interval, percent(gap.hit_rate)]))
    title = f"Difference to {leader.name}, era by era"
    heads = ("Candidate", "Mean difference of CORR", "95 % interval", "Eras above it")
    note = "An interval that holds 0 says that the two may differ by luck alone."
    return text("h3", title) + _table(title, heads, rows) + text("p", note, class_="after")


def _origin(entrant: Entrant) -> list[str]:
    results, scores = entrant.results, entrant.scores
    made = results.made_by[-1] if results.made_by else {}
    libraries = made.get("libraries", {})
    return [
        str(results.root),
        results.data.content if results.data and results.data.content else DASH,
        scores.target,
        f"{count(len(scores.eras))}, {scores.eras[0]} to {scores.eras[-1]}",
        commit_words(made.get("commit")),
        ", ".join(f"{name} {version}" for name, version in libraries.items()) or DASH,
        moment(results.stages[-1].finished) if results.stages else DASH,
    ]


def _table(caption: str, heads: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    head = "".join(text("th", name, scope="col") for name in heads)
    body = "".join(
        tag(
            "tr",
            tag("th", breakable(name), scope="row")
            + "".join(tag("td", breakable(value or DASH)) for value in values),
        )
        for name, values in rows
    )
    return scrolling_table(tag("tr", head), body, caption)
