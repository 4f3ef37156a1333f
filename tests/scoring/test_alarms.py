"""One list of what to know before believing scores."""

from __future__ import annotations

from typing import Any

import pytest

from scoring.alarms import Limits, find_alarms, listed

PLAIN = Limits(clone=0.95, ceiling=0.05)
ERAS = 100


def candidate(kind: str = "file", mean: float | None = 0.02, **more: Any) -> dict[str, Any]:
    corr: dict[str, Any] = {"mean": mean, "standard_error": 0.002, "sharpe": 1.0, "eras": ERAS}
    corr.update(more.pop("corr", {}))
    scores = [mean] * corr["eras"] + [None] * (ERAS - corr["eras"])
    held = {"kind": kind, "summary": {"corr": corr}, "per_era": {"corr": scores}}
    return {**held, "deflated_sharpe": 0.99, **more}


def result(kind: str = "files", alike: float = 0.5, **candidates: Any) -> dict[str, Any]:
    held = {**candidates, "bench": candidate("benchmark", 0.01)}
    names = list(held)
    matrix = [[1.0 if a == b else alike for b in names] for a in names]
    return {
        "kind": kind,
        "eras": [f"{k:04d}" for k in range(ERAS)],
        "benchmark": "bench",
        "trials": len(candidates),
        "candidates": held,
        "correlation": {"names": names, "matrix": matrix},
    }


def kinds(found: list[Any]) -> list[tuple[str, str, str | None]]:
    return [(alarm.level, alarm.kind, alarm.candidate) for alarm in found]


def test_nothing_is_said_of_an_honest_candidate() -> None:
    assert find_alarms(result(mine=candidate()), PLAIN) == []


@pytest.mark.parametrize(("alike", "copied"), [(0.951, True), (0.95, True), (0.949, False)])
def test_a_copy_is_one_from_the_threshold_on(alike: float, copied: bool) -> None:
    found = find_alarms(result(alike=alike, mine=candidate()), PLAIN)
    assert kinds(found) == ([("alarm", "clone", "mine")] if copied else [])


def test_two_candidates_alike_are_no_copies_of_a_reference() -> None:
    held = result(alike=0.2, a=candidate(), b=candidate())
    held["correlation"]["matrix"][0][1] = held["correlation"]["matrix"][1][0] = 0.999
    assert find_alarms(held, PLAIN) == []


def test_a_mean_above_the_ceiling() -> None:
    held = result(mine=candidate(mean=0.051))
    assert kinds(find_alarms(held, PLAIN)) == [("alarm", "ceiling", "mine")]
    assert find_alarms(held, Limits(ceiling=None)) == []


def test_generated_data_have_no_ceiling_and_a_note() -> None:
    found = find_alarms(result(mine=candidate(mean=0.3)), Limits(ceiling=0.05, generated=True))
    assert kinds(found) == [("note", "generated", None)]


@pytest.mark.parametrize(
    ("first", "rest", "chance", "said"),
    [(0.1, 0.02, 1e-4, True), (0.1, 0.06, 1e-4, False), (0.1, 0.02, 0.01, False)],
)
def test_scores_that_fall_apart_behind_the_boundary(
    first: float, rest: float, chance: float, said: bool
) -> None:
    boundary = {"eras": 8, "first": first, "rest": rest, "standard_error": 0.01, "chance": chance}
    found = find_alarms(result(mine=candidate(boundary=boundary)), PLAIN)
    assert kinds(found) == ([("alarm", "boundary", "mine")] if said else [])


def test_weak_scores_are_named_together() -> None:
    few = candidate(mean=0.001, corr={"eras": 12})
    found = find_alarms(result(a=few, b=few), PLAIN)
    assert kinds(found) == [
        ("warning", "gaps", None),
        ("warning", "few_eras", None),
        ("warning", "no_signal", None),
        ("warning", "beaten", None),
    ]
    assert found[2].words.startswith("a and b lie within")
    assert find_alarms(result(a=few, b=candidate(mean=0.02)), PLAIN)[0].candidate == "a"


def test_eras_without_a_score_are_said() -> None:
    held = result(a=candidate(corr={"eras": 97}), b=candidate())
    (found,) = find_alarms(held, PLAIN)
    assert kinds([found]) == [("warning", "gaps", "a")]
    assert "no score in 3 of 100 eras" in found.words


def test_the_benchmark_is_compared_in_the_eras_that_both_have() -> None:
    held = result(mine=candidate(mean=0.02))
    scores = held["candidates"]["bench"]["per_era"]["corr"]
    scores[:50] = [None] * 50
    scores[50:] = [0.03] * 50
    mine = held["candidates"]["mine"]["per_era"]["corr"]
    mine[:50], mine[50:] = [0.005] * 50, [0.035] * 50
    held["candidates"]["bench"]["summary"]["corr"]["mean"] = 0.03
    assert find_alarms(held, PLAIN) == []
    mine[50:] = [0.02] * 50
    assert kinds(find_alarms(held, PLAIN)) == [("warning", "beaten", "mine")]


def test_only_the_best_may_be_lucky() -> None:
    lucky = candidate(corr={"sharpe": 2.0}, deflated_sharpe=0.5)
    other = candidate(deflated_sharpe=0.1)
    found = find_alarms(result(a=other, b=lucky), PLAIN)
    assert kinds(found) == [("warning", "luck", "b")]
    assert find_alarms(result(b=lucky), PLAIN) == []


def test_of_a_run_the_ensemble_is_judged_and_its_members_are_not() -> None:
    run = result(
        "out_of_fold",
        ensemble=candidate("ensemble", 0.015),
        ridge=candidate("model", 0.02),
        weak=candidate("model", 0.0001),
    )
    assert kinds(find_alarms(run, PLAIN)) == [("note", "blend", "ensemble")]
    del run["candidates"]["ensemble"]
    run["candidates"]["ridge"] = candidate("model", 0.005)
    assert kinds(find_alarms(run, PLAIN)) == [("warning", "beaten", "ridge")]


def test_a_candidate_without_a_score_raises_nothing() -> None:
    nothing = candidate(mean=None, corr={"standard_error": None, "sharpe": None, "eras": 0})
    found = find_alarms(result(mine=nothing), PLAIN)
    assert kinds(found) == [("warning", "no_score", "mine")]


def test_many_names_are_cut() -> None:
    assert listed(["a"]) == "a"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_one_note_where_no_ensemble_reaches_a_model() -> None:
    blends = {"ensemble": candidate("ensemble", 0.02), "unique": candidate("ensemble", 0.021)}
    run = result("out_of_fold", mine=candidate("model", 0.03), **blends)
    assert kinds(find_alarms(run, PLAIN)) == [("note", "blend", "unique")]
    run["candidates"]["unique"] = candidate("ensemble", 0.031)
    assert find_alarms(run, PLAIN) == []


def test_the_standard_ensemble_is_judged_not_a_better_one_beside_it() -> None:
    weak = {"ensemble": candidate("ensemble", 0.02, corr={"standard_error": 0.02})}
    found = kinds(find_alarms(result("out_of_fold", **weak), PLAIN))
    assert [who for _, _, who in found] == ["ensemble"]
    both = result("out_of_fold", **weak, unique=candidate("ensemble", 0.04))
    assert kinds(find_alarms(both, PLAIN)) == found
