"""How far a study is: read from its files, also while another process mines."""

from __future__ import annotations

import os
import platform
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from typing import Any

from erazoo.errors import DataError
from erazoo.logs import LOGGER
from erazoo.publish import read_json, write_json
from search.folder import MineDir
from search.plan import Plan
from search.results import Configuration, Reader, Result
from search.trial import BENCHMARK

LINE_SECONDS = 15.0
"""Between two lines of the log."""


@dataclass(frozen=True)
class Progress:
    """How far a study is.

    Attributes:
        name: of the study.
        state: `running`; `finished`; `stopped`: in order; `ended`: its process was killed.
        trials: trainings that are wanted.
        finished: trainings that have ended well, or were pruned.
        pruned: of these.
        failed: trainings that failed; they count to those wanted.
        running: trainings at this time.
        configurations: that were scored, prefixes among them.
        rate: trainings an hour since this driver began, None before the first.
        seconds_left: until all wanted ones have ended, at this rate; None where it is not known.
        objective: what trials are chosen by.
        best: the best configuration so far: `id`, `trial`, `score`, `corr`, `sharpe`, `trees`,
            `target`, `features` and `params`; None before there is one.
        benchmark: the same of the benchmark.
    """

    name: str
    state: str
    trials: int
    finished: int
    pruned: int
    failed: int
    running: int
    configurations: int
    rate: float | None
    seconds_left: float | None
    objective: str
    best: Mapping[str, Any] | None
    benchmark: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    def __str__(self) -> str:
        parts = [f"{self.finished + self.failed} of {self.trials} trials", self.state]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.running:
            parts.append(f"{self.running} running")
        if self.rate is not None:
            parts.append(f"{self.rate:,.0f} an hour")
        if self.seconds_left:
            parts.append(f"{duration(self.seconds_left)} left")
        for name, one in (("best", self.best), ("benchmark", self.benchmark)):
            if one is not None and one["score"] is not None:
                parts.append(f"{name} {self.objective} {one['score']:.4f}")
        return f"{self.name}: {', '.join(parts)}"


def progress(folder: MineDir, reader: Reader | None = None) -> Progress:
    """How far the study in a folder is.

    Args:
        folder: of the study.
        reader: of its results, where one has read a part of them before.

    Raises:
        StaleDataError: it was never started.
    """
    plan = Plan.read(folder)
    known = reader or Reader(folder.results)
    known.more()
    results = known.results
    trained = [result for number, result in results.items() if number != BENCHMARK]
    count, state = Counter(result.state for result in trained), read_state(folder)
    mined = folder.is_mined()
    rate = _rate(state, len(trained)) if mined else None
    left = max(0, state["trials"] - len(trained))
    flying = [number for number in state["flying"] if number not in results]
    benchmark = results.get(BENCHMARK)
    return Progress(
        name=plan.name,
        state="running" if mined else "ended" if state["state"] == "running" else state["state"],
        trials=state["trials"],
        finished=count["complete"] + count["pruned"],
        pruned=count["pruned"],
        failed=count["failed"],
        running=min(len(flying), state["workers"]) if mined else 0,
        configurations=sum(len(result.configurations) for result in results.values()),
        rate=rate,
        seconds_left=3600 * left / rate if rate else None,
        objective=plan.objective,
        best=_best(trained, plan.objective),
        benchmark=_best([benchmark], plan.objective) if benchmark else None,
    )


@contextmanager
def followed(folder: MineDir, every: float = LINE_SECONDS) -> Iterator[None]:
    """Log how far a study is again and again while the block runs, where that has changed."""
    over = threading.Event()

    def watch() -> None:
        said, reader = -1, Reader(folder.results)
        while not over.wait(every):
            with suppress(DataError):
                now = progress(folder, reader)
                if now.finished + now.failed > said:
                    said = now.finished + now.failed
                    LOGGER.info("%s", now)

    watcher = threading.Thread(target=watch, name="progress", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def duration(seconds: float) -> str:
    """A time in words.

    >>> duration(59), duration(4000), duration(200000)
    ('59 s', '1 h 6 min', '2 d 7 h')
    """
    whole = round(seconds)
    for size, unit, smaller, named in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // smaller} {named}"
    return f"{whole // 60} min {whole % 60} s" if whole >= 60 else f"{whole} s"


def write_state(
    folder: MineDir,
    state: str,
    *,
    trials: int,
    workers: int = 0,
    begun: float = 0.0,
    before: int = 0,
    flying: Sequence[int] = (),
) -> None:
    """Note what this process, the driver of a study, does.

    Args:
        folder: of the study, which is held.
        state: `running`, `stopped` or `finished`.
        trials: that are wanted.
        workers: that train at a time.
        begun: when it began to mine, in seconds since 1970; 0 where it has not.
        before: trials that had ended by then.
        flying: trials that were handed out.
    """
    facts = {"begun": begun, "before": before, "flying": list(flying)}
    own = {"process": os.getpid(), "machine": platform.node()}
    write_json(folder.state, {"state": state, "trials": trials, "workers": workers, **facts, **own})


def read_state(folder: MineDir) -> dict[str, Any]:
    """What the last driver of a study noted; see `write_state`."""
    try:
        return dict(read_json(folder.state))
    except FileNotFoundError:
        idle = {"state": "stopped", "trials": 0, "workers": 0, "process": 0, "machine": ""}
        return {**idle, "begun": 0.0, "before": 0, "flying": []}


def _rate(state: Mapping[str, Any], trained: int) -> float | None:
    """Trainings an hour since the driver began."""
    if not state["begun"]:
        return None
    done, seconds = trained - state["before"], time.time() - state["begun"]
    return 3600 * done / seconds if done > 0 and seconds > 0 else None


def _best(results: list[Result], objective: str) -> dict[str, Any] | None:
    found: tuple[Result, Configuration] | None = None
    for result in results:
        one = result.best(objective)
        if one is not None and (
            found is None or _score(one, objective) > _score(found[1], objective)
        ):
            found = result, one
    if found is None:
        return None
    result, one = found
    return {
        "id": one.id,
        "trial": result.trial,
        "score": one.validation[objective],
        **one.validation,
        "trees": one.trees,
        "target": result.target,
        "features": result.features,
        "params": dict(result.params),
    }


def _score(one: Configuration, objective: str) -> float:
    value = one.validation[objective]
    return float("-inf") if value is None else value
