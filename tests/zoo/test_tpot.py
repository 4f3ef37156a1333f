from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, get_args

import numpy as np
import psutil
import pytest
from contracts.estimator_contract import FITTED, EstimatorContract, predicted
from contracts.planted import TARGET, planted_shards

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError, LeakageError, MissingExtraError, TrainingError
from erazoo.publish import read_json
from etl.inner_folds import purged_folds
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.estimator import fit_of
from training.task import FoldTask
from zoo import catalogue
from zoo.drawn import Drawn, draw
from zoo.estimator import Fit
from zoo.search import breed as breeding
from zoo.search.breed import Wanted, breed, corr
from zoo.search.libraries import import_tpot
from zoo.search.spaces import Regressor, Selector, Transformer, search_space
from zoo.search.tpot import TRUSTED, TPOTParams
from zoo.search.workers import dask_client
from zoo.skops_file import read_skops, write_skops

SMALL = {"population": 3, "generations": 2, "regressors": ["ridge", "hist_gradient_boosting"]}
SPEC, BOARD = catalogue.get("tpot"), "leaderboard.json"
CHEAP = Wanted(3, 1, 0, ("none",), ("none", "scale"), ("ridge",), seed=3, threads=1)


class TestTPOT(EstimatorContract):
    name = "tpot"
    preset = "demo"
    options: ClassVar = {"population": 4}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted_shards(tmp_path_factory.mktemp("tpot") / "shards")


def rows_of(data: ShardSet, purge: int) -> tuple[Drawn, list[int]]:
    """All rows of the folds within the fitted eras, and the fold of each era."""
    folds = purged_folds(data.axis, FITTED, 3, purge)
    drawn = draw("tpot", data, Fit(tuple(folds), TARGET), 10_000, data.spec.centred)
    return drawn, [folds[era] for era in drawn.eras.labels]


def test_the_score_is_that_of_eras_the_pipeline_was_not_fitted_on(data: ShardSet) -> None:
    from sklearn.base import clone

    drawn, folds = rows_of(data, purge=1)
    assert len(folds) == len(FITTED) - 2
    model, board = breed(drawn, folds, CHEAP)
    of_row = np.repeat(folds, drawn.eras.counts)
    eras = np.repeat(drawn.eras.labels, drawn.eras.counts)
    expected = []
    for fold in sorted(set(folds)):
        inside = of_row == fold
        one = clone(model).fit(drawn.features[~inside], drawn.target[~inside])
        slices = EraSlices.from_labels(eras[inside].astype(object))
        values = one.predict(drawn.features[inside])
        expected.append(numerai_corr(values, drawn.target[inside], slices).mean())
    assert board[0]["corr"] == pytest.approx(np.mean(expected), abs=1e-6)
    assert board[0]["corr"] == max(line["corr"] for line in board)
    whole = clone(model).fit(drawn.features, drawn.target)
    np.testing.assert_array_equal(model.predict(drawn.features), whole.predict(drawn.features))


def test_an_era_that_a_pipeline_says_nothing_about_counts_nothing() -> None:
    import pandas as pd
    from sklearn.dummy import DummyRegressor
    from sklearn.linear_model import LinearRegression

    x = np.arange(53, dtype=float).reshape(-1, 1)
    y = pd.Series(x[:, 0], index=np.repeat([4, 7, 8], [30, 20, 3]))
    assert corr(DummyRegressor().fit(x, y), x, y) == 0
    assert corr(LinearRegression().fit(x, y), x, y) == pytest.approx(1, abs=0.05)


def test_eras_are_thinned_where_rows_are_few(
    data: ShardSet, caplog: pytest.LogCaptureFixture
) -> None:
    model = SPEC.build(catalogue.resolve(SPEC, "demo", {**SMALL, "rows": 100}), data.spec)
    with caplog.at_level("INFO"):
        model.fit(data, Fit(FITTED, TARGET))
    rows = data.rows(FITTED[::2], TARGET, training=True)
    assert f"tpot learns 100 of {rows} rows" in caplog.text


def test_too_few_rows_an_era_are_an_error(tmp_path: Path) -> None:
    few = planted_shards(tmp_path / "shards", rows=8)
    model = SPEC.build(SPEC.params(), few.spec)
    with pytest.raises(
        ConfigError, match=r"too few rows an era.*of 7 eras in 4 folds.*params.rows"
    ):
        model.fit(few, Fit(FITTED, TARGET))


def test_threads_change_nothing_and_nothing_is_printed(
    data: ShardSet, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    params = catalogue.resolve(SPEC, "demo", SMALL)
    found = []
    for threads in (1, 2):
        model = SPEC.build(params, data.spec)
        settings = TrainingSection(threads=threads)
        model.fit(
            data, fit_of(params, FoldTask("fold-0", FITTED, (), TARGET, 3, settings, purge=1))
        )
        model.save(tmp_path)
        found.append((model.predict(data.to_numpy(FITTED)[0]), read_json(tmp_path / BOARD)))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]
    assert len(found[0][1]) == 6
    assert "0x" not in str(found[0][1])
    assert capfd.readouterr().out == ""


def test_another_seed_tries_other_pipelines(data: ShardSet) -> None:
    boards = []
    for seed in (3, 4):
        model = SPEC.build(catalogue.resolve(SPEC, "demo", SMALL), data.spec)
        model.fit(data, Fit(FITTED, TARGET, seed=seed))
        boards.append({line["pipeline"] for line in model.board})
    assert boards[0] != boards[1]


def test_few_rows_are_drawn_and_the_gaps_are_left_out(
    data: ShardSet, caplog: pytest.LogCaptureFixture
) -> None:
    model = SPEC.build(catalogue.resolve(SPEC, "demo", {**SMALL, "rows": 150}), data.spec)
    with caplog.at_level("INFO"):
        model.fit(data, Fit(FITTED, TARGET, purge=1))
    kept = purged_folds(data.axis, FITTED, 2, 1)
    rows = data.rows(tuple(kept), TARGET, training=True)
    assert f"tpot learns 150 of {rows} rows" in caplog.text
    assert rows < data.rows(FITTED, TARGET, training=True)


def test_eras_too_few_for_folds_are_an_error(data: ShardSet) -> None:
    model = SPEC.build(SPEC.params(), data.spec)
    with pytest.raises(LeakageError, match="too few for folds within them"):
        model.fit(data, Fit(FITTED, TARGET, purge=16))


def test_a_clock_ends_the_search(data: ShardSet) -> None:
    drawn, folds = rows_of(data, purge=0)
    endless = Wanted(4, 5_000, 2, ("none",), ("none",), ("ridge",), seed=3, threads=1)
    _, board = breed(drawn, folds, endless)
    assert 1 <= len(board) < 4 * 5_000


def test_a_search_without_a_single_score_is_one_line(
    data: ShardSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def corr(*_: Any) -> float:
        raise ValueError("no")

    monkeypatch.setattr(breeding, "corr", corr)
    drawn, folds = rows_of(data, purge=0)
    with pytest.raises(TrainingError, match="TPOT failed: No individuals could be evaluated"):
        breed(drawn, folds, CHEAP)


def test_workers_are_threads_that_only_this_machine_sees_and_are_gone_afterwards() -> None:
    import_tpot()
    places = set(Path(tempfile.gettempdir()).glob("erazoo-tpot-*"))
    own, before = psutil.Process(), listening()
    with dask_client(2) as client:
        assert len(client.cluster.workers) == 2
        assert client.submit(os.getpid).result() == os.getpid()
        assert not [one for one in own.children() if "dask" in " ".join(one.cmdline())]
        opened = listening() - before
        assert {address for address, _ in opened} <= {"127.0.0.1"}
        for address, port in opened:
            for page in ("", "status", "info/main/workers.html", "metrics", "json/identity.json"):
                with pytest.raises(urllib.error.HTTPError, match="404"):
                    urllib.request.urlopen(f"http://{address}:{port}/{page}", timeout=20)
    assert listening() <= before
    assert set(Path(tempfile.gettempdir()).glob("erazoo-tpot-*")) <= places


def listening() -> set[tuple[str, int]]:
    found = psutil.Process().net_connections()
    return {(one.laddr.ip, one.laddr.port) for one in found if one.status == psutil.CONN_LISTEN}


ASKS_NOBODY = """
import socket, sys
import update_checker

def asks(*_):
    raise SystemExit("it asked for a newer version")

update_checker.update_check = asks
socket.create_connection = asks
from zoo.search.libraries import import_tpot
assert import_tpot().__version__
assert update_checker.update_check is asks
assert "pkg_resources" not in sys.modules
"""


def test_the_import_asks_nobody_and_leaves_nothing() -> None:
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", ASKS_NOBODY], cwd=root, check=True)


def test_a_fit_without_tpot_says_what_is_missing_and_a_model_predicts_without_it(
    data: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TestTPOT.fit(data, tmp_path / "fit", **SMALL)
    values = predicted(data, tmp_path / "fit")
    monkeypatch.setattr("zoo.search.libraries.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "tpot", None)
    with pytest.raises(MissingExtraError, match=r"tpot is not installed.*-e '\.\[tpot\]'"):
        TestTPOT.fit(data, tmp_path / "other", **SMALL)
    np.testing.assert_array_equal(predicted(data, tmp_path / "fit"), values)


KINDS = [
    *product(get_args(Selector), get_args(Transformer), ("ridge",)),
    *product(("none",), ("none",), get_args(Regressor)),
]


@pytest.mark.parametrize(("selector", "transformer", "regressor"), KINDS)
def test_pipelines_of_every_kind_are_kept_and_predict_the_same(
    tmp_path: Path, selector: Selector, transformer: Transformer, regressor: Regressor
) -> None:
    import_tpot()
    space = search_space([selector], [transformer], [regressor], seed=5)
    rng = np.random.default_rng(2)
    x = rng.integers(-2, 3, (300, 12)).astype("f4")
    y = x[:, 0] + rng.normal(size=300)
    for draw_of in range(3):
        model = space.generate(rng=draw_of).export_pipeline().fit(x, y)
        assert all(type(step).__module__.startswith("sklearn.") for _, step in model.steps)
        write_skops(tmp_path / "model.skops", model)
        again = read_skops(tmp_path / "model.skops", TRUSTED)
        np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_all_kinds_are_searched_by_default() -> None:
    params = TPOTParams()
    assert params.selectors == get_args(Selector)
    assert params.transformers == get_args(Transformer)
    assert params.regressors == get_args(Regressor)
