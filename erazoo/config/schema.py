"""The sections of an experiment's TOML file, each validated on its own.

Every option is read somewhere in the rooms named by its section; an unknown key is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


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

    `dir` holds the data files (default: `data` in the run directory). `target` is what models are
    trained and scored on; `extra_targets` travel along into the shards. `meta_model` and
    `benchmark` name the columns that MMC and BMC are taken against; empty, they are
    `numerai_meta_model` and the first benchmark found.
    """

    source: Literal["demo", "numerai", "prices"] = "demo"
    tournament: Literal["classic", "crypto", "none"] = "classic"
    dir: str = ""
    version: str = "latest"
    feature_set: str = "all"
    target: str = "target_ender_20"
    extra_targets: tuple[str, ...] = ()
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
    """How rows are laid into TFRecord files (`etl/shards`)."""

    layout: Literal["era", "flat"] = "era"
    block_rows: int = Field(1024, ge=1, le=1 << 20)
    shard_rows: int = Field(65536, ge=1)


class SplitSection(Section):
    """Purged folds over eras (`etl/splits.py`).

    `purge` (default: the target's horizon in eras plus `margin`) and `embargo` count ORIGINAL
    eras; an embargo follows validation eras, so it matters to k-fold and combinatorial folds
    alone. `held_out` is the share of resolved eras, the newest, that only `evaluate --final` opens.
    `eras` selects training eras: `all`, `even`, `odd`, `every:N`, `A..B` or labels; a comma joins,
    `&` intersects, as in `1..574&every:4`.
    """

    scheme: Literal["expanding", "rolling", "kfold", "combinatorial"] = "expanding"
    folds: int = Field(4, ge=1, le=100)
    first_train: float = Field(0.5, gt=0, lt=1)
    test_folds: int = Field(2, ge=1)
    margin: int = Field(4, ge=1)
    purge: int | None = Field(None, ge=0)
    embargo: int = Field(0, ge=0)
    held_out: float = Field(0.15, ge=0, lt=0.9)
    eras: str = "all"

    @model_validator(mode="after")
    def _fewer_test_folds(self) -> Self:
        if self.scheme == "combinatorial" and self.test_folds >= self.folds:
            raise ValueError("split.test_folds must be fewer than split.folds")
        return self


class TrainingSection(Section):
    """The loop around a network's epochs (`training/`).

    A preset's own `batch_size` wins over the one here. `threads` limits LightGBM and TensorFlow;
    0 is every core that the process may use.
    """

    epochs: int = Field(12, ge=1)
    batch_size: int = Field(1024, ge=1)
    patience: int = Field(4, ge=1)
    monitor: Literal["val_loss", "val_corr"] = "val_corr"
    devices: str = Field("auto", pattern=r"^(auto|cpu|gpu|gpu:\d+(,\d+)*)$")
    shuffle_blocks: int = Field(64, ge=1)
    threads: int = Field(0, ge=0)


class ModelEntry(Section):
    """One model of the experiment; its table's name is the name of its results.

    `model` is the catalogue's name (default: the table's name). `params` are checked by that
    model's own parameter type on top of `preset`.
    """

    model: str = ""
    preset: str = ""
    params: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True


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


class Config(Section):
    """A whole experiment."""

    run: RunSection = RunSection()
    data: DataSection = DataSection()
    demo: DemoSection = DemoSection()
    prices: PricesSection = PricesSection()
    shards: ShardsSection = ShardsSection()
    split: SplitSection = SplitSection()
    training: TrainingSection = TrainingSection()
    models: dict[Annotated[str, Field(pattern=NAME)], ModelEntry] = Field(default_factory=dict)
    ensemble: EnsembleSection = EnsembleSection()
    predict: PredictSection = PredictSection()
    submit: SubmitSection = SubmitSection()

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
