"""What beats the benchmark in validation is listed; what luck may have done is not believed."""

from __future__ import annotations

import doctest
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from contracts.noise import overlapping
from contracts.studies import World, Written, write_study

from erazoo.errors import StaleDataError
from scoring import series
from scoring.significance import best_by_luck, expected_best, long_run, probabilistic_sharpe
from search import luck
from search.against import compare
from search.api import Mining, best_configurations, compare_to_benchmark, evaluate_completed
from search.driver import mine
from search.gain import gains, sharpe_points
from search.luck import count_tries, effective_number, highest_by_luck
from search.plan import Plan
from search.record import record_of
from search.results import read_results
from search.scores import Mined
from search.trial import configuration_id


def noise_study(root: Path, seed: int, groups: int = 20, alike: int = 3) -> Written:
    """Configurations that know nothing, in groups that are alike."""
    world, draw = World.noise(seed), np.random.default_rng(seed + 999)
    steady = np.repeat(draw.normal(size=(groups, 1, world.assets)), alike, axis=0)
    own = 0.3 * draw.normal(size=(groups * alike, 1, world.assets))
    shaken = 0.1 * draw.normal(size=(groups * alike, world.eras, world.assets))
    return write_study(root, world, steady + own + shaken, ("corr", "sharpe")[seed % 2])


def planted(root: Path, seed: int = 3, **options: object) -> Written:
    """A benchmark that knows a little, and configurations that know more where they may.

    Trial 1 knows more in every era, 2 in validation alone, 3 on test alone; 4 to 9 know nothing.
    """
    world, draw = World.noise(seed, eras=240), np.random.default_rng(seed)
    known = np.array([0.3, 1.0, 1.0, 0.3, 0, 0, 0, 0, 0, 0])[:, None, None]
    later = np.array([0.3, 1.0, 0.0, 1.0, 0, 0, 0, 0, 0, 0])[:, None, None]
    test = np.arange(world.eras)[:, None] >= world.eras // 2
    noise = draw.normal(size=(10, world.eras, world.assets))
    noise[3][~test[:, 0]] = noise[0][~test[:, 0]] + 0.5 * noise[3][~test[:, 0]]
    scale = world.target.std()
    return write_study(
        root, world, np.where(test, later, known) * world.target / scale + noise, **options
    )


@pytest.mark.parametrize("objective", ["corr", "sharpe"])
def test_what_beats_the_benchmark_in_validation_is_listed(tmp_path: Path, objective: str) -> None:
    study = planted(tmp_path / "study", objective=objective)
    found = compare(study.folder)
    listed = list(found.winners["id"])
    assert set(listed) == {study.ids[1], study.ids[2]}
    assert set(found.survivors) == set(listed)
    assert found.benchmark["id"] == study.ids[0]
    row = found.winners.row(listed.index(study.ids[2]), named=True)
    assert row["test_corr"] < found.benchmark["test_corr"]
    assert found.test_winners == 1
    difference = row[f"validation_{objective}"] - found.benchmark[f"validation_{objective}"]
    assert row["gain"] == pytest.approx(difference)
    assert "2 survive deflation" in found.verdict
    assert "Only shown: 1 of the 2" in found.verdict


def test_a_mined_study_is_compared_with_its_own_benchmark(mined: Mining) -> None:
    """Its id is that of the plan's parameters; its prefixes do not win either."""
    found = compare_to_benchmark(mined)
    plan = Plan.read(mined.folder)
    trees = plan.benchmark["n_estimators"]
    assert found.benchmark["id"] == configuration_id(plan.model, plan.benchmark, trees)
    table = evaluate_completed(mined)
    own = table.filter(table["benchmark"])
    assert len(own) == 2
    better = table.filter(
        ~table["benchmark"] & (table["validation_sharpe"] > found.benchmark["validation_sharpe"])
    )
    assert set(found.winners["id"]) == set(better["id"])
    assert found.tries.trainings == 6
    assert found.tries.configurations == len(table) - 2
    best = best_configurations(mined, limit=3)
    assert best["id"][0] == found.benchmark["id"]
    corr = Mined.open(mined.folder).corr_by_era(list(best["id"]))
    known = corr[: found.eras].mean(axis=0) / corr[: found.eras].std(axis=0)
    np.testing.assert_allclose(known, best["validation_sharpe"], rtol=1e-9)


def test_test_eras_have_no_part_in_the_choice(tmp_path: Path) -> None:
    study = planted(tmp_path / "study")
    before = compare(study.folder)
    held = dict(np.load(study.folder.rows))
    test = ~held["validation"][held["eras"]]
    held["target"] = np.where(test, -held["target"], held["target"])
    np.savez(study.folder.rows, **held)
    study.folder.scores.unlink()
    after = compare(study.folder)
    chosen = ["id", "gain", "gain_error", "deflated_sharpe", "deflated_gain", "survives"]
    assert before.winners.select(chosen).equals(after.winners.select(chosen))
    assert before.tries == after.tries
    assert before.winners["test_corr"].to_list() != after.winners["test_corr"].to_list()


def test_the_benchmark_is_found_by_its_id_and_never_wins(tmp_path: Path) -> None:
    """Its copy is no winner either: it adds nothing."""
    world = World.noise(4)
    draw = np.random.default_rng(4).normal(size=(3, world.eras, world.assets))
    strong = world.target + draw[0]
    study = write_study(tmp_path / "study", world, np.stack([strong, strong, draw[1], draw[2]]))
    found = compare(study.folder)
    assert found.benchmark["id"] == study.ids[0]
    assert not len(found.winners)
    assert found.verdict.startswith("0 of 3 configurations beat the benchmark (CORR ")
    assert "nothing beats the benchmark" in found.verdict


def test_a_draw_that_equals_the_benchmark_is_not_trained_beside_it(
    make_study: Callable[..., Mining],
) -> None:
    same = "learning_rate=0.1,max_depth=3,min_child_samples=5,n_estimators=8"
    space = f"mine.space={{num_leaves=[4, 8],{same}}}"
    own = f"mine.benchmark={{num_leaves=4,{same}}}"
    mining = make_study(space, own, "mine.constraints=[]")
    mine(mining.config, mining.run)
    ids = [one.id for r in read_results(mining.folder.results).values() for one in r.configurations]
    assert len(ids) == len(set(ids)) == 2
    assert compare_to_benchmark(mining).tries.configurations == 1


def test_what_stands_twice_counts_once(tmp_path: Path) -> None:
    """The benchmark, trained once more as a trial, is still found by its id."""
    study = planted(tmp_path / "study")
    before = compare(study.folder)
    lines = [json.loads(line) for line in study.folder.results.read_text().splitlines()]
    lines[4]["configurations"][0]["id"] = study.ids[0]
    study.folder.results.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    table = pl.read_parquet(study.folder.scores)
    twice = pl.when(pl.col("trial") == 4).then(pl.lit(study.ids[0])).otherwise("id")
    table.with_columns(id=twice).write_parquet(study.folder.scores)
    after = compare(study.folder)
    assert after.benchmark["trial"] == 0
    assert after.winners.equals(before.winners)
    assert not any(row["id"] == study.ids[0] for row in record_of(study.folder)[1]["best"])


@pytest.mark.long
def test_of_pure_noise_nothing_survives(tmp_path: Path) -> None:
    """Over 30 seeds at most 2; of 160 others 1 did. Something beats it by chance."""
    survived, beaten = 0, 0
    for seed in range(30):
        found = compare(noise_study(tmp_path / f"study-{seed}" / "own", seed).folder)
        beaten += len(found.winners) > 0
        survived += len(found.survivors) > 0
        if not found.survivors:
            assert "Nothing survives deflation" in found.verdict
    assert beaten >= 26
    assert survived <= 2


def test_too_few_eras_say_nothing(tmp_path: Path) -> None:
    world = World.noise(5, eras=16)
    draw = np.random.default_rng(5).normal(size=(3, world.eras, world.assets))
    study = write_study(tmp_path / "study", world, np.stack([draw[0], world.target, draw[2]]))
    found = compare(study.folder)
    assert study.ids[1] in list(found.winners["id"])
    assert found.survivors == ()
    assert "too few eras" in found.verdict


def test_without_a_benchmark_there_is_nothing_to_beat(tmp_path: Path) -> None:
    study = planted(tmp_path / "study")
    lines = study.folder.results.read_text().splitlines()[1:]
    study.folder.results.write_text("\n".join(lines) + "\n")
    with pytest.raises(StaleDataError, match="benchmark .* is not trained yet"):
        compare(study.folder)


def test_a_comparison_is_plain_json(tmp_path: Path) -> None:
    found = compare(planted(tmp_path / "study").folder)
    value = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert value["survivors"] == list(found.survivors)
    assert value["tries"]["configurations"] == 9
    assert value["verdict"] == found.verdict


@pytest.mark.parametrize(("copies", "apart"), [(1, 40), (10, 4)])
def test_alike_configurations_count_as_one(tmp_path: Path, copies: int, apart: int) -> None:
    world, draw = World.noise(6), np.random.default_rng(6)
    own = draw.normal(size=(apart + 1, world.eras, world.assets))
    every = np.concatenate([own[:1], np.repeat(own[1:], copies, axis=0)])
    tries = count_tries(Mined.open(write_study(tmp_path / "study", world, every).folder))
    assert tries.configurations == 40
    assert tries.independent == pytest.approx(apart, rel=0.2)
    # Differences to the same benchmark are alike: half of each is the benchmark's.
    assert 1 < tries.independent_gains < apart


def test_the_number_is_that_of_the_highest_of_correlated_draws(tmp_path: Path) -> None:
    """Of N draws with a correlation of r the expected highest is sqrt(1 - r) that of N."""
    world, draw = World.noise(7, eras=100), np.random.default_rng(7)
    shared = draw.normal(size=(1, world.eras, world.assets))
    own = draw.normal(size=(61, world.eras, world.assets))
    mined = Mined.open(write_study(tmp_path / "study", world, shared + own).folder)
    highest, _ = highest_by_luck(mined, range(1, 61))
    assert highest == pytest.approx(0.5**0.5 * expected_best(60), abs=0.12)


def test_tries_do_not_depend_on_how_many_are_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.noise(10, eras=40)
    values = np.random.default_rng(10).normal(size=(12, world.eras, world.assets))
    study = write_study(tmp_path / "study", world, values)
    whole = compare(study.folder)
    monkeypatch.setattr("search.predictions.WIDE", 3)
    parts = compare(study.folder)
    assert parts.tries.independent == pytest.approx(whole.tries.independent, rel=1e-4)
    assert parts.tries.independent_gains == pytest.approx(whole.tries.independent_gains, rel=1e-4)
    assert parts.winners["id"].equals(whole.winners["id"])


def test_pruned_trainings_and_other_studies_are_tries_too(tmp_path: Path) -> None:
    world = World.noise(8)
    draw = np.random.default_rng(8).normal(size=(11, world.eras, world.assets))
    alone = count_tries(Mined.open(write_study(tmp_path / "a" / "one", world, draw).folder))
    study = write_study(tmp_path / "b" / "one", world, draw, pruned=5)
    write_study(tmp_path / "b" / "two", world, draw[:6])
    tries = count_tries(Mined.open(study.folder))
    assert (tries.trainings, tries.configurations) == (15, 10)
    assert (tries.pruned, tries.elsewhere) == (5, 5)
    assert tries.independent == pytest.approx(2 * alone.independent)
    assert tries.independent_gains == pytest.approx(2 * alone.independent_gains)
    assert "5 pruned trainings and 5 tries of other studies" in compare(study.folder).verdict


def test_effective_numbers_have_their_ends() -> None:
    assert doctest.testmod(luck).attempted
    assert not doctest.testmod(luck).failed
    assert effective_number(-1.0, 50) == 1.0
    assert effective_number(0.0, 1) == 1.0
    assert effective_number(9.0, 50) == 50.0
    for tries in (2, 10, 500):
        assert effective_number(expected_best(tries), 1000) == pytest.approx(tries, rel=1e-4)


def test_sharpe_points_have_the_ratio_as_their_mean_and_its_error() -> None:
    scores = overlapping(300, 4, 400, 9) * 0.5 + 0.4
    points = sharpe_points(scores)
    ratios = series.sharpe(scores)
    np.testing.assert_allclose(series.mean(points), ratios, rtol=1e-12)
    assert np.median(long_run(points, 4).error) == pytest.approx(ratios.std(), rel=0.15)


def test_gains_are_of_the_eras_that_both_have() -> None:
    corr = np.array([[0.1, np.nan], [0.3, 0.2], [0.2, 0.4], [0.5, 0.6]])
    benchmark = np.array([0.1, 0.1, np.nan, 0.2])
    found = gains(corr, benchmark, "corr")
    np.testing.assert_allclose(found[:, 0], [0.0, 0.2, np.nan, 0.3])
    np.testing.assert_allclose(found[:, 1], [np.nan, 0.1, np.nan, 0.4])
    ours = series.sharpe(np.array([0.1, 0.3, 0.5])) - series.sharpe(np.array([0.1, 0.1, 0.2]))
    assert series.mean(gains(corr, benchmark, "sharpe"))[0] == pytest.approx(ours[0])


@pytest.mark.parametrize(("eras", "overlap", "tries"), [(40, 4, 300), (80, 12, 100), (300, 4, 300)])
def test_the_best_by_luck_holds_its_level_where_freedom_is_small(
    eras: int, overlap: int, tries: int
) -> None:
    """Of 60 searches at most 8 at 5 %; with the normal quantile far more where eras are few."""
    found, naive = 0, 0
    for seed in range(60):
        scores = overlapping(eras, overlap, tries, 5000 + seed)
        error = 1 / np.sqrt(long_run(scores, overlap).eras - 1)
        known = probabilistic_sharpe(scores, best_by_luck(scores, tries, overlap), overlap)
        found += np.nanmax(known) > 0.95
        plain = probabilistic_sharpe(scores, expected_best(tries) * error, overlap)
        naive += np.nanmax(plain) > 0.95
    assert found <= 8
    if eras < 100:
        assert naive >= 15
