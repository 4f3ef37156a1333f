"""Scoring against numerai-tools: speed on the same rows, equality, and memory.

Both sides find their inputs ready, ours as arrays, numerai-tools' as one frame an era, and run in
turn on one thread.
"""

from __future__ import annotations

import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numerai_tools import scoring as library
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from benchmarks.figure import UNJUDGED, Figure
from benchmarks.measure import alternate, baseline_file, in_turn, python
from scoring.contribution import mmc
from scoring.corr import numerai_corr, pearson
from scoring.eras import EraSlices
from scoring.factor import EraFactor
from scoring.neutral import era_fnc
from scoring.summary import summarise

ERAS, ROWS, MODELS, ROUNDS = 200, 5_000, 20, 3
BINS, SHARES = [0, 0.25, 0.5, 0.75, 1], [0.05, 0.2, 0.5, 0.2, 0.05]
FNC_ROWS, FNC_MODELS = 6_000, 10
FNC_GOALS = {780: (7, 2.5), 2_748: (25, 4)}
COLUMNS, COLUMN_ERAS, LIMIT_MB = 1_000, 200, 2_000.0
MB = 1e6


def figures(quick: bool) -> Iterator[Figure]:
    """CORR, MMC, a whole evaluation, FNC, and the memory of many columns."""
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        panel = make_panel(8 if quick else ERAS)
        yield from _against_eras(panel, "no ties")
        yield from _against_eras(panel.rounded(), "ties")
        yield against_loop(panel)
        yield against_miner(panel)
        for features in (780,) if quick else FNC_GOALS:
            yield from _feature_neutral(features)
        yield from _feature_neutral(780, dependent=100)
    yield _memory(8 if quick else COLUMN_ERAS)


@dataclass(frozen=True)
class Panel:
    """Predictions (n, M), meta model and target of eras of equal size."""

    predictions: NDArray[np.float32]
    meta_model: NDArray[np.float64]
    target: NDArray[np.float64]
    slices: EraSlices

    def rounded(self) -> Panel:
        """Predictions of about a thousand distinct values."""
        return Panel(np.round(self.predictions, 2), self.meta_model, self.target, self.slices)

    def frames(self) -> list[tuple[pd.DataFrame, pd.Series, pd.Series]]:
        """Predictions, meta model and target of each era, ids in order."""
        index = pd.Index([f"n{i:08d}" for i in range(self.slices.counts[0])], name="id")
        names = [f"m{j}" for j in range(MODELS)]
        return [
            (
                pd.DataFrame(self.predictions[span], index=index, columns=names),
                pd.Series(self.meta_model[span], index=index, name="meta"),
                pd.Series(self.target[span], index=index, name="target"),
            )
            for span in self.slices
        ]


def make_panel(eras: int, size: int = ROWS) -> Panel:
    """Normal predictions, float32 as models give them, and a target in five bins."""
    rng = np.random.default_rng(0)
    rows = eras * size
    target = rng.choice(BINS, p=SHARES, size=rows)
    predictions = rng.standard_normal((rows, MODELS), dtype=np.float32)
    predictions += (0.1 * (target - 0.5))[:, None].astype(np.float32)
    slices = EraSlices.from_labels(np.repeat([f"{k:04d}" for k in range(1, eras + 1)], size))
    return Panel(predictions, rng.normal(size=rows), target, slices)


def _against_eras(panel: Panel, said: str) -> Iterator[Figure]:
    """One call of numerai-tools an era, with the frame of all models."""
    p, m, t, slices = panel.predictions, panel.meta_model, panel.target, panel.slices
    frames = panel.frames()
    sides: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
        "CORR": (
            lambda: numerai_corr(p, t, slices),
            lambda: [library.numerai_corr(f, target) for f, _, target in frames],
            ">= 10",
        ),
        "MMC": (
            lambda: mmc(p, m, t, slices),
            lambda: [library.correlation_contribution(*era) for era in frames],
            ">= 8",
        ),
    }
    for name, (ours, theirs, goal) in sides.items():
        times = alternate(partial(_seconds, ours), partial(_seconds, theirs), ROUNDS)
        yield Figure(f"{name} by era, {said}", *times, "s", goal, inverse=True, facts=_facts(panel))
        difference = float(np.abs(ours() - np.array(theirs())).max())
        yield Figure(f"{name}, {said}, largest difference", difference, 1e-12, "", "<= 1")


def against_loop(panel: Panel) -> Figure:
    """Ours with all figures of a summary; theirs mean, Sharpe and drawdown, by era and model."""
    frames = panel.frames()

    def theirs() -> None:
        scores = np.array([[library.numerai_corr(f[[n]], t)[n] for n in f] for f, _, t in frames])
        total = scores.cumsum(axis=0)
        scores.mean(axis=0), scores.mean(axis=0) / scores.std(axis=0)
        (np.maximum.accumulate(total, axis=0) - total).max(axis=0)

    def ours() -> None:
        summarise(numerai_corr(panel.predictions, panel.target, panel.slices))

    times = alternate(partial(_seconds, ours), partial(_seconds, theirs), 1)
    return Figure(
        "evaluation of 20 models", *times, "s", ">= 50", inverse=True, facts=_facts(panel)
    )


def against_miner(panel: Panel, goal: str = UNJUDGED) -> Figure:
    """The scoring half of the plain mining loop: Pearson by era, in sum."""
    spec = spec_from_file_location("miner_loop", baseline_file("miner_loop.py"))
    assert spec is not None
    assert spec.loader is not None
    miner: Any = module_from_spec(spec)
    spec.loader.exec_module(miner)
    labels = np.repeat(panel.slices.labels, panel.slices.counts)
    frame = pd.DataFrame({"era": labels, "target": panel.target})
    columns, configs = panel.predictions.T.copy(), [{"target": "target"}] * MODELS

    def ours() -> None:
        summarise(pearson(panel.predictions, panel.target, panel.slices))

    times = alternate(
        partial(_seconds, ours),
        partial(_seconds, lambda: miner.score(frame, columns, configs)),
        ROUNDS,
    )
    name = "Pearson evaluation of 20 models, against the plain mining loop"
    return Figure(name, *times, "s", goal, inverse=True, facts=_facts(panel))


def _feature_neutral(features: int, dependent: int = 0) -> Iterator[Figure]:
    """One era; numerai-tools gets its features as float64, so that it need not convert them.

    `dependent` features are constant, and as many are copies of others.
    """
    rng = np.random.default_rng(features)
    codes = rng.integers(0, 5, (FNC_ROWS, features)).astype(np.int8)
    codes[:, 10 : 10 + dependent] = 2
    codes[:, -dependent - 1 : -1] = codes[:, 200 : 200 + dependent]
    predictions = rng.normal(size=(FNC_ROWS, FNC_MODELS)) + codes[:, :FNC_MODELS]
    target = rng.choice(BINS, p=SHARES, size=FNC_ROWS)
    index = pd.Index([f"n{i:08d}" for i in range(FNC_ROWS)], name="id")
    frames = pd.DataFrame(predictions, index=index), pd.DataFrame(codes, index=index, dtype=float)
    against = pd.Series(target, index=index, name="target")
    factor = EraFactor(codes)
    sides: list[Callable[[], Any]] = [
        lambda: era_fnc(factor, predictions, target),
        lambda: era_fnc(EraFactor(codes), predictions, target),
        lambda: library.feature_neutral_corr(*frames, against),
    ]
    answers = [np.asarray(side()) for side in sides]
    cached, uncached, theirs = in_turn([partial(_seconds, side) for side in sides], ROUNDS)
    facts = {"rows": FNC_ROWS, "features": features, "models": FNC_MODELS, "threads": 1}
    goals = FNC_GOALS[features]
    title = f"{features} features" + (f", {2 * dependent} of them dependent" if dependent else "")
    for said, ours, goal in (("cached", cached, goals[0]), ("uncached", uncached, goals[1])):
        name = f"FNC, {title}, {said}"
        yield Figure(name, ours, theirs, "s", f">= {goal}", inverse=True, facts=facts)
    difference = float(np.abs(answers[1] - answers[2]).max())
    name = f"FNC, {title}, largest difference"
    yield Figure(name, difference, 1e-6, "", "<= 1", facts=facts)


def _memory(eras: int) -> Figure:
    """The most memory of a process that scores many columns of a memory map."""
    with tempfile.TemporaryDirectory() as folder:
        path, rng = Path(folder) / "predictions.npy", np.random.default_rng(0)
        shape = (eras * ROWS, COLUMNS)
        file = np.lib.format.open_memmap(path, "w+", np.float32, shape)
        for first in range(0, len(file), ROWS):
            file[first : first + ROWS] = rng.standard_normal((ROWS, COLUMNS), dtype=np.float32)
        del file
        peak, seconds = python("-m", "benchmarks.scoring", path).json()
        size = path.stat().st_size / MB
    facts = {"rows": shape[0], "columns": COLUMNS, "file in MB": round(size), "seconds": seconds}
    return Figure("memory of 1,000 columns", peak, LIMIT_MB, "MB", "<= 1", facts=facts)


def _peak(path: str) -> list[float]:
    predictions = np.load(path, mmap_mode="r")
    target = np.random.default_rng(1).choice(BINS, p=SHARES, size=len(predictions))
    labels = np.repeat([f"{k:04d}" for k in range(1, len(predictions) // ROWS + 1)], ROWS)
    slices = EraSlices.from_labels(labels)
    seconds = _seconds(lambda: numerai_corr(predictions, target, slices))
    status = Path("/proc/self/status").read_text()
    return [float(status.split("VmHWM:")[1].split()[0]) * 1024 / MB, round(seconds, 1)]


def _facts(panel: Panel) -> dict[str, Any]:
    return {
        "eras": len(panel.slices),
        "rows an era": int(panel.slices.counts[0]),
        "models": MODELS,
        "threads": 1,
    }


def _seconds(call: Callable[[], object]) -> float:
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.stdout.write(f"{_peak(sys.argv[1])}\n")
