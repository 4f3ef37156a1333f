"""What a run found, in sentences: the verdict, and what to be wary of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scoring.report.markup import listing, number, percent
from scoring.report.results import RunResults
from scoring.report.scores import ENSEMBLE, FILE, MODEL, Candidate, Notice, Scores

MEASURED_ON = {
    "out_of_fold": "on validation eras that its folds never trained on",
    "held_out": "on held-out eras, opened for this evaluation",
    "files": "on the eras of its file",
}


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
    top = scores.headline()
    if top is None:
        return "The evaluation holds no model and no ensemble."
    models = scores.of_kind(MODEL)
    what = "file" if top.kind == FILE else "model"
    who = "The ensemble" if top.kind == ENSEMBLE else f"The best {what}, {top.name},"
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
    top = results.scores.headline() if results.scores else None
    if results.final is None or top is None:
        return ""
    again = next((c for c in results.final.candidates if c.name == top.name), None)
    if again is None:
        return ""
    times = "once" if results.openings == 1 else f"{results.openings} times"
    who = "the ensemble" if top.kind == ENSEMBLE else top.name
    return (
        f"On {again.corr.eras} held-out eras, opened {times}, {who} reaches "
        f"{number(again.corr.mean)} (standard error {number(again.corr.standard_error)})."
    )


def notices(results: RunResults) -> list[Notice]:
    """Everything to be wary of, the gravest first: from the evaluation and from the run."""
    found = [*_of_run(results), *(results.scores.alarms if results.scores else ())]
    if results.final is not None:
        later = (alarm for alarm in results.final.alarms if alarm.level != "note")
        found += [replace(alarm, words=f"Held-out eras: {alarm.words}") for alarm in later]
    levels = ("alarm", "warning", "note")
    return sorted(found, key=lambda notice: levels.index(notice.level))


def _of_run(results: RunResults) -> Iterator[Notice]:
    failed = [model.name for model in results.models if model.failed]
    if failed:
        words = f"{len(failed)} of {len(results.models)} models failed: {listing(failed)}."
        yield Notice("warning", f"{words} The table says why.")
    if results.final_apart:
        yield Notice(
            "note",
            f"Held-out eras were scored on {results.final_apart}, another target than this page's: "
            "those scores are not shown.",
        )
    if len(results.made_by) > 1:
        yield Notice(
            "note", "The stages of this run were made by different versions; see Provenance."
        )
