"""The driver of a study: asks the sampler, keeps machines busy, and settles what has ended."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from erazoo.config import Config
from erazoo.config.schema import EngineSection
from erazoo.engine.job import Job, Needs, Outcome
from erazoo.engine.journal import read_outcomes
from erazoo.engine.run import Engine
from erazoo.errors import TrainingError
from erazoo.logs import LOGGER
from erazoo.machine import cores
from erazoo.processes import ended_by_term
from erazoo.rundir import RunDir
from search.batch import failure
from search.folder import MineDir
from search.options import resolve_options
from search.plan import Plan
from search.prepare import settle
from search.progress import followed, write_state
from search.queue import Key, Queue
from search.results import Reader, Result, add_line
from search.space import FEATURES, TARGET, Space
from search.study import Study, study_name, told
from search.trial import BENCHMARK, Trial, configuration_id, points_of

BATCH_SECONDS = 60.0
"""What a batch takes, about: short beside a weekend, long beside the start of a process."""
LEAST, MOST = 4, 64
"""Trials of a batch for each worker."""
TRIES = 3
"""Batches in which a trial may be lost with its process before it counts as failed."""
TOLD_BY_DEATH = ("died", "memory", "timeout")
"""Ends of a batch that a trial may have brought about; otherwise it could not be begun."""
FRUITLESS = 6
"""Batches in a row without a single trial that ended, after which it makes no sense to go on."""
REPEATS = 1000
"""Draws in a row that were trained before, after which the space is taken for exhausted."""
HOPELESS = 20
"""Failures in a row, after which it makes no sense to go on."""


def mine(config: Config, run: RunDir, *, force: bool = False) -> dict[str, int]:
    """Mine until `mine.trials` trainings have ended, and score what was found.

    The same call goes on after it was ended in whatever way: a training that has ended is never
    done again. One call at a time works in a study's folder.

    Memory: this process a few hundred bytes a configuration; a job what `search.training` says for
    each worker, beside the binned rows that they share.

    Args:
        config: the experiment; its shards must stand.
        run: its run directory.
        force: forget what another plan found under this name.

    Returns:
        Trials that ended, by `complete`, `pruned` and `failed`.

    Raises:
        ConfigError: another plan's results stand there, a configuration that cannot be used, or
            another command mines here.
        TrainingError: the benchmark failed, or nothing but failures came.
    """
    from search.scores import score

    folder = MineDir.of(config, run)
    with RunDir(folder.root).lock(), ended_by_term():
        write_state(folder, "running", trials=config.mine.trials)
        plan = settle(config, run, folder, force=force)
        driver = Driver(config, plan, folder)
        with followed(folder):
            driver.run()
            score(folder)
        driver.note("finished")
    return dict(driver.ended)


class Driver:
    """One study on its way.

    Args:
        config: the experiment.
        plan: of the study, settled.
        folder: of the study.
    """

    def __init__(self, config: Config, plan: Plan, folder: MineDir) -> None:
        self.config, self.plan, self.folder = config, plan, folder
        self.section = config.mine
        self.workers = self.section.workers or cores()
        self._reader = Reader(folder.results)
        self.results = self._reader.results
        self.space = Space.of(self.section, plan.targets)
        self.study = Study(
            study_name(plan, self.section.storage),
            self.section.storage or folder.study,
            self.section.sampler,
            plan.seed,
            self.space,
        )
        self.study.make_room(max(self.results, default=0))
        self.begun, self.before = time.time(), self._count
        failed = [result for result in self.results.values() if result.state == "failed"]
        self._failed = [self.results.pop(result.trial) for result in failed]
        self.queue = Queue(self._key_of)
        self.flying: dict[int, Trial] = {}
        self.scored = {one.id: r for r in self.results.values() for one in r.configurations}
        self.known = set(self.scored)
        for result in self.results.values():
            if result.state == "pruned":
                self.known.update(self._ids(self._trial(result.trial, self._values(result))))
        self.lost = Counter[int]()
        self._batches: dict[str, list[int]] = {}
        self.empty_batches = 0
        self.failures: list[str] = []
        self._exhausted = False

    @property
    def ended(self) -> Counter[str]:
        """Trials that have ended by their state, the benchmark left out."""
        return Counter(result.state for result in self._trained())

    def run(self) -> None:
        """Mine until enough trainings have ended.

        Raises:
            KeyboardInterrupt: after the running jobs have ended; what has ended is settled.
        """
        if BENCHMARK not in self.results:
            own = self._trial(BENCHMARK, self.plan.benchmark)
            self.known.update(self._ids(own))  # a draw that equals it is not trained beside it
            self.queue.add(own)
        self._reclaim()
        try:
            with Engine(self.folder.jobs, self._engine()) as engine:
                while len(self.queue) or self._missing():
                    for outcome in engine.run(self._jobs()):
                        self._settle(outcome)
                    if self._exhausted and not len(self.queue):
                        break
        except BaseException:
            self._look()
            self.note("stopped")
            raise

    def _reclaim(self) -> None:
        """Let the trials wait that a driver before this one drew, and that have not ended well."""
        left = self.study.reclaim(self._by_sampler(), self.plan.objective)
        failed = {one.trial - 1: self._values(one) for one in self._failed if not one.is_benchmark}
        again = list({**left, **failed}.items())[: self._missing()]
        for number, drawn in again:
            self._wait(number, drawn)
        if again:
            LOGGER.info("mine: %d trials that were left or have failed begin again", len(again))

    def note(self, state: str) -> None:
        """Write down what the driver does, for whoever looks."""
        write_state(
            self.folder,
            state,
            trials=self.section.trials,
            workers=self.workers,
            begun=self.begun,
            before=self.before,
            flying=sorted(self.flying),
        )

    def _engine(self) -> EngineSection:
        """One job fills a machine, so that Ray is only started where several are asked for."""
        settings = self.config.engine
        if settings.backend == "auto" and not settings.ray_address and self.section.jobs == 1:
            return settings.model_copy(update={"jobs": 1})
        return settings.model_copy(update={"jobs": self.section.jobs})

    def _jobs(self) -> Iterator[Job]:
        """Batches, each asked for when there is a place for it."""
        number = sum(1 for _ in read_outcomes(self.folder.jobs))
        while batch := self._batch():
            number += 1
            yield self._job(number, batch)

    def _batch(self) -> list[Trial]:
        """The next trials for a machine, none where all are on their way."""
        size = 1 if self.empty_batches else self._size()
        waiting = size if self.section.sampler == "tpe" else 4 * size
        while self.queue.most < size and len(self.queue) < waiting and self._missing():
            if not self._ask():
                break
        batch = sorted(self.queue.take(size), key=lambda trial: trial.target)  # as bins are shared
        self.flying.update((trial.number, trial) for trial in batch)
        self.note("running")
        return batch

    def _size(self) -> int:
        """Trials of a batch, so that it takes about `BATCH_SECONDS`."""
        if self.section.batch:
            return self.section.batch
        spent = [r.seconds["total"] for r in self._trained() if "total" in r.seconds][-100:]
        if not spent or self.section.sampler == "tpe":
            return LEAST * self.workers
        each = round(BATCH_SECONDS / max(sum(spent) / len(spent), 1e-3))
        return self.workers * min(max(each, LEAST), MOST)

    def _missing(self) -> int:
        """Trials that are still to be asked for."""
        if self._exhausted:
            return 0
        flying = sum(1 for number in self.flying if number != BENCHMARK)
        waiting = len(self.queue) - (BENCHMARK not in self.results and BENCHMARK not in self.flying)
        return max(0, self.section.trials - self._count - flying - waiting)

    def _ask(self) -> bool:
        """Let a new trial wait; false where the space holds nothing that was not trained."""
        for _ in range(REPEATS):
            if self._wait(*self.study.ask()):
                return True
        LOGGER.warning("mine: the space holds nothing new; %d trials in all", self._count)
        self._exhausted = True
        return False

    def _wait(self, number: int, drawn: Mapping[str, Any]) -> bool:
        """Let a draw wait; whether it has a configuration that was not trained."""
        trial = self._trial(number + 1, self.plan.completed(drawn))
        if not trial.points:
            self._repeat(number, trial)
            return False
        self.known.update(self._ids(trial))
        self.queue.add(trial)
        return True

    def _repeat(self, number: int, trial: Trial) -> None:
        """Answer a draw whose configurations are all known, or on their way."""
        found = configuration_id(self.plan.model, trial.values, trial.trees)
        result = self.scored.get(found)
        self.study.tell(number, None if result is None else told(result, self.plan.objective))

    def _trial(self, number: int, values: Mapping[str, Any]) -> Trial:
        """A trial, with those of its tree counts that were not scored before."""
        model = self.plan.model
        points = points_of(values, self.plan.prefixes)
        new = tuple(p for p in points if configuration_id(model, values, p) not in self.known)
        return Trial(number, dict(values), new, number * self.plan.slots)

    def _values(self, result: Result) -> dict[str, Any]:
        """What was drawn for a training."""
        values = {**result.params, TARGET: result.target, FEATURES: result.features}
        return {one.name: values[one.name] for one in self.space.parameters if one.name in values}

    def _ids(self, trial: Trial) -> list[str]:
        return [configuration_id(self.plan.model, trial.values, trees) for trees in trial.points]

    def _job(self, number: int, batch: Sequence[Trial]) -> Job:
        workers, name = min(self.workers, len(batch)), f"batch-{number:06d}"
        self._batches[name] = [trial.number for trial in batch]
        return Job(
            id=name,
            call="search.batch:run_batch",
            arguments={
                "root": str(self.folder.root.absolute()),
                "key": self.plan.key,
                "trials": [trial.to_json() for trial in batch],
                "workers": workers,
            },
            needs=Needs(cpus=self.workers, threads=1, memory_mb=self.section.memory_mb),
            reuse=True,
        )

    def _settle(self, outcome: Outcome) -> None:
        """Tell what a batch came to, and let trials that it lost wait again.

        Raises:
            TrainingError: it makes no sense to go on.
        """
        batch = self._batches.pop(outcome.id)
        self._look()
        missing = [self.flying.pop(n) for n in batch if n in self.flying]
        came_to_nothing = len(missing) == len(batch)
        self.empty_batches = self.empty_batches + 1 if came_to_nothing else 0
        if missing:
            LOGGER.warning("mine: %d trials were lost: %s", len(missing), outcome.reason)
        begun = batch[: len(batch) - len(missing) + self.workers]
        if outcome.state in TOLD_BY_DEATH:
            self.lost.update(trial.number for trial in missing if trial.number in begun)
        given_up = [trial for trial in missing if self.lost[trial.number] >= TRIES]
        for trial in given_up:
            line = failure(self.plan, trial, outcome.reason or "its process was lost")
            add_line(self.folder.results, line.to_json())
        self.queue.back(trial for trial in missing if trial not in given_up)
        self._look()
        if self.empty_batches >= FRUITLESS:
            raise TrainingError("mining comes to nothing", received=outcome.reason)

    def _look(self) -> None:
        """Tell the sampler what has ended since the last look."""
        for result in self._reader.more():
            self.failures = [*self.failures, result.reason] if result.state == "failed" else []
            self.flying.pop(result.trial, None)
            self.scored.update((one.id, result) for one in result.configurations)
            if result.is_benchmark:
                _check_benchmark(result)
            else:
                self.study.tell(result.trial - 1, told(result, self.plan.objective))
        if len(self.failures) >= HOPELESS:
            what = f"the last {len(self.failures)} trials failed"
            raise TrainingError(what, received=self.failures[-1])

    @property
    def _count(self) -> int:
        """Trials that have ended."""
        return len(self.results) - (BENCHMARK in self.results)

    def _trained(self) -> list[Result]:
        return [result for number, result in self.results.items() if number != BENCHMARK]

    def _by_sampler(self) -> dict[int, Result]:
        """Results by the sampler's number."""
        return {number - 1: result for number, result in self.results.items()}

    def _key_of(self, trial: Trial) -> Key:
        return trial.features, resolve_options(self.plan.model, trial.params).max_bin


def _check_benchmark(result: Result) -> None:
    if result.state == "failed":
        raise TrainingError("the benchmark of mining failed", received=result.reason)
