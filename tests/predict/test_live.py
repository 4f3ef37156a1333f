"""Live data through the ensemble to a checked file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config
from erazoo.config.schema import EnsembleSection, UniqueSection
from erazoo.errors import (
    ArtifactError,
    ConfigError,
    DataError,
    ErazooError,
    SchemaError,
    StaleDataError,
)
from erazoo.rundir import RunDir
from etl.build import open_shards
from etl.dataset import LiveData
from etl.files import DataFiles
from predict.live import predict
from predict.send import submit_run
from scoring.eras import EraSlices
from scoring.ranks import rank_average
from training.families import load_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]
NO_UNIQUE = UniqueSection(enabled=False)


@pytest.fixture
def own_panel(panel_folder: Path, tmp_path: Path) -> Path:
    """A copy of the panel that a test may change."""
    return Path(shutil.copytree(panel_folder, tmp_path / "data"))


@pytest.fixture
def blended(trained: tuple[Config, RunDir], own_panel: Path) -> tuple[Config, RunDir, Path]:
    data = trained[0].data.model_copy(update={"dir": str(own_panel)})
    section = EnsembleSection(method="equal", methods=("nnls",), unique=NO_UNIQUE)
    config = trained[0].model_copy(update={"data": data, "ensemble": section})
    run = trained[1]
    ensemble(config, run)
    return config, run, own_panel


def test_the_file_holds_the_rank_of_the_blend(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    result = predict(config, run)
    frame = pd.read_csv(run.path(result["submission"])).set_index("id")["prediction"]
    shards, _ = open_shards(config, run)
    block = LiveData(DataFiles.folder(folder), shards.spec).block()
    columns = [
        load_model(run.path("models", n, "final"), shards.spec)(block.features)
        for n in ("ridge", "lightgbm")
    ]
    slices = EraSlices.from_labels(np.full(len(block), "X", object))
    expected = rank_average(columns, slices)
    ours = frame.loc[block.ids].to_numpy()
    assert (np.argsort(np.argsort(ours)) == np.argsort(np.argsort(expected))).mean() > 0.9
    np.testing.assert_allclose(
        np.corrcoef(pd.Series(ours).rank(), pd.Series(expected).rank())[0, 1], 1, atol=1e-9
    )
    live = Predictions.load(run.path("live", "predictions.parquet"))
    assert live.kind == "live"
    assert predict(config, run)["skipped"]


def test_a_new_live_file_is_predicted_anew(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    first = predict(config, run)["sha256"]
    frame = pd.read_parquet(folder / "live.parquet").iloc[::-1]
    frame.assign(id=frame["id"].to_numpy()[::-1]).to_parquet(folder / "live.parquet", index=False)
    again = predict(config, run)
    assert not again.get("skipped")
    assert again["sha256"] != first


@pytest.mark.parametrize("to", ["features", "benchmark"])
def test_neutralisation_changes_the_file(
    blended: tuple[Config, RunDir, Path], to: str, make_run: Maker
) -> None:
    config, run, folder = blended
    live = pd.read_parquet(folder / "live.parquet")
    bench = pd.DataFrame({"id": live["id"], "era": "X", "v1_benchmark": live["feature_0"] / 4.0})
    bench.sample(frac=1, random_state=0).to_parquet(
        folder / "live_benchmark_models.parquet", index=False
    )
    plain = pd.read_csv(run.path(predict(config, run)["submission"]))["prediction"]
    section = config.predict.model_copy(update={"neutralize": 1.0, "neutralize_to": to})
    other = config.model_copy(update={"predict": section})
    flat = pd.read_csv(run.path(predict(other, run)["submission"]))["prediction"]
    before = abs(np.corrcoef(plain, live["feature_0"])[0, 1])
    after = abs(np.corrcoef(flat, live["feature_0"])[0, 1])
    assert after < 0.3 * before


def test_parquet_output(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, _ = blended
    section = config.predict.model_copy(update={"format": "parquet"})
    result = predict(config.model_copy(update={"predict": section}), run)
    frame = pd.read_parquet(run.path(result["submission"]))
    assert list(frame.reset_index().columns.drop("index", errors="ignore")) == ["id", "prediction"]


def test_a_live_file_lacking_features(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    frame = pd.read_parquet(folder / "live.parquet").drop(columns=["feature_3", "feature_4"])
    frame.to_parquet(folder / "live.parquet", index=False)
    with pytest.raises(SchemaError, match=r"live\.parquet lacks a column.*feature_3 and 1 more"):
        predict(config, run)
    assert not run.path("submission").exists()


def test_no_live_file(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    (folder / "live.parquet").unlink()
    with pytest.raises(DataError, match="no live file.*erazoo download"):
        predict(config, run)


def test_a_member_that_changed_is_refused(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, _ = blended
    model = run.path("models", "lightgbm", "final", "model.txt")
    model.write_text(model.read_text() + " ")
    with pytest.raises(ArtifactError, match="has changed"):
        predict(config, run)
    run.path("models", "ridge", "final", "card.json").unlink()
    with pytest.raises(DataError, match="'ridge' is not trained"):
        predict(config, run)
    assert not run.path("submission").exists()


def test_no_ensemble_yet(make_run: Maker) -> None:
    config, run = make_run()
    with pytest.raises(StaleDataError, match="Run `erazoo ensemble`"):
        predict(config, run)


def test_a_constant_blend_is_no_submission(
    blended: tuple[Config, RunDir, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import predict.live as live

    config, run, _ = blended
    monkeypatch.setattr(live, "load_model", lambda *_: lambda x: np.full(len(x), 0.5, np.float32))
    with pytest.raises(SchemaError, match="break"):
        predict(config, run)
    assert not list(run.path("submission").glob("*"))


def test_a_changed_benchmark_is_noticed(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    live = pd.read_parquet(folder / "live.parquet")
    path = folder / "live_benchmark_models.parquet"
    bench = pd.DataFrame({"id": live["id"], "era": "X", "v1": live["feature_0"] / 4.0})
    bench.to_parquet(path, index=False)
    section = config.predict.model_copy(update={"neutralize": 1.0, "neutralize_to": "benchmark"})
    other = config.model_copy(update={"predict": section})
    first = predict(other, run)["sha256"]
    assert predict(other, run)["skipped"]
    bench.assign(v1=live["feature_1"] / 4.0, v2=live["feature_2"] / 4.0).to_parquet(path)
    second = predict(other, run)["sha256"]
    named = other.model_copy(update={"data": other.data.model_copy(update={"benchmark": "v2"})})
    third = predict(named, run)["sha256"]
    assert len({first, second, third}) == 3


def test_too_few_rows_to_neutralise(blended: tuple[Config, RunDir, Path]) -> None:
    config, run, folder = blended
    live = pd.read_parquet(folder / "live.parquet").iloc[:7]
    live.to_parquet(folder / "live.parquet", index=False)
    section = config.predict.model_copy(update={"neutralize": 1.0})
    with pytest.raises(ConfigError, match="too few live rows.*7 rows, 6 neutralizers"):
        predict(config.model_copy(update={"predict": section}), run)
    assert predict(config, run)["rows"] == 7


@pytest.mark.parametrize(
    "setting", ["data.values=float", "clean.missing=constant", "data.feature_set=small"]
)
def test_live_rows_are_read_as_the_shards_were(
    blended: tuple[Config, RunDir, Path], make_run: Maker, setting: str
) -> None:
    config, run, folder = blended
    section, key = setting.split("=")[0].split(".")
    value = setting.split("=")[1]
    part = getattr(config, section).model_copy(update={key: value})
    other = config.model_copy(update={section: part})
    with pytest.raises(StaleDataError, match=f"another {section}.{key}"):
        predict(other, run)
    assert not run.path("live", "predictions.parquet").exists()


def test_newer_history_does_not_stop_a_prediction(blended: tuple[Config, RunDir, Path]) -> None:
    """The weekly routine: validation grows, models stay, live rows are new."""
    config, run, folder = blended
    frame = pd.read_parquet(folder / "validation.parquet")
    frame.iloc[:-5].to_parquet(folder / "validation.parquet")
    assert predict(config, run)["rows"] > 0


def with_unique(config: Config, **changes: object) -> Config:
    section = config.ensemble.model_copy(update={"unique": UniqueSection(**changes)})
    return config.model_copy(update={"ensemble": section})


def test_both_versions_are_predicted(blended: tuple[Config, RunDir, Path]) -> None:
    """The unique file is the standard one after the steps that the recipe names."""
    from ensemble.blend import open_recipe
    from ensemble.unique.view import EraView

    config, run, folder = blended
    other = with_unique(config, to=("features",), amount=1.0)
    ensemble(other, run)
    result = predict(other, run)
    standard, unique = (
        pd.read_csv(run.path(one["submission"])).set_index("id")["prediction"]
        for one in (result, result["unique"])
    )
    assert result["unique"]["submission"] != result["submission"]
    shards, _ = open_shards(other, run)
    block = LiveData(DataFiles.folder(folder), shards.spec).block()
    recipe = open_recipe(other, run, "unique")
    view = EraView("X", shards.spec, block.features)
    changed = standard.loc[block.ids].to_numpy()
    for step in recipe.post:
        changed = step.change(changed, view)
    ours = unique.loc[block.ids].to_numpy()
    np.testing.assert_allclose(np.corrcoef(ours, changed)[0, 1], 1, atol=1e-6)
    centred = block.features - block.features.mean(axis=0)
    assert np.abs(ours @ centred).max() < 0.3 * np.abs(standard.loc[block.ids] @ centred).max()
    assert predict(other, run)["skipped"]


def test_a_lost_benchmark_leaves_the_standard_version(
    blended: tuple[Config, RunDir, Path], seen_logs: pytest.LogCaptureFixture
) -> None:
    """Unless a unique version was asked for: then it is an error."""
    config, run, folder = blended
    default = with_unique(config)
    ensemble(default, run)
    assert not (folder / "live_benchmark_models.parquet").exists()
    result = predict(default, run)
    assert run.path(result["submission"]).is_file()
    assert result["unique"] is None
    assert "live benchmark file" in result["no_unique"]
    assert "no unique version of the live predictions" in seen_logs.text
    asked = with_unique(config, to=("v1_benchmark",), amount=0.5)
    ensemble(asked, run)
    for _ in range(2):
        with pytest.raises(ErazooError, match="standard one stands.*live benchmark file") as caught:
            predict(asked, run)
        assert caught.value.exit_code == 1
    assert submit_run(asked, run)["unique"] is None
    assert run.path("live", "predictions.parquet").is_file()


def test_no_file_of_an_earlier_round_stays(blended: tuple[Config, RunDir, Path]) -> None:
    """An old unique file beside a new standard one would be uploaded by mistake."""
    config, run, folder = blended
    both = with_unique(config, to=("features",), amount=1.0)
    ensemble(both, run)
    predict(both, run)
    assert run.path("live", "unique.parquet").is_file()
    ensemble(config, run)
    result = predict(config, run)
    assert list(run.path("submission").glob("*.csv")) == [run.path(result["submission"])]
    assert not run.path("live", "unique.parquet").exists()
    frame = pd.read_parquet(folder / "live.parquet").drop(columns=["feature_3"])
    frame.to_parquet(folder / "live.parquet", index=False)
    with pytest.raises(SchemaError):
        predict(config, run)
    assert not list(run.path("submission").glob("*.csv"))


def test_no_training_data_are_needed(blended: tuple[Config, RunDir, Path]) -> None:
    """History and shards are gone but for what says how live rows are read."""
    config, run, folder = blended
    expected = predict(config, run)["sha256"]
    for name in ("train", "validation", "meta_model", "validation_benchmark_models"):
        (folder / f"{name}.parquet").unlink(missing_ok=True)
    files = [path for path in run.path("shards").rglob("*.tfrecord*") if path.is_file()]
    assert files
    for path in files:
        path.unlink()
    assert predict(config, run, force=True)["sha256"] == expected


def test_members_of_other_runs_are_predicted_with(
    blended: tuple[Config, RunDir, Path], tmp_path: Path
) -> None:
    config, run, _ = blended
    plain = predict(config, run)
    other = Path(shutil.copytree(run.root, tmp_path / "elsewhere" / "run"))
    file = other / "models" / "lightgbm" / "out_of_fold.parquet"
    section = config.ensemble.model_copy(update={"members": ("ridge",), "files": (str(file),)})
    joined = config.model_copy(update={"ensemble": section})
    recipe = ensemble(joined, run)["recipe"]
    assert recipe["members"][1]["path"] == "../elsewhere/run/models/lightgbm/final"
    assert recipe["members"][1]["shards"] == "../elsewhere/run/shards"
    result = predict(joined, run)
    assert result["members"] == ["ridge", "lightgbm"]
    assert result["sha256"] == plain["sha256"]
    (other / "models" / "lightgbm" / "final" / "card.json").write_text("{}")
    with pytest.raises((ArtifactError, StaleDataError), match="not the model|made of other"):
        predict(joined, run, force=True)
