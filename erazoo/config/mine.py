"""The section of mining: what is searched, on which folds, how long and with what."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from erazoo.config.base import NAME, Section


class MineFolds(Section):
    """Purged folds of mining, all inside the development eras (`search/folds.py`).

    The predicted eras are cut in two: the newest windows are called test and only shown, the others
    validation, by which trials are chosen. `two` is two folds, each predicted by a model of the
    other; `kfold` cuts the eras into `folds` windows; `walk_forward` begins after the share
    `first_train` and only learns from earlier eras; `combinatorial` trains once for every choice of
    `test_folds` of `folds` windows. `tests` is how many windows are test (unset: half of them).
    `purge` (unset: the longest horizon of the targets plus `split.margin`) and `embargo` count
    ORIGINAL eras.
    """

    scheme: Literal["two", "kfold", "walk_forward", "combinatorial"] = "two"
    folds: int = Field(4, ge=2, le=50)
    tests: int | None = Field(None, ge=1)
    first_train: float = Field(0.5, gt=0, lt=1)
    test_folds: int = Field(2, ge=1)
    purge: int | None = Field(None, ge=0)
    embargo: int = Field(0, ge=0)

    @property
    def windows(self) -> int:
        """Stretches of predicted eras."""
        return 2 if self.scheme == "two" else self.folds

    @property
    def test_windows(self) -> int:
        """How many of them, the newest, are test."""
        return self.windows // 2 if self.tests is None else self.tests

    @model_validator(mode="after")
    def _some_of_each(self) -> Self:
        if self.test_windows >= self.windows:
            raise ValueError("mine.folds.tests leaves no window for validation")
        if self.scheme == "combinatorial" and self.test_folds >= self.folds:
            raise ValueError("mine.folds.test_folds must be fewer than mine.folds.folds")
        return self


class MinePruning(Section):
    """Early ends of hopeless trials, by their scores on validation eras (`search/halving.py`).

    With `halving` a trial is looked at when it has grown each share in `rungs` of its trees, and
    goes on where it is among the best of every `reduction` trials that came so far; before there
    are as many, every trial goes on.
    """

    by: Literal["off", "halving"] = "off"
    rungs: tuple[Annotated[float, Field(gt=0, lt=1)], ...] = Field((0.1, 0.3), min_length=1)
    reduction: int = Field(3, ge=2, le=100)

    @field_validator("rungs")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if list(value) != sorted(set(value)):
            raise ValueError("rungs ascend, each once")
        return value


class MineSection(Section):
    """Mining: many configurations of boosted trees against a benchmark (`search/`).

    What is found lies in `mine/NAME/` of the run directory, so a run may hold several by `name`.
    `preset` is `published` or none; `space` comes on top. An entry of `space` is a value, a
    list of values, `{low, high}` with `step` or `log`, or either of these with `when`, an
    expression that says whether the parameter is there (a list is then `values`); `features` names
    sets and groups, `target` is one of `targets` (empty: `data.target`). `constraints` are
    expressions, such as `num_leaves <= 2 ** max_depth`. `benchmark` holds the parameters of what is
    to be beaten.

    It is over when `trials` trainings have ended. Each is also scored at those of the tree counts
    in `prefixes` that are below its own. Trials are chosen by `objective`, on validation eras.
    `storage` is a URL of optuna (empty: SQLite in the folder). `workers` trials run at a time on a
    machine (0: as many as it has cores), `jobs` machines' worth at once (0: as many as fit on the
    cluster), in batches of `batch` trials (0: by their length). `memory_mb` ends a machine's job
    when it takes more. Bins are found from `sample_rows` rows at most, and binned data sets may
    take `disk_gb`.
    """

    name: str = Field("mine", pattern=NAME)
    model: Literal["lightgbm", "xgboost", "catboost"] = "lightgbm"
    targets: tuple[str, ...] = ()
    preset: Literal["", "published"] = ""
    space: dict[str, Any] = Field(default_factory=dict)
    constraints: tuple[str, ...] = ()
    benchmark: dict[str, Any] = Field(default_factory=dict)
    trials: int = Field(100, ge=1, le=1_000_000)
    prefixes: tuple[Annotated[int, Field(ge=1)], ...] = ()
    sampler: Literal["random", "qmc", "tpe"] = "random"
    objective: Literal["sharpe", "corr"] = "sharpe"
    storage: str = ""
    folds: MineFolds = MineFolds()
    pruning: MinePruning = MinePruning()
    workers: int = Field(0, ge=0, le=4096)
    jobs: int = Field(1, ge=0, le=10_000)
    batch: int = Field(0, ge=0, le=10_000)
    memory_mb: int = Field(0, ge=0)
    sample_rows: int = Field(200_000, ge=1000)
    disk_gb: float = Field(20.0, gt=0)

    @field_validator("targets", "prefixes")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) != len(value):
            raise ValueError("an entry stands twice")
        return value

    @field_validator("prefixes")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(value))
