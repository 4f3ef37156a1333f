"""`erazoo models`: the catalogue, options, untrained networks and the contract."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from erazoo.config.schema import DemoSection
from erazoo.publish import read_json
from etl.demo.profiles import Plan
from zoo import catalogue

MINE = Path(__file__).resolve().parents[1] / "zoo" / "mine.py"


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    return Path(shutil.copy(MINE, tmp_path / "own.py"))


def test_the_catalogue_is_listed_with_presets_and_needs(erazoo) -> None:
    listed = {model["name"]: model for model in erazoo("models", "--json").json["models"]}
    assert list(listed) == list(catalogue.names())
    assert listed["ft_transformer"]["needs"] == ["GPU advised"]
    assert listed["mlp"]["presets"] == ["small", "demo", "funnel", "deep", "residual"]
    text = erazoo("models").out
    assert "GPU advised" in text
    assert "jane_street" in text
    assert "weights with 740 features; with those of the run: --counts\n" in text


def test_a_file_is_listed_beside_the_catalogue(erazoo, mine: Path) -> None:
    listed = erazoo("models", "--plugin", mine, "--json").json["models"]
    assert (listed[-1]["name"], listed[-1]["file"]) == ("mine", str(mine))


def test_one_model_shows_options_limits_source_and_presets(erazoo) -> None:
    text = erazoo("models", "tabm").out
    for part in (
        "Gorishniy, Kotelnikov and Babenko 2025",
        "members = 32  [>= 2, <= 256]",
        "head.kind = regression  [regression | classes | multilabel | ordinal]",
        "learning_rate=0.002, weight_decay=0.0003",
    ):
        assert part in text
    text = erazoo("models", "mlp").out
    for part in ("units = [256, 128]", "normalise = false", "batch_size = unset", 'encoder = ""'):
        assert f"\n{part}" in text
    assert "learning_rate=0.0009, weight_decay=0.0001, head.output=linear, head.start=0.0" in text
    assert erazoo("models", "tabm", "--json").json["options"]["members"]["default"] == 32


@pytest.mark.long
def test_the_listed_weights_are_those_of_the_networks(erazoo) -> None:
    """Where this fails, a network has changed: write what was counted into the file."""
    width, known = catalogue.known_weights()
    counted = erazoo("models", "--counts", "--features", width, "--json").json["models"]
    assert known == {model["name"]: model["weights"] for model in counted if model["weights"]}
    listed = erazoo("models", "--json").json
    assert listed["features"] == width
    assert known["mlp"] == {m["name"]: m["weights"] for m in listed["models"]}["mlp"]
    assert "small (222,721)" in erazoo("models").out


def test_weights_are_counted_on_request(erazoo) -> None:
    listed = erazoo("models", "--counts", "--features", 30, "--json").json["models"]
    weights = {model["name"]: model["weights"] for model in listed}
    assert weights["linear"]["small"] == 31
    assert weights["ridge"] == {}
    one = erazoo("models", "linear", "--counts", "--json").json
    features = Plan.of(DemoSection()).features
    assert (one["features"], one["weights"]) == (features, features + 1)


def test_an_untrained_network_is_written_and_drawn(erazoo, tmp_path: Path) -> None:
    words = ("models", "mlp", "--preset", "funnel", "--param", "units=[8, 4]", "--features", 20)
    wanted = ("--save", tmp_path / "net", "--summary", tmp_path / "net.svg")
    outcome = erazoo(*words, *wanted, "--dry-run")
    assert (outcome.code, list(tmp_path.iterdir())) == (0, [])
    assert "would be written" in outcome.out
    outcome = erazoo(*words, *wanted)
    assert outcome.code == 0
    assert "block_1_dense" in outcome.out
    assert "block_1_dense" in (tmp_path / "net.svg").read_text()
    card = read_json(tmp_path / "net" / "card.json")
    assert (card["features"], card["params"]["units"], card["preset"]) == (20, [8, 4], "funnel")


def test_a_network_has_the_features_of_the_run(erazoo, make_run, panel_folder: Path) -> None:
    _, run = make_run()
    place = ("--run-dir", run.root, "--set", f"data.dir={panel_folder}")
    found = erazoo("models", "linear", "--counts", *place, "--json").json
    assert found["features"] == 6


def test_a_network_has_the_features_that_the_experiment_gives_it(
    erazoo, make_run, panel_folder: Path, tmp_path: Path
) -> None:
    """Saved untrained for these, it is what the fits of `--from` begin with."""
    _, run = make_run()
    folder = tmp_path / "untrained"
    place = ("--run-dir", run.root, "--set", f"data.dir={panel_folder}")
    own = (*place, "--set", "models.linear.features=small")
    found = erazoo("models", "linear", "--save", folder, *own, "--json").json
    assert found["card"]["features"] == 3
    unknown = erazoo("models", "linear", "--counts", *place, "--set", "models.linear.features=smal")
    assert "neither a feature set nor a group" in unknown.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nlp"], "the catalogue has no such model. Received: nlp. Expected: mlp"),
        (["mlp", "--preset", "smal", "--counts"], "mlp has no such preset"),
        (["mlp", "--param", "units", "--counts"], "no option of a model. Received: units"),
        (["mlp", "--param", "head.kind=3", "--counts"], "parameter 'head.kind'"),
        (["ridge", "--counts"], "only networks are built untrained"),
        (["check"], "nothing to check"),
        (["check", "ridge"], "the contract is one of networks"),
        (["mlp", "tabm"], "one model at a time"),
        (["--save", "x"], "this is said of one model"),
        (["mlp", "--counts", "--set", "data.source=numerai"], "how many features"),
    ],
)
def test_a_wrong_call_is_one_clear_line(erazoo, words: list[str], message: str) -> None:
    outcome = erazoo("models", *words)
    assert outcome.code == 2
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize(("breaks", "code"), [(False, 0), (True, 1)])
def test_a_file_is_put_to_the_contract(
    erazoo, mine: Path, breaks: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zoo.keras import check

    kept = {name: check.CHECKS[name] for name in list(check.CHECKS)[:2]}
    monkeypatch.setattr(check, "CHECKS", kept)
    if breaks:
        mine.write_text(mine.read_text().replace(', name="first"', ""))
    outcome = erazoo("models", "check", mine)
    assert outcome.code == code
    first, second = outcome.out.splitlines()
    assert first == "presets are plain data: holds"
    assert second.startswith("every preset builds, every layer is named: ")
    assert second.endswith("holds") != breaks


def test_training_takes_a_file_too(erazoo, make_run, panel_folder: Path, mine: Path) -> None:
    _, run = make_run()
    place = ("--run-dir", run.root, "--set", f"data.dir={panel_folder}")
    outcome = erazoo("train", "mine", "--plugin", mine, *place, "--dry-run")
    assert (outcome.code, outcome.out) == (0, "would train mine\n"), outcome.err
