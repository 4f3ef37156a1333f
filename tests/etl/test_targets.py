"""Targets made of others: against their definitions, in the shards, and in the purge."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, rankdata

from erazoo.config import Config, load
from erazoo.config.schema import TargetEntry
from erazoo.errors import ConfigError, SchemaError, StaleDataError
from erazoo.panel import EraBlock
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from etl.targets import MadeTarget

Maker = Callable[..., tuple[Config, RunDir]]
T20, T60 = "target_ender_20", "target_ender_60"


def block(targets: np.ndarray, references: np.ndarray) -> EraBlock:
    n = len(targets)
    ids = np.array([f"r{k}" for k in range(n)], dtype=object)
    wide = [np.asarray(part, np.float32).reshape(n, -1) for part in (targets, references)]
    return EraBlock("0001", ids, np.zeros((n, 1), np.int8), *wide)


def made(values: np.ndarray, references: np.ndarray, **entry: object) -> np.ndarray:
    columns = np.asarray(values).reshape(len(values), -1).shape[1]
    names = [f"t{k}" for k in range(columns)]
    chosen = TargetEntry.model_validate({"of": names, **entry})
    target = MadeTarget.of("made", chosen, names, ["model"])
    return target.values(block(np.asarray(values), references))


class TestDefinitions:
    @given(st.lists(st.integers(0, 4), min_size=2, max_size=40), st.integers(0, 5))
    def test_ranks_and_gaussian_are_those_of_scipy(self, levels: list[int], gaps: int) -> None:
        values = np.array(levels, float) / 4
        values[: min(gaps, len(values) - 1)] = np.nan
        known = np.isfinite(values)
        ranks = (rankdata(values[known]) - 0.5) / known.sum()
        nothing = np.zeros(len(values))
        found = made(values, nothing, transform="rank")
        np.testing.assert_allclose(found[known], ranks, atol=1e-6)
        assert np.isnan(found[~known]).all()
        found = made(values, nothing, transform="gaussian")
        np.testing.assert_allclose(found[known], norm.ppf(ranks), atol=1e-5)

    def test_a_residual_is_what_lstsq_leaves(self) -> None:
        rng = np.random.default_rng(3)
        reference, values = rng.random(200), rng.integers(0, 5, 200) / 4
        values[3], reference[7] = np.nan, np.nan
        found = made(values, reference, transform="residual", to="model")
        known = np.isfinite(values) & np.isfinite(reference)
        assert np.flatnonzero(np.isnan(found)).tolist() == [3, 7]
        beside = norm.ppf((rankdata(reference[known]) - 0.5) / known.sum())
        design = np.column_stack([beside, np.ones(known.sum())])
        fitted = design @ np.linalg.lstsq(design, values[known], rcond=None)[0]
        np.testing.assert_allclose(found[known], values[known] - fitted, atol=1e-6)
        assert abs(np.corrcoef(found[known], beside)[0, 1]) < 1e-6

    def test_a_constant_reference_leaves_the_centred_target(self) -> None:
        values = np.array([0.0, 0.5, 1.0])
        found = made(values, np.ones(3), transform="residual", to="model")
        np.testing.assert_allclose(found, [-0.5, 0.0, 0.5])

    def test_a_blend_is_the_weighted_mean_and_needs_all(self) -> None:
        values = np.array([[0.0, 1.0], [1.0, np.nan], [0.5, 0.25]])
        nothing = np.zeros(3)
        np.testing.assert_allclose(made(values, nothing), [0.5, np.nan, 0.375])
        weighted = made(values, nothing, weights=[3, 1])
        np.testing.assert_allclose(weighted, [0.25, np.nan, 0.4375])

    def test_a_blend_is_made_before_its_ranks(self) -> None:
        values = np.array([[0.0, 1.0], [1.0, 0.5], [0.5, 0.25]])
        found = made(values, np.zeros(3), transform="rank")
        np.testing.assert_allclose(found, (rankdata(values.mean(axis=1)) - 0.5) / 3, atol=1e-7)


class TestConfiguration:
    @pytest.mark.parametrize(
        ("settings", "words"),
        [
            (["targets.m.of=['a_20']", "targets.m.transform=residual"], "needs it"),
            (["targets.m.of=['a_20']", "targets.m.to=b"], "needs it"),
            (["targets.m.of=['a_20','a_20']"], "twice"),
            (["targets.m.of=['a_20']", "targets.m.weights=[1,2]"], "one a target"),
            (["targets.m.of=[]"], "at least 1"),
            (["targets.m.of=['a_20']", "targets.n.of=['m']"], "not of 'm'"),
            (["targets.target_ender_20.of=['a_20']"], "name of a column"),
            (["models.r.model=ridge", "models.r.target=a", "models.r.targets=['b']"], "one of"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, settings: list[str], words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            load(overrides=settings, variables={})

    def test_an_unknown_reference_is_refused_before_any_row(self, make_run: Maker) -> None:
        with pytest.raises(ConfigError, match="data lack.*v1_benchmark"):
            make_run(
                f"targets.r.of=['{T20}']", "targets.r.transform=residual", "targets.r.to=v1_bench"
            )

    def test_an_unknown_column_is_refused(self, make_run: Maker) -> None:
        with pytest.raises(SchemaError, match="no target_none_20"):
            make_run("targets.r.of=['target_none_20']")

    def test_the_name_of_a_column_is_refused(self, make_run: Maker) -> None:
        with pytest.raises(ConfigError, match="name of a column"):
            make_run(f"targets.{T60}.of=['{T20}']", "data.extra_targets=['target_*_60']")


RESIDUAL = (
    f"targets.alone.of=['{T20}']",
    "targets.alone.transform=residual",
    "targets.alone.to=v1_benchmark",
    f"targets.both.of=['{T20}','{T60}']",
    "targets.both.weights=[3,1]",
)


class TestShards:
    def test_they_stand_beside_the_others_with_their_definition(self, make_run: Maker) -> None:
        config, run = make_run(*RESIDUAL)
        shards, _ = open_shards(config, run)
        assert shards.targets == (T20, T60, "alone", "both")
        facts = shards.manifest.facts
        assert facts["made_targets"]["both"]["of"] == [T20, T60]
        assert facts["horizons"] == {T20: 4, T60: 12, "alone": 4, "both": 12}
        for era in shards.eras()[::7]:
            labels = shards.labels([era])
            y, x = labels.targets, labels.references[:, shards.references.index("v1_benchmark")]
            np.testing.assert_allclose(y[:, 3], 0.75 * y[:, 0] + 0.25 * y[:, 1], atol=1e-7)
            np.testing.assert_array_equal(np.isnan(y[:, 2]), np.isnan(y[:, 0]))
            if np.isfinite(y[:, 0]).all():
                gauss = norm.ppf((rankdata(x) - 0.5) / len(x))
                assert abs(np.corrcoef(gauss, y[:, 2])[0, 1]) < 1e-5

    def test_order_and_parts_of_an_era_change_nothing(self, make_run: Maker) -> None:
        plain = open_shards(*make_run(*RESIDUAL))[0]
        mixed = open_shards(
            *make_run(*RESIDUAL, "shards.shuffle=true", "shards.block_rows=7", name="mixed")
        )[0]
        era = plain.eras()[5]
        one, other = plain.labels([era]), mixed.labels([era])
        assert one.ids.tolist() != other.ids.tolist()
        place = {name: k for k, name in enumerate(other.ids)}
        order = [place[name] for name in one.ids]
        np.testing.assert_array_equal(one.targets, other.targets[order])

    def test_another_definition_is_other_content(self, make_run: Maker) -> None:
        config, run = make_run(*RESIDUAL)
        data = config.data.dir
        other = load(
            overrides=[
                f"data.dir={data}",
                "data.extra_targets=['target_ender_60']",
                "split.folds=2",
                "split.margin=1",
                *RESIDUAL[:-1],
                "targets.both.weights=[1,1]",
            ],
            variables={},
        )
        with pytest.raises(StaleDataError, match="another targets.both"):
            open_shards(other, run)
        summary = shard(other, run)
        assert "skipped" not in summary
        shards = open_shards(other, run)[0]
        y = shards.labels(shards.eras()[:1]).targets
        np.testing.assert_allclose(y[:, 3], 0.5 * y[:, 0] + 0.5 * y[:, 1], atol=1e-7)


class TestPurge:
    """Labels of every target that a model learns end before what is scored begins."""

    def test_the_longest_horizon_of_what_enabled_models_learn_is_purged(
        self, make_run: Maker, tmp_path: Path
    ) -> None:
        short = open_shards(*make_run(*RESIDUAL, name="short"))[1]
        assert (short.label_eras, short.purge) == (4, 5)
        for number, setting in enumerate(
            (
                "models.ridge.target=both",
                f"models.ridge.target={T60}",
                f"models.ridge.targets=['{T20}','both']",
                "models.mlp.params.head.auxiliary.both=0.5",
            )
        ):
            settings = (*RESIDUAL, "split.first_train=0.6", "split.folds=1", setting)
            shards, plan = open_shards(*make_run(*settings, name=f"long{number}"))
            assert (plan.label_eras, plan.purge) == (12, 13)
            for fold in plan.folds:
                last = max(shards.axis.position(era) for era in fold.train)
                assert last + 12 < shards.axis.position(fold.validation[0])

    def test_a_model_that_is_not_enabled_makes_nobody_wait(self, make_run: Maker) -> None:
        off = make_run(*RESIDUAL, "models.ridge.target=both", "models.ridge.enabled=false")
        assert open_shards(*off)[1].label_eras == 4
