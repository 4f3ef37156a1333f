"""Several runs brought to the eras that all of them scored."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from erazoo.errors import ConfigError, DataError
from scoring.report.results import RunResults, read_results
from scoring.report.scores import ENSEMBLE, FILE, KINDS, METRICS, MODEL, Candidate, Scores
from scoring.summary import Summary, summarise

RESAMPLES = 1000
"""Of the intervals of the means."""


@dataclass(frozen=True)
class Entrant:
    """One run with its scores, under a label that no other run has."""

    label: str
    results: RunResults
    scores: Scores


@dataclass(frozen=True)
class Comparison:
    """Runs side by side.

    Args:
        entrants: in the order given.
        scores: the best model and the ensemble of each run, named `RUN: CANDIDATE`, scored over
            the common eras alone; best first.
    """

    entrants: tuple[Entrant, ...]
    scores: Scores

    def difference(self, name: str, base: str) -> Summary:
        """The per-era CORR of one candidate less another's, in sum."""
        one, other = (np.array(self._corr(n), dtype=float) for n in (name, base))
        overlap = self.scores.label_eras
        return summarise(one - other, overlap=overlap, bootstrap=RESAMPLES)[0]

    def _corr(self, name: str) -> list[float]:
        found = next(c for c in self.scores.candidates if c.name == name)
        return [math.nan if v is None else v for v in found.per_era["corr"]]


def compare(runs: Sequence[Path]) -> Comparison:
    """Read run directories and score their best candidates over the common eras.

    Raises:
        ConfigError: a run that is not there, or is given twice.
        DataError: a run without scores, or no era that all of them scored.
        ArtifactError: a result file is damaged or old.
    """
    entrants = tuple(_entrants(runs))
    common = common_eras([entrant.scores for entrant in entrants])
    if not common:
        raise DataError(
            "the runs have no scored era in common",
            received=", ".join(f"{e.label}: {_span(e.scores.eras)}" for e in entrants),
        )
    overlap = max(entrant.scores.label_eras for entrant in entrants)
    chosen = [
        _restricted(entrant, candidate, common, overlap)
        for entrant in entrants
        for candidate in best_of(entrant.scores)
    ]
    chosen.sort(key=lambda c: (math.isnan(c.corr.mean), -c.corr.mean))
    first = entrants[0].scores
    scores = Scores(first.target, first.kind, common, tuple(chosen), label_eras=overlap)
    return Comparison(entrants, scores)


def common_eras(scores: Sequence[Scores]) -> tuple[str, ...]:
    """The eras that all have, in the order of the first."""
    others = [set(one.eras) for one in scores[1:]]
    return tuple(era for era in scores[0].eras if all(era in held for held in others))


def best_of(scores: Scores) -> list[Candidate]:
    """The best of each kind that was made here: ensemble, model, file."""
    return [found[0] for kind in (ENSEMBLE, MODEL, FILE) if (found := scores.of_kind(kind))]


def differences(configs: Sequence[Mapping[str, Any]]) -> list[tuple[str, list[str]]]:
    """The keys in which configurations differ, and the value of each; empty where it has none.

    >>> differences([{"run": {"seed": 1}, "a": 2}, {"run": {"seed": 3}, "a": 2}])
    [('run.seed', ['1', '3'])]
    """
    flat = [dict(_flat(config)) for config in configs]
    keys = dict.fromkeys(key for one in flat for key in one)
    rows = [(key, [one.get(key, "") for one in flat]) for key in keys]
    return [(key, values) for key, values in rows if len(set(values)) > 1]


def _entrants(runs: Sequence[Path]) -> Iterator[Entrant]:
    if len({run.resolve() for run in runs}) < len(runs):
        raise ConfigError("a run is given twice", received=", ".join(map(str, runs)))
    found = [_results(run) for run in runs]
    for run, results in zip(runs, found, strict=True):
        if results.scores is None or results.scores.headline() is None:
            raise DataError(
                "a run has no scores to compare", received=str(run), hint="Run `erazoo evaluate`"
            )
        yield Entrant(_label(run, results, found), results, results.scores)


def _results(run: Path) -> RunResults:
    if not run.is_dir():
        raise ConfigError("there is no run directory here", received=str(run))
    return read_results(run)


def _label(run: Path, results: RunResults, others: Sequence[RunResults]) -> str:
    """The experiment's name, else the folder's, else its whole path: the first that is unique."""
    folder = run.resolve().name
    if [other.name for other in others].count(results.name) == 1:
        return results.name
    alike = [other.root.resolve().name for other in others].count(folder)
    return folder if alike == 1 else str(run)


def _restricted(
    entrant: Entrant, candidate: Candidate, eras: Sequence[str], overlap: int
) -> Candidate:
    place = {era: k for k, era in enumerate(entrant.scores.eras)}
    kept = [place[era] for era in eras]
    per_era = {
        metric: tuple(values[k] for k in kept)
        for metric, values in candidate.per_era.items()
        if metric in METRICS
    }
    summaries = {
        metric: summarise(
            np.array([math.nan if v is None else v for v in values]),
            overlap=overlap,
            bootstrap=RESAMPLES,
        )[0]
        for metric, values in per_era.items()
    }
    bare = Candidate(f"{entrant.label}: {candidate.name}", MODEL, KINDS[candidate.kind])
    return replace(bare, per_era=per_era, summaries=summaries, seconds=candidate.seconds)


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, f"{key}.{name}" if key else str(name))
    else:
        yield key, value if isinstance(value, str) and value else json.dumps(value)


def _span(eras: Sequence[str]) -> str:
    return f"{eras[0]} to {eras[-1]}" if eras else "none"
