"""Greedy selection over many models against the plain loop that rescores every candidate.

Both sides run on one thread. The plain loop keeps the sum of the members that it has picked, adds
each candidate to it and scores the blend era by era with numerai-tools. It would take hours, so it
is timed on one round over ten eras, and scaled by the number of rounds and of eras.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numerai_tools import scoring as library
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from benchmarks.measure import python
from ensemble.evidence import Evidence
from ensemble.moments import era_moments
from ensemble.pool import Pool
from ensemble.weights.greedy import Greedy
from erazoo.eras import EraAxis
from scoring.eras import EraSlices
from scoring.ranks import era_ranks
from scoring.series import mean

MODELS, ERAS, ROWS, ROUNDS = 200, 200, 5_000, 100
TIMED_ERAS = 10
LIMIT_MB = 2_000.0
MB = 1e6
BINS, SHARES = (0.0, 0.25, 0.5, 0.75, 1.0), (0.05, 0.2, 0.5, 0.2, 0.05)


def figures(quick: bool) -> Iterator[Figure]:
    """Time and memory of the greedy selection, and how far it gets."""
    models, eras, rounds = (20, 20, 10) if quick else (MODELS, ERAS, ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        make_files(Path(folder), models, eras)
        told = python("-m", "benchmarks.ensemble", folder, str(models), str(rounds)).json()
        plain, framed = plain_round(open_files(Path(folder), models), rounds)
    timed = min(TIMED_ERAS, eras)
    facts = {
        "models": models,
        "rows": eras * ROWS,
        "eras": eras,
        "rounds": rounds,
        "threads": 1,
        "scaled": f"one round over {timed} eras, times {rounds} rounds and {eras / timed:g}",
        "moments s": told["moments"],
        "scored exactly": told["exact"],
    }
    ours = told["moments"] + told["greedy"]
    yield Figure("greedy selection", ours, plain, "s", ">= 20", inverse=True, facts=facts)
    yield Figure(
        "greedy selection, against one call an era for all candidates",
        ours,
        framed,
        "s",
        inverse=True,
        facts=facts,
    )
    yield Figure("memory of the selection", told["peak"], LIMIT_MB, "MB", "<= 1", facts=facts)
    yield Figure("CORR of the selection, to equal weights", told["found"], told["equal"], "corr")


def make_files(folder: Path, models: int, eras: int) -> None:
    """Ranks (M, n) and targets of members that share noise and hold a little of the target."""
    rng = np.random.default_rng(0)
    slices = slices_of(eras)
    target = rng.choice(BINS, p=SHARES, size=slices.rows).astype(np.float32)
    signal = target - target.mean()
    shared = rng.standard_normal((5, slices.rows), dtype=np.float32)
    ranks = np.lib.format.open_memmap(folder / "ranks.npy", "w+", np.float32, (models, slices.rows))
    for member in range(models):
        values = rng.standard_normal(slices.rows, dtype=np.float32)
        values += 0.05 * rng.random() * signal + shared.T @ rng.normal(0, 0.5, 5).astype(np.float32)
        ranks[member] = era_ranks(values, slices)
    np.save(folder / "target.npy", target)


def open_files(folder: Path, models: int) -> Pool:
    """The pool in `folder`, its ranks a memory map."""
    ranks = np.load(folder / "ranks.npy", mmap_mode="r")
    slices = slices_of(ranks.shape[1] // ROWS)
    return Pool(
        names=tuple(f"m{j}" for j in range(models)),
        families=("model",) * models,
        ids=np.empty(slices.rows, dtype=object),
        slices=slices,
        ranks=ranks,
        targets=np.load(folder / "target.npy"),
        axis=EraAxis(slices.labels),
    )


def slices_of(eras: int) -> EraSlices:
    """Eras of 5,000 rows."""
    labels = tuple(f"{era:04d}" for era in range(1, eras + 1))
    return EraSlices(labels, np.arange(eras + 1) * ROWS)


def plain_round(pool: Pool, rounds: int) -> tuple[float, float]:
    """Seconds of the plain loop, scaled: a call a candidate and era, and a call an era."""
    eras = min(TIMED_ERAS, len(pool.eras))
    part = pool.stretch(0, eras)
    picked = np.asarray(part.ranks[0], dtype=np.float64)
    scale = rounds * len(pool.eras) / eras
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scale * _by_candidate(part, picked), scale * _by_era(part, picked)


def _by_candidate(pool: Pool, picked: NDArray[np.float64]) -> float:
    targets = [pd.Series(pool.targets[span], name="target") for span in pool.slices]
    begun = time.perf_counter()
    values = []
    for member in range(pool.size):
        blend = (picked + pool.ranks[member]) / 2
        scores = [
            library.numerai_corr(pd.DataFrame({"p": blend[span]}), target)["p"]
            for span, target in zip(pool.slices, targets, strict=True)
        ]
        values.append(np.mean(scores))
    int(np.argmax(values))
    return time.perf_counter() - begun


def _by_era(pool: Pool, picked: NDArray[np.float64]) -> float:
    targets = [pd.Series(pool.targets[span], name="target") for span in pool.slices]
    begun = time.perf_counter()
    scores = [
        library.numerai_corr(pd.DataFrame(((picked[span] + pool.ranks[:, span]) / 2).T), target)
        for span, target in zip(pool.slices, targets, strict=True)
    ]
    int(np.argmax(np.mean(scores, axis=0)))
    return time.perf_counter() - begun


def _select(folder: str, models: str, rounds: str) -> dict[str, Any]:
    """Our side, in a process of its own: seconds, peak memory and CORR."""
    pool = open_files(Path(folder), int(models))
    with threadpool_limits(1):
        begun = time.perf_counter()
        evidence = Evidence(pool, era_moments(pool))
        moments = time.perf_counter() - begun
        counted = _Counted(evidence.pool, evidence.moments)
        begun = time.perf_counter()
        weights = Greedy(rounds=int(rounds)).fit(counted)
        greedy = time.perf_counter() - begun
    equal = np.full(pool.size, 1 / pool.size)
    found, plain = (
        float(mean(evidence.exact(pool.blend(w)[None], "corr"))[0]) for w in (weights, equal)
    )
    status = Path("/proc/self/status").read_text()
    return {
        "moments": round(moments, 2),
        "greedy": round(greedy, 2),
        "exact": sum(counted.scored),
        "found": found,
        "equal": plain,
        "peak": float(status.split("VmHWM:")[1].split()[0]) * 1024 / MB,
    }


class _Counted(Evidence):
    """Evidence that counts the blends which are scored exactly."""

    scored: list[int] = []  # noqa: RUF012

    def exact(self, blends: NDArray[Any], objective: Any) -> NDArray[np.float64]:
        self.scored.append(len(blends))
        return super().exact(blends, objective)


if __name__ == "__main__":
    import json

    sys.stdout.write(json.dumps(_select(*sys.argv[1:])) + "\n")
