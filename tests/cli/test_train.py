"""`erazoo train`: models by option, untrained networks to begin with, best epochs."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from erazoo.commands.frame import Call, Flags
from erazoo.commands.train import _with_models
from erazoo.config import Config
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]

PREDICT = """
import sys
from pathlib import Path
import keras, numpy as np
import zoo.keras.layers
from etl.shards import ShardSet
from training.families import load_model
shards = ShardSet.open(Path(sys.argv[1]))
x = shards.to_numpy([sys.argv[2]])[0]
bare = keras.saving.load_model(Path(sys.argv[3]) / "model.keras", compile=False)
found = [bare.predict(x, verbose=0)["prediction"][:, 0]]
found += [load_model(Path(folder), shards.spec)(x) for folder in sys.argv[4:-1]]
np.save(sys.argv[-1], found)
"""
"""Predictions of an era by an untrained network, loaded by Keras alone, and by trained models."""


@pytest.fixture
def place(make_run: Maker, panel_folder: Path) -> tuple[RunDir, list[str]]:
    """A run with shards and the words that name it."""
    settings = ("split.folds=1", "split.margin=1", "training.epochs=2", "training.tensorboard=off")
    _, run = make_run(*settings)
    given = (f"data.dir={panel_folder}", "data.extra_targets=['target_ender_60']", *settings)
    words = [word for setting in given for word in ("--set", setting)]
    return run, ["--run-dir", str(run.root), *words]


class TestPlans:
    def test_a_model_of_the_catalogue_needs_no_table(self, erazoo, place) -> None:
        run, words = place
        outcome = erazoo("train", "--model", "tabm", "--dry-run", *words)
        assert (outcome.code, outcome.out) == (0, "would train tabm\n"), outcome.err
        outcome = erazoo("train", "--model", "mlp", "--preset", "smal", "--dry-run", *words)
        assert outcome.code == 2
        assert "mlp has no such preset" in outcome.err

    def test_a_file_may_be_the_model(self, erazoo, place) -> None:
        mine = Path(__file__).resolve().parents[1] / "zoo" / "mine.py"
        words = ("--plugin", mine, "--model", "mine", "--dry-run", *place[1])
        outcome = erazoo("train", *words)
        assert (outcome.code, outcome.out) == (0, "would train mine\n"), outcome.err

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--preset", "small"], "--preset is one of a model"),
            (["--from", "nowhere"], "there is no artefact here"),
            (["--model", "nlp"], "the catalogue has no such model"),
            (["--best", "--model", "mlp"], "no fit has a best epoch"),
            (["--model", "mlp", "--eras", "all&none"], "none"),
        ],
    )
    def test_a_wrong_call_is_one_clear_line(self, erazoo, place, words, message) -> None:
        outcome = erazoo("train", *words, *place[1])
        assert outcome.code != 0
        assert message in outcome.err
        assert outcome.err.count("\n") == 1, outcome.err

    def test_a_network_of_another_model_is_refused(self, erazoo, place, tmp_path: Path) -> None:
        folder = tmp_path / "net"
        folder.mkdir()
        card = {"untrained": True, "model": "mlp", "preset": "", "params": {}, "files": {}}
        (folder / "card.json").write_text(json.dumps(card))
        outcome = erazoo("train", "--model", "tabm", "--from", folder, *place[1])
        assert outcome.code == 2
        assert "of its own model and preset" in outcome.err
        (folder / "card.json").write_text(json.dumps({**card, "untrained": False}))
        outcome = erazoo("train", "--from", folder, *place[1])
        assert "--from takes an untrained network" in outcome.err


def test_what_is_set_wins_over_what_a_network_was_saved_with(tmp_path: Path) -> None:
    params = {"learning_rate": 0.1, "dropout": 0.2, "schedule": {"kind": "cosine"}}
    card = {"untrained": True, "model": "mlp", "preset": "small", "params": params, "files": {}}
    (tmp_path / "card.json").write_text(json.dumps(card))
    call = Call.of(Flags(settings=["models.mlp.params.learning_rate=0.5"]))
    call, added = _with_models(call, None, None, tmp_path, ())
    entry = call.config.models["mlp"]
    assert (added, entry.start, entry.preset) == (["mlp"], str(tmp_path), "small")
    assert entry.params == {**params, "learning_rate": 0.5}


@pytest.mark.long
def test_training_begins_with_the_network_of_a_folder(erazoo, place, tmp_path: Path) -> None:
    """With a step size of next to nothing what is trained is what was saved."""
    run, words = place
    net = tmp_path / "net"
    params = ("units=[6, 3]", "learning_rate=1e-12", "dropout=0.0")
    options = [word for param in params for word in ("--param", param)]
    saved = erazoo("models", "mlp", *options, "--save", net, *words)
    assert saved.code == 0, saved.err
    outcome = erazoo("train", "--from", net, "--eras", "even", "--json", *words)
    assert outcome.code == 0, outcome.err
    assert outcome.json["models"]["mlp"]["params"]["units"] == [6, 3]
    fold = run.path("models", "mlp", "folds", "fold-0")
    card = read_json(fold / "card.json")
    assert all(int(era) % 2 == 0 for era in card["fit"])
    assert card["config"]["models"]["mlp"]["start"] == str(net)
    assert {"keras", "tensorflow"} <= set(card["provenance"]["libraries"])

    best = erazoo("train", "mlp", "--best", "--export", tmp_path / "best", "--json", *words)
    fit = best.json["fits"][0]
    assert (fit["model"], fit["fold"], fit["seed"]) == ("mlp", "fold-0", 7)
    assert fit["epoch"] == card["record"]["best_epoch"]
    assert fit["value"] == pytest.approx(card["record"]["best_value"])
    exported = tmp_path / "best" / "mlp" / "fold-0"
    assert read_json(exported / "card.json") == card
    told = erazoo("train", "mlp", "--best", "--export", tmp_path / "best", *words).out
    assert "val_corr" in told
    assert told.endswith(f"copied to {tmp_path / 'best'}/MODEL/FOLD\n")
    again = erazoo("train", "--from", net, "--eras", "even", *words).out
    assert "done already" in again
    assert f"--config {run.root}/config.json --run-dir {run.root}" in again
    kept = ("--config", run.root / "config.json", "--run-dir", run.root)
    assert "done already" in erazoo("train", "mlp", *kept).out
    assert "--config" not in erazoo("train", "mlp", *kept).out

    moved = run.root.rename(tmp_path / "moved")
    made = Predictions.load(moved / "models" / "mlp" / "out_of_fold.parquet")
    era = str(made.eras[0])
    ours = made.values[made.eras == era]
    file = tmp_path / "found.npy"
    folders = (net, moved / "models/mlp/folds/fold-0", exported)
    words = (moved / "shards", era, *folders, file)
    line = [sys.executable, "-c", PREDICT, *map(str, words)]
    subprocess.run(line, check=True, capture_output=True)
    first, *trained = np.load(file)
    np.testing.assert_allclose(first, ours, atol=1e-5)
    for found in trained:
        np.testing.assert_allclose(found, ours, atol=1e-6)
