"""Unique versions on a demo tournament: wishes met, honest figures, no look-ahead, live rows."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from contracts.demo_pool import DemoCase, MemoryPanel, demo_case, demo_panel

from ensemble.moments import era_moments
from ensemble.pool import Pool
from ensemble.unique.learned import covered, walk
from ensemble.unique.make import Unique, make_unique, post_process
from ensemble.unique.past import PastViews
from ensemble.unique.stand_in import Inputs
from ensemble.unique.steps import Neutralise, apply
from ensemble.unique.view import EraView
from erazoo.config.schema import UniqueSection
from erazoo.errors import ConfigError, DataError
from scoring.corr import cwmm, numerai_corr
from scoring.eras import EraSlices
from scoring.features import feature_exposure
from scoring.ranks import era_ranks
from scoring.series import mean
from scoring.similarity import rank_correlation

GROUPS = ("intelligence", "charisma", "strength", "dexterity", "constitution", "sunshine")
FIRST = 50
SHIFTS = [
    {"high": "intelligence", "by": "charisma"},
    {"high": "strength", "by": "intelligence"},
]


@pytest.fixture(scope="module")
def case() -> DemoCase:
    """Members of six groups and 66 out-of-fold eras, the meta model known in 60 of them."""
    return demo_case(demo_panel(), GROUPS, FIRST)


def weights_of(case: DemoCase) -> np.ndarray:
    return np.full(case.pool.size, 1 / case.pool.size)


def unique(case: DemoCase, **section: Any) -> Unique:
    """Without moments there is no frontier, which takes most of the time."""
    weights = weights_of(case)
    return make_unique(
        UniqueSection(**section),
        case.pool,
        case.panel,
        case.pool.blend(weights),
        weights=weights,
        moments=era_moments(case.pool) if section.get("way") == "weights" else None,
    )


def correlation(pool: Pool, values: np.ndarray) -> float:
    return float(np.nanmean(cwmm(values, pool.references[str(pool.meta_model)], pool.slices)))


WAYS: dict[str, dict[str, Any]] = {
    "meta_model": {"to": ["meta_model"]},
    "features": {"to": ["features"]},
    "groups": {"to": ["intelligence", "charisma", "sunshine", "strength", "midnight"]},
    "segments": {"way": "segments", "segments": SHIFTS},
    "weights": {"way": "weights"},
    "benchmarks": {"to": ["benchmarks"]},
}


@pytest.mark.parametrize("share", [0.9, 0.7, 0.4])
@pytest.mark.parametrize("way", WAYS)
def test_wishes_are_met_or_refused_with_the_range(case: DemoCase, way: str, share: float) -> None:
    """What is solved is found again in the predictions themselves, by the plain score."""
    standard = case.pool.blend(weights_of(case))
    try:
        made = unique(case, correlation=f"{share}x", **WAYS[way])
    except ConfigError as error:
        assert share == 0.4
        assert way in ("benchmarks", "segments", "weights")
        wanted, _, low, _ = map(float, re.findall(r"-?\d\.\d{4}", str(error)))
        assert wanted < low - 0.005
        return
    values = made.values if made.weights is None else case.pool.blend(made.weights)
    start = correlation(case.pool, np.where(np.isfinite(values), standard, np.nan))
    reached = correlation(case.pool, values)
    assert abs(reached - share * start) <= 0.005
    solution = made.report["solution"]
    assert solution["start"] == pytest.approx(start, abs=1e-4)
    assert solution["reached"] == pytest.approx(reached, abs=1e-4)
    assert solution["low"] <= reached <= solution["high"]


def test_every_way_meets_most_wishes(case: DemoCase) -> None:
    """The test above is not passed by refusals: these ways reach 0.4 times the start."""
    for way in ("meta_model", "features", "groups"):
        unique(case, correlation="0.4x", **WAYS[way])


def test_an_unreachable_wish_states_the_range(case: DemoCase) -> None:
    with pytest.raises(ConfigError) as error:
        unique(case, correlation=-0.9, to=["meta_model"])
    low, high = (float(x) for x in str(error.value).split("Expected: ")[1].strip(".").split(" to "))
    assert -0.1 < low < 0.1 < high
    met = unique(case, correlation=round((low + high) / 2, 3), to=["meta_model"])
    assert abs(met.report["solution"]["reached"] - round((low + high) / 2, 3)) <= 0.005


def test_an_exposure_can_be_wished_for(case: DemoCase) -> None:
    made = unique(case, exposure="0.5x", to=["charisma"], exposed="charisma")
    pool, lived = case.pool, np.isfinite(made.values)
    assert lived.all()
    columns = case.panel.spec.columns(case.panel.spec.groups["charisma"])
    blocks = [block.features[:, columns] for block in case.panel.blocks(pool.eras)]
    both = np.stack((pool.blend(weights_of(case)), made.values), axis=1)
    found = feature_exposure(era_ranks(both, pool.slices), np.concatenate(blocks), pool.slices).max
    assert found[1] == pytest.approx(found[0] / 2, abs=0.005)
    assert made.report["solution"]["reached"] == pytest.approx(found[1], abs=1e-4)
    assert made.report["versions"]["unique"]["exposure"]["max"] == pytest.approx(found[1])


@pytest.mark.parametrize("way", ["meta_model", "features", "segments"])
def test_the_change_is_the_smallest_of_its_kind(case: DemoCase, way: str) -> None:
    """Less of it does not reach the wish."""
    made = unique(case, correlation="0.7x", **WAYS[way])
    wanted = made.report["solution"]["wanted"]
    for share in (0.25, 0.5, 0.75, 0.95):
        less = unique(case, amount=share * made.report["amount"], **WAYS[way])
        assert correlation(case.pool, less.values) > wanted


def test_the_stand_in_is_judged_on_eras_that_it_had_not_seen(case: DemoCase) -> None:
    report = unique(case, correlation="0.7x").report
    assert report["goal"]["to"] == ["meta_model"]
    stand_in = report["stand_in"]
    assert 0.9 < stand_in["lowest"] <= stand_in["mean"] < 0.9999
    assert stand_in["eras"] == len(report["eras"])
    # The meta model begins at era 61; twelve eras and the purge come before a stand-in.
    assert report["eras"][0] == "0081"


def test_the_report_tells_what_was_paid(case: DemoCase) -> None:
    made = unique(case, correlation="0.7x")
    report, pool = json.loads(json.dumps(made.report)), case.pool
    lived = np.isfinite(made.values)
    standard = np.where(lived, pool.blend(weights_of(case)), np.nan)
    both = np.stack((standard, made.values), axis=1)
    scores = mean(numerai_corr(both, pool.targets, pool.slices))
    resolved = int(np.isfinite(numerai_corr(made.values, pool.targets, pool.slices)).sum())
    for j, version in enumerate(("standard", "unique")):
        figures = report["versions"][version]
        assert figures["corr"]["mean"] == pytest.approx(scores[j])
        assert set(figures["correlation"]) == {pool.meta_model, pool.benchmark}
        assert 0 < figures["rmse"] < 1
        assert 0 < figures["exposure"]["mean"] < figures["exposure"]["max"] < 1
        assert figures["turnover"] is None
        assert figures["mmc"]["eras"] == figures["bmc"]["eras"] == resolved
    assert report["difference"]["corr"]["mean"] == pytest.approx(scores[1] - scores[0])
    assert report["between"] == pytest.approx(rank_correlation(both, pool.slices)[0, 1])
    later = report["later"]
    assert later["solved_on"][1] < later["eras"][0]
    assert later["promised"] == pytest.approx(0.7 * report["solution"]["start"], abs=0.05)
    assert 0.5 < later["reached"] / later["start"] < 0.9


def test_turnover_where_ids_return() -> None:
    panel = demo_panel(eras=80, rows=60, features=24)
    held = {
        era: replace(block, ids=np.array([f"S{j}_{era}" for j in range(len(block))], object))
        for era, block in panel.held.items()
    }
    made = unique(demo_case(replace(panel, held=held), GROUPS[:3], 40), amount=0.3, to=["features"])
    turnover = [made.report["versions"][v]["turnover"] for v in ("standard", "unique")]
    assert all(0.5 < value < 1.5 for value in turnover)


def test_the_first_half_is_solved_without_the_second(case: DemoCase) -> None:
    """Whatever the newest eras hold, what was solved before them does not change by a bit."""
    first = unique(case, correlation="0.7x").report["later"]
    half = case.panel.held[first["eras"][0]]
    place = list(case.panel.held).index(half.era)
    changed = perturbed(case, place)
    second = unique(changed, correlation="0.7x").report["later"]
    assert second["amount"] == first["amount"]
    assert second["promised"] == first["promised"]
    assert second["reached"] != first["reached"]


def perturbed(case: DemoCase, place: int, *, targets_only: bool = False) -> DemoCase:
    """Other targets, and other meta models, from the era at a place of the panel on."""
    rng = np.random.default_rng(8)
    held = {}
    for era, block in case.panel.held.items():
        if list(case.panel.held).index(era) >= place:
            order = rng.permutation(len(block))
            references = block.references.copy()
            if not targets_only:
                references[:, 0] = references[order, 0]
            block = replace(block, targets=block.targets[order], references=references)
        held[era] = block
    panel = replace(case.panel, held=held)
    blocks = [held[era] for era in case.pool.eras]
    references = np.concatenate([block.references for block in blocks])
    pool = replace(
        case.pool,
        targets=np.concatenate([block.targets[:, 0] for block in blocks]),
        references={n: references[:, j].copy() for j, n in enumerate(panel.references)},
    )
    return replace(case, panel=panel, pool=pool)


@pytest.mark.parametrize("way", ["meta_model", "features", "segments"])
def test_targets_change_nothing_but_scores(case: DemoCase, way: str) -> None:
    first = unique(case, correlation="0.7x", **WAYS[way])
    other = unique(perturbed(case, FIRST, targets_only=True), correlation="0.7x", **WAYS[way])
    np.testing.assert_array_equal(first.values, other.values)
    assert first.steps == other.steps
    corr = [made.report["versions"]["unique"]["corr"]["mean"] for made in (first, other)]
    assert corr[0] != corr[1]


def test_weights_on_the_frontier_know_no_later_target(case: DemoCase) -> None:
    """Weights of the second half are learned before it, less the purge."""
    half = FIRST + len(case.pool.eras) // 2
    first = unique(case, correlation="0.9x", way="weights").report
    border = half - case.pool.purge
    second = unique(
        perturbed(case, border, targets_only=True), correlation="0.9x", way="weights"
    ).report
    assert second["later"]["amount"] == first["later"]["amount"]
    assert second["later"]["reached"] == first["later"]["reached"]
    assert second["amount"] != first["amount"]
    earlier = unique(
        perturbed(case, border - 1, targets_only=True), correlation="0.9x", way="weights"
    ).report
    assert earlier["later"]["reached"] != first["later"]["reached"]


def test_later_targets_change_no_lived_weights(case: DemoCase) -> None:
    """What the weights way predicted does not change by a bit with targets that came later."""
    eras = len(case.pool.eras)
    border = FIRST + eras // 2 - case.pool.purge
    first = unique(case, correlation="0.9x", way="weights")
    second = unique(perturbed(case, border, targets_only=True), correlation="0.9x", way="weights")
    np.testing.assert_array_equal(first.values, second.values)
    assert first.weights is not None
    assert second.weights is not None
    assert not np.array_equal(first.weights, second.weights)


def test_final_weights_learn_from_no_more_than_they_may(case: DemoCase) -> None:
    weights, learned = weights_of(case), 40

    def final(one: DemoCase) -> Any:
        section = UniqueSection(way="weights", correlation="0.9x")
        args = (section, one.pool, one.panel, one.pool.blend(weights))
        moments = era_moments(one.pool)
        return make_unique(*args, weights=weights, moments=moments, learned=learned).weights

    exact = final(perturbed(case, FIRST + learned, targets_only=True))
    np.testing.assert_array_equal(final(case), exact)
    other = final(perturbed(case, FIRST + learned - 1, targets_only=True))
    assert not np.array_equal(final(case), other)


def test_a_stand_in_knows_no_later_meta_model(case: DemoCase) -> None:
    """Meta models from an era less the purge on do not change the stand-ins up to that era."""

    def stand_ins(one: DemoCase) -> Any:
        pool = one.pool
        return walk(
            PastViews(pool, one.panel).of(pool.eras),
            pool.references[str(pool.meta_model)],
            pool.slices,
            [pool.axis.position(era) for era in pool.eras],
            Inputs(one.panel.spec.names, (str(pool.benchmark),), pool.names),
            lag=pool.purge,
            refits=100,
        )

    era = 45
    plain = stand_ins(case)
    exact = stand_ins(perturbed(case, FIRST + era - case.pool.purge))
    assert exact.by_era[: era + 1] == plain.by_era[: era + 1]
    assert exact.by_era[era + 1] != plain.by_era[era + 1]
    assert exact.last != plain.last
    known = covered(case.pool.references[str(case.pool.meta_model)], case.pool.slices)
    first = next(k for k, one in enumerate(plain.by_era) if one is not None)
    assert known[: first - case.pool.purge].sum() == 12


def test_a_stand_in_learns_a_linear_meta_model() -> None:
    rng = np.random.default_rng(0)
    panel = demo_panel(eras=70, rows=80, features=24)
    blocks = list(panel.held.values())[:40]
    truth = np.zeros(24)
    truth[3], truth[11] = 1.0, -0.5
    meta = np.concatenate([block.features @ truth for block in blocks])
    meta += 0.3 * rng.standard_normal(len(meta))
    slices = EraSlices(tuple(b.era for b in blocks), np.arange(41) * 80)
    views = [EraView(block.era, panel.spec, block.features) for block in blocks]
    found = walk(views, meta, slices, range(40), Inputs(panel.spec.names), lag=3)
    weights = np.array(found.last.weights)
    assert np.argsort(-np.abs(weights))[:2].tolist() == [3, 11]
    assert weights[11] / weights[3] == pytest.approx(-0.5, abs=0.05)
    with pytest.raises(DataError, match="12 or more"):
        walk(views[:9], meta[:720], slices_of(slices, 9), range(9), found.last.inputs, lag=1)


def slices_of(slices: EraSlices, eras: int) -> EraSlices:
    return EraSlices(slices.labels[:eras], slices.bounds[: eras + 1])


@pytest.mark.parametrize("way", ["features", "segments", "groups"])
def test_later_rows_are_changed_by_the_same_numbers(case: DemoCase, way: str) -> None:
    """Where no stand-in is learned, the steps alone give the out-of-fold version again."""
    made = unique(case, correlation="0.7x", **WAYS[way])
    standard = case.pool.blend(weights_of(case))
    again = post_process(made.steps, standard, case.pool, case.panel)
    np.testing.assert_allclose(again, made.values, atol=1e-6)
    assert made.weights is None


def test_weights_give_the_predictions_of_the_weights_way(case: DemoCase) -> None:
    """Out of fold they come from weights that earlier eras taught, for later eras alone."""
    made = unique(case, correlation="0.9x", way="weights")
    assert made.weights is not None
    assert made.weights.sum() == pytest.approx(1)
    assert made.steps == ()
    half = case.pool.slices.bounds[len(case.pool.eras) // 2]
    assert np.isnan(made.values[:half]).all()
    assert np.isfinite(made.values[half:]).all()
    assert not np.allclose(made.values[half:], case.pool.blend(made.weights)[half:])
    eras = case.pool.eras
    assert made.report["eras"] == list(eras[len(eras) // 2 :])


def test_live_rows_need_no_meta_model(case: DemoCase) -> None:
    made = unique(case, correlation="0.7x")
    live = case.panel.live
    (step,) = made.steps
    assert isinstance(step, Neutralise)
    assert step.reads == (case.pool.benchmark,)
    members = {name: case.member(name, live) for name in GROUPS}
    benchmark = {str(case.pool.benchmark): live.references[:, 1]}
    view = EraView("X", case.panel.spec, live.features, benchmark, members)
    standard = np.mean(list(members.values()), axis=0)
    values = apply(made.steps, standard, view)
    assert step.stand_in is not None
    stand_in = step.stand_in.predict(view)
    before, after = (np.corrcoef(v, stand_in)[0, 1] for v in (standard, values))
    assert after < 0.8 * before
    assert np.unique(values).size == len(live)
    with pytest.raises(DataError, match="'v1_lgbm_demo20' does not cover era X"):
        apply(made.steps, standard, replace(view, benchmarks={}))


def test_without_references_the_exposure_is_lowered(case: DemoCase) -> None:
    """As on price panels: neither meta model nor benchmark."""
    bare = without_references(case)
    report = unique(bare).report
    assert report["goal"]["to"] == ["features"]
    assert report["goal"]["figure"] == "largest exposure to features"
    solution = report["solution"]
    assert solution["reached"] == pytest.approx(0.7 * solution["start"], abs=0.005)
    assert "mmc" not in report["versions"]["unique"]
    assert "frontier" not in report
    with pytest.raises(ConfigError, match="the data carry no reference"):
        unique(bare, correlation=0.5)
    with pytest.raises(ConfigError, match="a meta model that the data lack"):
        unique(bare, to=["meta_model"])
    with pytest.raises(DataError, match="too few earlier eras have a meta model"):
        unique(bare, way="weights")


def without_references(case: DemoCase) -> DemoCase:
    held = {
        era: replace(block, references=block.references[:, :0])
        for era, block in case.panel.held.items()
    }
    panel = MemoryPanel(case.panel.spec, (), held, case.panel.live)
    pool = replace(case.pool, references={}, meta_model=None, benchmark=None)
    return replace(case, panel=panel, pool=pool)


def test_a_meta_model_of_few_eras_is_not_chosen(case: DemoCase) -> None:
    meta = str(case.pool.meta_model)
    values = case.pool.references[meta].copy()
    values[: case.pool.slices.bounds[40]] = np.nan
    pool = replace(case.pool, references={**case.pool.references, meta: values})
    report = unique(replace(case, pool=pool)).report
    assert report["goal"]["to"] == [pool.benchmark]
    assert report["goal"]["figure"] == f"correlation with {meta}"
    assert "no era has a correlation" in report["later"]["failed"]


def test_eras_that_lack_a_benchmark_are_left_out(case: DemoCase) -> None:
    held = dict(case.panel.held)
    gap = case.pool.eras[20]
    references = held[gap].references.copy()
    references[3, 1] = np.nan
    held[gap] = replace(held[gap], references=references)
    made = unique(replace(case, panel=replace(case.panel, held=held)), to=["benchmarks"], amount=1)
    begun = case.pool.slices.bounds[21]
    assert np.isnan(made.values[:begun]).all()
    assert np.isfinite(made.values[begun:]).all()


def test_eras_without_a_standard_prediction_are_left_out(case: DemoCase) -> None:
    standard = case.pool.blend(weights_of(case))
    standard[: case.pool.slices.bounds[7]] = np.nan
    section = UniqueSection(to=("features",), correlation="0.7x")
    made = make_unique(section, case.pool, case.panel, standard)
    np.testing.assert_array_equal(np.isnan(made.values), np.isnan(standard))
    assert "frontier" not in made.report
    with pytest.raises(DataError, match="no era in which a unique version"):
        make_unique(section, case.pool, case.panel, standard * np.nan)


def test_rows_are_found_by_id(case: DemoCase) -> None:
    """A pool may lack rows of the panel, and hold them in another order."""
    rng = np.random.default_rng(5)
    bounds, parts = [0], []
    for span in case.pool.slices:
        parts.append(rng.permutation(np.arange(span.start, span.stop))[:-9])
        bounds.append(bounds[-1] + len(parts[-1]))
    rows = np.concatenate(parts)
    pool = replace(
        case.pool,
        ids=case.pool.ids[rows],
        slices=EraSlices(case.pool.slices.labels, np.array(bounds)),
        ranks=case.pool.ranks[:, rows],
        targets=case.pool.targets[rows],
        references={n: v[rows] for n, v in case.pool.references.items()},
    )
    made = unique(replace(case, pool=pool), correlation="0.7x")
    assert abs(correlation(pool, made.values) - made.report["solution"]["wanted"]) <= 0.005
    strange = replace(pool, ids=np.array([*pool.ids[:-1], "stranger"], object))
    with pytest.raises(DataError, match="lacks rows of the pool"):
        unique(replace(case, pool=strange), correlation="0.7x")


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"to": ["charsima"]}, "charsima.*charisma"),
        ({"way": "segments", "segments": [{"high": "wisdon", "by": "charisma"}]}, "wisdon.*wisdom"),
        ({"exposure": 0.1, "exposed": "strenght", "to": ["features"]}, "strenght.*strength"),
        ({"against": "v2"}, "v2.*v1_lgbm_demo20"),
        ({"stand_in": ["sunshin"]}, "sunshin.*sunshine"),
        ({"amount": 1.5, "to": ["features"]}, "amount is out of range.*0 to 1"),
    ],
)
def test_what_is_unknown_or_out_of_range_is_refused(
    case: DemoCase, section: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        unique(case, **section)


def test_segments_without_a_wish_are_shifted_by_their_factors(case: DemoCase) -> None:
    made = unique(case, way="segments", segments=SHIFTS)
    assert made.report["solution"] is None
    (step,) = made.steps
    assert [shift["factor"] for shift in step.to_dict()["shifts"]] == [0.03, 0.03]


@pytest.mark.parametrize(("eras", "drawn"), [(20, False), (22, True)])
def test_a_frontier_is_learned_from_three_eras_or_more(
    case: DemoCase, eras: int, drawn: bool
) -> None:
    """The purge takes eight of the ten, or eleven, eras of the first half."""
    last = len(case.pool.eras)
    pool = case.pool.stretch(last - eras, last)
    weights, moments = weights_of(case), era_moments(pool)
    args = (pool, case.panel, pool.blend(weights))
    section = UniqueSection(to=("features",), amount=0.5)
    report = make_unique(section, *args, weights=weights, moments=moments).report
    assert ("frontier" in report) == drawn
    if not drawn:
        with pytest.raises(DataError, match="too few earlier eras have a meta model"):
            section = UniqueSection(way="weights", correlation="0.99x")
            make_unique(section, *args, weights=weights, moments=moments)


def test_weights_need_a_standard_version_that_has_some(case: DemoCase) -> None:
    standard = case.pool.blend(weights_of(case))
    with pytest.raises(ConfigError, match="a standard ensemble of another kind"):
        make_unique(UniqueSection(way="weights"), case.pool, case.panel, standard)


@pytest.mark.parametrize(
    "section",
    [
        {"correlation": 0.5, "exposure": 0.1},
        {"correlation": "half"},
        {"way": "segments"},
        {"segments": SHIFTS},
        {"way": "weights", "to": ["features"]},
        {"exposure": 0.1, "against": "v1"},
        {"way": "segments", "segments": [{"high": "a", "by": "b", "factor": 0}]},
    ],
)
def test_sections_that_contradict_themselves_are_refused(section: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        UniqueSection(**section)
