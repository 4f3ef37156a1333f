"""A model a feature set and group: what is trained, what is kept, and that work stays done."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.pools import make_pool

from ensemble.blend import ensemble, open_recipe
from ensemble.evidence import Evidence
from ensemble.grid.cells import base_model, plan_grid
from ensemble.grid.record import with_grid
from ensemble.grid.selection import BestAlone, select
from ensemble.grid.train import finished_cells, grid_stands, run_grid
from ensemble.moments import era_moments
from ensemble.weights.greedy import Greedy
from erazoo.config import Config, load
from erazoo.config.schema import NAME, UniqueSection
from erazoo.errors import ConfigError, LeakageError, StaleDataError, TrainingError
from erazoo.panel import FeatureSpec
from erazoo.publish import read_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring import series
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.job import model_dir, model_stage
from training.predictions import Predictions
from training.train import forget_model

Maker = Callable[..., tuple[Config, RunDir]]
NAMES = tuple(f"f{j}" for j in range(8))
SPEC = FeatureSpec(
    NAMES,
    {
        "all": NAMES,
        "small": NAMES[:3],
        "medium": NAMES[:6],
        "v2_equivalent": NAMES[:4],
        "fncv3_features": NAMES[:5],
        "wisdom": NAMES[2:5],
        "faith & co": NAMES[6:],
        "twin": NAMES[:3],
    },
)
BOTH = "sets x groups"


def configured(*overrides: str) -> Config:
    models = ["models.ridge.enabled=true", "models.lightgbm.params.n_estimators=20"]
    return load(overrides=[*models, *overrides], variables={})


def cells(*overrides: str) -> dict[str, str]:
    config = configured(*overrides)
    return {cell.name: cell.word for cell in plan_grid(config, SPEC).cells}


def test_sets_are_those_that_the_data_have() -> None:
    found = cells("ensemble.grid.of=sets")
    assert found == {
        "lightgbm.set-small": "small",
        "lightgbm.set-medium": "medium",
        "lightgbm": "all",
    }


def test_groups_are_all_others_and_equal_lists_are_one() -> None:
    found = cells("ensemble.grid.of=groups")
    assert found == {
        "lightgbm.group-wisdom": "wisdom",
        "lightgbm.group-faith---co": "faith & co",
        "lightgbm.group-twin": "twin",
    }
    assert all(re.match(NAME, name) for name in found)


def test_sets_times_groups_trains_every_list_once() -> None:
    grid = plan_grid(configured(f"ensemble.grid.of={BOTH}"), SPEC)
    found = {cell.name: cell for cell in grid.cells}
    assert set(found) == {
        "lightgbm.set-small",
        "lightgbm.set-medium",
        "lightgbm",
        "lightgbm.group-wisdom",
        "lightgbm.group-faith---co",
        "lightgbm.set-small.group-wisdom",
    }
    assert found["lightgbm.set-small"].same == (
        "twin",
        "small & twin",
        "medium & twin",
    )
    assert found["lightgbm.set-small.group-wisdom"].word == "small & wisdom"
    assert {name: cell.columns for name, cell in found.items()} == {
        "lightgbm.set-small": 3,
        "lightgbm.set-medium": 6,
        "lightgbm": 8,
        "lightgbm.group-wisdom": 3,
        "lightgbm.group-faith---co": 2,
        "lightgbm.set-small.group-wisdom": 1,
    }
    entry = grid.config.models["lightgbm.group-wisdom"]
    assert entry.params == {"n_estimators": 20}
    assert entry.model == "lightgbm"


@pytest.mark.parametrize(
    ("overrides", "names"),
    [
        (["ensemble.grid.of=groups", "ensemble.grid.groups=['twin']"], ["lightgbm.group-twin"]),
        (["ensemble.grid.of=sets", "ensemble.grid.sets=['wisdom']"], ["lightgbm.set-wisdom"]),
        (["ensemble.grid.of=sets", "ensemble.grid.model=ridge"], ["ridge.set-small"]),
        (["ensemble.grid.of=sets", "models.lightgbm.features=small"], ["lightgbm"]),
        (["ensemble.grid.of=sets", "models.lightgbm.features=small"], ["lightgbm.set-all"]),
    ],
)
def test_what_is_named_is_trained(overrides: list[str], names: list[str]) -> None:
    assert set(names) <= set(cells(*overrides))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["ensemble.grid.model=lightgm"], "not configured.*lightgbm"),
        (["models.lightgbm.enabled=false"], "none is configured.*ridge"),
        (["ensemble.grid.groups=['wisdon']"], "neither a feature set nor a group.*wisdom"),
        (["models.'lightgbm.set-small'.model=ridge"], "has the name of one of the grid"),
    ],
)
def test_grids_that_cannot_be_made(overrides: list[str], words: str) -> None:
    texts = [text.replace("'lightgbm.set-small'", "LONG") for text in overrides]
    config = configured("ensemble.grid.of=sets", *(t for t in texts if "LONG" not in t))
    if "LONG" in texts[0]:
        taken = {**config.models, "lightgbm.set-small": config.models["ridge"]}
        config = config.model_copy(update={"models": taken})
    with pytest.raises(ConfigError, match=words):
        plan_grid(config, SPEC)


def test_no_groups() -> None:
    config = configured("ensemble.grid.of=groups")
    with pytest.raises(ConfigError, match=r"no feature group.*of = 'sets'"):
        plan_grid(config, FeatureSpec(NAMES, {"all": NAMES}))


def evidence(skills: Sequence[float], **options: Any) -> Evidence:
    pool = make_pool(skills, 40, 120, **options)
    return Evidence(pool, era_moments(pool))


def test_what_adds_to_the_best_set_is_kept(tmp_path: Path) -> None:
    """m0 and m1 are sets, m2 a group with skill of its own; m3 and m4 are noise."""
    held = evidence([0.3, 0.2, 0.25, 0.0, 0.0])
    found = select(configured(), held, ["m0", "m1"], 30, tmp_path)
    assert found.kept[0] == "m0"
    assert "m2" in found.kept
    assert not {"m3", "m4"} & set(found.kept)
    assert found.difference is not None
    assert found.error is not None
    assert found.difference > found.error > 0
    expected = Greedy("corr", 50, 0).fit(held.stretch(0, 30))
    np.testing.assert_array_equal(found.weights, expected)


def test_where_nothing_adds_the_best_set_stays_alone(tmp_path: Path) -> None:
    held = evidence([0.3, 0.0, 0.0])
    found = select(configured(), held, ["m0"], 30, tmp_path)
    assert found.kept == ("m0",)
    assert "does not beat it on later eras" in found.reason
    assert not found.weights.any()


def test_later_targets_do_not_change_what_is_kept(tmp_path: Path) -> None:
    """Only the eras that may be learned from have a say in which models are kept."""
    held = evidence([0.3, 0.2, 0.25, 0.0])
    pool = held.pool
    late = pool.slices.bounds[30]
    turned = pool.targets.copy()
    turned[late:] = 1 - turned[late:]
    other_pool = replace(pool, targets=turned)
    other = Evidence(other_pool, era_moments(other_pool))
    for objective in ("corr", "sharpe", "mmc"):
        alone = BestAlone(("m0", "m1"), objective)
        one, two = (alone.fit(e.stretch(0, 30)) for e in (held, other))
        np.testing.assert_array_equal(one, two)
    weights = [Greedy().fit(e.stretch(0, 30)) for e in (held, other)]
    np.testing.assert_array_equal(*weights)


def test_the_best_alone_is_that_of_the_objective() -> None:
    held = evidence([0.2, 0.3, 0.25, 0.5])
    pool = held.pool
    among = ("m0", "m1", "m2")
    scores = numerai_corr(pool.ranks.T[:, :3], pool.targets, pool.slices)
    added = mmc(pool.ranks.T[:, :3], pool.references["meta"], pool.targets, pool.slices)
    for objective, values in (
        ("corr", series.mean(scores)),
        ("sharpe", series.sharpe(scores)),
        ("mmc", series.mean(added)),
    ):
        assert BestAlone(among, objective).fit(held).argmax() == values.argmax()


def test_too_few_eras_to_select_from(tmp_path: Path) -> None:
    with pytest.raises(LeakageError, match="too few eras are left to select"):
        select(configured(), evidence([0.3, 0.1]), ["m0"], 2, tmp_path)
    overlapping = evidence([0.3, 0.2, 0.25], label_eras=9, purge=9)
    found = select(configured(), overlapping, ["m0"], 30, tmp_path / "overlapping")
    assert found.kept == ("m0",)
    assert "20 judged eras are too few to tell" in found.reason
    few = evidence([0.3, 0.1]).stretch(0, 4)
    found = select(configured(), few, ["m0"], 4, tmp_path)
    assert found.kept == ("m0",)
    assert "too few eras" in found.reason


@pytest.fixture
def grid_run(make_run: Maker) -> tuple[Config, RunDir]:
    """Shards, and a grid of four models of which one is the configured model itself."""
    return make_run(
        "models.ridge.enabled=false",
        f"ensemble.grid.of={BOTH}",
        "ensemble.methods=['nnls']",
        "engine.backend=debug",
        "models.lightgbm.params.min_child_samples=5",
    )


NEW = ("lightgbm.set-small", "lightgbm.group-charisma", "lightgbm.set-small.group-charisma")


def test_a_grid_from_end_to_end(grid_run: tuple[Config, RunDir]) -> None:
    config, run = grid_run
    section = config.ensemble.model_copy(update={"unique": UniqueSection(enabled=False)})
    models = {"lightgbm": config.models["lightgbm"]}
    config = config.model_copy(update={"ensemble": section, "models": models})
    with pytest.raises(StaleDataError, match="not trained.*erazoo ensemble"):
        ensemble(config, run)
    content = run_grid(config, run)
    rows = {row["name"]: row for row in content["rows"]}
    assert set(rows) == {"lightgbm", *NEW}
    assert {row["features"]: row["columns"] for row in content["rows"]} == {
        "all": 6,
        "small": 3,
        "charisma": 3,
        "small & charisma": 2,
    }
    shards, plan = open_shards(config, run)
    column = shards.target_index(plan.target)
    for name, row in rows.items():
        made = Predictions.load(model_dir(run, name) / "out_of_fold.parquet")
        labels = shards.labels(sorted(set(made.eras)))
        slices = EraSlices.from_labels(labels.eras)
        scores = numerai_corr(made.aligned(labels.ids), labels.targets[:, column], slices)
        assert row["corr"] == pytest.approx(series.mean(scores)[0], abs=1e-6)
        assert row["sharpe"] == pytest.approx(series.sharpe(scores)[0], abs=1e-4)
        assert row["mmc"] is not None
    corr = [row["corr"] for row in content["rows"]]
    assert corr == sorted(corr, reverse=True)
    assert [name for name, row in rows.items() if row["kept"]]
    assert content["kept"][0] in ("lightgbm", "lightgbm.set-small")
    shown = list(csv.DictReader(run.path("ensemble", "grid.csv").open()))
    assert [row["name"] for row in shown] == [row["name"] for row in content["rows"]]
    assert float(shown[0]["corr"]) == content["rows"][0]["corr"]
    made_of = ensemble(config, run)["methods"]["members"]
    assert set(made_of) == {"lightgbm", *content["kept"]}
    assert open_recipe(config, run).name == "ensemble"
    assert ensemble(config, run)["skipped"]
    chosen = config.ensemble.model_copy(update={"members": ("lightgbm",)})
    named = with_grid(config.model_copy(update={"ensemble": chosen}), run)
    assert set(named.ensemble.members) == {"lightgbm", *content["kept"]}


def test_what_is_trained_stays(
    grid_run: tuple[Config, RunDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed call goes on with the models that are missing, and a finished one does nothing."""
    config, run = grid_run
    first = run_grid(config, run)
    grid = plan_grid(config, open_shards(config, run)[0].spec)
    assert grid_stands(grid, run)
    cards = {p: p.stat().st_mtime_ns for p in run.path("models").rglob("card.json")}
    forget_model(grid.config, run, NEW[0])
    kept = {p: t for p, t in cards.items() if NEW[0] != p.relative_to(run.path("models")).parts[0]}
    assert finished_cells(grid, run) == tuple(n for n in grid.names if n != NEW[0])
    again = run_grid(config, run)
    assert not again.get("skipped")
    assert {k: v for k, v in again.items() if k != "rows"} == {
        k: v for k, v in first.items() if k != "rows"
    }
    assert again["rows"] == first["rows"]
    assert {p: p.stat().st_mtime_ns for p in kept} == kept
    monkeypatch.setattr("ensemble.grid.train.train_contest", pytest.fail)
    assert run_grid(config, run)["skipped"]


@pytest.mark.long
def test_a_model_that_fails_is_a_row(grid_run: tuple[Config, RunDir]) -> None:
    config, run = grid_run
    serial = config.engine.model_copy(update={"backend": "serial"})
    config = config.model_copy(update={"engine": serial})
    model_dir(run, NEW[1]).mkdir(parents=True)
    blocked = model_dir(run, NEW[1]) / "folds"
    blocked.write_text("a file where a folder should be")
    content = run_grid(config, run)
    last = content["rows"][-1]
    assert (last["name"], last["status"], last["kept"]) == (NEW[1], "failed", False)
    assert "folds" in last["reason"]
    assert {r["name"] for r in content["rows"][:-1]} == {"lightgbm", NEW[0], NEW[2]}
    assert NEW[1] not in content["kept"]
    grid = plan_grid(config, open_shards(config, run)[0].spec)
    assert not grid_stands(grid, run)
    blocked.unlink()
    assert {row["status"] for row in run_grid(config, run)["rows"]} == {"ok"}


def test_limits_hold_for_each_model(grid_run: tuple[Config, RunDir]) -> None:
    config, run = grid_run
    serial = config.engine.model_copy(update={"backend": "serial"})
    config = config.model_copy(update={"engine": serial})
    with pytest.raises(TrainingError, match="no model of the grid"):
        run_grid(config, run, seconds=0.05)
    assert not run.path("ensemble", "grid.json").exists()
    assert read_json(model_dir(run, NEW[0]) / "result.json")["status"] == "failed"


def test_another_grid_is_another_record(grid_run: tuple[Config, RunDir]) -> None:
    config, run = grid_run
    run_grid(config, run)
    grown = with_grid(config, run)
    assert set(grown.models) >= set(read_json(run.path("ensemble", "grid.json"))["kept"])
    assert with_grid(grown, run) == grown
    for change in ({"of": "sets"}, {"of": ""}, {"groups": ("charisma",)}):
        grid = config.ensemble.grid.model_copy(update=change)
        section = config.ensemble.model_copy(update={"grid": grid})
        other = config.model_copy(update={"ensemble": section})
        assert with_grid(other, run) == other
    assert base_model(config) == "lightgbm"
    assert model_stage(grown, run, "lightgbm").done()
