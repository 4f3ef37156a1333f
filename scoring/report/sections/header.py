"""The head of the page: what ran, the verdict, the warnings, the main figures."""

from __future__ import annotations

import math

from scoring.report.markup import DASH, chance, count, moment, number, percent, text
from scoring.report.results import RunResults
from scoring.report.scores import ENSEMBLE, Candidate, Scores
from scoring.report.sections.base import notice_list, tiles
from scoring.report.verdict import final_verdict, notices, share, verdict

SOURCES = {"demo": "generated data", "numerai": "tournament data", "prices": "price data"}


def header(results: RunResults) -> str:
    """The header's inner HTML."""
    said, found = verdict(results), notices(results)
    loud = [notice for notice in found if notice.level == "alarm"]
    parts = [
        text("p", "Run report", class_="kicker"),
        text("h1", results.name),
        text("p", _subtitle(results), class_="subtitle"),
        notice_list(loud, "Alarms"),
        text("p", " ".join(filter(None, (said, final_verdict(results)))), class_="verdict"),
        _tiles(results.scores),
        notice_list([notice for notice in found if notice not in loud], "Warnings and notes"),
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
    top = scores.headline() if scores else None
    if scores is None or top is None:
        return ""
    who = "ensemble" if top.kind == ENSEMBLE else top.name
    items = [("Mean CORR", number(top.corr.mean), _interval(top))]
    if scores.achievable:
        below = f"of {number(scores.achievable)}"
        items.append(("Of achievable", percent(share(scores, top)), below))
    items += [
        ("Sharpe", number(top.corr.sharpe, 2), "mean / std over eras"),
        ("Max drawdown", number(top.corr.drawdown), "of cumulative CORR"),
    ]
    for metric, reference in (("mmc", scores.meta_model), ("bmc", scores.benchmark)):
        if metric in top.summaries:
            against = f"against {reference}" if reference else ""
            items.append((metric.upper(), number(top.summaries[metric].mean), against))
    if top.deflated_sharpe is not None:
        luck = f"the luckiest of {count(scores.trials)}" if scores.trials else "the luckiest trial"
        below = f"probability that it beats {luck}"
        items.append(("Deflated Sharpe", chance(top.deflated_sharpe), below))
    hits = top.corr.hit_rate
    items.append(("Eras scored", count(top.corr.eras), f"{percent(hits)} above 0"))
    return tiles(items, f"Main figures of {who}")


def _interval(candidate: Candidate) -> str:
    low, high = candidate.corr.low, candidate.corr.high
    if math.isfinite(low) and math.isfinite(high):
        return f"95 %: {number(low)} to {number(high)}"
    error = number(candidate.corr.standard_error)
    return f"± {error} standard error" if error != DASH else ""
