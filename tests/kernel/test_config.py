"""Layers of configuration, and what a mistake is answered with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from erazoo.config import Config, describe, load
from erazoo.errors import ConfigError
from etl.demo.profiles import Plan

ROOT = Path(__file__).resolve().parents[2]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_layers_override_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = write(tmp_path / "a.toml", "[split]\nfolds = 2\nmargin = 2\nembargo = 2\npurge = 20\n")
    write(tmp_path / "conf/env/big.toml", "[split]\nmargin = 3\nembargo = 3\npurge = 30\n")
    config = load(
        file,
        env="big",
        variables={"ERAZOO_SPLIT__EMBARGO": "4", "ERAZOO_SPLIT__PURGE": "40", "ERAZOO_DATA": "x"},
        overrides=["split.purge=50"],
    )
    split = config.split
    assert (split.folds, split.margin, split.embargo, split.purge) == (2, 3, 4, 50)
    assert split.first_train == Config().split.first_train


def test_local_dev_makes_the_demo_smaller() -> None:
    """What README.md says of it."""
    demo = load(ROOT / "conf" / "demo.toml", variables={})
    small = load(ROOT / "conf" / "demo.toml", env="local-dev", variables={})
    ours, theirs = Plan.of(small.demo), Plan.of(demo.demo)
    for key in ("eras", "rows", "features"):
        assert getattr(ours, key) < getattr(theirs, key)
    assert small.training.epochs < demo.training.epochs
    assert small.models == demo.models
    assert small.run == demo.run


def test_models_are_tables() -> None:
    config = load(
        overrides=["models.a.model=ridge", "models.a.params.alpha=3", "models.ridge.preset=x"],
        variables={},
    )
    assert config.models["a"].model == "ridge"
    assert config.models["a"].params == {"alpha": 3}
    assert config.models["ridge"].model == "ridge"


def test_resolved_configuration_loads_again() -> None:
    config = load(
        overrides=["models.ridge.params.alpha=3", "data.target=target_x_20"], variables={}
    )
    assert Config.model_validate(describe(config)) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("split.fold=3", "unknown configuration key 'split.fold'.*folds"),
        ("splt.folds=3", "unknown configuration key 'splt'.*split"),
        ("models.ridge.presets=x", "unknown configuration key 'models.ridge.presets'.*preset"),
        ("split.folds=many", "split.folds.*integer.*'many'"),
        ("split.held_out=2", "split.held_out.*less than 0.9.*2"),
        ("split.scheme=randm", "split.scheme.*expanding"),
        ("run.name=a/b", "run.name.*pattern"),
        ("run.name.x=1", "below a plain value|run.name"),
        ("models.a/b.model=ridge", "models.*pattern"),
        ("models.ensemble.model=ridge", "cannot be called 'ensemble'"),
        ("training.patience=0", "training.patience.*greater than or equal to 1"),
        ("noequals", "--set needs a key and a value"),
    ],
)
def test_mistakes_are_named(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        load(overrides=[override], variables={})
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("text", ["[split", "x = = 1", "\x00"])
def test_broken_files(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError, match="not valid TOML"):
        load(write(tmp_path / "bad.toml", text))


def test_the_configuration_of_a_run_loads_again(tmp_path: Path) -> None:
    config = load(overrides=["models.mlp.preset=small", "training.epochs=3"])
    assert load(write(tmp_path / "config.json", json.dumps(describe(config)))) == config
    with pytest.raises(ConfigError, match="is not valid JSON"):
        load(write(tmp_path / "config.json", "{"))


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        load(tmp_path / "none.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_unknown_environment_names_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "conf/env/local-dev.toml", "")
    with pytest.raises(ConfigError, match="unknown environment.*local-dv.*local-dev"):
        load(env="local-dv")


@pytest.mark.parametrize("path", sorted((ROOT / "conf").glob("*.toml")), ids=lambda p: p.stem)
def test_every_experiment_is_valid(path: Path) -> None:
    from zoo import catalogue

    config = load(path, variables={})
    assert config.models or config.mine.space
    for entry in config.models.values():
        catalogue.resolve(catalogue.get(entry.model), entry.preset, entry.params)


def test_combinatorial_needs_more_folds_than_it_tests() -> None:
    with pytest.raises(ConfigError, match="test_folds must be fewer"):
        load(overrides=["split.scheme=combinatorial", "split.folds=2"], variables={})
