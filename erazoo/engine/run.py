"""The engine: takes jobs, answers outcomes as they come, and remembers them in a folder."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from pathlib import Path
from types import TracebackType

from erazoo.config.schema import EngineSection
from erazoo.engine.backend import Backend, Debug, Serial
from erazoo.engine.job import Job, Outcome, State
from erazoo.engine.journal import LOGS, Journal
from erazoo.engine.schedule import Schedule
from erazoo.errors import ConfigError
from erazoo.publish import make_dir
from erazoo.rundir import RunDir


class Engine:
    """Runs jobs and remembers how each ended.

    The same jobs again are answered from the folder's journal, also after this process was
    killed: what finished is not repeated, the rest is run. Each outcome is recorded exactly once;
    a job whose process, node or command died while it ran starts from its beginning.

    As a context manager it keeps its backend from one `run` to the next.

    Args:
        folder: of the journal and the logs; one command at a time runs jobs in it.
        settings: where jobs are run, and how many at a time.
    """

    def __init__(self, folder: Path, settings: EngineSection | None = None) -> None:
        self.folder = folder.absolute()
        self.settings = settings or EngineSection()
        self._held = ExitStack()
        self._is_open = self._is_running = False
        self._backends: dict[str, Backend] = {}

    def __enter__(self) -> Engine:
        with ExitStack() as stack:
            stack.enter_context(RunDir(self.folder).lock())
            for leftover in make_dir(self.folder / LOGS).glob("*.answer"):
                leftover.unlink()
            self._held, self._is_open = stack.pop_all(), True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._backends, self._is_open = {}, False
        self._held.close()

    def run(self, jobs: Iterable[Job], *, redo: Collection[State] = ()) -> Iterator[Outcome]:
        """Run jobs and yield their outcomes, each as soon as it is known and recorded.

        Jobs are started in their order. A list is handed over whole; any other iterable is asked
        for its next job only when there is a place for it, so that it can depend on the outcomes
        so far. Leaving the loop ends the jobs that run.

        Args:
            jobs: each with an id of its own.
            redo: recorded states that do not count; their jobs run again.

        Raises:
            ConfigError: two jobs have one id, or another call or command runs jobs here.
            KeyboardInterrupt: after the running jobs have ended.
        """
        if self._is_running:
            raise ConfigError("an engine runs the jobs of one call at a time")
        with nullcontext() if self._is_open else self:
            journal = Journal(self.folder)
            listed = isinstance(jobs, Sequence)
            alone = listed and sum(journal.standing(job, redo) is None for job in jobs) == 1
            schedule = Schedule(self.folder, journal, lambda: self._backend(alone), redo)
            self._is_running = True
            try:
                yield from schedule.outcomes(jobs, ahead=listed)
            finally:
                self._is_running = False
                schedule.stop()

    def _backend(self, alone: bool) -> Backend:
        """The backend for many jobs, or for one that is alone; kept until this is closed."""
        kind = self.settings.backend
        if kind == "auto":
            one = (alone or self.settings.jobs == 1) and not self.settings.ray_address
            kind = "serial" if one else "ray"
        if kind not in self._backends:
            backend = self._backends[kind] = self._made(kind)
            self._held.callback(backend.close)
        return self._backends[kind]

    def _made(self, kind: str) -> Backend:
        if kind == "serial":
            return Serial(self.settings.memory_share)
        if kind == "debug":
            return Debug()
        from erazoo.engine.ray_backend import RayBackend

        return RayBackend(self.settings)
