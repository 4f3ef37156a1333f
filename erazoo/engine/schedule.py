"""One list of jobs on its way: what starts, what starts again, and what is recorded."""

from __future__ import annotations

import logging
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from erazoo.engine.backend import Backend
from erazoo.engine.job import Attempt, Job, Outcome, State
from erazoo.engine.journal import Journal, log_path
from erazoo.engine.watch import Order
from erazoo.errors import ConfigError
from erazoo.logs import LOGGER

LOST_LIMIT = 5
"""How often a job is started again because its node went away."""
REPEATED: tuple[State, ...] = ("failed", "died")


@dataclass
class _Tries:
    starts: int = 0
    failures: int = 0
    lost: int = 0

    def another(self, job: Job, attempt: Attempt) -> bool:
        """Count how an attempt ended; whether one more follows it."""
        if attempt.lost:
            self.lost += 1
            return self.lost <= LOST_LIMIT
        self.failures += attempt.state in REPEATED
        return attempt.state in REPEATED and self.failures <= job.retries


class Schedule:
    """Brings jobs to a backend and their outcomes to the journal.

    Args:
        folder: of the journal and the logs.
        journal: of the folder.
        open_backend: called once, before the first job that has to run.
        redo: recorded states that do not count.
    """

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        open_backend: Callable[[], Backend],
        redo: Collection[State] = (),
    ) -> None:
        self._folder, self._journal, self._redo = folder, journal, redo
        self._open_backend = open_backend
        self._opened: Backend | None = None
        self._running: dict[str, _Tries] = {}

    def outcomes(self, jobs: Iterable[Job], *, ahead: bool) -> Iterator[Outcome]:
        """Yield outcomes as they come.

        Args:
            jobs: in the order in which they start.
            ahead: whether jobs may be handed over before there is a place for them.
        """
        source = _distinct(jobs)
        while True:
            job = next(source, None) if self._place(ahead) else None
            if job is not None:
                outcome = self._journal.standing(job, self._redo) or self._begin(job)
            elif self._running:
                outcome = self._next()
            else:
                return
            if outcome is not None:
                yield outcome

    def stop(self) -> None:
        """End what runs, in order; nothing of it is recorded."""
        if self._running:
            LOGGER.warning(
                "%d jobs are ended before their time; what finished is kept in %s, and the same "
                "call goes on with the rest",
                len(self._running),
                self._folder,
            )
            self._running = {}
            self._backend.stop()

    @property
    def _backend(self) -> Backend:
        if self._opened is None:
            self._opened = self._open_backend()
        return self._opened

    def _place(self, ahead: bool) -> bool:
        return self._opened is None or self._opened.room(ahead=ahead)

    def _begin(self, job: Job) -> Outcome | None:
        """Start a job; its outcome only where no machine can hold it, which is not recorded."""
        if reason := self._backend.refusal(job):
            attempt = Attempt(state="failed", reason=reason, exit_code=1)
            return self._outcome(job, attempt, 0)
        self._running[job.id] = _Tries()
        self._start(job)
        return None

    def _start(self, job: Job) -> None:
        tries = self._running[job.id]
        tries.starts += 1
        log = log_path(self._folder, job.id)
        with log.open("w" if tries.starts == 1 else "a", encoding="utf-8") as stream:
            stream.write(f"attempt {tries.starts} of {job.id}: {job.call}\n")
        verbose = LOGGER.isEnabledFor(logging.DEBUG)
        self._backend.start(Order(job, log, str(Path.cwd()), _own_paths(), verbose))

    def _next(self) -> Outcome | None:
        """The next outcome, recorded; None where its job starts again instead."""
        job, attempt = self._backend.next()
        if attempt.log:
            with log_path(self._folder, job.id).open("a", encoding="utf-8") as stream:
                stream.write(attempt.log)
        tries = self._running[job.id]
        if tries.another(job, attempt):
            LOGGER.info("%s starts again: %s", job.id, attempt.reason)
            self._start(job)
            return None
        del self._running[job.id]
        outcome = self._outcome(job, attempt, tries.starts)
        if outcome.state != "interrupted":
            self._journal.add(job, outcome)
        return outcome

    def _outcome(self, job: Job, attempt: Attempt, attempts: int) -> Outcome:
        facts = asdict(attempt)
        del facts["log"], facts["lost"]
        return Outcome(**facts, id=job.id, attempts=attempts, log=log_path(self._folder, job.id))


def _distinct(jobs: Iterable[Job]) -> Iterator[Job]:
    seen = set()
    for job in jobs:
        if job.id in seen:
            raise ConfigError("two jobs have one id", received=job.id)
        seen.add(job.id)
        yield job


def _own_paths() -> tuple[str, ...]:
    """Where this process finds modules, but for those of its Python."""
    python = tuple(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib"))
    return tuple(str(Path(p).resolve()) for p in sys.path if not p.startswith(python))
