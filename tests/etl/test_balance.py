"""Class balance: what each era of the cycle keeps, what a bin weighs, and who never sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config import Config, load
from erazoo.eras import EraAxis
from erazoo.errors import ConfigError
from erazoo.folds import FoldPlan
from erazoo.rundir import RunDir
from etl.balance import fit_balance
from etl.build import open_shards, shard
from etl.shards import ShardSet
from etl.splits import fitting_eras

FIVE = (0.0, 0.25, 0.5, 0.75, 1.0)
SIX = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
SEVEN = (0.0, 0.15, 0.3, 0.5, 0.7, 0.85, 1.0)
SETTINGS = (
    "data.extra_targets=['target_ender_60']",
    "split.scheme=fixed",
    "split.train=14",
    "split.validation=8",
    "split.margin=1",
    "shards.block_rows=5",
)


def axis_of(count: int, step: int = 1) -> EraAxis:
    return EraAxis(tuple(f"{e:04d}" for e in range(1, count * step + 1, step)))


def kept(mode: str, bins: tuple[float, ...], place: int) -> list[float]:
    """The weights that the rows of each bin have in the era at a place of the cycle."""
    axis = axis_of(4)
    counts = {era: dict.fromkeys(bins, 10) for era in axis.eras}
    balance = fit_balance(mode, "target_x_20", axis, counts, axis.eras)
    return balance.weights(axis.eras[place], np.array(bins, np.float32)).tolist()


@pytest.mark.parametrize(
    ("bins", "place", "expected"),
    [
        (FIVE, 0, [1, 1, 1, 1, 1]),
        (FIVE, 1, [1, 1, 0, 1, 1]),
        (FIVE, 2, [1, 0, 0, 0, 1]),
        (FIVE, 3, [1, 0, 0, 0, 1]),
        (SEVEN, 1, [1, 1, 1, 0, 1, 1, 1]),
        (SEVEN, 3, [1, 0, 0, 0, 0, 0, 1]),
        (SIX, 1, [1, 1, 0, 0, 1, 1]),
        ((0.0, 0.5, 1.0), 1, [1, 0, 1]),
        ((0.0, 0.5, 1.0), 2, [1, 0, 1]),
    ],
)
def test_the_cycle_of_four_eras(bins: tuple[float, ...], place: int, expected: list[int]) -> None:
    assert kept("rows", bins, place) == expected


def test_the_cycle_counts_original_eras() -> None:
    """A panel that lacks eras keeps the places of those that it has."""
    axis = EraAxis(("0003", "0004", "0006", "0007", "0011"))
    counts = {era: dict.fromkeys(FIVE, 10) for era in axis.eras}
    balance = fit_balance("rows", "t", axis, counts, axis.eras)
    assert dict(balance.places) == {"0003": 0, "0004": 1, "0006": 3, "0007": 0, "0011": 0}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 1000), min_size=3, max_size=7), st.integers(0, 2**32 - 1))
def test_weights_make_up_for_rarity(counts: list[int], seed: int) -> None:
    """Every bin weighs the same in all, and a training row weighs 1 on average."""
    axis, bins = axis_of(2), tuple(np.linspace(0, 1, len(counts), dtype=np.float32).tolist())
    held = dict(zip(bins, counts, strict=True))
    foreign = {bins[0]: 5000}
    balance = fit_balance("weights", "t", axis, {"0001": held, "0002": foreign}, ["0001"])
    rows = np.repeat(np.array(bins, np.float32), counts)
    np.random.default_rng(seed).shuffle(rows)
    weights = balance.weights("0001", rows).astype(np.float64)
    assert weights.mean() == pytest.approx(1, rel=1e-5)
    totals = [weights[rows == np.float32(value)].sum() for value in bins]
    assert totals == pytest.approx([len(rows) / len(bins)] * len(bins), rel=1e-5)


def test_rows_without_a_target_keep_their_weight() -> None:
    axis = axis_of(4)
    counts = {era: dict.fromkeys(FIVE, 10) for era in axis.eras}
    for mode in ("rows", "weights"):
        balance = fit_balance(mode, "t", axis, counts, axis.eras)
        assert balance.weights("0003", np.array([np.nan], np.float32)).tolist() == [1]


@pytest.mark.parametrize("count", [1, 2, 17, 400])
def test_a_target_without_bins_is_refused(count: int) -> None:
    axis = axis_of(4)
    counts = {"0001": {value / 400: 1 for value in range(count)}}
    said = "more than 16" if count > 16 else count
    with pytest.raises(ConfigError, match=f"target in bins.*target_x_20 with {said} values"):
        fit_balance("rows", "target_x_20", axis, counts, ["0001"])


def test_a_balance_without_effect_is_refused() -> None:
    axis = axis_of(12)
    counts = {era: dict.fromkeys(FIVE, 10) for era in axis.eras}
    with pytest.raises(ConfigError, match="none is trained on.*3 training eras"):
        fit_balance("rows", "t", axis, counts, ["0001", "0005", "0009"])
    fit_balance("weights", "t", axis, counts, ["0001", "0005", "0009"])


def sharded(tiny: Path, where: Path, *settings_: str) -> tuple[Config, RunDir]:
    config = load(overrides=[f"data.dir={tiny}", *SETTINGS, *settings_], variables={})
    run = RunDir(where)
    shard(config, run)
    return config, run


def opened(tiny: Path, where: Path, *settings_: str) -> tuple[ShardSet, FoldPlan]:
    return open_shards(*sharded(tiny, where, *settings_))


def test_training_alone_is_thinned(tiny: Path, tmp_path: Path) -> None:
    plain, plan = opened(tiny, tmp_path / "plain")
    thin, _ = opened(tiny, tmp_path / "thin", "shards.balance=rows")
    assert thin.manifest.rows == plain.manifest.rows == 360
    (fold,) = plan.development
    for number, era in enumerate(plan.axis):
        everything, labels = plain.to_numpy([era])
        same, again = thin.to_numpy([era])
        np.testing.assert_array_equal(everything, same)
        np.testing.assert_array_equal(labels.targets, again.targets)
        trained, counted = thin.to_numpy([era], training=True)
        values = labels.targets[:, 0]
        center, outer = values == 0.5, np.isin(values, (0, 1))
        wanted = [np.ones(12, bool), ~center, outer, outer][number % 4] | np.isnan(values)
        np.testing.assert_array_equal(trained, everything[wanted])
        assert counted.ids.tolist() == labels.ids[wanted].tolist()
        entry = thin.manifest.eras[era]
        assert entry.resolved == plain.manifest.eras[era].resolved
        assert entry.trained["target_ender_20"] == int((wanted & ~np.isnan(values)).sum())
        assert (
            thin.rows([era], "target_ender_20", training=True) == entry.trained["target_ender_20"]
        )
    assert thin.rows(fold.validation, "target_ender_20") == 8 * 12
    assert thin.rows(fold.train, "target_ender_20", training=True) < 9 * 12


def test_weights_are_those_of_training_rows(tiny: Path, tmp_path: Path) -> None:
    shards, plan = opened(tiny, tmp_path / "run", "shards.balance=weights")
    training = shards.labels(fitting_eras(plan), training=True)
    assert training.weights is not None
    assert training.weights.mean() == pytest.approx(1, rel=1e-5)
    values, weights = training.targets[:, 0], training.weights
    totals = {v: weights[values == v].sum() for v in np.unique(values)}
    assert list(totals.values()) == pytest.approx([len(values) / len(totals)] * len(totals))
    assert shards.manifest.eras["0003"].trained == shards.manifest.eras["0003"].resolved


def test_the_manifest_records_it(tiny: Path, tmp_path: Path) -> None:
    facts = opened(tiny, tmp_path / "rows", "shards.balance=rows")[0].manifest.facts["balance"]
    assert (facts["mode"], facts["target"], facts["bins"]) == ("rows", "target_ender_20", [*FIVE])
    assert facts["weights"] == {
        "0": [1, 1, 1, 1, 1],
        "1": [1, 1, 0, 1, 1],
        "2": [1, 0, 0, 0, 1],
        "3": [1, 0, 0, 0, 1],
    }
    assert [facts["places"][f"{era:04d}"] for era in range(1, 7)] == [0, 1, 2, 3, 0, 1]
    shards, plan = opened(tiny, tmp_path / "weights", "shards.balance=weights")
    facts = shards.manifest.facts["balance"]
    labels = shards.labels(fitting_eras(plan))
    counts = [int((labels.targets[:, 0] == value).sum()) for value in FIVE]
    assert facts["training_rows"] == counts
    expected = [sum(counts) / (5 * count) for count in counts]
    assert facts["weights"] == pytest.approx(expected, rel=1e-6)
    assert opened(tiny, tmp_path / "none")[0].manifest.facts["balance"] is None


def test_validation_rows_change_nothing(
    tiny: Path, tmp_path: Path, make_tiny: Callable[..., Path]
) -> None:
    """Other labels in validation eras leave every weight as it is."""
    import pandas as pd

    other = make_tiny(tmp_path / "other")
    frame = pd.read_parquet(other / "validation.parquet")
    frame.loc[frame["era"] == "0018", "target_ender_20"] = np.float32(0.25)
    frame.to_parquet(other / "validation.parquet", index=False)
    one, two = (
        opened(folder, tmp_path / f"run-{folder.name}", "shards.balance=weights")[0].manifest
        for folder in (tiny, other)
    )
    assert one.eras["0018"] == two.eras["0018"]
    assert one.facts["balance"] == two.facts["balance"]


def test_bins_are_those_of_training_eras() -> None:
    axis = axis_of(8)
    counts = {era: dict.fromkeys(FIVE, 10) for era in axis.eras}
    alone = fit_balance("weights", "target_x_20", axis, counts, axis.eras[:4])
    counts[axis.eras[-1]] = {0.6: 1, 0.98: 1}
    with_others = fit_balance("weights", "target_x_20", axis, counts, axis.eras[:4])
    assert with_others == alone
    values = np.array([0.6, 0.98, np.nan], np.float32)
    assert alone.weights(axis.eras[-1], values).tolist() == [1, 1, 1]


def test_an_unseen_value_counts_as_the_nearest_bin() -> None:
    axis = axis_of(4)
    counts = {era: dict.fromkeys(FIVE, 10) for era in axis.eras}
    balance = fit_balance("rows", "target_x_20", axis, counts, axis.eras)
    values = np.array([0.01, 0.3, 0.9, 1.2], np.float32)
    assert balance.weights(axis.eras[2], values).tolist() == [1, 0, 1, 1]
