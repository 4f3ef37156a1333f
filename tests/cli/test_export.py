"""`erazoo export pickle`: from a run directory to a file."""

from __future__ import annotations

import pickle
from pathlib import Path

import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config
from erazoo.rundir import RunDir


@pytest.fixture
def recorded(trained: tuple[Config, RunDir]) -> tuple[Config, RunDir]:
    """A run of one LightGBM model, with its configuration recorded as verbs do it."""
    config, run = trained
    section = config.ensemble.model_copy(
        update={
            "members": ("lightgbm",),
            "unique": config.ensemble.unique.model_copy(update={"enabled": False}),
        }
    )
    config = config.model_copy(update={"ensemble": section})
    ensemble(config, run)
    run.save_config(config)
    return config, run


def test_a_pickle_of_a_run(erazoo, recorded: tuple[Config, RunDir], tmp_path: Path) -> None:
    config, run = recorded
    dry = erazoo("export", "pickle", run.root, "--dry-run")
    assert dry.code == 0
    assert "would write a model pickle" in dry.out
    assert not run.path("pickles").exists()
    out = tmp_path / "elsewhere" / "mine.pkl"
    outcome = erazoo("export", "pickle", run.root, "--out", out)
    assert outcome.code == 0, outcome.err
    assert f"the pickle is {out}; upload it with an image of Python 3." in outcome.out
    assert "lightgbm (1); 20 trees" in outcome.out
    rows = pd.read_parquet(Path(config.data.dir) / "live.parquet").set_index("id")
    assert len(pickle.loads(out.read_bytes())(rows)) == len(rows)
    flat = erazoo("export", "pickle", run.root, "--set", "predict.neutralize=1", "--json")
    assert flat.json["neutralize"] == 1
    assert Path(flat.json["path"]) == run.path("pickles", "ensemble.pkl")


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("export", "pikle", "RUN"), 2, "no such form. Received: pikle. Expected: pickle"),
        (("export", "pickle", "RUN", "--model", "x"), 2, "--study NAME"),
        (("export", "pickle", "nowhere"), 2, "does not exist"),
        (("export", "pickle", "RUN", "--study", "mine"), 3, "nothing was exported from the study"),
    ],
)
def test_what_is_refused(
    erazoo, recorded: tuple[Config, RunDir], words: tuple[str, ...], code: int, message: str
) -> None:
    outcome = erazoo(*(recorded[1].root if word == "RUN" else word for word in words))
    assert outcome.code == code
    assert message in outcome.err
