"""The sections of an experiment's TOML file, each validated on its own.

Every option is read somewhere in the rooms named by its section; an unknown key is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"
EraShare = int | float | str | None


class Section(BaseModel):
    """A frozen section that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class RunSection(Section):
    """The experiment itself."""

    name: str = Field("demo", pattern=NAME)
    dir: str = ""
    seed: int = Field(7, ge=0, lt=2**31)


class DataSection(Section):
    """Where the panel comes from and which columns of it are used.

    `dir` holds the data files (default: `data` in the run directory). With `source = "files"` the
    panel is any parquet or CSV: `files` are its history (files, or folders of them, relative to
    `ERAZOO_DATA` unless absolute) and `live` the rows to predict. `era` and `id` name the columns
    of eras and rows (empty: those of the tournament); `ids` says whether an id names one row of
    the whole history (`rows`) or an asset that returns in every era (`assets`). `feature_set` is a
    set or group of features.json; `features` names sets, groups, columns or patterns instead.
    `values` says how features are written: `quintile` (integers 0 to 4), `unit` (0, 0.25, 0.5,
    0.75 and 1), `float` (any number, kept as float32); empty, it is what the tournament uses.
    `sort` puts rows that do not stand era by era in order first. `target` is what models are
    trained and scored on; `extra_targets` (names or patterns) travel along into the shards.
    `horizon` is the target's reach in eras where its name does not say it. `meta_model` and
    `benchmark` name the columns that MMC and BMC are taken against; empty, they are
    `numerai_meta_model` and the first benchmark found.
    """

    source: Literal["demo", "numerai", "prices", "files"] = "demo"
    tournament: Literal["classic", "crypto", "none"] = "classic"
    dir: str = ""
    version: str = "latest"
    files: tuple[str, ...] = ()
    live: str = ""
    era: str = ""
    id: str = ""
    ids: Literal["", "rows", "assets"] = ""
    values: Literal["", "quintile", "unit", "float"] = ""
    sort: bool = False
    feature_set: str = "all"
    features: tuple[str, ...] = ()
    target: str = "target_ender_20"
    extra_targets: tuple[str, ...] = ()
    horizon: int | None = Field(None, ge=1)
    meta_model: str = ""
    benchmark: str = ""


class DemoSection(Section):
    """The generated tournament (`etl/demo`)."""

    profile: Literal["balanced", "interactions", "regimes", "noise", "memory"] = "balanced"
    eras: int | None = Field(None, ge=60, le=5000)
    rows: int | None = Field(None, ge=50, le=20000)
    features: int | None = Field(None, ge=24, le=5000)
    regimes: int | None = Field(None, ge=1, le=8)
    seed: int = Field(7, ge=0, lt=2**31)


class PricesSection(Section):
    """A table of prices turned into a panel (`etl/prices`).

    `files` are relative to `ERAZOO_DATA` unless absolute. `layout` is `long` (one row a symbol
    and bar) or `wide` (a date column and one close column a symbol). `date_format` is a strptime
    pattern for dates in text, empty for ISO dates. `every` says which bars become eras. `lag`
    bars pass between an era's date and the entry price. A symbol without a bar for more than
    `max_gap` bars starts afresh.
    """

    files: tuple[str, ...] = ()
    layout: Literal["long", "wide"] = "long"
    date: str = Field("date", min_length=1)
    date_format: str = ""
    symbol: str = Field("symbol", min_length=1)
    every: Literal["week", "day"] = "day"
    horizons: tuple[Annotated[int, Field(ge=1, le=2000)], ...] = Field((5, 10), min_length=1)
    lag: int = Field(1, ge=0, le=100)
    windows: tuple[Annotated[int, Field(ge=3, le=2000)], ...] = Field((5, 10, 20, 60), min_length=1)
    min_symbols: int = Field(10, ge=5)
    max_gap: int = Field(5, ge=0)

    @field_validator("files", "horizons", "windows")
    @classmethod
    def _once(cls, value: tuple[Any, ...]) -> tuple[Any, ...]:
        if len(set(value)) != len(value):
            raise ValueError("an entry stands twice")
        return value

    @field_validator("horizons", "windows")
    @classmethod
    def _ascending(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(sorted(value))


class ShardsSection(Section):
    """How rows are laid into TFRecord files (`etl/shards`).

    `layout` is `era` (files of one era, named after it) or `flat` (files of up to `shard_rows`,
    eras not in their names). `codec` is `raw` (a byte a quintile) or `packed` (three quintiles a
    byte). `shuffle` puts the rows of each era in an order drawn from `run.seed`. `balance` makes
    up for the rare outer bins of the target among training rows: `rows` keeps every row of the
    first of four eras, leaves the central bin out of the second and all but the outermost bins
    out of the third and fourth; `weights` keeps all rows and weighs each bin by its rarity.
    `workers` processes write at a time; 0 is one a core. `remote` is a URI such as
    `s3://bucket/name`: `erazoo shard` publishes the set there as well, and a run without data and
    shards of its own takes it from there.
    """

    layout: Literal["era", "flat"] = "era"
    block_rows: int = Field(1024, ge=1, le=1 << 20)
    shard_rows: int = Field(65536, ge=1)
    codec: Literal["raw", "packed"] = "raw"
    compression: Literal["none", "gzip", "zlib"] = "none"
    shuffle: bool = False
    balance: Literal["none", "rows", "weights"] = "none"
    workers: int = Field(0, ge=0, le=256)
    remote: str = ""

    @field_validator("remote")
    @classmethod
    def _uri(cls, value: str) -> str:
        where = urlsplit(value)
        if value and not (where.scheme and "://" in value and (where.netloc or where.path)):
            raise ValueError("this is not a URI such as s3://bucket/name")
        if where.password or where.query or where.fragment:
            raise ValueError("the URI of a store is a plain place, without secrets or options")
        return value.rstrip("/")


class CleanRules(Section):
    """What is done to missing and outlying values of a group of features (`etl/cleaning`).

    `missing`: `auto` (quintiles: the centre; other numbers: left as NaN), `centre` and `own` (the
    code 2, or a code of their own; quintiles only), `constant`, or a value learned from training
    eras: `mean`, `median`, `mode`, `knn` (from `neighbours` rows alike). `indicators` adds a
    feature `NAME_missing`, 0 or 1, for each feature with a missing value in the training sample.
    `outliers` are found column by column (`zscore`: more than `threshold` standard deviations
    from the mean; `iqr`: more than `threshold` interquartile ranges beyond the quartiles; a
    column whose spread is 0 has none) or row by row (`isolation_forest`: rows whose anomaly score
    lies more than `threshold` standard deviations above the mean score). `action` sets what was
    found to the column's bound (`clip`), to the nearer of the 1 % and 99 % quantiles of training
    rows where it lies beyond them (`winsorise`), or leaves rows out of training (`remove`: those
    with a share of such values above `outlying_share`, or those that the forest found).
    """

    missing: Literal["auto", "centre", "own", "constant", "mean", "median", "mode", "knn"] = "auto"
    constant: float = Field(0.0, allow_inf_nan=False)
    neighbours: int = Field(5, ge=1, le=1000)
    indicators: bool = False
    outliers: Literal["none", "zscore", "iqr", "isolation_forest"] = "none"
    threshold: float = Field(3.0, gt=0, allow_inf_nan=False)
    action: Literal["clip", "winsorise", "remove"] = "clip"
    outlying_share: float = Field(0.0, ge=0, lt=1)

    @model_validator(mode="after")
    def _rules_agree(self) -> Self:
        if self.missing == "own" and self.indicators:
            raise ValueError("missing 'own' tells missing values apart already, without indicators")
        if self.outliers == "isolation_forest" and self.action == "clip":
            raise ValueError(
                "isolation_forest finds rows, which have no bound to clip to; "
                "choose the action 'winsorise' or 'remove'"
            )
        by_column = self.outliers in ("zscore", "iqr")
        if self.outlying_share and not (by_column and self.action == "remove"):
            raise ValueError("outlying_share belongs to zscore or iqr with the action 'remove'")
        return self


class CleanSection(CleanRules):
    """Cleaning of features, learned from training eras only.

    The rules here hold for all features; `clean.groups.NAME` are rules for one feature set or
    group instead, from the defaults on (a feature in several is cleaned by the first). What is
    learned comes from at most `sample_rows` rows, drawn evenly from the eras that every fold
    trains on.
    """

    sample_rows: int = Field(20_000, ge=100)
    groups: dict[str, CleanRules] = Field(default_factory=dict)


class SplitSection(Section):
    """Purged folds over eras (`etl/splits.py`).

    The scheme `fixed` is one fold: `train`, `validation` and `test` (held out) each name their
    eras by a selection such as `1..574`, a share of the resolved eras (0.7) or a count (400),
    counted from the oldest on. `purge` (default: the target's horizon in eras plus `margin`) and
    `embargo` count ORIGINAL eras; an embargo follows validation eras, so it matters to k-fold and
    combinatorial folds alone. `held_out` is the share of resolved eras, the newest, that only
    `evaluate --final` opens (with `fixed`, `test` says which).
    `eras` selects training eras: `all`, `even`, `odd`, `every:N`, `A..B` or labels; a comma joins,
    `&` intersects, as in `1..574&every:4`.
    """

    scheme: Literal["expanding", "rolling", "kfold", "combinatorial", "fixed"] = "expanding"
    folds: int = Field(4, ge=1, le=100)
    first_train: float = Field(0.5, gt=0, lt=1)
    test_folds: int = Field(2, ge=1)
    margin: int = Field(4, ge=1)
    purge: int | None = Field(None, ge=0)
    embargo: int = Field(0, ge=0)
    held_out: float = Field(0.15, ge=0, lt=0.9)
    eras: str = "all"
    train: EraShare = None
    validation: EraShare = None
    test: EraShare = None

    @model_validator(mode="after")
    def _fewer_test_folds(self) -> Self:
        if self.scheme == "combinatorial" and self.test_folds >= self.folds:
            raise ValueError("split.test_folds must be fewer than split.folds")
        return self

    @model_validator(mode="after")
    def _parts_of_fixed(self) -> Self:
        parts = (self.train, self.validation, self.test)
        if self.scheme == "fixed" and (self.train is None or self.validation is None):
            raise ValueError("split.scheme 'fixed' needs split.train and split.validation")
        if self.scheme != "fixed" and any(part is not None for part in parts):
            raise ValueError("split.train, validation and test belong to split.scheme 'fixed'")
        shares = [part for part in parts if isinstance(part, float)]
        if any(not 0 < share < 1 for share in shares) or sum(shares) > 1 + 1e-9:
            raise ValueError("shares of eras lie between 0 and 1 and sum up to 1 at most")
        if any(isinstance(part, int) and part < 1 for part in parts):
            raise ValueError("a count of eras is at least 1")
        return self


class TrainingSection(Section):
    """The loop around a network's epochs (`training/`).

    The weights of the epoch with the best `monitor` are kept: the lowest `val_loss`, the highest
    `val_corr` (mean CORR of the monitor eras) or `val_sharpe` (that mean over its standard
    deviation). A fit stops after `patience` epochs without an improvement by more than `threshold`.
    A preset's own `batch_size` wins over the one here; it counts over all `devices` together.
    `precision` is what layers calculate in, `auto` being bfloat16 where the GPUs have it and
    float32 elsewhere; `jit` compiles steps with XLA. `threads` limits every library;
    0 is every core that the process may use. Each fold's model also predicts `scored_train_eras`
    of the eras it was fitted on, evenly spaced, so that scores in training stand beside those in
    validation; 0 leaves them out. `eras` selects among the training eras of each fold, as
    `split.eras` does, but of shards that stand. `tensorboard` says which event files a network's
    fit writes: `curves` (losses, CORR by era, learning rate, throughput, gradient norms,
    hyperparameters and the graph), `weights` (a histogram of every weight after every epoch as
    well) or none. `profile` is the first and the last step, counted from 1, that TensorFlow's
    profiler watches in a fit.
    """

    epochs: int = Field(12, ge=1)
    batch_size: int = Field(1024, ge=1)
    patience: int = Field(4, ge=1)
    threshold: float = Field(0.0, ge=0)
    monitor: Literal["val_loss", "val_corr", "val_sharpe"] = "val_corr"
    devices: str = Field("auto", pattern=r"^(auto|cpu|gpu|gpu:\d+(,\d+)*)$")
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    jit: bool = False
    shuffle_blocks: int = Field(64, ge=1)
    threads: int = Field(0, ge=0)
    scored_train_eras: int = Field(20, ge=0)
    eras: str = "all"
    tensorboard: Literal["off", "curves", "weights"] = "curves"
    profile: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None

    @field_validator("profile")
    @classmethod
    def _first_step_first(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and value[0] > value[1]:
            raise ValueError("the first step stands before the last")
        return value


class TrackingSection(Section):
    """The record of trainings in MLflow (`training/tracking.py`).

    `mlflow` is `auto` (the database `mlflow.db` beside the run directory, so that experiments lie
    side by side), `off`, or the URI of a tracking server or database, such as
    `http://127.0.0.1:5000` or `sqlite:////home/me/mlflow.db`. `experiment` is the name under which
    the runs stand (empty: `run.name`).
    """

    mlflow: str = "auto"
    experiment: str = ""

    @field_validator("mlflow")
    @classmethod
    def _known(cls, value: str) -> str:
        if value in ("auto", "off"):
            return value
        where = urlsplit(value)
        if "://" not in value or where.scheme not in ("http", "https", "sqlite"):
            raise ValueError("this is neither 'auto' nor 'off' nor a URI (http, https, sqlite)")
        if where.password or where.username:
            raise ValueError("secrets belong to MLFLOW_TRACKING_USERNAME and _PASSWORD")
        return value


class TargetEntry(Section):
    """A target made of others, era by era, which travels in the shards under its table's name.

    `of` names columns of the data; with several the target is their mean by `weights` (empty:
    equal ones), and missing where one of them is. `transform`: `raw` leaves it, `rank` takes its
    ranks within the era, in (0, 1), `gaussian` their normal quantiles, `residual` what is left of
    it within the era after least squares on a constant and the gaussianised predictions of `to`,
    a benchmark or the meta model. Its horizon is the longest of `of`.
    """

    of: tuple[str, ...] = Field(min_length=1)
    weights: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()
    transform: Literal["raw", "rank", "gaussian", "residual"] = "raw"
    to: str = ""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if len(set(self.of)) != len(self.of):
            raise ValueError("a target of `of` stands twice")
        if self.weights and len(self.weights) != len(self.of):
            raise ValueError("weights are one a target of `of`, or none")
        if (self.transform == "residual") != bool(self.to):
            raise ValueError(
                "`to` names what a residual is taken to; the transform 'residual' needs it"
            )
        return self


class ModelNeeds(Section):
    """What a fit of a model takes of the machine where several run at once (`erazoo/engine/`).

    `threads` (unset: the cores over the number of jobs), `memory_mb` (0: no limit) and `gpus`
    (unset: 1 for a network where there is one, otherwise 0; a share lets fits share one).
    """

    threads: int | None = Field(None, ge=1, le=4096)
    memory_mb: int = Field(0, ge=0)
    gpus: float | None = Field(None, ge=0, le=64)


class ModelEntry(Section):
    """One model of the experiment; its table's name is the name of its results.

    `model` is the catalogue's name (default: the table's name). `params` are checked by that
    model's own parameter type on top of `preset`. It learns `target` (empty: `data.target`), or
    each of `targets`; `seeds` fits of each begin with seeds counted up from `run.seed`. Where
    there are several fits a fold, the prediction is the mean of their ranks within the era.
    `start` is the folder of an untrained network, whose weights a fit begins with.
    `continue_from` is the folder of a boosted model of an earlier run (`RUN/models/NAME`): each fit
    adds its trees to the earlier fit that has learned most of its training eras and no other era,
    and learns from the eras that are new. `importance` writes `importance.json` beside the model:
    the `gain` of a boosted model's splits by feature and group; with `shap` its mean absolute SHAP
    values on a sample of the folds' validation eras as well; with `permutation`, of any model, what
    CORR there loses without a feature.
    """

    model: str = ""
    preset: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    target: str = ""
    targets: tuple[str, ...] = ()
    seeds: int = Field(1, ge=1, le=100)
    start: str = ""
    continue_from: str = ""
    importance: Literal["none", "gain", "shap", "permutation"] = "none"
    needs: ModelNeeds = ModelNeeds()
    enabled: bool = True

    @model_validator(mode="after")
    def _one_way_to_say_targets(self) -> Self:
        if self.target and self.targets:
            raise ValueError("`target` is one and `targets` are several; give one of them")
        if len(set(self.targets)) != len(self.targets):
            raise ValueError("a target stands twice")
        if self.start and self.continue_from:
            raise ValueError("`start` and `continue_from` are two beginnings; give one of them")
        return self

    def learns(self, target: str) -> tuple[str, ...]:
        """The targets that are learned, of which `target` is the default."""
        return self.targets or (self.target or target,)


class EvaluateSection(Section):
    """What predictions are scored against, and which scores raise an alarm (`erazoo evaluate`).

    `target` is scored on (empty: `data.target`). `against` names columns of the meta model and of
    benchmarks to compare with (empty: those of [data]); BMC is taken against the first benchmark.
    `features` are those that FNC and exposures are taken to: a set or group, `none`, or `auto`:
    `fncv3_features` where the data have that set, else all where they are no more than 1,000.
    `clone` is the mean per-era rank correlation with a benchmark or the meta model from which on a
    candidate counts as its copy, `ceiling` the mean CORR above which a leak is suspected (unset:
    0.05 on tournament data, 0.2 on prices). `trials` is how many candidates were tried in all, for
    the deflated Sharpe: at least those that are scored, and on held-out eras all that ever were.
    `terms` is a file of a round's terms for the return that its payouts give.
    """

    target: str = ""
    against: tuple[str, ...] = ()
    features: str = Field("auto", min_length=1)
    clone: float = Field(0.95, gt=0, le=1)
    ceiling: float | None = Field(None, gt=0)
    trials: int | None = Field(None, ge=1)
    terms: str = ""

    @field_validator("against")
    @classmethod
    def _once(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a name stands twice")
        return value


class EnsembleSection(Section):
    """How predictions are blended (`ensemble/`)."""

    members: tuple[str, ...] = ()
    method: Literal["rank_average"] = "rank_average"


class PredictSection(Section):
    """What happens to live predictions (`predict/`)."""

    format: Literal["csv", "parquet"] = "csv"
    neutralize: float = Field(0.0, ge=0, le=1)
    neutralize_to: Literal["features", "benchmark"] = "features"


class SubmitSection(Section):
    """Which of the account's model slots receives the submission."""

    slot: str = ""
    timeout: float = Field(60.0, gt=0)


class EngineSection(Section):
    """How many jobs are run at once (`erazoo/engine/`).

    `backend`: `serial` runs one job after the other; `ray` runs many at once, on this machine or
    on the cluster at `ray_address` (`HOST:PORT`, or `auto` on one of its nodes); `debug` runs them
    inside the command itself, without limits, and stops at the first failure; `auto` is `serial`
    where one job at a time is asked for, and `ray` otherwise. At most `jobs` run at a time; 0 is
    as many as cores, memory and GPUs hold. `memory_share` of this machine's memory is handed out.
    """

    backend: Literal["auto", "serial", "ray", "debug"] = "auto"
    jobs: int = Field(0, ge=0, le=10_000)
    ray_address: str = ""
    memory_share: float = Field(0.8, gt=0, le=1)

    @model_validator(mode="after")
    def _cluster_by_ray(self) -> Self:
        if self.ray_address and self.backend in ("serial", "debug"):
            raise ValueError("engine.ray_address belongs to engine.backend 'ray' or 'auto'")
        return self


class Config(Section):
    """A whole experiment."""

    run: RunSection = RunSection()
    data: DataSection = DataSection()
    demo: DemoSection = DemoSection()
    prices: PricesSection = PricesSection()
    shards: ShardsSection = ShardsSection()
    clean: CleanSection = CleanSection()
    targets: dict[Annotated[str, Field(pattern=NAME)], TargetEntry] = Field(default_factory=dict)
    split: SplitSection = SplitSection()
    training: TrainingSection = TrainingSection()
    tracking: TrackingSection = TrackingSection()
    models: dict[Annotated[str, Field(pattern=NAME)], ModelEntry] = Field(default_factory=dict)
    evaluate: EvaluateSection = EvaluateSection()
    ensemble: EnsembleSection = EnsembleSection()
    predict: PredictSection = PredictSection()
    submit: SubmitSection = SubmitSection()
    engine: EngineSection = EngineSection()

    @model_validator(mode="after")
    def _targets_of_columns(self) -> Self:
        for name, entry in self.targets.items():
            if made := [column for column in entry.of if column in self.targets]:
                raise ValueError(
                    f"targets.{name} is made of columns of the data, not of {made[0]!r}"
                )
            if name in (self.data.target, *self.data.extra_targets):
                raise ValueError(f"targets.{name} has the name of a column of the data")
        return self

    @model_validator(mode="before")
    @classmethod
    def _default_model_names(cls, value: Any) -> Any:
        models = value.get("models") if isinstance(value, dict) else None
        if not isinstance(models, dict):
            return value
        if "ensemble" in models:
            raise ValueError("a model cannot be called 'ensemble'; the blend is")
        filled = {
            name: {**entry, "model": entry.get("model") or name}
            if isinstance(entry, dict)
            else entry
            for name, entry in models.items()
        }
        return {**value, "models": filled}
