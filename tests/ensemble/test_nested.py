"""Nested judging: only later eras judge, and nothing later is learned from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.pools import make_pool
from numerai_tools import scoring as library

from ensemble import comparison
from ensemble.comparison import Comparison, compare_methods, concentration, recommend, to_json
from ensemble.evidence import Evidence
from ensemble.methods import METHODS, Learn, chosen_methods, weighted
from ensemble.moments import era_moments
from ensemble.nested import blocks_of, eras_before, judge
from ensemble.pool import Pool
from ensemble.verdict import Verdict, decide
from ensemble.weights.registry import WEIGHTINGS
from erazoo.config import Config
from erazoo.config.schema import EnsembleSection
from erazoo.eras import EraAxis
from erazoo.errors import ConfigError, LeakageError
from erazoo.rundir import RunDir
from scoring.significance import long_run

CONFIG = Config(ensemble=EnsembleSection(rounds=8))


def evidence_of(pool: Pool) -> Evidence:
    return Evidence(pool, era_moments(pool))


def learns(tmp_path: Path, *names: str) -> dict[str, Learn]:
    run = RunDir(tmp_path / "run")
    return {name: METHODS[name].build(CONFIG, run) for name in names or METHODS}


def compared(pool: Pool, tmp_path: Path, *names: str) -> Comparison:
    blocks = blocks_of(pool, 0.5, 2)
    found = learns(tmp_path, "equal", *names)
    return compare_methods(found, evidence_of(pool), blocks, tmp_path / "judged")


def test_blocks_keep_the_purge_in_original_eras() -> None:
    pool = make_pool(eras=20, label_eras=2, purge=3)
    blocks = blocks_of(pool, 0.5, 2)
    assert [(b.learned, b.first, b.last) for b in blocks] == [(7, 10, 15), (12, 15, 20)]
    # Every second era of the panel: a purge of three eras takes one of those that are left.
    labels = tuple(f"{e:04d}" for e in range(1, 41, 2))
    slices = replace(pool.slices, labels=labels)
    thinned = replace(pool, slices=slices, axis=EraAxis(labels))
    assert [b.learned for b in blocks_of(thinned, 0.5, 2)] == [9, 14]


def test_learned_eras_stand_before_a_border() -> None:
    pool = make_pool(eras=20, purge=3)
    assert eras_before(pool, "0015") == 11
    assert eras_before(pool, "0003") == 0


def test_eras_without_targets_are_not_learned_from() -> None:
    pool = make_pool(eras=20, rows=20, purge=2)
    targets = pool.targets.copy()
    targets[: 5 * 20] = np.nan
    targets[5 * 20 : 6 * 20] = 0.5
    assert pool.resolved.all()
    late = replace(pool, targets=targets)
    assert np.flatnonzero(~late.resolved).tolist() == [0, 1, 2, 3, 4, 5]
    with pytest.raises(LeakageError, match="too few eras.*2 of 20 eras resolved"):
        blocks_of(late, 0.5, 2)


def test_too_few_eras_are_refused() -> None:
    with pytest.raises(LeakageError, match="too few eras.*2 of 10 eras.*purged by 3"):
        blocks_of(make_pool(eras=10, purge=3), 0.5, 2)
    with pytest.raises(LeakageError, match="too few eras.*0 of 6 eras"):
        blocks_of(make_pool(eras=6, purge=3), 0.5, 2)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "meta"])
def test_no_later_target_is_read(name: str, tmp_path: Path) -> None:
    """Other targets from the border on change nothing that was made before, by not a bit."""
    pool = make_pool([0.2, 0.1, 0.15, 0.0], eras=16, rows=50, purge=2)
    blocks = blocks_of(pool, 0.5, 2)
    learn = learns(tmp_path, name)[name]
    honest = judge(learn, evidence_of(pool), blocks)
    for place, block in enumerate(blocks):
        border = int(pool.slices.bounds[block.learned])
        targets = pool.targets.copy()
        targets[border:] = np.random.default_rng(place).permutation(targets[border:])
        references = {
            key: np.concatenate((values[:border], values[border:][::-1]))
            for key, values in pool.references.items()
        }
        changed = replace(pool, targets=targets, references=references)
        again = judge(learn, evidence_of(changed), blocks[: place + 1])
        rows = len(again.values)
        np.testing.assert_array_equal(again.values, honest.values[:rows])
        if honest.weights is not None:
            assert again.weights is not None
            np.testing.assert_array_equal(again.weights, honest.weights[: place + 1])


@pytest.mark.parametrize("name", [n for n in WEIGHTINGS if n != "equal"])
def test_earlier_targets_are_read(name: str, tmp_path: Path) -> None:
    """The test above can fail: targets before the border do change what is learned."""
    pool = make_pool([0.3, 0.1, 0.0], eras=16, rows=50, families=["a", "b", "b"])
    learn = learns(tmp_path, name)[name]
    blocks = blocks_of(pool, 0.5, 2)
    turned = replace(pool, targets=1 - pool.targets)
    ours, theirs = (judge(learn, evidence_of(p), blocks).weights for p in (pool, turned))
    assert not np.array_equal(ours, theirs)


def test_what_is_shown_is_scored_by_numerai_tools(tmp_path: Path) -> None:
    import pandas as pd

    pool = make_pool([0.3, 0.1, 0.0], eras=12, rows=60)
    found = compared(pool, tmp_path, "greedy")
    part = pool.stretch(6, 12)
    for era, span in enumerate(part.slices):
        frame = pd.DataFrame({"p": found.judged["greedy"].values[span]})
        target = pd.Series(part.targets[span].astype(float), name="target")
        corr = library.numerai_corr(frame, target)["p"]
        assert found.scores.per_era["corr"][era, 1] == pytest.approx(corr, abs=1e-12)
        for metric, name in (("mmc", "meta"), ("bmc", "bench")):
            reference = pd.Series(part.references[name][span].astype(float), name="reference")
            beyond = library.correlation_contribution(frame, reference, target)["p"]
            assert found.scores.per_era[metric][era, 1] == pytest.approx(beyond, abs=1e-9)


def test_differences_are_paired_and_their_error_knows_the_overlap(tmp_path: Path) -> None:
    pool = make_pool([0.3, 0.1, 0.0], eras=30, rows=60, label_eras=2)
    found = compared(pool, tmp_path, "nnls")
    corr = found.scores.per_era["corr"]
    mean, error = found.difference("nnls")
    beyond = corr[:, 1] - corr[:, 0]
    assert mean == pytest.approx(beyond.mean())
    assert found.overlap == 2
    assert error == pytest.approx(long_run(beyond, 2).error[0])
    assert found.difference("equal") == (0.0, 0.0)


def test_a_better_way_is_recommended_and_an_equal_one_is_not(tmp_path: Path) -> None:
    planted = make_pool([0.4, 0.0, 0.0, 0.0], eras=30, rows=100)
    name, reason = recommend(compared(planted, tmp_path / "a", "nnls", "greedy"))
    assert name in ("nnls", "greedy")
    assert "more than luck may give the best of 2 " in reason
    alike = make_pool([0.2] * 4, eras=30, rows=100)
    name, reason = recommend(compared(alike, tmp_path / "b", "greedy"))
    assert name == "equal"
    assert "no other way" in reason or "within what luck may give" in reason


def test_a_lead_within_its_error_is_not_believed(tmp_path: Path) -> None:
    found = compared(make_pool([0.2, 0.1], eras=16, rows=60), tmp_path, "nnls")
    corr = found.scores.per_era["corr"]
    lucky = np.repeat([0.03, -0.02], len(corr) // 2)
    steady = 0.01 + 0.001 * np.sin(np.arange(len(corr)))
    for beyond, expected in ((lucky, "equal"), (steady, "nnls")):
        table = np.stack([corr[:, 0], corr[:, 0] + beyond], axis=1)
        scores = replace(found.scores, per_era={**found.scores.per_era, "corr": table})
        changed = replace(found, scores=scores)
        mean, error = changed.difference("nnls")
        assert mean > 0
        assert (mean > error) == (expected == "nnls")
        assert recommend(changed)[0] == expected


def test_the_more_ways_are_tried_the_more_is_asked_of_the_best(tmp_path: Path) -> None:
    """One and a quarter standard errors are enough for one way, and luck for the best of nine."""
    found = compared(make_pool([0.2, 0.1], eras=40, rows=40), tmp_path, "nnls")
    corr = found.scores.per_era["corr"]
    noise = np.random.default_rng(0).standard_normal(len(corr))
    noise -= noise.mean()
    beyond = noise + 1.25 * long_run(noise, found.overlap).error[0]
    several = [corr[:, 0], corr[:, 0] + beyond, *np.repeat([corr[:, 0] - 1], 8, axis=0)]
    for count, expected in ((2, "nnls"), (10, "equal")):
        names = ("equal", "nnls", *(f"way {k}" for k in range(count - 2)))
        per_era = {"corr": np.stack(several[:count], axis=1)}
        scores = replace(found.scores, names=names, per_era=per_era)
        judged = dict.fromkeys(names, found.judged["nnls"])
        name, reason = recommend(replace(found, judged=judged, scores=scores))
        assert name == expected
        assert f"the best of {count - 1} " in reason


def verdict_of(pool: Pool, tmp_path: Path, **settings: Any) -> Verdict:
    section = EnsembleSection(judged=0.75, blocks=6, methods=("equal", "nnls"), **settings)
    return decide(Config(ensemble=section), RunDir(tmp_path), evidence_of(pool))


def test_a_method_is_chosen_before_each_block_too(tmp_path: Path) -> None:
    """No target from a block on, or within its purge, changes a bit of what was lived there."""
    pool = make_pool([0.4, 0.0, 0.0, 0.0], eras=40, rows=60, label_eras=1, purge=2)
    honest = verdict_of(pool, tmp_path / "honest")
    assert honest.used[0] == "equal"
    assert honest.used[-1] == honest.method == "nnls"
    assert honest.content["used"] == list(honest.used)
    values, origin = honest.lived(evidence_of(pool))
    assert honest.comparison is not None
    for number, block in enumerate(honest.comparison.blocks):
        targets = pool.targets.copy()
        border = int(pool.slices.bounds[block.learned])
        targets[border:] = 1 - targets[border:]
        changed = replace(pool, targets=targets)
        other = verdict_of(changed, tmp_path / str(number))
        again, _ = other.lived(evidence_of(changed))
        last = int(pool.slices.bounds[block.last])
        np.testing.assert_array_equal(again[:last], values[:last])
        assert origin[last - 1] == f"block-{number}"
        if number == 0:
            assert other.method == "equal"


def test_a_configured_method_is_used_throughout(tmp_path: Path) -> None:
    pool = make_pool([0.1, 0.1], eras=40, rows=60)
    found = verdict_of(pool, tmp_path, method="nnls")
    assert found.used == ("nnls",) * 6


def test_blends_beside_the_record_of_others_are_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed between its two files, a method leaves no record that speaks of other blends."""
    pool = make_pool([0.3, 0.1, 0.0], eras=12, rows=60)
    blocks, learn = blocks_of(pool, 0.5, 2), learns(tmp_path, "nnls", "equal")
    place = tmp_path / "judged"
    arguments = (evidence_of(pool), blocks, place)
    first = compare_methods({"equal": learn["equal"]}, *arguments, "first")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(comparison, "write_json", killed)
        compare_methods({"equal": learn["nnls"]}, *arguments, "second")
    again = compare_methods({"equal": learn["equal"]}, *arguments, "first")
    np.testing.assert_array_equal(again.judged["equal"].values, first.judged["equal"].values)


def test_finished_methods_are_kept_when_a_comparison_is_killed(tmp_path: Path) -> None:
    pool = make_pool([0.3, 0.1, 0.0], eras=12, rows=60)
    blocks, calls = blocks_of(pool, 0.5, 2), []

    def counting(name: str) -> Learn:
        learn = learns(tmp_path, name)[name]

        def learned(evidence: Evidence):
            calls.append(name)
            if name == "nnls" and calls.count("nnls") == 2 and not resumed:
                raise KeyboardInterrupt
            return learn(evidence)

        return learned

    resumed = False
    names = ("equal", "greedy", "nnls")
    with pytest.raises(KeyboardInterrupt):
        compare_methods(
            {n: counting(n) for n in names}, evidence_of(pool), blocks, tmp_path / "judged"
        )
    resumed, before = True, list(calls)
    found = compare_methods(
        {n: counting(n) for n in names}, evidence_of(pool), blocks, tmp_path / "judged"
    )
    assert calls[len(before) :] == ["nnls", "nnls"]
    plain = compared(pool, tmp_path / "plain", "greedy", "nnls")
    np.testing.assert_array_equal(found.scores.per_era["corr"], plain.scores.per_era["corr"])


def test_other_settings_are_judged_anew(tmp_path: Path) -> None:
    pool = make_pool(eras=12, rows=40)
    blocks, calls = blocks_of(pool, 0.5, 2), []
    plain = weighted(WEIGHTINGS["equal"].build(CONFIG.ensemble))

    def counting(evidence: Evidence):
        calls.append(len(evidence.pool.eras))
        return plain(evidence)

    for settings, expected in (("a", 2), ("a", 2), ("b", 4)):
        compare_methods({"equal": counting}, evidence_of(pool), blocks, tmp_path, settings)
        assert len(calls) == expected


def test_the_record_says_what_was_learned_and_judged(tmp_path: Path) -> None:
    pool = make_pool([0.3, 0.1, 0.0], eras=12, rows=60)
    found = compared(pool, tmp_path, "nnls", "stacking_lightgbm")
    names = {name: METHODS[name].summary for name in found.judged}
    content = to_json(found, pool, names)
    assert content["blocks"][0] == {"learned": ["0001", "0004", 4], "judged": ["0007", "0009", 3]}
    assert content["judged"] == [f"{e:04d}" for e in range(7, 13)]
    entry = content["methods"]["nnls"]
    assert np.array(entry["weights"]).shape == (2, 3)
    assert 1 <= entry["concentration"]["effective"] <= 3
    assert entry["summary"]["mmc"]["mean"] is not None
    assert content["methods"]["stacking_lightgbm"]["weights"] is None
    assert content["methods"]["equal"]["difference"] == {"mean": 0.0, "standard_error": 0.0}


def test_concentration_counts_members() -> None:
    assert concentration(np.full((3, 4), 0.25)) == {"effective": 4.0, "largest": 0.25}
    assert concentration(np.array([1.0, 0.0])) == {"effective": 1.0, "largest": 1.0}


def test_unknown_methods_are_named() -> None:
    section = EnsembleSection(method="gredy")
    with pytest.raises(ConfigError, match="no such way.*gredy.*greedy"):
        chosen_methods(Config(ensemble=section))
    some = chosen_methods(Config(ensemble=EnsembleSection(methods=("nnls",), method="greedy")))
    assert [method.name for method in some] == ["equal", "nnls", "greedy"]
