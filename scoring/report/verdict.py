"""What a run found, in sentences: the verdict, and what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from scoring.report.markup import listing, number, percent
from scoring.report.results import BENCHMARK, ENSEMBLE, MODEL, Candidate, RunResults, Scores

USUAL = "0.005 to 0.04"
CEILINGS = {"numerai": 0.05, "prices": 0.20}
MEASURED_ON = {
    "out_of_fold": "on validation eras that its folds never trained on",
    "held_out": "on held-out eras, opened for this evaluation",
}


@dataclass(frozen=True)
class Notice:
    """One thing to know before believing the scores."""

    level: Literal["note", "warning", "alarm"]
    words: str


def headline(scores: Scores) -> Candidate | None:
    """The ensemble, else the best model."""
    for kind in (ENSEMBLE, MODEL):
        if found := scores.of_kind(kind):
            return found[0]
    return None


def share(scores: Scores, candidate: Candidate) -> float | None:
    """A candidate's mean CORR as a share of the best achievable."""
    if not scores.achievable:
        return None
    return candidate.corr.mean / scores.achievable


def verdict(results: RunResults) -> str:
    """The run's result in one or two sentences, plain text."""
    scores = results.scores
    if scores is None:
        return "Nothing has been scored yet."
    top = headline(scores)
    if top is None:
        return "The evaluation holds no model and no ensemble."
    models = scores.of_kind(MODEL)
    who = "The ensemble" if top.kind == ENSEMBLE else f"The best model, {top.name},"
    measured = MEASURED_ON.get(scores.kind, f"on {scores.kind} eras")
    first = f"{who} reaches a mean CORR of {number(top.corr.mean)} {measured}"
    if scores.achievable:
        first += (
            f", {percent(share(scores, top))} of the {number(scores.achievable)} "
            "that these data allow"
        )
    if top.kind != ENSEMBLE or not models:
        return first + "."
    best = models[0]
    second = f"The best single model is {best.name} with {number(best.corr.mean)}"
    if scores.achievable:
        second += f" ({percent(share(scores, best))})"
    return f"{first}. {second}."


def final_verdict(results: RunResults) -> str:
    """What the held-out eras said, in one sentence; empty while they are closed."""
    top = headline(results.scores) if results.scores else None
    if results.final is None or top is None:
        return ""
    again = next((c for c in results.final.candidates if c.name == top.name), None)
    if again is None:
        return ""
    times = "once" if results.openings == 1 else f"{results.openings} times"
    who = "the ensemble" if top.kind == ENSEMBLE else top.name
    return (
        f"On {again.corr.eras} held-out eras, opened {times}, {who} reaches "
        f"{number(again.corr.mean)} ± {number(again.corr.standard_error)}."
    )


def notices(results: RunResults) -> list[Notice]:
    """Everything to be wary of, the gravest first."""
    found = list(_of_models(results))
    scores = results.scores
    top = headline(scores) if scores else None
    if scores and top:
        found += [*_of_scores(scores, top), *_of_source(results, top)]
    elif _generated(results):
        found.append(_demo_notice())
    levels = ("alarm", "warning", "note")
    return sorted(found, key=lambda notice: levels.index(notice.level))


def _of_models(results: RunResults) -> Iterator[Notice]:
    failed = [model.name for model in results.models if model.failed]
    if failed:
        words = f"{len(failed)} of {len(results.models)} models failed: {listing(failed)}."
        yield Notice("warning", f"{words} The table says why.")


def _of_scores(scores: Scores, top: Candidate) -> Iterator[Notice]:
    who = "The ensemble" if top.kind == ENSEMBLE else top.name
    corr = top.corr
    if corr.eras < 20:
        yield Notice("warning", f"Only {corr.eras} eras are scored: every figure is uncertain.")
    if abs(corr.mean) < 2 * corr.standard_error:
        yield Notice(
            "warning",
            f"{who} lies within two standard errors of 0: this run shows no reliable signal.",
        )
    models = scores.of_kind(MODEL)
    if top.kind == ENSEMBLE and models and models[0].corr.mean > corr.mean:
        yield Notice(
            "note", f"The ensemble scores below {models[0].name}, the best of {len(models)} models."
        )
    for benchmark in scores.of_kind(BENCHMARK)[:1]:
        if benchmark.corr.mean > corr.mean:
            yield Notice(
                "warning",
                f"{who} does not beat the benchmark {benchmark.name} "
                f"({number(benchmark.corr.mean)}).",
            )


def _of_source(results: RunResults, top: Candidate) -> Iterator[Notice]:
    if _generated(results):
        yield _demo_notice()
        return
    ceiling = CEILINGS.get(results.source)
    if ceiling is not None and top.corr.mean > ceiling:
        yield Notice(
            "alarm",
            f"A mean CORR of {number(top.corr.mean)} is above {ceiling}, more than such data "
            "have been seen to give: look for a leak before believing it.",
        )


def _generated(results: RunResults) -> bool:
    return results.source == "demo" or results.demo is not None


def _demo_notice() -> Notice:
    return Notice(
        "note",
        "These data are generated, with a signal far stronger than a market's: scores are higher "
        f"than in life, where a mean CORR of {USUAL} is usual.",
    )
