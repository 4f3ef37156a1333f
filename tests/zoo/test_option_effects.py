"""No option without effect: each makes another fit, so that one which is forgotten fails here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from contracts.option_effects import has_effect, planted, watched_options

from etl.shards import ShardSet
from zoo import catalogue
from zoo.linear.ridge import RidgeParams


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
    return planted(tmp_path_factory.mktemp("shards"))


@pytest.mark.parametrize(("name", "option"), watched_options())
def test_no_option_is_without_effect(
    name: str, option: str, data: ShardSet, tmp_path: Path
) -> None:
    spec = catalogue.get(name)
    if spec.family == "h2o":
        pytest.importorskip("h2o")
    assert has_effect(spec, option, data, tmp_path)


def test_an_option_that_is_forgotten_is_noticed(data: ShardSet, tmp_path: Path) -> None:
    class Forgetful(RidgeParams):
        forgotten: int = 3

    spec = replace(catalogue.get("ridge"), params=Forgetful)
    assert has_effect(spec, "alpha", data, tmp_path / "alpha")
    assert not has_effect(spec, "forgotten", data, tmp_path / "forgotten")
