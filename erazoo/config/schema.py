"""A whole experiment, and every section of its TOML file, each validated on its own.

Every option is read somewhere in the rooms named by its section; an unknown key is an error.
"""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from erazoo.config.base import NAME, Section
from erazoo.config.data import DataSection, DemoSection, PricesSection, TargetEntry
from erazoo.config.engine import EngineSection
from erazoo.config.ensemble import EnsembleSection, GridSection, MetaSection, WalkSection
from erazoo.config.mine import MineSection
from erazoo.config.models import ModelEntry, ModelNeeds
from erazoo.config.outcome import EvaluateSection, PredictSection, SubmitSection
from erazoo.config.shards import CleanRules, CleanSection, ShardsSection
from erazoo.config.split import SplitSection
from erazoo.config.training import TrackingSection, TrainingSection
from erazoo.config.unique import SegmentEntry, UniqueSection

__all__ = [
    "CleanRules",
    "CleanSection",
    "Config",
    "DataSection",
    "DemoSection",
    "EngineSection",
    "EnsembleSection",
    "EvaluateSection",
    "GridSection",
    "MetaSection",
    "MineSection",
    "ModelEntry",
    "ModelNeeds",
    "NAME",
    "PredictSection",
    "PricesSection",
    "RunSection",
    "Section",
    "SegmentEntry",
    "ShardsSection",
    "SplitSection",
    "SubmitSection",
    "TargetEntry",
    "TrackingSection",
    "TrainingSection",
    "UniqueSection",
    "WalkSection",
]


class RunSection(Section):
    """The experiment itself."""

    name: str = Field("demo", pattern=NAME)
    dir: str = ""
    seed: int = Field(7, ge=0, lt=2**31)


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
    mine: MineSection = MineSection()
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
        for name in ("ensemble", "unique"):
            if name in models:
                raise ValueError(f"a model cannot be called {name!r}; a blend is")
        filled = {
            name: {**entry, "model": entry.get("model") or name}
            if isinstance(entry, dict)
            else entry
            for name, entry in models.items()
        }
        return {**value, "models": filled}
