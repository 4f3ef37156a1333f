"""A fit that is interrupted at any moment ends as it would have without the interruption."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from contracts.fits import DISTURBED, Forks, assert_same_fit, saved_weights, small_fit
from contracts.planted import planted_shards

from erazoo.config import Config, describe
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from training.keras import best as best_module
from training.keras import last as last_module
from training.keras.last import FILE, LastEpoch
from training.task import STATE, FitResult


class Death(BaseException):
    """Nothing catches it."""


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    planted_shards(folder, codec="packed", wrong=0.25)
    return folder


@pytest.fixture(scope="module")
def data(shards: Path) -> ShardSet:
    return ShardSet.open(shards)


def die_after(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    """The state of `epoch` is the last thing that is written."""
    own = LastEpoch.on_epoch_end

    def dying(self: LastEpoch, number: int, logs: dict[str, float] | None = None) -> None:
        own(self, number, logs)
        if number + 1 == epoch:
            raise Death

    monkeypatch.setattr(LastEpoch, "on_epoch_end", dying)


def interrupted(fit: Callable[[], FitResult], epoch: int) -> FitResult:
    with pytest.MonkeyPatch.context() as patch:
        die_after(patch, epoch)
        with pytest.raises(Death):
            fit()
    return fit()


@pytest.mark.parametrize(
    ("recipe", "settings"),
    [
        (
            {
                "optimizer": "adam",
                "average": {"kind": "ema", "momentum": 0.9},
                "schedule": {"kind": "cosine", "warmup": 0.2},
                "clip_norm": 0.1,
            },
            {},
        ),
        (
            {
                "optimizer": "sgd",
                "learning_rate": 0.1,
                "average": {"kind": "swa", "epochs": 3},
                "schedule": {"kind": "plateau", "every": 1},
            },
            {"monitor": (), "length": 5},
        ),
        (
            {"optimizer": "muon", "weight_decay": 0.1, "schedule": {"kind": "one_cycle"}},
            {"precision": "float16"},
        ),
        (
            {"optimizer": "lion", "batch_eras": 2, "head": {"loss": "corr"}},
            {"watched": "val_sharpe"},
        ),
    ],
    ids=["ema and cosine", "swa, plateau and no monitor", "muon in float16", "whole eras"],
)
def test_every_recipe_goes_on_as_if_nothing_happened(
    data: ShardSet, tmp_path: Path, recipe: dict[str, Any], settings: dict[str, Any]
) -> None:
    def fit(folder: Path) -> FitResult:
        return small_fit(data, folder, {**DISTURBED, **recipe}, **settings)

    whole = fit(tmp_path / "whole")
    cut = interrupted(lambda: fit(tmp_path / "cut"), epoch=3)
    assert_same_fit(tmp_path / "whole", tmp_path / "cut", (whole, cut))


@contextmanager
def dying_at(point: str, patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Death right before something of the third epoch is put in its place."""
    counts = {"weights": 0, "record": 0, "state": 0}

    def mortal(own: Callable[..., Any], kind: Callable[[Path], str]) -> Callable[..., Any]:
        def write(path: Path, *rest: Any) -> Any:
            name = kind(path)
            counts[name] += 1
            if name == point and counts[name] == 3:
                raise Death
            return own(path, *rest)

        return write

    weights = lambda path: "weights"
    patch.setattr(best_module, "atomic_file", mortal(best_module.atomic_file, weights))
    patch.setattr(best_module, "write_json", mortal(best_module.write_json, lambda path: "record"))
    patch.setattr(last_module, "atomic_file", mortal(last_module.atomic_file, lambda path: "state"))
    with pytest.raises(Death):
        yield


@pytest.fixture(scope="module")
def whole(data: ShardSet, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FitResult]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, small_fit(data, folder, DISTURBED)


@pytest.mark.parametrize("point", ["weights", "record", "state"])
def test_death_between_any_two_files_of_an_epoch(
    data: ShardSet, tmp_path: Path, whole: tuple[Path, FitResult], point: str
) -> None:
    with pytest.MonkeyPatch.context() as patch, dying_at(point, patch):
        small_fit(data, tmp_path, DISTURBED)
    again = small_fit(data, tmp_path, DISTURBED)
    assert_same_fit(whole[0], tmp_path, (whole[1], again))


def test_a_finished_fit_is_not_trained_again(
    data: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = small_fit(data, tmp_path, DISTURBED, patience=1, epochs=9)
    weights = saved_weights(tmp_path)
    (tmp_path / "model.keras").unlink()
    die_after(monkeypatch, len(first.history["loss"]) + 1)
    again = small_fit(data, tmp_path, DISTURBED, patience=1, epochs=9)
    assert again.history == first.history
    with np.load(tmp_path / STATE / FILE) as state:
        assert again.seconds > json.loads(str(state["arr_0"]))["seconds"]
    for left, right in zip(weights, saved_weights(tmp_path), strict=True):
        assert (left == right).all()


@pytest.mark.parametrize(
    "change",
    [{"seed": 4}, {"recipe": {"learning_rate": 0.02}}, {"batch_size": 32}, {"damage": True}],
    ids=["seed", "recipe", "settings", "damage"],
)
def test_the_state_of_another_fit_is_never_gone_on_from(
    data: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        die_after(patch, 1)
        with pytest.raises(Death):
            small_fit(data, tmp_path, {"batch_size": None}, epochs=2)
    ways = {"recipe": {}, **change}
    if ways.pop("damage", False):
        (tmp_path / STATE / FILE).write_bytes(b"PK\x03\x04 torn")
    begun: list[int] = []
    monkeypatch.setattr(LastEpoch, "resume", lambda *_: begun.append(1))
    recipe = {"batch_size": None, **ways.pop("recipe")}
    result = small_fit(data, tmp_path, recipe, epochs=2, **ways)
    assert not begun
    assert len(result.history["loss"]) == 2


@pytest.fixture(scope="module")
def forks() -> Iterator[Forks]:
    started = Forks()
    yield started
    started.close()


def fitted(folder: Path) -> FitResult:
    return FitResult(*json.loads((folder / "result.json").read_text()))


def kill_until_done(
    forks: Forks, call: list[Any], states: Callable[[], int], kills: int, seed: int
) -> int:
    """Kill a call at random moments after each new state, then let it end; how often it died."""
    moments, died = random.Random(seed), 0
    while True:
        before = states()
        child = forks.begin(*call)
        while died < kills and Path(f"/proc/{child}/stat").exists():
            time.sleep(0.01)
            if states() > before or moments.random() < 0.001:
                time.sleep(moments.uniform(0, 0.4))
                os.kill(child, signal.SIGKILL)
                break
        if forks.end() == 0:
            return died
        died += 1


def newest(folder: Path) -> int:
    """When the newest state below a folder was written."""
    times = [0]
    for path in folder.rglob(FILE):
        with suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return max(times)


def test_killed_at_random_moments_a_fit_ends_as_if_nothing_happened(
    forks: Forks, shards: Path, tmp_path: Path
) -> None:
    def call(folder: Path) -> list[Any]:
        folder.mkdir()
        return ["fit", str(shards), str(folder), DISTURBED, {"epochs": 8}]

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    forks.begin(*call(whole))
    assert forks.end() == 0
    assert kill_until_done(forks, call(cut), lambda: newest(cut), kills=3, seed=7) >= 2
    assert_same_fit(whole, cut, (fitted(whole), fitted(cut)))
    values = fitted(whole).history["val_corr"]
    assert len(values) == 8
    assert read_json(cut / "best_epoch.json")["epoch"] == values.index(max(values)) + 1


@pytest.mark.long
def test_killed_fifteen_times_over_epochs_folds_and_seeds_a_model_is_the_same(
    forks: Forks, make_run: Callable[..., tuple[Config, RunDir]]
) -> None:
    settings = (
        "split.folds=2",
        "models.mlp.preset=small",
        "models.mlp.seeds=2",
        "models.mlp.params={units = [8], batch_size = 64, dropout = 0.2}",
        "training.epochs=4",
        "training.tensorboard=off",
    )
    (config, whole), (_, cut) = (make_run(*settings, name=name) for name in ("whole", "cut"))
    calls = [["train", describe(config), str(run.root), "mlp"] for run in (whole, cut)]
    forks.begin(*calls[0])
    assert forks.end() == 0
    folder = cut.path("models", "mlp")
    assert kill_until_done(forks, calls[1], lambda: newest(folder), kills=15, seed=8) == 15
    for path in sorted(whole.path("models", "mlp").rglob("*.parquet")):
        other = cut.root / path.relative_to(whole.root)
        assert pl.read_parquet(path).equals(pl.read_parquet(other)), path
    records = [
        {path.relative_to(run.root): read_json(path) for path in run.root.rglob("best_epoch.json")}
        for run in (whole, cut)
    ]
    assert records[0] == records[1]
    assert len(records[0]) == 6
    assert not list(cut.root.rglob(STATE))
