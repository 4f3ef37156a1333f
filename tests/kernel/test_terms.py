"""Terms of rounds: tolerant of what is new, strict on what payouts need."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from contracts.terms import REGIMES, score

from erazoo.errors import ConfigError, DataError, SchemaError
from erazoo.publish import write_json
from erazoo.terms import RoundTerms, ScoreTerms


def changed(regime: str, **values: Any) -> dict[str, Any]:
    """The terms of a regime with other values for its first score."""
    terms = copy.deepcopy(REGIMES[regime])
    terms["roundScoreConfigs"][0].update(values)
    return terms


@pytest.mark.parametrize(
    ("regime", "number", "paid", "clip", "factor"),
    [
        ("2024", 612, {"v2_corr20": 0.5, "mmc": 2.0}, 0.05, 0.41),
        ("2026", 1175, {"v2_corr20": 0.75, "mmc": 2.25}, 0.05, 0.09),
        ("rounds staked one by one", 1343, {"corr60": 3.0, "mmc60": 15.0}, 1.0, 1.0),
    ],
)
def test_the_three_regimes(
    regime: str, number: int, paid: dict[str, float], clip: float, factor: float
) -> None:
    terms = RoundTerms.from_json(REGIMES[regime])
    assert terms.number == number
    assert {s.display_name: s.multiplier for s in terms.paid} == paid
    assert len(terms.scores) == 3
    assert (terms.clip, terms.factor) == (clip, factor)
    assert terms.by_round is (number == 1343)
    assert terms.paid[0].lag == 2


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize("wrapped", ["round", "answer"])
def test_a_file_keeps_what_the_service_said(regime: str, wrapped: str, tmp_path: Path) -> None:
    terms = RoundTerms.from_json(REGIMES[regime])
    assert RoundTerms.from_json(json.loads(json.dumps(terms.to_json()))) == terms
    answer = {"data": {"rounds": [REGIMES[regime]]}}
    write_json(tmp_path / "terms.json", answer if wrapped == "answer" else terms.to_json())
    assert RoundTerms.read(tmp_path / "terms.json") == terms


def test_a_score_is_paid_where_it_has_a_multiplier_unless_the_service_says_otherwise() -> None:
    config = score("correlation", "corr", 0.5, 0.05, 20)
    del config["isPayout"]
    assert ScoreTerms.from_json(config).paid
    assert not ScoreTerms.from_json({**config, "isPayout": False}).paid
    assert not ScoreTerms.from_json({"name": "tc"}).paid


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ([], "no list of scores"),
        ({"number": 7}, "no list of scores"),
        ({"roundScoreConfigs": []}, "no number"),
        ({"number": 7.5, "roundScoreConfigs": []}, "no whole number"),
        (changed("2024", name=None), "no name"),
        (changed("2024", defaultMultiplier=None), "correlation, but says no multiplier"),
        (changed("2024", defaultMultiplier="much"), "defaultMultiplier of correlation"),
        (changed("2024", clipThreshold=True), "clipThreshold of correlation is no number"),
        (changed("2024", clipThreshold=float("nan")), "is no number"),
        (changed("2024", totalScoreDays=20.5), "totalScoreDays of correlation is no whole"),
        (changed("2024", isPayout="yes"), "neither true nor false"),
        ({**REGIMES["2024"], "payoutFactor": "soon"}, "payoutFactor of the round is no number"),
    ],
)
def test_terms_that_cannot_be_used(terms: Any, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        RoundTerms.from_json(terms)


def test_files_that_hold_no_terms(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        RoundTerms.read(tmp_path / "absent.json")
    (tmp_path / "torn.json").write_text('{"number": 12', encoding="utf-8")
    with pytest.raises(SchemaError, match="not JSON"):
        RoundTerms.read(tmp_path / "torn.json")
    write_json(tmp_path / "two.json", [REGIMES["2024"], REGIMES["2026"]])
    with pytest.raises(SchemaError, match="no list of scores"):
        RoundTerms.read(tmp_path / "two.json")


def test_scores_must_agree_on_the_clip() -> None:
    for clip in (0.1, None, 0):
        with pytest.raises(DataError, match="no single clip threshold"):
            _ = RoundTerms.from_json(changed("2024", clipThreshold=clip)).clip
    with pytest.raises(DataError, match="no score"):
        _ = RoundTerms(9, None, ()).clip


def test_a_factor_that_is_not_settled_is_not_guessed() -> None:
    with pytest.raises(DataError, match="not known.*settled when the round is scored"):
        _ = RoundTerms.from_json({**REGIMES["2024"], "payoutFactor": None}).factor
    with pytest.raises(DataError, match="not known"):
        _ = RoundTerms.from_json({**REGIMES["2024"], "payoutFactor": 0}).factor


def test_a_factor_of_the_scores_own_counts_first() -> None:
    terms = copy.deepcopy(REGIMES["2024"])
    for config in terms["roundScoreConfigs"][:2]:
        config["payoutFactor"] = 0.3
    assert RoundTerms.from_json(terms).factor == 0.3
    terms["roundScoreConfigs"][0]["payoutFactor"] = 0.2
    with pytest.raises(DataError, match="different ones for its scores"):
        _ = RoundTerms.from_json(terms).factor


@pytest.mark.parametrize(
    ("named", "scored", "pays"),
    [
        ("target_ender_60", "target_ender_60", True),
        ("ender_60", "target_ender_60", True),
        ("target_ender_60", "target_ender_20", False),
        ("target", "target_ender_20", True),
        (None, "target_ender_20", True),
    ],
)
def test_which_target_a_round_pays(named: str | None, scored: str, pays: bool) -> None:
    terms = RoundTerms.from_json({**REGIMES["2024"], "target": named})
    assert terms.pays(scored) is pays
