"""The data folder of an experiment: built once, never over someone else's data, never half."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from erazoo.config import Config, load
from erazoo.errors import ConfigError, StaleDataError
from erazoo.publish import write_json
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.source import prepare_data

SMALL = ("demo.eras=60", "demo.rows=50", "demo.features=24", "split.folds=1", "split.held_out=0")


def small(*settings: str) -> Config:
    return load(overrides=[*SMALL, *settings], variables={})


def test_built_once(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    first = prepare_data(small(), run)
    assert not first.get("skipped")
    assert prepare_data(small(), run)["skipped"]
    assert not prepare_data(small(), run, force=True).get("skipped")
    assert not prepare_data(small("demo.seed=8"), run).get("skipped")


def test_a_users_own_data_are_never_replaced(tiny: Path, tmp_path: Path) -> None:
    before = {p.name: p.read_bytes() for p in tiny.iterdir()}
    for force in (False, True):
        with pytest.raises(ConfigError, match="holds data that erazoo did not make"):
            prepare_data(small(f"data.dir={tiny}"), RunDir(tmp_path / "run"), force=force)
    assert {p.name: p.read_bytes() for p in tiny.iterdir()} == before


def test_data_of_another_configuration_are_not_sharded(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    prepare_data(small(), run)
    shard(small(), run)
    other = small("demo.profile=noise")
    with pytest.raises(StaleDataError, match="another configuration.*erazoo download"):
        shard(other, run)


def test_a_killed_generation_is_not_sharded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = RunDir(tmp_path)
    prepare_data(small(), run)
    (tmp_path / "data" / "stages" / "data.json").unlink()
    (tmp_path / "data" / ".partial-left").write_text("half")
    with pytest.raises(StaleDataError, match="incomplete"):
        shard(small(), run)
    prepare_data(small(), run)
    assert not list((tmp_path / "data").glob(".partial-*"))
    assert shard(small(), run)["eras"] == 60


def test_an_unfinished_download_is_not_sharded(tiny: Path, tmp_path: Path) -> None:
    write_json(tiny / "download.json", {"version": "v5.3", "files": {}})
    with pytest.raises(StaleDataError, match="incomplete"):
        shard(small("data.source=numerai", f"data.dir={tiny}"), RunDir(tmp_path / "run"))


def test_the_purge_comes_from_the_measured_reach(tmp_path: Path, make_prices: object) -> None:
    """Daily eras of a panel that names no tournament: the label reaches 21 eras, not 5."""
    make_prices(symbols=12, bars=260).write_parquet(tmp_path / "bars.parquet")  # type: ignore[operator]
    config = load(
        overrides=[
            "data.source=prices",
            "data.target=target_return_20",
            f"prices.files=['{tmp_path / 'bars.parquet'}']",
            "prices.horizons=[20]",
            "prices.windows=[5, 10]",
            "split.folds=2",
        ],
        variables={},
    )
    run = RunDir(tmp_path / "run")
    prepare_data(config, run)
    shard(config, run)
    _, plan = open_shards(config, run)
    assert plan.label_eras == 21
    assert plan.purge == 25
    for fold in plan.folds:
        place = plan.axis.index
        assert place(fold.validation[0]) - place(fold.train[-1]) > 21


def test_new_prices_build_the_panel_anew(tmp_path: Path, make_prices: object) -> None:
    path = tmp_path / "bars.parquet"
    make_prices(symbols=12, bars=120).write_parquet(path)  # type: ignore[operator]
    config = load(
        overrides=["data.source=prices", f"prices.files=['{path}']", "prices.windows=[5, 10]"],
        variables={},
    )
    run = RunDir(tmp_path / "run")
    prepare_data(config, run)
    assert prepare_data(config, run)["skipped"]
    frame = pd.read_parquet(path)
    frame.assign(volume=frame["volume"] + 1).to_parquet(path)
    assert not prepare_data(config, run).get("skipped")
