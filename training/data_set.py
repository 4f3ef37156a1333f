"""The data that prediction files are scored against, and which of their eras are closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from erazoo.config import Config
from erazoo.errors import ConfigError
from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import FOLDS, open_shards
from etl.columns import ALL, feature_sets
from etl.content import label_eras
from etl.dataset import Dataset
from etl.files import DataFiles
from etl.source import data_files, data_folder
from etl.splits import hold_out, plan_folds
from training.feature_pass import AUTO, FNC_SET, MOST_FEATURES, NONE
from training.held_out import closed_eras
from training.standards import reach_of
from training.truth import LabelSource


@dataclass(frozen=True)
class DataSet:
    """A data set as an evaluation of files sees it.

    Args:
        source: where labels and features are read.
        folder: of the data files, for what is recorded beside them.
        target: that is scored on.
        label_eras: eras that its labels reach past their own.
        resolved: eras in which it has a value, in order.
        closed: eras that only `--final` opens.
    """

    source: LabelSource
    folder: Path
    target: str
    label_eras: int
    resolved: tuple[str, ...]
    closed: frozenset[str]

    def scored(self, *, final: bool) -> tuple[str, ...]:
        """The eras of an evaluation: the held-out ones with `final`, else all others.

        Raises:
            ConfigError: there are none.
        """
        eras = tuple(era for era in self.resolved if (era in self.closed) == final)
        if not eras:
            raise ConfigError(
                "this experiment holds out no eras" if final else "every era is held out",
                received=f"{len(self.resolved)} eras with a resolved {self.target}",
                hint="Set split.held_out",
            )
        return eras

    def left_closed(self, *, final: bool) -> tuple[str, ...]:
        """The eras that an evaluation leaves out: the held-out ones, with `final` all others."""
        if not final:
            return tuple(era for era in self.source.eras() if era in self.closed)
        return tuple(era for era in self.resolved if era not in self.closed)

    def unresolved(self, *, final: bool) -> tuple[str, ...]:
        """Eras without a target that are not left out already."""
        known = {*self.resolved, *self.left_closed(final=final)}
        return tuple(era for era in self.source.eras() if era not in known)

    def example_id(self) -> str:
        """An id of the data, for messages."""
        block = next(self.source.blocks(self.resolved[:1], with_features=False))
        return str(block.ids[0])


def open_data_set(config: Config, run: RunDir, data: Path | None = None) -> DataSet:
    """The shards of a run, or a data folder.

    In a data folder the newest eras are held out as `split` says, by the target of the experiment
    and by the one that is scored on. What the folds of the run directory hold out stays closed as
    well, whatever the configuration says now, and though the folder has but some of these eras.

    Args:
        config: the experiment.
        run: its run directory.
        data: a data folder; None for the shards of the run.

    Raises:
        DataError: there are no such data.
        ConfigError: an unknown target.
    """
    target = config.evaluate.target or config.data.target
    if data is None:
        shards, plan = open_shards(config, run)
        shards.target_index(target)
        resolved = tuple(e for e, held in shards.manifest.eras.items() if held.resolved[target])
        reach = reach_of(config, target, plan, shards)
        folder = data_folder(config, run)
        return DataSet(shards, folder, target, reach, resolved, frozenset(closed_eras(plan)))
    own = config.data.target
    section = config.data.model_copy(update={"dir": str(data), "target": target})
    if section.source == "files":
        section = section.model_copy(update={"source": "numerai"})
    if target != own:
        section = section.model_copy(update={"horizon": None})
    config = config.model_copy(update={"data": section})
    source = _tables(config, run)
    resolved, reach = source.resolved(target), label_eras(config, run)
    closed = _held_out(config, source, resolved, reach) | _standing(run)
    if own != target and own in source.tables[0].columns:
        closed |= _held_out(config, source, source.resolved(own), reach)
    return DataSet(source, data, target, reach, resolved, frozenset(closed))


def _tables(config: Config, run: RunDir) -> Dataset:
    """The tables of a folder, with the features that FNC and exposures are taken to."""
    files = data_files(config, run)
    if not files.features_stand:
        files = replace(files, features=None)
    chosen = _feature_words(files, config.evaluate.features)
    return Dataset(files, ALL, (config.data.target,), chosen)


def _feature_words(files: DataFiles, word: str) -> Sequence[str]:
    """What `Dataset` is asked for; one feature stands for none, and is not read."""
    if not files.history:
        return ()
    sets = feature_sets(files, files.open(files.history[0]).columns)
    if word not in (AUTO, NONE):
        return (word,)
    if word == AUTO and FNC_SET in sets:
        return (FNC_SET,)
    if word == AUTO and len(sets[ALL]) <= MOST_FEATURES:
        return (ALL,)
    return sets[ALL][:1]


def _held_out(config: Config, source: Dataset, resolved: Sequence[str], reach: int) -> set[str]:
    """The eras that the configuration's split holds out, and all newer ones."""
    if config.split.scheme == "fixed":
        plan = plan_folds(config.split, source.axis, resolved, config.data.target, reach)
        return set(closed_eras(plan))
    held = hold_out(resolved, config.split.held_out)[1]
    axis = source.eras()
    return set(axis[axis.index(held[0]) :]) if held else set()


def _standing(run: RunDir) -> set[str]:
    """What the folds of the run directory hold out."""
    path = run.path(FOLDS)
    return set(closed_eras(FoldPlan.from_json(read_json(path)))) if path.is_file() else set()
