"""Mining from Python, such as from a notebook, which stays free while it runs.

>>> from search.api import check_progress, evaluate_completed, start_mining, stop
>>> mining = start_mining("conf/mine.toml")      # doctest: +SKIP
>>> print(check_progress(mining))                # doctest: +SKIP
>>> table = evaluate_completed(mining)           # doctest: +SKIP
>>> stop(mining)                                 # doctest: +SKIP
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erazoo.config import Config, load
from erazoo.errors import ConfigError, StaleDataError
from erazoo.rundir import RunDir
from etl.build import bring_shards, shard
from etl.source import prepare_data
from scoring.report.mining import study_figures, write_study_page
from scoring.report.notebook import Theme, as_plotly
from scoring.report.studies import parse_mining
from search.against import Comparison, compare
from search.background import start_driver, stop_driver
from search.driver import mine
from search.export import export as export_configurations
from search.folder import MineDir
from search.folds import MineFolds, draw
from search.others import all_finds
from search.plan import Plan
from search.prepare import settle
from search.progress import Progress, progress, read_state
from search.record import record_of, write_record
from search.scores import score
from search.table import best_table

if TYPE_CHECKING:
    import polars as pl
    from plotly.graph_objects import Figure as PlotlyFigure

LOOK_SECONDS = 1.0


@dataclass(frozen=True)
class Mining:
    """A study by its configuration and place.

    Attributes:
        config: the experiment.
        run: its run directory.
        folder: of the study.
    """

    config: Config
    run: RunDir
    folder: MineDir

    @classmethod
    def of(cls, config: Config | Path | str, run_dir: Path | str | None = None) -> Mining:
        """The study of a configuration, whether or not it was started.

        Args:
            config: the experiment, or its file.
            run_dir: of the experiment, where it is not that of the configuration.
        """
        resolved = config if isinstance(config, Config) else load(Path(config))
        run = RunDir.of(resolved, Path(run_dir) if run_dir else None, make=False)
        return cls(resolved, run, MineDir.of(resolved, run))


def start_mining(
    config: Config | Path | str,
    *,
    run_dir: Path | str | None = None,
    foreground: bool = False,
    force: bool = False,
) -> Mining:
    """Start or resume a study; data and shards are made first where they are not there.

    Args:
        config: the experiment, or its file.
        run_dir: of the experiment, where it is not that of the configuration.
        foreground: mine here, and come back when it is over.
        force: forget what another plan found under this name.

    Returns:
        The study; without `foreground` a process of its own mines it, which outlives this one.

    Raises:
        ConfigError: it is mined already, another plan's results stand under its name, or a
            configuration that cannot be used.
        TrainingError: mining has ended at once, or comes to nothing.
    """
    mining = Mining.of(config, run_dir)
    if mining.folder.is_mined():
        raise ConfigError(
            f"the study {mining.config.mine.name!r} is being mined",
            received=str(mining.folder.root),
            hint="Look with `erazoo mine progress`, or end it with `erazoo mine stop`",
        )
    prepare(mining)
    if foreground:
        mine(mining.config, mining.run, force=force)
        return mining
    with RunDir(mining.folder.root).lock():
        settle(mining.config, mining.run, mining.folder, force=force)
    start_driver(mining.folder, mining.run.root)
    return mining


def prepare(mining: Mining) -> None:
    """Make the data and the shards of a study's experiment, where its shards are not there.

    Raises:
        ConfigError: another command holds the run directory.
        DataError: data that cannot be used.
    """
    run = RunDir(mining.run.root)
    with run.lock():
        try:
            bring_shards(mining.config, run)
        except StaleDataError:
            prepare_data(mining.config, run)
            shard(mining.config, run)
        run.save_config(mining.config)


def check_progress(mining: Mining) -> Progress:
    """How far a study is; `to_json()` of it gives plain values.

    Raises:
        StaleDataError: it was never started.
    """
    return progress(mining.folder)


def wait(mining: Mining, seconds: float | None = None) -> Progress:
    """Wait until nobody mines a study any more, or so many seconds; how far it is then."""
    deadline = None if seconds is None else time.monotonic() + seconds
    while mining.folder.is_mined() and (deadline is None or time.monotonic() < deadline):
        time.sleep(LOOK_SECONDS)
    return progress(mining.folder)


def stop(mining: Mining) -> bool:
    """End the process that mines a study; whether there was one. Its running trials are lost."""
    return stop_driver(mining.folder)


def resume(mining: Mining) -> Mining:
    """Go on with a study in a process of its own, up to `wanted_trials`; see `start_mining`.

    Raises:
        StaleDataError: it was never started.
    """
    mining.folder.check_there()
    section = mining.config.mine.model_copy(update={"trials": wanted_trials(mining)})
    config = mining.config.model_copy(update={"mine": section})
    return start_mining(config, run_dir=mining.run.root)


def wanted_trials(mining: Mining) -> int:
    """How many trials a study goes on to: what it was last started with, or what is more now."""
    return max(mining.config.mine.trials, int(read_state(mining.folder)["trials"]))


def evaluate_completed(mining: Mining) -> pl.DataFrame:
    """Score what has ended so far, also while the study is mined.

    Returns:
        The content of `scores.parquet`; see `search.scores`.

    Raises:
        StaleDataError: nothing was mined, or the benchmark is not trained yet.
    """
    return score(mining.folder)


def best_configurations(
    mining: Mining,
    sort: str | None = None,
    limit: int | None = None,
    unique_below: float | None = None,
    others: Sequence[str] = (),
) -> pl.DataFrame:
    """The best configurations; see `search.table.best_table`.

    Args:
        mining: the study.
        sort: a column of validation scores; the objective where None.
        limit: how many beside the benchmark, which is first.
        unique_below: keep only such as have a lower correlation with each other.
        others: other mining as `RUN` or `RUN:STUDY`, whose finds each is compared with.
    """
    finds = list(all_finds(others))
    return best_table(mining.folder, sort, limit, unique_below, finds)


def compare_to_benchmark(mining: Mining) -> Comparison:
    """What beats the benchmark in validation, and how much of it is luck.

    Raises:
        StaleDataError: nothing was mined, or the benchmark is not trained yet.
    """
    return compare(mining.folder)


def plot(mining: Mining, theme: Theme = "light") -> dict[str, PlotlyFigure]:
    """The figures of the study as plotly figures, for a notebook.

    Args:
        mining: the study.
        theme: `light` or `dark`.

    Returns:
        `past_future`, `scores`, `clusters`, `folds` and a `parameter NAME` for each that varies, as
        far as there are any.

    Raises:
        StaleDataError: nothing was mined, or the benchmark is not trained yet.
    """
    found = parse_mining(record_of(mining.folder)[1])
    figures = study_figures(found)
    many = figures.pop("parameters", None)
    drawn = {name: as_plotly(figure, theme=theme) for name, figure in figures.items()}
    if many is not None:
        views = {one.label: as_plotly(many, one.label, theme) for one in many.views}
        drawn |= {f"parameter {name}": figure for name, figure in views.items()}
    return drawn


def write_page(mining: Mining) -> Path:
    """Write the page of the study, `mining.html` in its folder, and what it is made from.

    Raises:
        StaleDataError: nothing was mined, or the benchmark is not trained yet.
    """
    write_record(mining.folder)
    return write_study_page(mining.folder.root)


def export(
    mining: Mining,
    ids: Sequence[str],
    weights: Sequence[float] | None = None,
    *,
    force: bool = False,
) -> dict[str, Any]:
    """Export configurations, and several as an ensemble too; see `search.export.export`.

    Args:
        mining: of the study.
        ids: of configurations, or how they begin.
        weights: of the ensemble, one an id; equal where None.
        force: make anew what stands.

    Raises:
        ConfigError: another command holds the run directory, or weights that do not fit.
        StaleDataError: there is no such study or id.
        ArtifactError: predictions that are not reproduced.
    """
    with mining.run.lock():
        return export_configurations(mining.config, mining.run, ids, weights, force=force)


def show_folds(mining: Mining) -> tuple[MineFolds, str]:
    """The folds of a study whose shards stand, and a drawing of them.

    Raises:
        StaleDataError: there are no shards of its configuration.
        LeakageError: folds that cannot be made.
    """
    folds = Plan.of(mining.config, mining.run).folds
    return folds, draw(folds)
