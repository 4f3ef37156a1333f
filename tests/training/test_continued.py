"""Models that go on from those of an earlier run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from erazoo.artefacts import CARD, open_sealed
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, LeakageError, SchemaError
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from training import job as jobs
from training.job import Job
from training.loop import train_model

Make = Callable[..., tuple[Config, RunDir]]
OLD = "training.eras='every:4'"


def earlier(make_run: Make, *settings: str) -> Path:
    """A model trained on some of the eras; its folder."""
    config, run = make_run(OLD, *settings, name="old")
    train_model(config, run, "lightgbm")
    return run.path("models", "lightgbm")


def card(run: RunDir, fit: str) -> dict[str, list[str]]:
    return dict(read_json(run.path("models", "lightgbm", fit, CARD)))


def test_each_fit_goes_on_from_the_earlier_one_that_fits(make_run: Make) -> None:
    folder = earlier(make_run)
    old = {path.parent.name: read_json(path) for path in folder.glob("**/" + CARD)}
    config, run = make_run(f"models.lightgbm.continue_from={folder}")
    train_model(config, run, "lightgbm")
    job = Job.of(config, run, "lightgbm")
    for fold in job.plan.folds:
        made = card(run, f"folds/{fold.name}")
        assert not set(made["fit"]) & set(made["known"])
        assert {*made["fit"], *made["known"]} == set(fold.train)
        fitting = [set(one["fit"]) for one in old.values() if set(one["fit"]) <= set(fold.train)]
        assert set(made["known"]) == max(fitting, key=len)
    last = card(run, "final")
    assert {*last["fit"], *last["known"]} == set(job.plan.final)
    assert set(last["known"]) == set(old["final"]["fit"])
    assert len(list(run.path("models", "lightgbm", "final").glob("model*.txt"))) == 2


def test_an_earlier_model_is_read_through_once_for_all_folds(
    make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds = "models.lightgbm.seeds=2"
    folder = earlier(make_run, seeds)
    read: list[Path] = []
    monkeypatch.setattr(jobs, "open_sealed", lambda path: (read.append(path), open_sealed(path))[1])
    config, run = make_run(f"models.lightgbm.continue_from={folder}", seeds)
    job = Job.of(config, run, "lightgbm")
    for fold in job.plan.folds:
        for member in job.members:
            job.key(job.task(fold, member))
    assert sorted(read) == sorted(path.parent for path in folder.glob(f"**/seed-*/{CARD}"))


def test_a_chain_remembers_all_that_was_learned(make_run: Make) -> None:
    first = earlier(make_run)
    middle = f"models.lightgbm.continue_from={first}"
    config, run = make_run("training.eras='odd'", middle, name="middle")
    train_model(config, run, "lightgbm")
    second = run.path("models", "lightgbm")
    config, run = make_run(f"models.lightgbm.continue_from={second}")
    train_model(config, run, "lightgbm")
    made = card(run, "final")
    known = read_json(second / "final" / CARD)
    assert set(made["known"]) == {*known["fit"], *known["known"]}
    assert len(list(run.path("models", "lightgbm", "final").glob("model*.txt"))) == 3


def test_another_beginning_is_another_model(make_run: Make) -> None:
    folder = earlier(make_run)
    settings = f"models.lightgbm.continue_from={folder}"
    config, run = make_run(settings)
    train_model(config, run, "lightgbm")
    before = read_json(run.path("models", "lightgbm", "final", CARD))["key"]
    train_model(make_run(OLD, "run.seed=9", name="old")[0], RunDir(folder.parents[1]), "lightgbm")
    assert train_model(config, run, "lightgbm")["fitted"]
    assert read_json(run.path("models", "lightgbm", "final", CARD))["key"] != before


def test_what_has_seen_too_much_is_refused(make_run: Make) -> None:
    config, run = make_run(name="old")
    train_model(config, run, "lightgbm")
    folder = run.path("models", "lightgbm")
    config, run = make_run(OLD, f"models.lightgbm.continue_from={folder}")
    with pytest.raises(LeakageError, match="has learned eras that .* must not"):
        Job.of(config, run, "lightgbm")


def test_nothing_new_to_learn_is_refused(make_run: Make) -> None:
    folder = earlier(make_run)
    config, run = make_run(OLD, f"models.lightgbm.continue_from={folder}")
    with pytest.raises(LeakageError, match="no eras that the earlier model does not know"):
        Job.of(config, run, "lightgbm")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        (["data.feature_set=small"], SchemaError, "model of other features"),
        (["models.lightgbm.target=target_ender_60"], ConfigError, "model of another target"),
        (["models.lightgbm.model=xgboost"], ConfigError, "model of another kind.*lightgbm"),
        (["models.lightgbm.model=ridge"], ConfigError, "cannot go on from an earlier fit"),
        (["models.lightgbm.params.kind=rank"], ConfigError, "model of another kind.*regression"),
        (["models.lightgbm.seeds=2"], ArtifactError, "no model for models.lightgbm to go on"),
    ],
)
def test_what_does_not_fit_is_refused(
    make_run: Make, settings: list[str], error: type[Exception], message: str
) -> None:
    folder = earlier(make_run)
    if "xgboost" in settings[0]:
        settings = ["models.lightgbm.params={n_estimators=3}", *settings]
    if "ridge" in settings[0]:
        settings = ["models.lightgbm.params={}", *settings]
    config, run = make_run(f"models.lightgbm.continue_from={folder}", *settings)
    with pytest.raises(error, match=message):
        train_model(config, run, "lightgbm")


def test_two_beginnings_are_refused(make_run: Make) -> None:
    with pytest.raises(ConfigError, match="two beginnings"):
        make_run("models.lightgbm.continue_from=a", "models.lightgbm.start=b")


def test_a_model_cannot_go_on_from_its_own_run(make_run: Make) -> None:
    folder = earlier(make_run)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    other = folder.parent / ".." / "models" / "lightgbm"
    for name in ("lightgbm", "newer"):
        start = (f"models.{name}.model=lightgbm", f"models.{name}.continue_from={other}")
        config, run = make_run(*start, name="old")
        with pytest.raises(ConfigError, match="a model of its own run.*--run-dir"):
            train_model(config, run, name)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_no_fit_stops_by_eras_beside_learned_ones(make_run: Make) -> None:
    folder = earlier(make_run)
    watching = "models.lightgbm.params={n_estimators=20, early_stopping=5}"
    config, run = make_run(f"models.lightgbm.continue_from={folder}", watching)
    with pytest.raises(LeakageError, match="no eras to stop by.*early_stopping = 0"):
        train_model(config, run, "lightgbm")


def test_a_fit_stops_by_new_eras_that_learned_ones_do_not_reach(make_run: Make) -> None:
    short = ("data.extra_targets=[]", "split.first_train=0.6")
    config, run = make_run("training.eras='1..4'", *short, name="old")
    train_model(config, run, "lightgbm")
    watching = "models.lightgbm.params={n_estimators=20, early_stopping=5}"
    start = f"models.lightgbm.continue_from={run.path('models', 'lightgbm')}"
    config, run = make_run(start, watching, *short)
    job = Job.of(config, run, "lightgbm")
    for fold in job.plan.folds:
        task = job.task(fold, job.members[0])
        places = [[job.data.axis.position(e) for e in part] for part in (task.known, task.monitor)]
        assert min(places[1]) - max(places[0]) > job.plan.purge


def test_no_folder_is_refused(make_run: Make, tmp_path: Path) -> None:
    config, run = make_run(f"models.lightgbm.continue_from={tmp_path / 'none'}")
    with pytest.raises(ArtifactError, match="there is no model for models.lightgbm to go on from"):
        Job.of(config, run, "lightgbm")
