"""Mining against a plain loop that fits one `LGBMRegressor` a configuration and fold.

Both sides learn the same folds of the same rows with the same parameters and seeds, on one thread.
Ours is timed as a whole, from the call until the scores are written: binning, the start of the
job's process, the sampler and its storage included; the loop without reading its file.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from threadpoolctl import threadpool_limits

from benchmarks.figure import Figure
from benchmarks.measure import baseline_file, python
from benchmarks.scoring import against_loop, against_miner, make_panel
from erazoo.config import load
from erazoo.rundir import RunDir
from etl.build import shard
from search.api import Mining
from search.driver import mine
from search.results import Result
from search.scores import Mined

ROWS, FEATURES, ERAS = 100_000, 200, 100
WIDE = (400_000, 740)
PRIVATE_MB = 250.0
MB = 1e6
SCORED = (200, 1000)
"""Eras, and rows of each."""
SMALL = (
    "mine.space.num_leaves={low=2, high=15}",
    "mine.space.max_depth={low=3, high=6}",
    "mine.space.learning_rate={low=0.01, high=0.2, log=true}",
    "mine.space.colsample_bytree=[0.05, 0.1, 0.2]",
    "mine.space.min_child_samples=[20, 100]",
    "mine.space.max_bin=5",
    "mine.benchmark={num_leaves=15, max_depth=5, learning_rate=0.05, max_bin=5,"
    "colsample_bytree=0.1, n_estimators=100}",
)
ALIKE = (
    "mine.space.num_leaves=15",
    "mine.space.max_depth=5",
    "mine.space.colsample_bytree=0.1",
    "mine.space.min_child_samples=20",
)
"""A shape that is the same in every training, so that all of them cost alike."""
PREFIXES = list(range(100, 1001, 100))


def figures(quick: bool) -> Iterator[Figure]:
    """Short trials, prefixes, the published grid, overhead, two workers, and scoring."""
    rows, share = (10_000, 10) if quick else (ROWS, 1)
    with tempfile.TemporaryDirectory() as name, threadpool_limits(1):
        bench = Bench.made(Path(name), rows, FEATURES // (4 if quick else 1))
        yield from _short(bench, 24 // (4 if quick else 1), 100 // share)
        yield from _prefixes(bench, 2 if quick else 6, [trees // share for trees in PREFIXES])
        yield from _published(bench, 3 if quick else 16, share)
        yield from _overhead(bench, 4 if quick else 24, 2000 // share)
        yield from _workers(Path(name) / "wide", 20_000 if quick else WIDE[0], 4 if quick else 24)
        panel = make_panel(8 if quick else SCORED[0], SCORED[1])
        yield against_loop(panel)
        yield against_miner(panel, ">= 12")


@dataclass(frozen=True)
class Bench:
    """A panel as parquet and as shards.

    Args:
        folder: of everything.
        parquet: the panel.
        rows: of it.
        features: of it.
    """

    folder: Path
    parquet: Path
    rows: int
    features: int

    @classmethod
    def made(cls, folder: Path, rows: int, features: int) -> Bench:
        """Write the panel and its shards."""
        parquet = folder / "panel" / "train.parquet"
        parquet.parent.mkdir()
        sizes = [str(number) for number in (rows, features, ERAS, 1)]
        python(baseline_file("panel.py"), parquet, *sizes)
        bench = cls(folder, parquet, rows, features)
        one = bench.study("shards", 1, ())
        shard(one.config, RunDir(one.run.root))
        return bench

    def study(self, name: str, trials: int, settings: Sequence[str], workers: int = 1) -> Mining:
        """A study of the panel."""
        texts = [
            "data.source=files",
            f"data.files=['{self.parquet}']",
            "data.target=target",
            "data.horizon=4",
            "split.held_out=0",
            "engine.backend=serial",
            f"mine.workers={workers}",
            f"mine.name={name}",
            f"mine.trials={trials}",
            *settings,
        ]
        return Mining.of(load(overrides=texts, variables={}), self.folder / "run")

    def ours(self, mining: Mining) -> tuple[float, Mined]:
        """Seconds of a whole study, and what it found."""
        begun = time.perf_counter()
        mine(mining.config, mining.run)
        return time.perf_counter() - begun, Mined.open(mining.folder)

    def plain(self, found: Mined, ids: Sequence[str]) -> dict[str, float]:
        """Seconds of the plain loop over some configurations, and how far predictions are apart."""
        pairs = [found.find(one) for one in ids]
        configs = [
            {**r.params, "n_estimators": c.trees, "random_state": r.seed, "target": r.target}
            for r, c in pairs
        ]
        folds = [[fold.train, fold.predicted] for fold in found.plan.folds.folds]
        path = self.folder / "configs.json"
        path.write_text(json.dumps({"folds": folds, "configs": configs}))
        measured = dict(python(baseline_file("miner_loop.py"), self.parquet, path, "1").json())
        theirs = np.load(f"{path}.predictions.npy")
        return {**measured, "apart": self._apart(found, pairs, theirs)}

    def _apart(self, found: Mined, pairs: Sequence[Any], theirs: Any) -> float:
        """The largest difference; a panel without held-out eras is predicted row by row."""
        ours = found.predictions([one.id for _, one in pairs]).astype(np.float64)
        worst = 0.0
        for column, (result, _) in enumerate(pairs):
            for span, offset in zip(found.rows.fold_spans, result.offsets, strict=True):
                own = ours[span, column] + offset
                worst = max(worst, float(np.abs(own - theirs[column, span]).max()))
        return worst

    def facts(self, **more: Any) -> dict[str, Any]:
        """What every figure is of."""
        sizes = {"rows": self.rows, "features": self.features, "eras": ERAS, "folds": 2}
        return {**sizes, "threads": 1, "processes": 1, **more}


def _short(bench: Bench, trials: int, trees: int) -> Iterator[Figure]:
    settings = (*SMALL, f"mine.space.n_estimators={{low={trees // 10}, high={trees}}}")
    seconds, found = bench.ours(bench.study("short", trials, settings))
    ids = [one.id for _, one in found.configurations]
    plain = bench.plain(found, ids)
    facts = bench.facts(configurations=len(ids), most_trees=trees, most_leaves=15)
    theirs = 3600 * len(ids) / (plain["mine_s"] + plain["score_s"])
    ours = 3600 * len(ids) / seconds
    yield Figure("configurations, short trials", ours, theirs, "1/h", ">= 2", facts=facts)
    goal = "<= 1"
    yield Figure("the same, predictions apart", plain["apart"], 1e-6, "", goal, facts=facts)


def _prefixes(bench: Bench, trials: int, prefixes: Sequence[int]) -> Iterator[Figure]:
    trees = f"mine.space.n_estimators={prefixes[-1]}"
    settings = (*SMALL, *ALIKE, f"mine.prefixes={list(prefixes[:-1])}", trees)
    seconds, found = bench.ours(bench.study("prefixes", trials, settings))
    ids = [one.id for result, one in found.configurations if result.trial == 1]
    plain = bench.plain(found, ids)
    scored = sum(1 for result, _ in found.configurations if not result.is_benchmark)
    facts = bench.facts(configurations=scored, trees=list(prefixes), separately=len(ids))
    ours = 3600 * scored / seconds
    theirs = 3600 * len(ids) / (plain["mine_s"] + plain["score_s"])
    yield Figure("scored configurations, prefixes", ours, theirs, "1/h", ">= 8", facts=facts)
    yield Figure("the same, predictions apart", plain["apart"], 1e-6, "", "<= 1", facts=facts)


def _published(bench: Bench, trials: int, share: int) -> Iterator[Figure]:
    trees = f"mine.space.n_estimators={{low={max(1, 10 // share)}, high={2000 // share}}}"
    study = bench.study("published", trials, ("mine.preset=published", trees))
    _, found = bench.ours(study)
    results = [result for result in found.results.values() if not result.is_benchmark]
    profile = _profile(results)
    other = profile["total"] - profile["grow"]
    facts = bench.facts(trials=len(results), profile=profile)
    name = "published grid, what is not tree growth"
    yield Figure(name, other, profile["total"], "s", "<= 0.1", facts=facts)


def _overhead(bench: Bench, trials: int, trees: int) -> Iterator[Figure]:
    settings = (*SMALL, f"mine.space.n_estimators={trees}")
    seconds, found = bench.ours(bench.study("overhead", trials, settings))
    spent = sum(result.seconds["total"] for result in found.results.values())
    facts = bench.facts(
        trials=len(found.results), seconds_each=round(spent / len(found.results), 2)
    )
    name = "engine, sampler, binning and scoring"
    yield Figure(name, seconds - spent, spent, "s", "<= 0.03", facts=facts)


def _workers(folder: Path, rows: int, trials: int) -> Iterator[Figure]:
    """Two workers beside one: trainings an hour, and what each holds for itself.

    Memory is looked at in a study of its own: the looking takes a good part of a core.
    """
    folder.mkdir()
    bench = Bench.made(folder, rows, WIDE[1])
    settings = (*SMALL, "mine.space.n_estimators=100", f"mine.batch={trials + 1}")
    rates = []
    for workers in (1, 2):
        _, found = bench.ours(bench.study(f"of-{workers}", trials, settings, workers))
        rates.append(_rate(list(found.results.values())))
    facts = bench.facts(processes="2 and 1", trials=trials + 1, trees=100)
    yield Figure(
        "trainings of two workers, to one", rates[1], rates[0], "1/h", ">= 1.8", facts=facts
    )
    with Watch() as watch:
        bench.ours(bench.study("watched", 4, settings, 2))
    binned = sum(path.stat().st_size for path in found.folder.binned.glob("*.bin")) / MB
    facts |= {"binned_mb": round(binned), "proportional_mb": round(watch.proportional_mb)}
    name = "private memory of each of two workers"
    yield Figure(name, watch.private_mb, PRIVATE_MB, "MB", "<= 1", facts=facts)


def _rate(results: Sequence[Result]) -> float:
    """Trainings an hour from the begin of the first to the end of the last."""
    begun = min(result.ended - result.seconds["total"] for result in results)
    return 3600 * len(results) / (max(result.ended for result in results) - begun)


class Watch(threading.Thread):
    """Looks at the workers of a study that this process mines.

    Attributes:
        private_mb: the most that one of them held for itself: pages that no other process has, but
            for unwritten ones of mapped files, which are the system's to share and to drop.
        proportional_mb: the same with its share of what several hold (proportional set size).
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.private_mb, self.proportional_mb = 0.0, 0.0
        self._over = threading.Event()

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._over.set()
        self.join()

    def run(self) -> None:
        """Look until the block ends."""
        while not self._over.wait(0.2):
            for job in psutil.Process().children():
                for worker in _children(job):
                    with suppress(psutil.Error):
                        maps = worker.memory_maps(grouped=False)
                        private = sum(one.private_dirty for one in maps) / MB
                        self.private_mb = max(self.private_mb, private)
                        proportional = sum(one.pss for one in maps) / MB
                        self.proportional_mb = max(self.proportional_mb, proportional)


def _children(job: psutil.Process) -> list[psutil.Process]:
    try:
        return job.children()
    except psutil.Error:
        return []


def _profile(results: Sequence[Result]) -> dict[str, float]:
    """Seconds of all trials together by what they went to."""
    total = Counter[str]()
    for result in results:
        total.update(result.seconds)
    return {name: round(seconds, 3) for name, seconds in total.items()}
