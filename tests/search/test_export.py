"""Exports of mined configurations: reproduced, trained again, members of an ensemble, a pickle."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import lightgbm
import numpy as np
import pandas as pd
import polars as pl
import pytest

from ensemble.blend import ensemble
from erazoo import cli
from erazoo.artefacts import open_sealed
from erazoo.config import Config, load
from erazoo.errors import ArtifactError, ConfigError, LeakageError, StaleDataError
from erazoo.publish import read_json, sha256
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from predict.live import predict
from predict.pickle import export_pickle
from search.api import Mining, evaluate_completed
from search.api import export as export_mined
from search.batch import open_workplace
from search.export import export
from search.exports import exported, open_export
from search.folder import MineDir
from search.plan import Plan
from search.predictions import PredictionFile
from search.prepare import settle
from search.results import add_line, read_results
from search.rows import Rows
from search.scores import score
from search.training import train
from search.trial import BENCHMARK, Trial, points_of
from training.evaluation import evaluate
from training.families import load_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]
TRIALS = (
    {"n_estimators": 12, "max_bin": 5, "learning_rate": 0.1, "target": "target_ender_20"},
    {
        "n_estimators": 30,
        "max_bin": 3,
        "learning_rate": 0.05,
        "num_leaves": 6,
        "colsample_bytree": 0.5,
        "reg_lambda": 3.0,
        "min_child_samples": 5,
        "subsample": 0.7,
        "target": "target_ender_60",
    },
    {
        "n_estimators": 10,
        "max_bin": 4,
        "learning_rate": 0.1,
        "features": "small, charisma",
        "target": "target_ender_20",
    },
)
SETTINGS = (
    "mine.name=hills",
    "mine.targets=['target_ender_20','target_ender_60']",
    "mine.space={n_estimators={low=5,high=30}}",
    "mine.benchmark={n_estimators=12,max_bin=5}",
    "mine.prefixes=[20]",
    "mine.sample_rows=1000",
    "ensemble.unique.enabled=false",
    "ensemble.method=equal",
)


def mine(config: Config, run: RunDir) -> MineDir:
    """A study of a benchmark and two trials, trained in this process."""
    folder = MineDir.of(config, run)
    plan = settle(config, run, folder)
    place, slot = open_workplace(folder), 0
    for number, values in enumerate(TRIALS, BENCHMARK):
        points = points_of(values, plan.prefixes)
        add_line(folder.results, train(place, Trial(number, values, points, slot)).to_json())
        slot += len(points)
    return folder


@pytest.fixture(scope="module")
def hills_once(
    tmp_path_factory: pytest.TempPathFactory, make_tiny: Callable[..., Path]
) -> tuple[Config, Path]:
    from conftest import RUN_SETTINGS

    place = tmp_path_factory.mktemp("mined")
    data = make_tiny(place / "data", eras=90, rows=60, validation_from=40)
    settings = [f"data.dir={data}", *RUN_SETTINGS, *SETTINGS]
    config = load(overrides=settings, variables={})
    run = RunDir(place / "run")
    shard(config, run)
    mine(config, run)
    return config, run.root


@pytest.fixture
def hills(hills_once: tuple[Config, Path], tmp_path: Path) -> tuple[Config, RunDir]:
    return hills_once[0], RunDir(Path(shutil.copytree(hills_once[1], tmp_path / "run")))


def ids_of(config: Config, run: RunDir) -> list[str]:
    """The configurations in the order of the trials, that of the prefix before its training."""
    results = read_results(MineDir.of(config, run).results)
    return [one.id for number in sorted(results) for one in results[number].configurations]


def test_an_export_is_what_was_mined(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    ids = ids_of(config, run)
    assert len(ids) == 4
    done = export(config, run, ids)
    folder = MineDir.of(config, run)
    plan, rows = Plan.read(folder), Rows.read(folder.rows)
    results = read_results(folder.results)
    for slot, (name, card) in enumerate(zip(ids, done["exports"], strict=True)):
        assert card["id"] == name
        assert card["difference"] <= 1e-6
        made = Predictions.load(Path(card["path"]) / "out_of_fold.parquet")
        assert set(made.eras) == set(plan.folds.predicted)
        stored = PredictionFile(folder.predictions, len(rows)).read([slot])[:, 0]
        result = next(r for r in results.values() if name in [c.id for c in r.configurations])
        for number, span in enumerate(rows.fold_spans):
            part = made.values[made.folds == plan.folds.folds[number].name]
            expected = stored[span] + result.offsets[number]
            np.testing.assert_allclose(part, expected, atol=1e-6)
            assert np.ptp(part) > 0.01
    trees = [card["params"]["n_estimators"] for card in done["exports"]]
    assert trees == [12, 20, 30, 10]
    assert [card["learned"] for card in done["exports"]][1:3] == ["target_ender_60"] * 2
    assert done["exports"][3]["features"] == ["feature_0", "feature_1", "feature_2", "feature_3"]


def test_the_last_fit_learns_every_resolved_era(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    name = ids_of(config, run)[0]
    path = Path(export(config, run, [name])["exports"][0]["path"])
    shards, plan = open_shards(config, run)
    card = open_sealed(path / "final")
    assert tuple(card["fit"]) == plan.final
    held_out = open_sealed(path / "folds" / "held_out")
    assert not set(held_out["fit"]) & set(plan.held_out.validation)
    assert held_out["scores"] is None
    booster = lightgbm.Booster(model_file=str(path / "final" / "model.txt"))
    assert booster.num_trees() == 12
    block = next(shards.blocks(plan.final[-1:]))
    np.testing.assert_allclose(
        load_model(path / "final", shards.spec)(block.features),
        booster.predict(block.features),
        rtol=1e-6,
    )
    top = open_sealed(path)
    assert {"final/model.txt", "folds/fold-0/model.txt", "out_of_fold.parquet"} <= set(top["files"])
    assert top["data"] == shards.manifest.facts["content"]
    assert top["configurations"] == 4
    assert f"[bin_construct_sample_cnt: {config.mine.sample_rows}]" in booster.model_to_string()
    row = score(MineDir.of(config, run)).filter(pl.col("id") == name).row(0, named=True)
    for part in ("validation", "test", "whole"):
        assert top["scores"][part]["corr"] == row[f"{part}_corr"]
    assert -1 <= top["scores"]["meta_model_correlation"] <= 1


def test_what_is_not_reproduced_is_refused(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    folder = MineDir.of(config, run)
    held = np.memmap(folder.predictions, dtype="<f4", mode="r+")
    held[5] += 2e-6
    held.flush()
    name = ids_of(config, run)[0]
    with pytest.raises(ArtifactError, match=f"{name} in fold-0 is not reproduced"):
        export(config, run, [name])
    assert exported(run, "hills") == ()
    assert not (folder.root / "export" / name / "final").exists()
    held[5] -= 2e-6
    held.flush()
    assert export(config, run, [name])["exports"][0]["difference"] <= 1e-6


def test_predictions_that_float32_cannot_tell_apart(make_study: Callable[..., Mining]) -> None:
    """Differences of 1e-6 would prove nothing where predictions differ by less."""
    slow = "mine.benchmark={n_estimators=2,max_bin=5,learning_rate=0.000001}"
    mining = make_study(slow)
    folder, plan = mining.folder, settle(mining.config, mining.run, mining.folder)
    trial = Trial(BENCHMARK, plan.benchmark, (2,), 0)
    result = train(open_workplace(folder), trial)
    add_line(folder.results, result.to_json())
    with pytest.raises(ArtifactError, match="float32 cannot tell rows apart.*more trees"):
        export_mined(mining, [result.configurations[0].id])


@pytest.mark.parametrize(
    ("model", "values"),
    [
        ("xgboost", {"subsample": 0.7, "colsample_bytree": 0.5, "max_bin": 4}),
        ("catboost", {"subsample": 0.7, "colsample_bylevel": 0.5, "max_bin": 4}),
    ],
)
@pytest.mark.long
def test_other_libraries(
    hills: tuple[Config, RunDir], model: str, values: dict[str, object]
) -> None:
    """A prefix of 12 trees, and all 20, are what the catalogue's own trainer makes."""
    config, run = hills
    changes = {"name": model, "model": model, "prefixes": (12,)}
    mining = config.mine.model_copy(update={**changes, "space": {**values, "n_estimators": 20}})
    config = config.model_copy(update={"mine": mining})
    folder = MineDir.of(config, run)
    settle(config, run, folder)
    full = {**values, "n_estimators": 20, "learning_rate": 0.1, "target": "target_ender_20"}
    for number, slot in ((BENCHMARK, 0), (1, 2)):
        drawn = {**full, "max_depth": 3 + number}
        trial = Trial(number, drawn, points_of(drawn, (12,)), slot)
        add_line(folder.results, train(open_workplace(folder), trial).to_json())
    cards = export(config, run, ids_of(config, run))["exports"]
    assert [card["params"]["n_estimators"] for card in cards] == [12, 20, 12, 20]
    assert all(card["difference"] <= 1e-6 for card in cards)
    with pytest.raises(ConfigError, match=f"LightGBM models.*which is {model}"):
        export_pickle(config, run, study=model, model=cards[0]["id"])


def test_a_finished_export_is_kept_and_a_killed_one_gone_on_with(
    hills: tuple[Config, RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    from search import export as module

    config, run = hills
    name = ids_of(config, run)[0]

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "join_final", killed)
        with pytest.raises(KeyboardInterrupt):
            export(config, run, [name])
    assert exported(run, "hills") == ()
    place = MineDir.of(config, run).root / "export" / name
    model = place / "folds" / "fold-0" / "model.txt"
    before = model.stat().st_mtime_ns
    assert "skipped" not in export(config, run, [name])["exports"][0]
    assert model.stat().st_mtime_ns == before
    assert export(config, run, [name])["exports"][0]["skipped"]
    model.write_text(model.read_text() + " ")
    with pytest.raises(ArtifactError, match="has changed"):
        export(config, run, [name])
    assert "skipped" not in export(config, run, [name], force=True)["exports"][0]


def test_ids_and_weights(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    first, second = ids_of(config, run)[:2]
    with pytest.raises(StaleDataError, match="no one configuration.*Received: nothing"):
        export(config, run, ["nothing"])
    with pytest.raises(ConfigError, match="each once"):
        export(config, run, [first, first])
    with pytest.raises(ConfigError, match="a weight above 0 for each"):
        export(config, run, [first, second], [1.0])
    with pytest.raises(ConfigError, match="a weight above 0 for each"):
        export(config, run, [first, second], [1.0, -1.0])
    assert export(config, run, [first[:8]])["exports"][0]["id"] == first
    other = config.model_copy(update={"mine": config.mine.model_copy(update={"name": "other"})})
    with pytest.raises(StaleDataError, match="erazoo mine start"):
        export(other, run, [first])


def test_an_ensemble_of_exports(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    first, second = ids_of(config, run)[::3]
    blend = export(config, run, [first, second], [3.0, 1.0])["ensemble"]
    found = open_export(run, "hills", blend["id"])
    assert {one.id: one.weight for one in found.models} == {first: 0.75, second: 0.25}
    with pytest.raises(ConfigError, match="several exports"):
        open_export(run, "hills")
    with pytest.raises(ConfigError, match="no such export"):
        open_export(run, "hills", "strange")
    card = MineDir.of(config, run).root / "export" / first / "card.json"
    card.write_text(card.read_text() + " ")
    with pytest.raises(ArtifactError, match="not the one that it was made of"):
        open_export(run, "hills", blend["id"])


def as_members(config: Config, files: list[str], **changes: object) -> Config:
    section = config.ensemble.model_copy(update={"files": tuple(files), **changes})
    return config.model_copy(update={"ensemble": section})


def test_exports_are_members_of_an_ensemble(hills: tuple[Config, RunDir]) -> None:
    """From the mine to a submission, with a trained model beside, and nothing refused."""
    from training.loop import train_model

    config, run = hills
    entries = {name: config.models[name] for name in ("ridge",)}
    config = config.model_copy(update={"models": entries})
    train_model(config, run, "ridge")
    cards = export(config, run, [ids_of(config, run)[0], ids_of(config, run)[3]])["exports"]
    files = [str(Path(card["path"]) / "out_of_fold.parquet") for card in cards]
    config = as_members(config, files)
    made = ensemble(config, run)
    names = [f"hills.{card['id']}" for card in cards]
    assert [one["name"] for one in made["recipe"]["members"]] == ["ridge", *names]
    assert made["methods"]["missing"]["dropped"] == 0
    assert "ensemble" in evaluate(config, run)["candidates"]
    result = predict(config, run)
    assert result["members"] == ["ridge", *names]
    shards, plan = open_shards(config, run)
    held = Predictions.load(run.path("ensemble", "held_out.parquet"))
    assert set(held.eras) == set(plan.held_out.validation)
    assert ensemble(config, run)["skipped"]


def test_an_export_out_of_its_place_is_refused(
    hills: tuple[Config, RunDir], tmp_path: Path
) -> None:
    config, run = hills
    path = Path(export(config, run, ids_of(config, run)[:1])["exports"][0]["path"])
    away = Path(shutil.copytree(path, tmp_path / "away"))
    alone = config.model_copy(update={"models": {}})
    with pytest.raises(LeakageError, match="nothing says which eras.*mine export"):
        ensemble(as_members(alone, [str(away / "out_of_fold.parquet")]), run)
    record = path / "folds.json"
    plan = read_json(record)
    plan["folds"][0]["train"] += plan["folds"][0]["validation"][:1]
    record.write_text(__import__("json").dumps(plan))
    with pytest.raises(LeakageError, match="other folds than the record"):
        ensemble(as_members(alone, [str(path / "out_of_fold.parquet")]), run)


@pytest.mark.long
def test_what_the_driver_mined_is_exported(mined: Mining, capsys: pytest.CaptureFixture) -> None:
    """The whole way by the command line, from a study that forked workers have trained."""
    mined.run.save_config(mined.config)
    table = evaluate_completed(mined)
    found = table.filter(~pl.col("benchmark"))
    best = found.sort("validation_sharpe", descending=True)["id"].to_list()[:2]
    place = ["--config", str(mined.run.path("config.json")), "--run-dir", str(mined.run.root)]
    assert cli.main(["mine", "export", *best, "--weights", "3,1", "--dry-run", *place]) == 0
    assert f"would export {best[0]}, {best[1]}" in capsys.readouterr().out
    assert cli.main(["mine", "export", *best, "--weights", "3,1", *place]) == 0
    told = capsys.readouterr().out
    blend = next(one for one in exported(mined.run, "mine") if one.startswith("ensemble-"))
    assert f"{best[0]}: reproduced to" in told
    assert f"{blend}: " in told
    assert f"{best[0]} (0.75)" in told
    assert f"one of {len(table)} configurations" in told
    assert f"--study mine --model {blend}" in told
    words = ["export", "pickle", str(mined.run.root), "--study", "mine", "--model", blend]
    assert cli.main(words) == 0
    assert " live rows as erazoo predicts them" in capsys.readouterr().out
    again = export_mined(mined, best[:1])
    assert again["exports"][0]["skipped"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "nothing to export"),
        (("24bf", "--weights", "2,x"), "numbers with commas"),
        (("nothing",), "no one configuration"),
    ],
)
def test_what_the_command_refuses(
    hills: tuple[Config, RunDir],
    words: tuple[str, ...],
    message: str,
    capsys: pytest.CaptureFixture,
) -> None:
    config, run = hills
    run.save_config(config)
    place = ["--config", str(run.path("config.json")), "--run-dir", str(run.root)]
    assert cli.main(["mine", "export", *words, *place]) in (2, 3)
    assert message in capsys.readouterr().err


def test_a_pickle_of_mined_models(hills: tuple[Config, RunDir]) -> None:
    config, run = hills
    ids = ids_of(config, run)[::3]
    blend = export(config, run, ids, [1.0, 2.0])["ensemble"]
    with pytest.raises(ConfigError, match="several exports"):
        export_pickle(config, run, study="hills")
    card = export_pickle(config, run, study="hills", model=blend["id"])
    assert {one["name"]: one["features"] for one in card["members"]} == {ids[0]: 6, ids[1]: 4}
    rows = pd.read_parquet(Path(config.data.dir) / "live.parquet").set_index("id")
    with Path(card["path"]).open("rb") as stream:
        ours = pickle.load(stream)(rows)["prediction"]
    shards, _ = open_shards(config, run)
    ranks = 0.0
    for name, weight in zip(ids, (1, 2), strict=True):
        final = Path(run.path("mine", "hills", "export", name, "final"))
        model = load_model(final, shards.spec)
        values = model(rows[list(shards.spec.names)].to_numpy(np.int8))
        ranks = ranks + weight * pd.Series(values, rows.index).rank()
    expected = (ranks.astype(np.float32).rank() - 0.5) / len(rows)
    np.testing.assert_allclose(ours, expected, atol=1e-6)
    assert sha256(Path(card["path"])) == card["sha256"]
    single = export_pickle(config, run, study="hills", model=ids[0])
    assert Path(single["path"]).name == f"{ids[0]}.pkl"
