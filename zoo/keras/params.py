"""What the parameters of every network have in common: inputs, head and optimisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from zoo.catalogue import Params
from zoo.keras.heads import MAIN, Head, Labels, Reconstruction, Regression
from zoo.keras.optimisation import AverageOptions, ScheduleOptions

Activation = Literal["relu", "silu", "gelu", "mish", "selu"]
Rate = Annotated[float, Field(ge=0, lt=1)]
Width = Annotated[int, Field(ge=1, le=16384)]
Weight = Annotated[float, Field(ge=0)]
Widths = Annotated[tuple[Width, ...], Field(min_length=1, max_length=64)]

PER_ERA = ("pearson", "corr")
MOMENTUM = 0.9
DELTA, START, CLASSES = 0.25, 0.5, 5


class InputOptions(Params):
    """How raw features enter any network, see `zoo.keras.inputs`.

    Args:
        embedding: the length of a learned vector for each code of each quintile feature, in place
            of the standardised value; 0 for none.
        indicator: a second value a feature, 1 where it is missing; needs missing quintiles with a
            code of their own.
        noise: standard deviation of Gaussian noise on the standardised values in training.
        dropout: share of features that are set to 0 in training.
    """

    embedding: int = Field(0, ge=0, le=64)
    indicator: bool = False
    noise: float = Field(0.0, ge=0, le=1)
    dropout: Rate = 0.0

    @model_validator(mode="after")
    def _one_way_to_say_missing(self) -> Self:
        if self.embedding and self.indicator:
            raise ValueError("embedding has a vector for the missing code; indicator adds nothing")
        return self


class HeadOptions(Params):
    """What any network predicts and by which loss it learns, see `zoo.keras.heads`.

    Args:
        kind: `regression`, one number; `classes`, a softmax over the target's values;
            `multilabel`, one independent sigmoid a boundary between values (Frank and Hall 2001);
            `ordinal`, one conditional probability a boundary, whose products cannot cross (CORN,
            Shi, Cao and Raschka 2023). The prediction is the expected target in the last three.
        loss: of a regression; `pearson` is 1 - the correlation of each era, `corr` the same of
            the tournament's CORR. Both need `batch_eras`.
        delta: where `huber` turns from squares to a line.
        output: of a regression: `sigmoid` stays inside (0, 1), `linear` does not. Neither ties
            predictions, as a rectified output would.
        start: what an untrained `linear` output predicts.
        classes: values of the target, evenly spaced in [0, 1].
        label_smoothing: of the three kinds with labels.
        weight: the head's factor in the joint loss.
        auxiliary: further targets by name, each with the weight of a head of the same kind; where
            such a target is missing its head learns nothing from the row.
        reconstruction: the weight of a head that reconstructs the standardised inputs; 0 for none.
    """

    kind: Literal["regression", "classes", "multilabel", "ordinal"] = "regression"
    loss: Literal["mse", "mae", "huber", "log_cosh", "pearson", "corr"] = "mse"
    delta: float = Field(DELTA, gt=0)
    output: Literal["sigmoid", "linear"] = "sigmoid"
    start: float = START
    classes: int = Field(CLASSES, ge=2, le=100)
    label_smoothing: Rate = 0.0
    weight: float = Field(1.0, gt=0)
    auxiliary: dict[str, Annotated[float, Field(gt=0)]] = Field(default_factory=dict)
    reconstruction: Weight = 0.0

    @model_validator(mode="after")
    def _options_of_this_kind(self) -> Self:
        if self.kind != "regression" and self.loss != "mse":
            raise ValueError(f"loss {self.loss} is one of kind regression, not of {self.kind}")
        if self.kind == "regression" and self.label_smoothing:
            raise ValueError("label_smoothing is for kinds with labels, not for regression")
        if self.kind == "regression" and self.classes != CLASSES:
            raise ValueError("classes are for kinds with labels, not for regression")
        if self.kind != "regression" and self.output != "sigmoid":
            raise ValueError(f"output {self.output} is one of kind regression, not of {self.kind}")
        if self.loss != "huber" and self.delta != DELTA:
            raise ValueError(f"delta is for the loss huber, not for {self.loss}")
        if self.output != "linear" and self.start != START:
            raise ValueError(f"start is for the output linear, not for {self.output}")
        return self

    def head(self, name: str, weight: float, *, column: int = 0, eras: int | None = None) -> Head:
        """A head of this kind.

        Args:
            name: of the output.
            weight: in the joint loss.
            column: of its target among those of a batch.
            eras: whole eras a batch, which `pearson` and `corr` need.
        """
        if self.kind == "regression":
            return Regression(
                name, weight, column, self.output, self.loss, self.delta, self.start, eras or 1
            )
        return Labels(name, weight, column, self.kind, self.classes, self.label_smoothing)

    def heads(self, eras: int | None = None) -> tuple[Head, ...]:
        """The main head, one a further target, and the reconstruction where it is wanted."""
        main = self.head(MAIN, self.weight, eras=eras)
        others = [
            self.head(name, weight, column=column, eras=eras)
            for column, (name, weight) in enumerate(self.auxiliary.items(), start=1)
        ]
        again = [Reconstruction("reconstruction", self.reconstruction)]
        return (main, *others, *(again if self.reconstruction else []))


class NetworkParams(Params):
    """Inputs, head and optimisation, the same for every network.

    Args:
        inputs: how features enter.
        head: what is predicted and by which loss.
        optimizer: `adam` (Kingma and Ba 2015); `adamw`, with decoupled weight decay (Loshchilov
            and Hutter 2019); `sgd` with `momentum`; `lion` (Chen et al. 2023); `muon` for the
            kernels of hidden layers, beside AdamW for all else (Jordan 2024, scaled as by Liu et
            al. 2025).
        learning_rate: the step size at the beginning, or at the top of a schedule that rises.
        weight_decay: decoupled, a step by `learning_rate` times as much, of the kernels alone:
            biases, normalisation, embeddings and scales are spared; refused with `adam`.
        momentum: of `sgd` and `muon`.
        nesterov: momentum that looks ahead, of `sgd`; that of `muon` always does.
        clip_norm: the most that the gradient of all weights together may measure.
        clip_value: the most that any component of the gradient may measure.
        schedule: how the step size changes.
        average: averaged weights in place of the last ones.
        batch_size: rows a step over all devices; None for that of `[training]`.
        batch_eras: whole eras a step, in place of any number of rows.
    """

    inputs: InputOptions = InputOptions()
    head: HeadOptions = HeadOptions()
    optimizer: Literal["adam", "adamw", "sgd", "lion", "muon"] = "adamw"
    learning_rate: float = Field(1e-3, gt=0, le=1)
    weight_decay: float = Field(0.0, ge=0, lt=1)
    momentum: float = Field(MOMENTUM, ge=0, lt=1)
    nesterov: bool = False
    clip_norm: float | None = Field(None, gt=0)
    clip_value: float | None = Field(None, gt=0)
    schedule: ScheduleOptions = ScheduleOptions()
    average: AverageOptions = AverageOptions()
    batch_size: int | None = Field(None, ge=1)
    batch_eras: int | None = Field(None, ge=1, le=256)

    @model_validator(mode="after")
    def _fitting_together(self) -> Self:
        if self.optimizer == "adam" and self.weight_decay:
            raise ValueError("weight_decay needs another optimizer, such as adamw; adam has none")
        if self.nesterov and self.optimizer != "sgd":
            raise ValueError(f"nesterov is for sgd, not for {self.optimizer}")
        if self.momentum != MOMENTUM and self.optimizer not in ("sgd", "muon"):
            raise ValueError(f"momentum is for sgd and muon, not for {self.optimizer}")
        if self.clip_norm and self.clip_value:
            raise ValueError("clip_norm and clip_value are two ways to clip; choose one")
        if self.head.loss in PER_ERA and self.batch_eras is None:
            raise ValueError(
                f"head.loss {self.head.loss} needs batch_eras, whole eras a batch, such as 4"
            )
        return self

    @property
    @override
    def watches(self) -> bool:
        """Every network's epochs are chosen by eras that it does not learn from."""
        return True

    def heads(self) -> tuple[Head, ...]:
        """The outputs that carry a loss, the one that predicts first."""
        return self.head.heads(self.batch_eras)

    def of_network(self) -> dict[str, Any]:
        """The options that the network itself is made of, without those of its optimisation."""
        fitting = NetworkParams.model_fields.keys() - {"inputs", "head"}
        return self.model_dump(mode="json", exclude=set(fitting))

    def for_fit(self, name: str, eras: Sequence[str]) -> Self:  # noqa: ARG002
        """The parameters for the fit `name` on `eras`; most networks have the same for all."""
        return self
