"""The models of an experiment."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from erazoo.config.base import Section


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
    CORR there loses without a feature. `features` are those that it learns from: a feature set or
    group, as far as the shards hold it, `"small & wisdom"` for what both hold, or a list of such;
    empty, it learns from all.
    """

    model: str = ""
    preset: str = ""
    features: str | tuple[str, ...] = ""
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
        if len(set(self.feature_words)) != len(self.feature_words) or "" in self.feature_words:
            raise ValueError("`features` names sets or groups, each once")
        return self

    @property
    def feature_words(self) -> tuple[str, ...]:
        """The entries of `features`; none for all features."""
        if isinstance(self.features, tuple):
            return self.features
        return (self.features,) if self.features else ()

    def learns(self, target: str) -> tuple[str, ...]:
        """The targets that are learned, of which `target` is the default."""
        return self.targets or (self.target or target,)
