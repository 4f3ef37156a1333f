"""The folder of a study: where each of its files lies."""

from __future__ import annotations

import fcntl
from dataclasses import dataclass
from pathlib import Path

from erazoo.config import Config
from erazoo.errors import StaleDataError
from erazoo.publish import LOCK
from erazoo.rundir import RunDir

MINE = "mine"


@dataclass(frozen=True)
class MineDir:
    """`mine/NAME/` of a run directory.

    Args:
        root: the folder.
    """

    root: Path

    @classmethod
    def of(cls, config: Config, run: RunDir) -> MineDir:
        """The folder of the study that a configuration names; it is not made."""
        return cls(run.path(MINE, config.mine.name))

    @property
    def run(self) -> RunDir:
        """The run directory that it lies in."""
        return RunDir(self.root.parents[1], make=False)

    @property
    def plan(self) -> Path:
        """Everything that a trial's result depends on."""
        return self.root / "plan.json"

    @property
    def config(self) -> Path:
        """The configuration that it was last started with."""
        return self.root / "config.json"

    @property
    def state(self) -> Path:
        """What the driver says of itself."""
        return self.root / "state.json"

    @property
    def log(self) -> Path:
        """What a driver in the background prints."""
        return self.root / "driver.log"

    @property
    def study(self) -> Path:
        """The sampler's state and trials."""
        return self.root / "study.db"

    @property
    def results(self) -> Path:
        """A line a finished training."""
        return self.root / "results.jsonl"

    @property
    def rungs(self) -> Path:
        """A line for each look at a trial that may be pruned."""
        return self.root / "rungs.jsonl"

    @property
    def rows(self) -> Path:
        """The predicted rows, and what they are scored against."""
        return self.root / "rows.npz"

    @property
    def columns(self) -> Path:
        """The features of the predicted eras, feature by feature."""
        return self.root / "columns.npy"

    @property
    def predictions(self) -> Path:
        """A row of float32 for each configuration."""
        return self.root / "predictions.f32"

    @property
    def binned(self) -> Path:
        """Training rows as the library bins them."""
        return self.root / "binned"

    @property
    def jobs(self) -> Path:
        """The engine's journal and logs."""
        return self.root / "jobs"

    @property
    def scores(self) -> Path:
        """A row for each scored configuration."""
        return self.root / "scores.parquet"

    @property
    def record(self) -> Path:
        """What its page and the run's report are made from."""
        return self.root / "record.json"

    @property
    def page(self) -> Path:
        """The page of the study."""
        return self.root / "mining.html"

    def check_there(self) -> None:
        """Refuse a study that was never started.

        Raises:
            StaleDataError: there is none.
        """
        if not self.plan.is_file():
            raise StaleDataError(
                f"there is no mining in {self.root}", hint="Run `erazoo mine start` first"
            )

    def is_mined(self) -> bool:
        """Whether a driver holds the folder now, on whatever machine shares its locks."""
        try:
            with (self.root / LOCK).open("rb") as handle:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False
