from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from erazoo.errors import ArtifactError, SchemaError
from erazoo.panel import FeatureSpec
from training.keras import predictor
from training.keras.predictor import MODEL, load
from zoo.catalogue import resolve
from zoo.keras.mlp import SPEC

FEATURES = FeatureSpec(("a", "b", "c"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network")
    SPEC.build(resolve(SPEC, "small", {"units": [4]}), FEATURES, 1).save(path / MODEL)
    return path


def quintiles(rows: int) -> np.ndarray:
    return np.random.default_rng(2).integers(0, 5, (rows, 3), dtype=np.int8)


def test_pieces_give_the_same_as_the_whole(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    predict = load(folder, FEATURES)
    whole = predict(quintiles(50))
    monkeypatch.setattr(predictor, "CHUNK_ROWS", 7)
    np.testing.assert_allclose(predict(quintiles(50)), whole, atol=1e-6)
    assert whole.dtype == np.float32
    assert len(np.unique(whole)) > 20


def test_no_rows_give_no_predictions(folder: Path) -> None:
    assert load(folder, FEATURES)(quintiles(0)).shape == (0,)


@pytest.mark.parametrize(
    ("shape", "kind"), [((5, 2), "int8"), ((5,), "int8"), ((3, 3, 3), "int8"), ((5, 3), "float32")]
)
def test_other_features_are_refused(folder: Path, shape: tuple[int, ...], kind: str) -> None:
    with pytest.raises(SchemaError, match=r"Expected: \(rows, 3\) of int8"):
        load(folder, FEATURES)(np.zeros(shape, dtype=kind))


def test_a_network_of_other_features_is_refused(folder: Path) -> None:
    with pytest.raises(SchemaError, match=r"Received: 2 features\. Expected: 3 features"):
        load(folder, FeatureSpec(("a", "b")))


def test_a_missing_network_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no trained network"):
        load(tmp_path, FEATURES)


@pytest.mark.parametrize("kept", [0, 100, 0.9])
def test_a_damaged_network_is_said(folder: Path, tmp_path: Path, kept: float) -> None:
    content = (folder / MODEL).read_bytes()
    size = int(kept * len(content)) if isinstance(kept, float) else kept
    (tmp_path / MODEL).write_bytes(content[:size])
    with pytest.raises(ArtifactError, match="cannot be read"):
        load(tmp_path, FEATURES)
