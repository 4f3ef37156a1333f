"""Model pickles: what they answer, what they may import, and what they may take."""

from __future__ import annotations

import pickle
import shutil
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import cloudpickle
import numpy as np
import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config
from erazoo.config.schema import EnsembleSection, UniqueSection
from erazoo.errors import ArtifactError, ConfigError, SchemaError
from erazoo.publish import read_json, sha256
from erazoo.rundir import RunDir
from predict.live import predict
from predict.pickle import export_pickle
from predict.pickle import pickled as by_value
from predict.sandbox import allowed_modules, try_pickle
from training.loop import train_model

Maker = Callable[..., tuple[Config, RunDir]]
SETTINGS = (
    "models.ridge.enabled=false",
    "models.second.model=lightgbm",
    "models.second.params.n_estimators=15",
    "models.second.params.max_bin=4",
    "models.second.features=small",
    "ensemble.method=equal",
    "ensemble.unique.enabled=false",
)


@pytest.fixture(scope="module")
def blended_once(
    tmp_path_factory: pytest.TempPathFactory, panel_folder: Path
) -> tuple[Config, Path]:
    from conftest import RUN_SETTINGS

    from erazoo.config import load
    from etl.build import shard

    place = tmp_path_factory.mktemp("pickles")
    data = Path(shutil.copytree(panel_folder, place / "data"))
    live = pd.read_parquet(data / "live.parquet")
    bench = pd.DataFrame({"id": live["id"], "era": "X", "v1_benchmark": live["feature_0"] / 4.0})
    bench.to_parquet(data / "live_benchmark_models.parquet", index=False)
    config = load(overrides=[f"data.dir={data}", *RUN_SETTINGS, *SETTINGS], variables={})
    run = RunDir(place / "run")
    shard(config, run)
    for name in ("lightgbm", "second"):
        train_model(config, run, name)
    ensemble(config, run)
    return config, run.root


@pytest.fixture
def blended(blended_once: tuple[Config, Path], tmp_path: Path) -> tuple[Config, RunDir]:
    """A blend of two LightGBM models, one of them of three features."""
    return blended_once[0], RunDir(Path(shutil.copytree(blended_once[1], tmp_path / "run")))


@pytest.fixture(scope="module")
def made(blended_once: tuple[Config, Path]) -> tuple[Config, RunDir, dict]:
    """The pickle of that blend; never changed by a test."""
    config, run = blended_once[0], RunDir(blended_once[1])
    return config, run, export_pickle(config, run)


def live_rows(config: Config) -> pd.DataFrame:
    return pd.read_parquet(Path(config.data.dir) / "live.parquet").set_index("id")


def called(path: Path, rows: pd.DataFrame, *others: pd.DataFrame) -> pd.Series:
    with path.open("rb") as stream:
        return pickle.load(stream)(rows, *others)["prediction"]


def neutralised(config: Config, to: str, amount: float = 0.7) -> Config:
    section = config.predict.model_copy(update={"neutralize": amount, "neutralize_to": to})
    return config.model_copy(update={"predict": section})


def test_it_answers_what_the_submission_holds(made: tuple[Config, RunDir, dict]) -> None:
    config, run, card = made
    path = run.path("pickles", "ensemble.pkl")
    assert card["path"] == str(path)
    ours = called(path, live_rows(config))
    submitted = pd.read_csv(run.path(predict(config, run)["submission"])).set_index("id")
    np.testing.assert_allclose(ours, submitted["prediction"].loc[ours.index], atol=1e-6)
    assert ours.index.name == "id"
    assert 0 < ours.min() < ours.max() < 1
    assert ours.nunique() > 20
    written = read_json(path.with_suffix(".json"))
    assert written["sha256"] == sha256(path)
    assert [one["features"] for one in written["members"]] == [6, 3]
    assert [one["trees"] for one in written["members"]] == [20, 15]
    assert written["tried"]["largest_difference"] <= 1e-6
    assert set(written["tried"]["imported"]) <= set(allowed_modules())
    assert {"numpy", "pandas", "lightgbm"} <= set(written["tried"]["imported"])


def test_it_holds_no_path_and_no_name_of_ours(made: tuple[Config, RunDir, dict]) -> None:
    content = Path(made[2]["path"]).read_bytes()
    for word in (b"erazoo", b"predict.portable", b"/home", str(Path(__file__).parents[2]).encode()):
        assert word not in content


def test_it_names_no_submodule_that_another_numpy_may_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the private modules of numpy.linalg, which come and go."""
    monkeypatch.setitem(sys.modules, "numpy.linalg.linalg", ModuleType("numpy.linalg.linalg"))
    assert b"numpy.linalg.linalg" not in by_value({"members": [], "neutralize": 1.0})


def test_features_are_taken_by_name(made: tuple[Config, RunDir, dict]) -> None:
    path, rows = Path(made[2]["path"]), live_rows(made[0])
    shuffled = rows[rows.columns[::-1]].assign(feature_new=0)
    pd.testing.assert_series_equal(called(path, shuffled), called(path, rows))
    pd.testing.assert_series_equal(called(path, rows.reset_index()), called(path, rows))
    with pytest.raises(ValueError, match="lack 1 of 6: feature_4"):
        called(path, rows.drop(columns="feature_4"))


def test_a_missing_value_is_the_centre_and_others_are_on_the_grid(
    made: tuple[Config, RunDir, dict],
) -> None:
    path, rows = Path(made[2]["path"]), live_rows(made[0])
    holes, centred = rows.astype({"feature_1": float}), rows.copy()
    holes.iloc[:9, holes.columns.get_loc("feature_1")] = np.nan
    centred.iloc[:9, centred.columns.get_loc("feature_1")] = 2
    pd.testing.assert_series_equal(called(path, holes), called(path, centred))
    assert not called(path, holes).equals(called(path, rows))
    with pytest.raises(ValueError, match="off the grid.*feature_1"):
        called(path, rows.assign(feature_1=0.25))


def test_eras_are_ranked_by_themselves(made: tuple[Config, RunDir, dict]) -> None:
    path, rows = Path(made[2]["path"]), live_rows(made[0])
    early, late = rows.iloc[:15].assign(era="1"), rows.iloc[15:].assign(era="2")
    together = called(path, pd.concat([early, late]))
    expected = pd.concat([called(path, early), called(path, late)])
    pd.testing.assert_series_equal(together, expected)


@pytest.mark.parametrize("to", ["features", "benchmark"])
def test_neutralisation_travels_along(
    blended: tuple[Config, RunDir], made: tuple[Config, RunDir, dict], to: str
) -> None:
    config, run = blended
    plain = called(Path(made[2]["path"]), live_rows(config))
    other = neutralised(config, to)
    path = Path(export_pickle(other, run, out=run.path("neutral.pkl"))["path"])
    bench = pd.read_parquet(Path(config.data.dir) / "live_benchmark_models.parquet")
    ours = called(path, live_rows(config), bench.set_index("id"))
    submitted = pd.read_csv(run.path(predict(other, run)["submission"])).set_index("id")
    np.testing.assert_allclose(ours, submitted["prediction"].loc[ours.index], atol=1e-6)
    feature = live_rows(config)["feature_0"]
    assert abs(ours.corr(feature)) < abs(plain.corr(feature))
    if to == "benchmark":
        with pytest.raises(ValueError, match="live_benchmark_models lack v1_benchmark"):
            called(path, live_rows(config))
        with pytest.raises(ValueError, match="lacks ids"):
            called(path, live_rows(config), bench.set_index("id").iloc[1:])


@pytest.mark.parametrize("kind", ["classes", "stages", "seeds", "own"])
def test_every_kind_of_lightgbm_model(make_run: Maker, kind: str) -> None:
    settings = {
        "classes": ("models.lightgbm.params.kind=classes",),
        "stages": (
            "models.lightgbm.params.emphasis.by=era_boost",
            "models.lightgbm.params.emphasis.every=8",
        ),
        "seeds": ("models.lightgbm.seeds=2", "models.lightgbm.params.subsample=0.5"),
        "own": ("clean.missing=own",),
    }[kind]
    config, run = make_run(*settings, "models.ridge.enabled=false", "ensemble.unique.enabled=false")
    train_model(config, run, "lightgbm")
    ensemble(config, run)
    card = export_pickle(config, run)
    assert card["tried"]["largest_difference"] <= 1e-6
    assert card["members"][0]["trees"] == (40 if kind == "seeds" else 20)


def test_what_a_pickle_cannot_hold(trained: tuple[Config, RunDir], make_run: Maker) -> None:
    config, run = trained
    section = EnsembleSection(method="equal", unique=UniqueSection(enabled=False))
    config = config.model_copy(update={"ensemble": section})
    ensemble(config, run)
    with pytest.raises(ConfigError, match=r"LightGBM models\. Received: ridge, which is ridge"):
        export_pickle(config, run)
    data = config.data.model_copy(update={"tournament": "crypto"})
    with pytest.raises(ConfigError, match="Classic alone"):
        export_pickle(config.model_copy(update={"data": data}), run)
    only = ("models.ridge.enabled=false", "ensemble.unique.enabled=false")
    config, run = make_run(*only, "clean.outliers=iqr", name="clipped")
    train_model(config, run, "lightgbm")
    ensemble(config, run)
    with pytest.raises(ConfigError, match="cannot repeat this cleaning.*outliers = 'iqr'"):
        export_pickle(config, run)
    assert not run.path("pickles").exists()


def test_another_prediction_is_refused(
    blended: tuple[Config, RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check compares with erazoo's own way, so a wrong plan is found."""
    from predict import pickle as module

    plan_of = module.plan_of

    def wrong(*given: object) -> dict:
        plan = plan_of(*given)
        plan["members"][0]["weight"] = 3.0
        return plan

    monkeypatch.setattr(module, "plan_of", wrong)
    config, run = blended
    path = run.path("other", "wrong.pkl")
    with pytest.raises(ArtifactError, match="something else than erazoo itself"):
        export_pickle(config, run, out=path)
    assert not list(path.parent.iterdir())


def pickled(tmp_path: Path, body: str) -> Path:
    """A pickle of a function `predict(features, benchmarks)` with this body."""
    space: dict = {"__name__": "stranger"}
    text = "def predict(features, benchmarks=None):\n" + textwrap.indent(textwrap.dedent(body), " ")
    exec(text, space)
    path = tmp_path / "stranger.pkl"
    path.write_bytes(cloudpickle.dumps(space["predict"]))
    return path


ROWS = pd.DataFrame({"feature_0": [0, 4, 2]}, index=pd.Index(["a", "b", "NA"], name="id"))
ANSWER = "return pd.DataFrame({'prediction': [.2, .4, .6]}, index=features.index)"


def test_the_sandbox_lets_a_good_function_pass(tmp_path: Path) -> None:
    body = f"""
        import os, sklearn, scipy, numpy, lightgbm, cloudpickle, pandas as pd
        assert len(os.sched_getaffinity(0)) == 1 and "NUMERAI_SECRET_KEY" not in os.environ
        {ANSWER}
    """
    found = try_pickle(pickled(tmp_path, body), ROWS)
    assert list(found.ids) == ["a", "b", "NA"]
    assert list(found.values) == [0.2, 0.4, 0.6]
    assert {"os", "sklearn", "lightgbm"} & set(found.imported) == {"sklearn", "lightgbm"}
    assert found.peak_mb > 50


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("import erazoo", "and not erazoo"),
        ("import predict.portable", "and not predict"),
        ("import pyarrow", "and not pyarrow"),
        ("import polars", "and not polars"),
        ("import socket; socket.create_connection(('127.0.0.1', 9))", "no network"),
        ("import numpy as np; np.ones(2_000_000_000)", "within 4096 MiB"),
        ("import os; os.abort()", "exit code -6"),
        ("return features", r"index 'id' and the columns \['feature_0'\]"),
        ("return [0.5]", "a list with the index None"),
        ("import pandas as pd; return pd.DataFrame({'prediction': [.5] * 3})", "the index None"),
        (f"import pandas as pd; features = features.iloc[[0, 0, 1]]; {ANSWER}", "the 3 live rows"),
        (f"import pandas as pd; {ANSWER.replace('.2', '0')}", "1 values such as 0"),
        (f"import pandas as pd; {ANSWER.replace('.2', 'None')}", "1 values such as nan"),
        (f"import pandas as pd; {ANSWER.replace('.2', '1.5')}", "1 values such as 1.5"),
    ],
)
def test_the_sandbox_refuses(tmp_path: Path, body: str, message: str) -> None:
    with pytest.raises(ArtifactError, match=message):
        try_pickle(pickled(tmp_path, body), ROWS)


def test_the_sandbox_ends_what_takes_too_long(tmp_path: Path) -> None:
    path = pickled(tmp_path, "while True: pass")
    with pytest.raises(ArtifactError, match="longer than Numerai lets it run"):
        try_pickle(path, ROWS, seconds=4)


def test_only_the_libraries_of_the_image_and_what_they_need() -> None:
    known = set(allowed_modules())
    assert {"numpy", "pandas", "lightgbm", "scipy", "sklearn", "cloudpickle", "joblib"} <= known
    assert not {"erazoo", "predict", "pyarrow", "polars", "xgboost", "numerapi"} & known


def test_less_memory_is_enough_for_less(tmp_path: Path) -> None:
    path = pickled(tmp_path, f"import numpy, pandas as pd; numpy.ones(40_000_000); {ANSWER}")
    assert len(try_pickle(path, ROWS).values) == 3
    with pytest.raises(ArtifactError, match="within 1200 MiB|fails where only"):
        try_pickle(path, ROWS, memory_mb=300)


def test_a_pickle_by_reference_is_found_out(tmp_path: Path) -> None:
    from predict.portable import prediction_function

    path = tmp_path / "reference.pkl"
    path.write_bytes(pickle.dumps(prediction_function))
    with pytest.raises(ArtifactError, match="and not predict"):
        try_pickle(path, ROWS)


def test_a_changed_member_is_refused(blended: tuple[Config, RunDir]) -> None:
    config, run = blended
    model = run.path("models", "second", "final", "model.txt")
    model.write_text(model.read_text() + " ")
    with pytest.raises((ArtifactError, SchemaError), match="has changed"):
        export_pickle(config, run)
