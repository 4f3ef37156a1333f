"""`erazoo ensemble --walk` in a run: lived era by era, gone on with to the same bytes."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ensemble.blend import ensemble
from ensemble.walk.case import walk_outlook
from ensemble.walk.models import walked_models
from ensemble.walk.record import STATE, WALK, WEIGHTS, walk_folder
from ensemble.walk.replay import Replay
from ensemble.walk.run import read_walk, walk
from erazoo.config import Config
from erazoo.config.schema import ModelEntry, UniqueSection, WalkSection
from erazoo.errors import ConfigError
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from training.loop import train_model
from training.predictions import Predictions
from zoo.learned_columns import COLUMNS

Trained = tuple[Config, RunDir]
SMALL: dict[str, Any] = {"window": 8, "refit": 3, "every": 2, "method": "maximise"}
OUTPUTS = (
    WALK,
    WEIGHTS,
    "predictions.parquet",
    "models/ridge/predictions.parquet",
    "models/lightgbm/predictions.parquet",
)


def with_walk(config: Config, **changes: Any) -> Config:
    section = config.ensemble.model_copy(
        update={
            "methods": ("score_proportional",),
            "unique": UniqueSection(enabled=False),
            "walk": WalkSection(**{**SMALL, **changes}),
        }
    )
    return config.model_copy(update={"ensemble": section})


def files(run: RunDir) -> dict[str, bytes]:
    """Every byte that a walk left, its models included."""
    folder = walk_folder(run)
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture
def ready(trained: Trained) -> Trained:
    config, run = with_walk(trained[0]), trained[1]
    ensemble(config, run)
    return config, run


@pytest.mark.parametrize("update", ["window", "continue"])
def test_a_walk_covers_the_pooled_eras(ready: Trained, update: str) -> None:
    config, run = with_walk(ready[0], update=update), ready[1]
    made = walk(config, run)
    blend = Predictions.load(walk_folder(run) / "predictions.parquet")
    standard = Predictions.load(run.path("ensemble", "out_of_fold.parquet"))
    assert (blend.ids == standard.ids).all()
    assert np.isfinite(blend.values).all()
    assert set(made["candidates"]) >= {"walk", "equal", "static", "nested", "ridge (walk)"}
    assert len(made["weights"]) == len(made["eras"])
    np.testing.assert_allclose(np.sum(made["weights"], axis=1), 1)
    assert made["candidates"]["walk"]["summary"]["mmc"] is not None
    assert read_walk(run) == made
    assert walk(config, run)["skipped"]


def spied(monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> None:
    """Let every block that is read from files pass through a function."""
    plain = ShardSet.blocks

    def blocks(self: ShardSet, *args: Any, **options: Any) -> Iterator[Any]:
        return map(change, plain(self, *args, **options))

    monkeypatch.setattr(ShardSet, "blocks", blocks)


def late_targets(later: set[str], seed: int) -> Callable[[Any], Any]:
    """Other targets, and other references, in some eras."""
    rng = np.random.default_rng(seed)

    def change(block: Any) -> Any:
        if block.era not in later:
            return block
        targets = rng.choice(np.array([0, 0.25, 0.5, 0.75, 1], "f4"), block.targets.shape)
        references = rng.random(block.references.shape).astype("f4")
        return replace(block, targets=targets, references=references)

    return change


@pytest.mark.parametrize(
    ("world", "changes"),
    [
        ("ready", {"update": "window"}),
        ("ready", {"update": "continue"}),
        ("long_run", {"method": "meta", "every": 5, "refit": 9}),
    ],
    ids=["window", "continue", "meta"],
)
def test_no_target_is_used_before_its_time(
    world: str,
    changes: dict[str, Any],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Targets of eras later than t less reach and lag are changed: nothing moves up to t."""
    start: Trained = request.getfixturevalue(world)
    config, run = with_walk(start[0], **changes), start[1]
    other = RunDir(Path(shutil.copytree(run.root, tmp_path / "other")))
    made = walk(config, run)
    place = len(made["eras"]) * 3 // 4
    here = int(made["eras"][place])
    later = {f"{e:04d}" for e in range(here - made["purge"], 200)}
    spied(monkeypatch, late_targets(later, 1))
    again = walk(config, other)
    if config.ensemble.walk.method == "meta":
        moved = np.abs(np.diff(made["weights"][: place + 1], axis=0)).sum(axis=1) > 0
        assert moved.sum() > place / 5
    same, differing = set(), set()
    ours, theirs = files(run), files(other)
    assert list(ours) == list(theirs)
    for name in ours:
        (same if ours[name] == theirs[name] else differing).add(name)
    steps = [f"{STATE}/steps/{era}.npz" for era in made["eras"]]
    assert same >= set(steps[: place + 1])
    assert steps[-1] in differing
    assert made["weights"][: place + 1] == again["weights"][: place + 1]
    updates = [made["eras"].index(update["era"]) for update in made["updates"]]
    lived = [number for number, at in enumerate(updates) if at <= place]
    models = {name for name in ours if name.startswith(f"{STATE}/models/")}
    known = {name for name in models if int(name.split("/")[3]) in lived}
    assert known
    assert known <= same
    assert models & differing


KILLED = """
import os, signal, sys
from pathlib import Path
from ensemble.walk.run import walk
from erazoo.config import Config
from erazoo.rundir import RunDir
left, replace = int(sys.argv[3]), os.replace
def dying(*paths):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    replace(*paths)
os.replace = dying
walk(Config.model_validate_json(Path(sys.argv[1]).read_text()), RunDir(Path(sys.argv[2])))
"""


@pytest.mark.parametrize("update", ["window", "continue"])
def test_a_killed_walk_ends_with_the_same_bytes(
    ready: Trained, update: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = with_walk(ready[0], update=update), ready[1]
    other = RunDir(Path(shutil.copytree(run.root, tmp_path / "other")))
    walk(config, run)
    settings = tmp_path / "config.json"
    settings.write_text(config.model_dump_json())
    lived = 0
    for left in np.random.default_rng(len(update)).integers(3, 14, 3):
        call = [sys.executable, "-c", KILLED, str(settings), str(other.root), str(left)]
        assert subprocess.run(call, check=False).returncode == -signal.SIGKILL
        done = list((walk_folder(other) / STATE).glob("steps/0*.npz"))
        assert len(done) >= lived
        lived = len(done)
    assert lived
    seen: list[int] = []
    live = Replay._live

    def spy(self: Replay, place: int, *rest: Any) -> Any:
        seen.append(place)
        return live(self, place, *rest)

    monkeypatch.setattr(Replay, "_live", spy)
    walk(config, other)
    assert seen[0] == lived
    assert files(run) == files(other)


@pytest.mark.parametrize("changes", [{}, {"update": "continue", "refit": 5, "window": 4}])
def test_each_era_is_read_once_and_few_are_held(
    ready: Trained, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = with_walk(ready[0], **changes), ready[1]
    read: Counter[str] = Counter()
    held: list[int] = []

    def count(block: Any) -> Any:
        read[block.era] += block.features.shape[1] > 0
        return block

    live = Replay._live

    def spy(self: Replay, place: int, block: Any, data: Any, weigher: Any) -> Any:
        held.append(len(data.eras()))
        return live(self, place, block, data, weigher)

    spied(monkeypatch, count)
    monkeypatch.setattr(Replay, "_live", spy)
    made = walk(config, run)
    assert max(read.values()) == 1
    assert set(made["eras"]) <= {era for era, times in read.items() if times}
    assert max(held) == made["held"]["eras"]
    most = max(config.ensemble.walk.window, config.ensemble.walk.refit) + made["purge"] + 2
    assert max(held) <= most
    assert made["held"]["bytes"] >= made["held"]["eras"] * 40 * 6


def test_other_settings_walk_again_and_an_ensemble_made_anew_is_compared_anew(
    ready: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = ready
    first = walk(config, run)
    assert walk_outlook(config, run)["stands"]
    other = with_walk(config, window=12)
    assert not walk_outlook(other, run)["stands"]
    assert walk(other, run)["candidates"]["walk"] != first["candidates"]["walk"]
    walk(config, run)
    assert walk(config, run, force=True)["candidates"] == first["candidates"]
    section = config.ensemble.model_copy(update={"method": "score_proportional"})
    named = config.model_copy(update={"ensemble": section})
    ensemble(named, run)
    assert not (walk_folder(run) / WALK).exists()
    monkeypatch.setattr(Replay, "_live", lambda *_: pytest.fail("lived again"))
    again = walk(named, run)
    assert again["candidates"]["walk"] == first["candidates"]["walk"]


def test_a_dry_run_plans_and_writes_nothing(ready: Trained) -> None:
    config, run = ready
    outlook = walk_outlook(config, run)
    assert not walk_folder(run).exists()
    made = walk(config, run)
    assert outlook["models"] == ["ridge", "lightgbm"]
    assert outlook["eras"][2] == len(made["eras"])
    assert outlook["updates"] == len(made["updates"])
    assert outlook["held"] == made["held"]


def test_what_cannot_walk_is_refused_in_words(ready: Trained, tmp_path: Path) -> None:
    config, run = ready
    with pytest.raises(ConfigError, match=r"no member.*lightgmb.*lightgbm"):
        walk(with_walk(config, models=("lightgmb",)), run)
    with pytest.raises(ConfigError, match=r"no such way.*maximize.*maximise"):
        walk(with_walk(config, method="maximize"), run)
    entries = {
        "mlp": ModelEntry(model="mlp", preset="demo"),
        "later": ModelEntry(model="lightgbm", continue_from=str(run.path("models", "lightgbm"))),
    }
    more = config.model_copy(update={"models": {**config.models, **entries}})
    models, refused = walked_models(more, run, [*config.models, *entries], tmp_path)
    assert [model.name for model in models] == ["ridge", "lightgbm"]
    assert "'keras'" in refused["mlp"]
    assert "knows eras of the walk" in refused["later"]
    named = with_walk(more, models=("ridge", "mlp"))
    with pytest.raises(ConfigError, match=r"mlp: a model of the family 'keras'"):
        walked_models(named, run, ["ridge", "mlp"], tmp_path)


def test_a_window_follows_a_signal_that_turns(make_world: Callable[..., Trained]) -> None:
    """The sign flips in the middle of the walk: the first fit is wrong from there on."""
    config, run = make_world(lambda era: 0.5 if era < 60 else -0.5)
    made = walk(with_walk(config, window=10, refit=2, method="equal"), run)
    apart, pair = made["eras"].index("0060"), made["differences"][0]
    corr = {name: entry["per_era"]["corr"] for name, entry in made["candidates"].items()}
    behind = apart + made["purge"] + 12
    assert np.mean(corr["static"][:apart]) > 0.1
    assert np.mean(corr["static"][behind:]) < -0.1
    assert np.mean(corr["walk"][behind:]) > 0.1
    assert (pair["of"], pair["to"]) == ("walk", "static")
    # One turn in one history: the error counts what lies on either side of it as dependent.
    assert pair["mean"] > pair["standard_error"]
    assert made["verdict"].startswith("better than models that are never updated: +")


def test_with_nothing_to_find_a_walk_finds_nothing(make_world: Callable[..., Trained]) -> None:
    config, run = make_world(lambda era: 0.0)
    made = walk(with_walk(config, window=30, refit=5), run)
    for pair in made["differences"]:
        assert abs(pair["mean"]) < 2.5 * pair["standard_error"]
    corr = made["candidates"]["walk"]["summary"]["corr"]
    assert abs(corr["mean"]) < 3 * corr["standard_error"]


def trees_of(run: RunDir, name: str, update: int, member: str = "fit") -> list[int]:
    """How many trees each stage of a LightGBM model has."""
    folder = walk_folder(run) / STATE / "models" / name / f"{update:04d}" / member
    return [path.read_text().count("\nTree=") for path in sorted(folder.glob("model*.txt"))]


def test_a_fit_goes_on_by_trees_in_proportion_or_as_many_as_are_given(ready: Trained) -> None:
    config, run = with_walk(ready[0], update="continue", window=10), ready[1]
    made = walk(config, run)
    last = len(made["updates"]) - 1
    new = [update["new"] for update in made["updates"][1:]]
    proportional = [round(20 / 10 * count) for count in new]
    assert sorted(trees_of(run, "lightgbm", last)) == sorted([20, *proportional])
    walk(with_walk(ready[0], update="continue", window=10, trees=7), run)
    assert sorted(trees_of(run, "lightgbm", last)) == sorted([20, *[7] * last])
    card = read_json(
        walk_folder(run) / STATE / "models" / "lightgbm" / f"{last:04d}" / "fit" / "card.json"
    )
    assert not set(card["fit"]) & set(card["known"])
    assert len(card["fit"]) == new[-1]
    assert len(card["known"]) == 10 + sum(new[:-1])
    folders = sorted((walk_folder(run) / STATE / "models" / "lightgbm").iterdir())
    assert [folder.name for folder in folders] == ["0000", f"{last - 1:04d}", f"{last:04d}"]


def test_members_of_a_model_its_features_and_early_stopping_walk_too(make_run: Any) -> None:
    config, run = make_run(
        "models.lightgbm.features=charisma",
        "models.lightgbm.seeds=2",
        "models.lightgbm.params.early_stopping=3",
        "models.ridge.enabled=false",
        "models.second={model='ridge', params={alpha=10}}",
    )
    for name in ("lightgbm", "second"):
        train_model(config, run, name)
    config = with_walk(config, models=("lightgbm",), update="continue")
    ensemble(config, run)
    made = walk(config, run)
    folder = walk_folder(run) / STATE / "models" / "lightgbm" / "0000"
    cards = [read_json(folder / member / "card.json") for member in ("seed-7", "seed-8")]
    assert [len(card[COLUMNS]) for card in cards] == [3, 3]
    for card in cards:
        assert card["monitor"]
        assert int(card["monitor"][0]) - int(card["fit"][-1]) > made["purge"]
    assert made["members"] == ["lightgbm"]


def test_each_option_has_its_effect(ready: Trained) -> None:
    config, run = ready
    plain = walk(config, run)
    rarely = walk(with_walk(config, refit=6, every=6), run)
    assert len(rarely["updates"]) < len(plain["updates"])
    runs = lambda made: len({tuple(row) for row in made["weights"]})
    assert runs(rarely) < runs(plain)
    alone = walk(with_walk(config, models=("ridge",)), run)
    assert alone["members"] == ["ridge"]
    np.testing.assert_array_equal(alone["weights"], 1.0)
    stacked = walk(with_walk(config, method="stacking_lightgbm"), run)
    assert stacked["weights"][-1] is None
    assert stacked["turnover"] is None


def test_a_meta_learner_that_was_interrupted_ends_with_the_same_bytes(
    long_run: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = with_walk(long_run[0], method="meta", every=5, refit=9), long_run[1]
    other = RunDir(Path(shutil.copytree(run.root, tmp_path / "other")))
    made = walk(config, run)
    live = Replay._live

    def stopped(self: Replay, place: int, *rest: Any) -> Any:
        if place == len(made["eras"]) * 3 // 4 + 1:
            raise KeyboardInterrupt
        return live(self, place, *rest)

    monkeypatch.setattr(Replay, "_live", stopped)
    with pytest.raises(KeyboardInterrupt):
        walk(config, other)
    monkeypatch.setattr(Replay, "_live", live)
    assert walk(config, other) == made
    assert files(run) == files(other)
