"""What to know before believing scores: one list for the table, the report and the result file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

Level = Literal["alarm", "warning", "note"]
Candidates = Mapping[str, Mapping[str, Any]]
LEVELS: tuple[Level, ...] = ("alarm", "warning", "note")
OURS = ("ensemble", "model", "file")
STANDARD = "ensemble"
"""The standard ensemble bears the name of its kind; others have names of their own."""
"""Kinds of candidates that are judged; the others are what they are compared with."""
CEILINGS = {"tournament": 0.05, "prices": 0.20}
"""The highest mean CORR that such data have been seen to give, with a margin."""
USUAL = "0.005 to 0.04"
CLONE = 0.95
BOUNDARY_CHANCE = 0.001
"""How rarely an honest candidate may look like a leak at its training boundaries."""
FEW_ERAS = 20
LUCK = 0.95
"""Below this deflated Sharpe ratio the best of several candidates may have been lucky."""
MOST_NAMES = 5


@dataclass(frozen=True)
class Alarm:
    """One thing to know, in one sentence.

    Args:
        level: an `alarm` says that a score is probably not what it seems, a `warning` that it is
            worth less than it seems, a `note` what stands behind it.
        kind: which check found it.
        words: the sentence.
        candidate: whom it is about, None for the whole evaluation.
    """

    level: Level
    kind: str
    words: str
    candidate: str | None = None

    def to_json(self) -> dict[str, str | None]:
        """Plain JSON values."""
        return {
            "level": self.level,
            "candidate": self.candidate,
            "kind": self.kind,
            "words": self.words,
        }


@dataclass(frozen=True)
class Limits:
    """From where on scores are suspicious.

    Args:
        clone: mean per-era rank correlation with a benchmark or the meta model.
        ceiling: mean CORR; None where nothing is known of such data.
        generated: the data are generated, with a signal far stronger than a market's.
    """

    clone: float = CLONE
    ceiling: float | None = None
    generated: bool = False


def find_alarms(result: Mapping[str, Any], limits: Limits) -> list[Alarm]:
    """Everything that the figures of an evaluation give reason to say, the gravest first.

    Args:
        result: the content of a result file; of it `kind`, `eras`, `benchmark`, `candidates`,
            `correlation` and `trials`.
        limits: from where on scores are suspicious.
    """
    ours = {n: c for n, c in result["candidates"].items() if c["kind"] in OURS}
    found: list[Alarm] = []
    for name, candidate in ours.items():
        found += _clone(name, result, limits)
        found += _ceiling(name, candidate, limits)
        found += _boundary(name, candidate)
    judged = ours if result["kind"] == "files" else dict(_headline(ours))
    found += [*_gaps(ours, len(result["eras"])), *_few_eras(judged)]
    found += [*_no_signal(judged), *_beaten(judged, result)]
    found += _luck(judged, result)
    found += _blend(ours)
    if limits.generated:
        found.append(_generated())
    return in_order(found)


def in_order(alarms: list[Alarm]) -> list[Alarm]:
    """The gravest first, otherwise as they were found."""
    return sorted(alarms, key=lambda alarm: LEVELS.index(alarm.level))


def _clone(name: str, result: Mapping[str, Any], limits: Limits) -> Iterator[Alarm]:
    names, matrix = result["correlation"]["names"], result["correlation"]["matrix"]
    row = dict(zip(names, matrix[names.index(name)], strict=True))
    for other, candidate in result["candidates"].items():
        alike = row[other]
        if candidate["kind"] not in OURS and alike is not None and alike >= limits.clone:
            yield Alarm(
                "alarm",
                "clone",
                f"{name} ranks like {other} (mean rank correlation {alike:.3f}): it is a copy and "
                "adds next to nothing of its own.",
                name,
            )


def _ceiling(name: str, candidate: Mapping[str, Any], limits: Limits) -> Iterator[Alarm]:
    mean = candidate["summary"]["corr"]["mean"]
    if limits.generated or limits.ceiling is None or mean is None or mean <= limits.ceiling:
        return
    yield Alarm(
        "alarm",
        "ceiling",
        f"A mean CORR of {mean:.4f} is above {limits.ceiling:g}, more than such data have been "
        f"seen to give: look for a leak in {name} before believing it.",
        name,
    )


def _boundary(name: str, candidate: Mapping[str, Any]) -> Iterator[Alarm]:
    found = candidate.get("boundary") or {}
    first, rest, chance = (found.get(key) for key in ("first", "rest", "chance"))
    if first is None or rest is None or chance is None:
        return
    if chance < BOUNDARY_CHANCE and rest < first / 2:
        yield Alarm(
            "alarm",
            "boundary",
            f"{name} scores {first:.4f} in the {found['eras']} eras next to training eras and "
            f"{rest:.4f} in the others: training labels may have reached into scored eras (a purge "
            "that is too short).",
            name,
        )


def _gaps(ours: Candidates, eras: int) -> Iterator[Alarm]:
    """Who has no score where others have one: means over chosen eras may be chosen."""
    lacking: dict[int, list[str]] = {}
    for name, candidate in ours.items():
        lacking.setdefault(eras - candidate["summary"]["corr"]["eras"], []).append(name)
    for count, names in lacking.items():
        has = "has" if len(names) == 1 else "have"
        if count == eras:
            words = f"{listed(names)} {has} no score in any era: constant, or with too few rows."
            yield _about(names, "no_score", words)
        elif count:
            words = (
                f"{listed(names)} {has} no score in {count} of {eras} eras, not predicted there, "
                "constant or with too few rows: figures are of the others alone."
            )
            yield _about(names, "gaps", words)


def _few_eras(judged: Candidates) -> Iterator[Alarm]:
    counts = {name: c["summary"]["corr"]["eras"] for name, c in judged.items()}
    few = [name for name, eras in counts.items() if 0 < eras < FEW_ERAS]
    if few:
        most = max(counts[name] for name in few)
        eras = str(most) if len({counts[name] for name in few}) == 1 else f"{most} or fewer"
        words = f"Only {eras} eras of {listed(few)} are scored: every figure is uncertain."
        yield _about(few, "few_eras", words)


def _no_signal(judged: Candidates) -> Iterator[Alarm]:
    figures = {name: c["summary"]["corr"] for name, c in judged.items()}
    weak = [
        name
        for name, corr in figures.items()
        if None not in (corr["mean"], corr["standard_error"])
        and abs(corr["mean"]) < 2 * corr["standard_error"]
    ]
    if weak:
        lies = "lies" if len(weak) == 1 else "lie"
        words = f"{listed(weak)} {lies} within two standard errors of 0: no reliable signal."
        yield _about(weak, "no_signal", words)


def _beaten(judged: Candidates, result: Mapping[str, Any]) -> Iterator[Alarm]:
    other = result["candidates"].get(result.get("benchmark"))
    if other is None:
        return
    theirs = other["per_era"]["corr"]
    beaten = [name for name, c in judged.items() if _mean_lead(c["per_era"]["corr"], theirs) < 0]
    if beaten:
        do = "does" if len(beaten) == 1 else "do"
        words = (
            f"{listed(beaten)} {do} not beat the benchmark {result['benchmark']} in the eras that "
            "both have."
        )
        yield _about(beaten, "beaten", words)


def _mean_lead(ours: Sequence[float | None], theirs: Sequence[float | None]) -> float:
    """The mean of the differences, over eras in which both have a score; 0 without any."""
    both = [a - b for a, b in zip(ours, theirs, strict=True) if a is not None and b is not None]
    return sum(both) / len(both) if both else 0.0


def _luck(judged: Candidates, result: Mapping[str, Any]) -> Iterator[Alarm]:
    """Of the candidate with the highest Sharpe ratio, which is the one that luck may have made."""
    ratios = {name: c["summary"]["corr"]["sharpe"] for name, c in judged.items()}
    known = {name: ratio for name, ratio in ratios.items() if ratio is not None}
    best, trials = max(known, key=known.__getitem__, default=None), result.get("trials") or 1
    chance = judged[best].get("deflated_sharpe") if best else None
    if best and chance is not None and trials > 1 and chance < LUCK:
        yield Alarm(
            "warning",
            "luck",
            f"The Sharpe ratio of {best} may be the luck of the best of {trials} candidates: the "
            f"probability that it is more than that is {chance:.2f}.",
            best,
        )


def _about(names: Sequence[str], kind: str, words: str) -> Alarm:
    return Alarm("warning", kind, words, names[0] if len(names) == 1 else None)


def listed(names: Sequence[str]) -> str:
    """Names as in a sentence; of many only the first."""
    shown = list(names[:MOST_NAMES])
    if len(names) > len(shown):
        shown.append(f"{len(names) - len(shown)} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def _blend(ours: Candidates) -> Iterator[Alarm]:
    """A note where no ensemble reaches the best model."""
    means = {n: c["summary"]["corr"]["mean"] for n, c in ours.items()}
    known = {n: c["kind"] for n, c in ours.items() if means[n] is not None}
    models, blends = ([n for n in known if known[n] == kind] for kind in ("model", "ensemble"))
    best, blend = (max(names, key=means.__getitem__, default=None) for names in (models, blends))
    if best and blend and means[blend] < means[best]:
        words = f"No ensemble reaches {best}, the best of {len(models)} models."
        yield Alarm("note", "blend", words, blend)


def _generated() -> Alarm:
    return Alarm(
        "note",
        "generated",
        "These data are generated, with a signal far stronger than a market's: scores are higher "
        f"than in life, where a mean CORR of {USUAL} is usual.",
    )


def _headline(ours: Candidates) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The standard ensemble, else the best ensemble, the best model or the best file."""
    for kind in OURS:
        scored = [
            (name, candidate)
            for name, candidate in ours.items()
            if candidate["kind"] == kind and candidate["summary"]["corr"]["mean"] is not None
        ]
        if scored:
            standard = [item for item in scored if item[0] == kind == STANDARD]
            yield max(
                standard or scored, key=lambda item: float(item[1]["summary"]["corr"]["mean"])
            )
            return
