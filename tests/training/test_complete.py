"""What models make of missing values and of float features."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from erazoo.errors import SchemaError
from erazoo.panel import EraBlock, FeatureSpec
from etl.shards import ShardFormat, ShardSet, ShardWriter
from training.families import trainer_of
from training.task import FoldTask
from zoo import catalogue

TARGET = "target_planted_20"
ERAS = ("0001", "0002", "0003", "0004")
SMALL: dict[str, dict[str, Any]] = {
    "ridge": {"alpha": 5.0},
    "lightgbm": {"n_estimators": 10, "colsample_bytree": 1.0},
    "mlp": {"units": [4]},
    "ae_classifier": {},
}


def shards_of(
    folder: Path, features: np.ndarray, *, missing: int | None = None, weighted: bool = False
) -> tuple[ShardSet, np.ndarray, np.ndarray]:
    """Four eras of equal size, their targets and their weights."""
    rng = np.random.default_rng(0)
    parts = np.split(features, len(ERAS))
    first = np.nan_to_num(features[:, 0].astype(float))
    signal = (first - first.mean()) / first.std()
    target = (signal + rng.normal(size=len(features))).astype(np.float32)
    weights = rng.choice([0, 0.5, 1, 3], len(features)).astype(np.float32)
    spec = FeatureSpec(
        tuple(f"f{j}" for j in range(features.shape[1])), dtype=features.dtype, missing=missing
    )

    def blocks() -> Iterator[EraBlock]:
        for number, (era, x) in enumerate(zip(ERAS, parts, strict=True)):
            rows = slice(number * len(x), (number + 1) * len(x))
            ids = np.array([f"{era}{k}" for k in range(len(x))], dtype=object)
            empty = np.empty((len(x), 0), np.float32)
            w = weights[rows] if weighted else None
            yield EraBlock(era, ids, x, target[rows, None], empty, w)

    writer = ShardWriter(
        folder,
        ShardFormat(spec, (TARGET,), block_rows=64, weighted=weighted),
        split_of=dict.fromkeys(ERAS, "train"),
        rows_of=dict.fromkeys(ERAS, len(parts[0])),
        key="k",
    )
    with writer:
        writer.write(blocks())
    return ShardSet.open(folder), target, weights


def fit(name: str, data: ShardSet, folder: Path, monitor: tuple[str, ...] = ()) -> Any:
    spec = catalogue.get(name)
    preset = "small" if name == "ae_classifier" else ""
    params = catalogue.resolve(spec, preset, SMALL[name])
    eras = tuple(era for era in ERAS if era not in monitor)
    task = FoldTask("fold-0", eras, monitor, TARGET, 1)
    folder.mkdir(exist_ok=True)
    trainer_of(spec).fit(spec, params, data, task, folder)
    return trainer_of(spec).load(spec, params, data.spec, folder)


def floats(rows: int = 400, width: int = 5) -> np.ndarray:
    rng = np.random.default_rng(1)
    scale = 10.0 ** np.arange(width)
    return (rng.normal(size=(rows, width)) * scale + 100 * scale).astype(np.float32)


def quintiles(rows: int = 400, own: bool = False) -> np.ndarray:
    x = np.random.default_rng(1).integers(0, 6 if own else 5, (rows, 5))
    return x.astype(np.int8)


@pytest.mark.parametrize("name", ["ridge", "mlp", "ae_classifier"])
def test_missing_values_are_refused_by_name(name: str, tmp_path: Path) -> None:
    gappy = floats()
    gappy[250, 3] = np.nan  # in era 0003
    data = shards_of(tmp_path / "gappy", gappy)[0]
    message = rf"{name} takes no missing values.*NaN in f3, era 0003.*clean\.missing"
    with pytest.raises(SchemaError, match=message):
        fit(name, data, tmp_path / "refused")
    with pytest.raises(SchemaError, match=message):
        fit(name, data, tmp_path / "refused", monitor=("0003",))
    assert not list((tmp_path / "refused").iterdir())


@pytest.mark.parametrize("name", ["ridge", "mlp"])
def test_missing_live_values_are_refused_by_name(name: str, tmp_path: Path) -> None:
    model = fit(name, shards_of(tmp_path / "whole", floats())[0], tmp_path / "fit")
    new = floats()
    assert np.isfinite(model(new)).all()
    new[7, 2] = np.nan
    with pytest.raises(SchemaError, match=r"NaN in f2, the rows to predict.*clean\.missing"):
        model(new)


def test_lightgbm_takes_missing_values(tmp_path: Path) -> None:
    """A gap that says much is learned from."""
    x = floats()
    known = np.random.default_rng(2).random(len(x)) < 0.5
    x[:, 0] = np.where(known, 1, np.nan)
    data = shards_of(tmp_path / "gappy", x)[0]
    model = fit("lightgbm", data, tmp_path / "fit")
    assert model(x)[known].std() < 0.5 * model(x).std()
    assert np.isfinite(model(x)).all()


def test_ridge_on_floats_of_any_scale_is_that_of_scikit_learn(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    x = floats()
    data, y, _ = shards_of(tmp_path / "data", x)
    ours = fit("ridge", data, tmp_path / "fit")(x)
    theirs = Ridge(alpha=5.0, solver="svd").fit(x.astype(float), y.astype(float))
    np.testing.assert_allclose(ours, theirs.predict(x.astype(float)), atol=1e-5)


def test_ridge_weighs_floats_as_scikit_learn(tmp_path: Path) -> None:
    from sklearn.linear_model import Ridge

    x = floats()
    data, y, weights = shards_of(tmp_path / "data", x, weighted=True)
    ours = fit("ridge", data, tmp_path / "fit")(x)
    theirs = Ridge(alpha=5.0, solver="svd").fit(x.astype(float), y.astype(float), weights)
    np.testing.assert_allclose(ours, theirs.predict(x.astype(float)), atol=1e-5)


def test_ridge_takes_a_code_of_its_own_for_the_centre(tmp_path: Path) -> None:
    own = quintiles(own=True)
    centre = np.where(own == 5, 2, own).astype(np.int8)
    data = shards_of(tmp_path / "own", own, missing=5)[0]
    plain = shards_of(tmp_path / "centre", centre, missing=2)[0]
    data_y, plain_y = (d.labels().targets for d in (data, plain))
    assert not np.array_equal(data_y, plain_y)  # the target follows the codes themselves
    model = fit("ridge", data, tmp_path / "fit")
    changed = own.copy()
    changed[own == 5] = 2
    np.testing.assert_array_equal(model(own), model(changed))


def test_lightgbm_tells_a_code_of_its_own_apart(tmp_path: Path) -> None:
    own = quintiles(own=True)
    data = shards_of(tmp_path / "own", own, missing=5)[0]
    model = fit("lightgbm", data, tmp_path / "fit")
    rows = np.full((2, 5), 2, dtype=np.int8)
    rows[1, 0] = 5
    values = model(rows)
    assert values[0] != values[1]
