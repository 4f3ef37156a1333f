"""Estimators fit the rows that count in training, each by its weight."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from contracts.written import KINDS, TARGETS, Kind, write

from erazoo.errors import TrainingError
from etl.shards import ShardSet
from etl.shards.rows import as_floats
from zoo import catalogue
from zoo.estimator import Estimator, Fit

TARGET = TARGETS[0]
INTEGERS = [kind for kind in KINDS if kind.dtype == "int8"]
BY_KIND = pytest.mark.parametrize("kind", INTEGERS, ids=str)
OPTIONS = {
    "ridge": {"alpha": 3.0},
    "lightgbm": {"n_estimators": 9, "min_child_samples": 2, "colsample_bytree": 1.0},
}


def fitted(name: str, shards: ShardSet, eras: tuple[str, ...] | None = None) -> Estimator:
    spec = catalogue.get(name)
    model: Estimator = spec.build(catalogue.resolve(spec, "", OPTIONS[name]), shards.spec)
    model.fit(shards, Fit(shards.eras() if eras is None else eras, TARGET, seed=3))
    return model


def in_memory(shards: ShardSet) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, labels = shards.to_numpy()
    y = labels.targets[:, 0]
    known = np.isfinite(y)
    weights = np.ones(len(y)) if labels.weights is None else labels.weights
    return x[known], y[known], weights[known]


@BY_KIND
def test_ridge_weighs_rows_as_scikit_learn_does(kind: Kind, tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    shards = write(tmp_path, kind).shards
    x, y, weights = in_memory(shards)
    model = Ridge(alpha=3.0).fit(shards.spec.centred(x), y, sample_weight=weights)
    expected = model.predict(shards.spec.centred(x))
    np.testing.assert_allclose(fitted("ridge", shards).predict(x), expected, atol=1e-5)


@BY_KIND
def test_lightgbm_weighs_rows_and_knows_missing_ones(kind: Kind, tmp_path: Path) -> None:
    import lightgbm

    shards = write(tmp_path, kind).shards
    x, y, weights = in_memory(shards)
    counts = weights > 0
    model = lightgbm.LGBMRegressor(
        n_estimators=9,
        learning_rate=0.01,
        max_depth=5,
        min_child_samples=2,
        random_state=3,
        deterministic=True,
        force_col_wise=True,
        verbosity=-1,
    )
    numbers = as_floats(x, shards.spec)
    model.fit(numbers[counts], y[counts], sample_weight=weights[counts])
    ours = fitted("lightgbm", shards).predict(x)
    assert len(np.unique(ours)) > 5
    np.testing.assert_allclose(ours, model.predict(numbers), atol=1e-6)


@pytest.mark.parametrize("name", OPTIONS)
def test_nothing_to_learn_from_is_an_error(name: str, tmp_path: Path) -> None:
    shards = write(tmp_path, KINDS[2]).shards
    for eras in (("0006",), ("0008",), ()):
        with pytest.raises(TrainingError, match=f"no row has a resolved target.*{TARGET}"):
            fitted(name, shards, eras)


SPEAKS = """
import sys
from pathlib import Path
from erazoo.logs import set_up
from etl.shards import ShardSet, sequence
from zoo import catalogue
from zoo.estimator import Fit
set_up(verbose=True)
sequence.BIN_SAMPLE_ROWS = 5
shards, spec = ShardSet.open(Path(sys.argv[1])), catalogue.get("lightgbm")
model = spec.build(catalogue.resolve(spec, "", {"n_estimators": 2}), shards.spec)
model.fit(shards, Fit(shards.eras(), sys.argv[2]))
"""


def test_lightgbm_speaks_in_the_log_alone(tmp_path: Path) -> None:
    """Stdout belongs to results; in a new process, because LightGBM keeps the level once set."""
    shards = write(tmp_path, KINDS[0]).shards
    words = [sys.executable, "-c", SPEAKS, str(shards.folder), TARGET]
    answer = subprocess.run(words, capture_output=True, text=True, check=True)
    assert answer.stdout == ""
    assert "bin_construct_sample_cnt" in answer.stderr
