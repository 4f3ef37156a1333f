"""The head of the page: what ran, the verdict, the warnings, the main figures."""

from __future__ import annotations

from scoring.report.markup import (
    DASH,
    breakable,
    count,
    listing,
    moment,
    number,
    percent,
    tag,
    text,
)
from scoring.report.results import ENSEMBLE, Candidate, RunResults, Scores
from scoring.report.verdict import final_verdict, headline, notices, share, verdict

SOURCES = {"demo": "generated data", "numerai": "tournament data", "prices": "price data"}
LEVELS = {"alarm": "Alarm", "warning": "Warning", "note": "Note"}


def header(results: RunResults) -> str:
    """The header's inner HTML."""
    said = verdict(results)
    parts = [
        text("p", "Run report", class_="kicker"),
        text("h1", results.name),
        text("p", _subtitle(results), class_="subtitle"),
        text("p", " ".join(filter(None, (said, final_verdict(results)))), class_="verdict"),
        _tiles(results.scores),
        _notices(results),
    ]
    return "".join(parts)


def _subtitle(results: RunResults) -> str:
    words = []
    if results.stages:
        words.append(f"finished {moment(results.stages[-1].finished)}")
    if results.source:
        words.append(SOURCES.get(results.source, results.source))
    target = results.scores.target if results.scores else ""
    target = target or str(results.config.get("data", {}).get("target", ""))
    if target:
        words.append(f"target {target}")
    return " · ".join(words)


def _tiles(scores: Scores | None) -> str:
    top = headline(scores) if scores else None
    if scores is None or top is None:
        return ""
    who = "ensemble" if top.kind == ENSEMBLE else top.name
    tiles = [_tile("Mean CORR", number(top.corr.mean), _error(top))]
    if scores.achievable:
        tiles.append(
            _tile("Of achievable", percent(share(scores, top)), f"of {number(scores.achievable)}")
        )
    tiles += [
        _tile("Sharpe", number(top.corr.sharpe, 2), "mean / std over eras"),
        _tile("Max drawdown", number(top.corr.drawdown), "of cumulative CORR"),
    ]
    for metric, reference in (("mmc", scores.meta_model), ("bmc", scores.benchmark)):
        if metric in top.summaries:
            against = f"against {reference}" if reference else ""
            tiles.append(_tile(metric.upper(), number(top.summaries[metric].mean), against))
    hits = top.corr.hit_rate
    tiles.append(_tile("Eras scored", count(top.corr.eras), f"{percent(hits)} above 0"))
    label = f"Main figures of {listing([who])}"
    return tag("div", "".join(tiles), class_="tiles", role="group", aria_label=label)


def _error(candidate: Candidate) -> str:
    error = number(candidate.corr.standard_error)
    return f"± {error} standard error" if error != DASH else ""


def _tile(name: str, value: str, below: str) -> str:
    inner = text("span", name, class_="name") + text("span", value, class_="value")
    return tag("div", inner + tag("span", breakable(below), class_="below"), class_="tile")


def _notices(results: RunResults) -> str:
    items = "".join(
        tag("li", text("strong", LEVELS[n.level]) + text("span", n.words), class_=n.level)
        for n in notices(results)
    )
    return tag("ul", items, class_="notices") if items else ""
