from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from erazoo.errors import ArtifactError
from erazoo.publish import write_json
from training.keras.record import best_epochs, best_weights

ROOT = Path(__file__).resolve().parents[2]
BEST: dict[str, Any] = {
    "epoch": 3,
    "monitor": "val_corr",
    "higher_is_better": True,
    "value": 0.02,
    "weights": "epoch-0003.weights.h5",
    "history": {"loss": [1.0, 0.5, 0.4], "val_corr": [0.0, None, 0.02]},
}


def fit(folder: Path, name: str, **change: Any) -> Path:
    path = folder / "folds" / name
    path.mkdir(parents=True)
    write_json(path / "best_epoch.json", BEST | change)
    return path


def test_every_fit_has_its_record_by_its_path(tmp_path: Path) -> None:
    fit(tmp_path, "fold-0", epoch=4)
    fit(tmp_path, "fold-1/seed-8")
    (tmp_path / "folds" / "final").mkdir()
    assert best_epochs(tmp_path) == {"fold-0": BEST | {"epoch": 4}, "fold-1/seed-8": BEST}


def test_a_model_without_fits_has_no_records(tmp_path: Path) -> None:
    assert best_epochs(tmp_path) == {}


def test_the_weights_lie_beside_the_record(tmp_path: Path) -> None:
    path = fit(tmp_path, "fold-0")
    with pytest.raises(ArtifactError, match="weights of the best epoch are gone"):
        best_weights(tmp_path, "fold-0")
    (path / BEST["weights"]).write_bytes(b"")
    assert best_weights(tmp_path, "fold-0") == path / BEST["weights"]
    with pytest.raises(ArtifactError, match="no best epoch"):
        best_weights(tmp_path, "final")


@pytest.mark.parametrize("text", ["", "[]", '{"epoch": 3}'])
def test_a_damaged_record_is_said_in_words(tmp_path: Path, text: str) -> None:
    (fit(tmp_path, "fold-0") / "best_epoch.json").write_text(text)
    with pytest.raises(ArtifactError, match="a record of a best epoch cannot be read"):
        best_epochs(tmp_path)


def test_reading_records_takes_no_keras() -> None:
    heavy = "{'keras', 'tensorflow'} & set(sys.modules)"
    code = f"import sys, training.keras.record; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
