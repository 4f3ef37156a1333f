"""Members of an ensemble: the run's own models, prediction files of other runs, mined models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, DataError, LeakageError
from erazoo.near import nearest
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import FOLDS
from search.exports import EXPORT
from search.folder import MINE
from training.job import FINAL, RESULT, model_dir, model_stage
from training.predictions import prediction_facts

MODELS = "models"


@dataclass(frozen=True)
class Member:
    """One member and where it lies.

    Args:
        name: unique in an ensemble.
        family: of its model.
        run: the run directory that it was trained in.
        folder: of its results, `RUN/models/NAME` or `RUN/mine/STUDY/export/ID`.
    """

    name: str
    family: str
    run: Path
    folder: Path

    @property
    def trained(self) -> bool:
        """Whether `erazoo train` made it; otherwise it was mined."""
        return self.folder.parent == self.run / MODELS

    @property
    def record(self) -> Path:
        """The record of its folds; those of a mined model are its study's."""
        return (self.run if self.trained else self.folder) / FOLDS

    @property
    def again(self) -> str:
        """What makes it anew."""
        if self.trained:
            return f"Run `erazoo train {self.folder.name}` again in {self.run}"
        return f"Run `erazoo mine export {self.folder.name}` again in {self.run}"

    @property
    def final(self) -> Path:
        """The fit that predicts live data."""
        return self.folder / FINAL

    def file(self, kind: str) -> Path:
        """Its predictions of a kind, `out_of_fold` or `held_out`."""
        return self.folder / f"{kind}.parquet"


def open_members(config: Config, run: RunDir) -> tuple[Member, ...]:
    """The configured members, the run's own models first; each must be trained.

    `ensemble.members` names models of the run (empty: all enabled ones, or none where there are
    only files), `ensemble.files` prediction files of other runs and of exported mined models.

    Raises:
        ConfigError: an unknown member, or none, or one of them twice.
        DataError: a member without a finished training; an ensemble never leaves one out silently.
        LeakageError: a file without the fold record of its run.
    """
    own = [_own(config, run, name) for name in own_names(config)]
    taken = {member.name for member in own}
    for text in config.ensemble.files:
        if Path(text).resolve().parent in [one.folder.resolve() for one in own]:
            raise ConfigError("a model is a member of an ensemble twice", received=text)
        member = _of_file(Path(text), taken)
        taken.add(member.name)
        own.append(member)
    if not own:
        raise ConfigError("there is no model to blend", hint="Add a table such as [models.ridge]")
    return tuple(own)


def own_names(config: Config) -> tuple[str, ...]:
    """The run's own models that are blended.

    Raises:
        ConfigError: one that is not configured.
    """
    enabled = tuple(name for name, entry in config.models.items() if entry.enabled)
    for name in config.ensemble.members:
        if name not in config.models:
            raise ConfigError(
                "the ensemble names a model that is not configured",
                received=name,
                expected=nearest(name, config.models),
            )
    return config.ensemble.members or enabled


def _own(config: Config, run: RunDir, name: str) -> Member:
    folder = model_dir(run, name)
    path = folder / RESULT
    result = read_json(path) if path.exists() else {"reason": "no result of this configuration"}
    if not model_stage(config, run, name).done():
        raise DataError(
            f"the ensemble's member {name!r} is not trained with this configuration",
            received=result["reason"] or "results of another one, or incomplete",
            hint=f"Run `erazoo train {name}`, disable it or leave it out of ensemble.members",
        )
    return Member(name, str(result["family"]), run.root, folder)


def _of_file(path: Path, taken: set[str]) -> Member:
    """The member that a prediction file of another run is of."""
    facts = prediction_facts(path)
    folder = path.resolve().parent
    run, result = _run_of(folder), folder / RESULT
    member = None if run is None else Member(facts["name"], "", run, folder)
    if member is None or not member.record.is_file() or not result.is_file():
        raise LeakageError(
            f"nothing says which eras the model behind {path} has learned from",
            received=f"a file in {folder}",
            expected=f"RUN/models/NAME/{path.name} beside RUN/{FOLDS}, or "
            f"RUN/{MINE}/STUDY/{EXPORT}/ID/{path.name}",
            hint="Name the file where `erazoo train` or `erazoo mine export` left it; the fold "
            "record lies there",
        )
    name = _free_name(member.name, member.run, taken)
    return replace(member, name=name, family=_family(result))


def _run_of(folder: Path) -> Path | None:
    """The run directory that a model's folder lies in, None where it is no such folder."""
    above = [path.name for path in folder.parents[:3]]
    if above[:1] == [MODELS]:
        return folder.parents[1]
    return folder.parents[3] if above[::2] == [EXPORT, MINE] else None


def _free_name(name: str, run: Path, taken: Sequence[str] | set[str]) -> str:
    longer = f"{run.name}.{name}"
    if name in taken and longer in taken:
        raise ConfigError("two members of an ensemble have one name", received=longer)
    return longer if name in taken else name


def _family(result: Path) -> str:
    try:
        return str(read_json(result)["family"])
    except (ValueError, KeyError):
        raise ArtifactError("the result of a model is damaged", received=str(result)) from None
