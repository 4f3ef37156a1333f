"""Trainings, and the record that is kept of them."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from erazoo.config.base import Section


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
