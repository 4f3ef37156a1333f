"""Spaces: what is drawn lies in them, and what cannot be drawn is refused."""

from __future__ import annotations

from collections import Counter
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config.mine import MineSection
from erazoo.errors import ConfigError
from search.expression import Expression
from search.options import check_names, resolve_options
from search.parameter import Listed, Parameter, Range
from search.presets import PUBLISHED
from search.space import Space

optuna.logging.set_verbosity(optuna.logging.WARNING)


def space(entries: dict[str, Any], *constraints: str, targets: tuple[str, ...] = ("t",)) -> Space:
    return Space.of(MineSection(space=entries, constraints=constraints), targets)


def drawn(of: Space, count: int, sampler: Any = None) -> list[dict[str, Any]]:
    study = optuna.create_study(sampler=sampler or optuna.samplers.RandomSampler(seed=3))
    return [of.suggest(study.ask()) for _ in range(count)]


entry = (
    st.tuples(st.integers(-5, 5), st.integers(0, 9)).map(
        lambda t: {"low": t[0], "high": t[0] + t[1]}
    )
    | st.tuples(st.floats(0.01, 1), st.floats(1, 9)).map(
        lambda t: {"low": t[0], "high": t[1], "log": True}
    )
    | st.lists(st.integers(0, 50), min_size=1, max_size=6, unique=True)
    | st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True)
    | st.integers(0, 3)
    | st.booleans()
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(["p", "q", "r", "s"]), entry, min_size=1), st.data())
def test_what_is_drawn_lies_in_the_space(entries, data) -> None:
    names = list(entries)
    conditional = data.draw(st.sampled_from(names))
    before = names[: names.index(conditional)]
    if before and isinstance(entries[conditional], dict):
        entries[conditional] = {**entries[conditional], "when": f"{before[0]} in [0, 1, 2, 'a']"}
    of = space(entries)
    for values in drawn(of, 10):
        assert of.contains(values)
        for one in of.parameters:
            assert (one.name in values) is one.active(values)


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_every_sampler_draws_within_constraints(sampler, tmp_path) -> None:
    from search.study import Study

    of = space(
        {"max_depth": {"low": 2, "high": 6}, "num_leaves": {"low": 2, "high": 40}},
        "num_leaves <= 2 ** max_depth",
        "num_leaves + max_depth <= 30",
    )
    study = Study("s", tmp_path / "s.db", sampler, 5, of)
    asked = [study.ask() for _ in range(15)]
    assert len({number for number, _ in asked}) == 15
    for number, values in asked:
        assert of.contains(values)
        assert values["num_leaves"] <= 2 ** values["max_depth"]
        study.tell(number, float(values["num_leaves"]))
    assert len({v["num_leaves"] for _, v in asked}) > 3


def test_constraints_that_leave_nothing_end_with_words(tmp_path, monkeypatch) -> None:
    from search.study import Study

    monkeypatch.setattr("search.study.MOST_REFUSED", 5)
    study = Study("s", tmp_path / "s.db", "random", 5, space({"p": [1, 2]}, "p > 2"))
    with pytest.raises(ConfigError, match="leave nothing"):
        study.ask()


def test_the_published_space_is_complete() -> None:
    of = Space.of(MineSection(preset="published"), ("t1", "t2"))
    kinds = {one.name: one.kind for one in of.parameters}
    columns = kinds["colsample_bytree"]
    assert isinstance(columns, Listed)
    assert len(columns.values) == 100
    assert (columns.values[0], columns.values[-1]) == (0.001, 1.0)
    ends = {n: (k.low, k.high) for n, k in kinds.items() if isinstance(k, Range)}
    assert ends == {
        "reg_lambda": (0, 100_000),
        "learning_rate": (1e-5, 1),
        "max_bin": (2, 5),
        "max_depth": (2, 12),
        "num_leaves": (2, 24),
        "min_child_samples": (1, 250),
        "n_estimators": (10, 2000),
    }
    assert kinds["target"] == Listed(("t1", "t2"))
    assert [c.text for c in of.constraints] == ["num_leaves <= 2 ** max_depth"]
    check_names("lightgbm", [name for name in kinds if name != "target"])
    assert list(PUBLISHED.benchmark.values()) == [0.1, 0, 0.01, 5, 5, 15, 20, 2000]
    for values in drawn(of, 50):
        assert of.contains(values) is (values["num_leaves"] <= 2 ** values["max_depth"])


def test_own_entries_come_on_top_of_a_preset() -> None:
    section = MineSection(preset="published", space={"max_bin": 5, "subsample": [0.5, 1.0]})
    values = drawn(Space.of(section, ("t",)), 20)
    assert {v["max_bin"] for v in values} == {5}
    assert {v["subsample"] for v in values} == {0.5, 1.0}


def test_a_parameter_depends_on_another() -> None:
    of = space(
        {
            "data_sample_strategy": ["bagging", "goss"],
            "subsample": {"values": [0.5, 0.8], "when": "data_sample_strategy == 'bagging'"},
            "top_rate": {"low": 0.1, "high": 0.3, "when": "data_sample_strategy == 'goss'"},
        }
    )
    seen = Counter(frozenset(v) - {"target"} for v in drawn(of, 60))
    assert set(seen) == {
        frozenset({"data_sample_strategy", "subsample"}),
        frozenset({"data_sample_strategy", "top_rate"}),
    }


def test_ordered_lists_are_told_by_place_and_others_by_value() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    trial = study.ask()
    space({"ordered": [0.1, 0.5, 2], "mixed": ["a", 1]}).suggest(trial)
    assert isinstance(trial.distributions["ordered"], optuna.distributions.IntDistribution)
    assert isinstance(trial.distributions["mixed"], optuna.distributions.CategoricalDistribution)


@pytest.mark.parametrize(
    "entry",
    [
        [],
        [1, 1],
        [[1]],
        {"low": 3, "high": 1},
        {"low": 1},
        {"low": 0, "high": 1.0, "log": True},
        {"low": 1, "high": 5, "step": 0},
        {"low": 1, "high": 5, "step": 0.5},
        {"low": 1.0, "high": 5.0, "step": 1.0, "log": True},
        {"low": float("nan"), "high": 1.0},
        {"values": []},
        {"low": 1, "high": 2, "hihg": 3},
        None,
    ],
)
def test_entries_that_make_no_sense_are_refused(entry) -> None:
    with pytest.raises(ConfigError, match=r"mine\.space\.p"):
        Parameter.of("p", entry)


def test_a_condition_names_parameters_before_it() -> None:
    with pytest.raises(ConfigError, match="names no parameter"):
        space({"p": {"low": 1, "high": 2, "when": "q > 1"}, "q": [1, 2]})
    with pytest.raises(ConfigError, match="names no parameter"):
        space({"p": [1, 2]}, "pp > 1")
    with pytest.raises(ConfigError, match="nothing to mine"):
        space({})


def test_options_that_mining_does_not_vary_are_refused() -> None:
    check_names("lightgbm", ["num_leaves", "subsample"])
    for names in (["kind"], ["early_stopping"], ["boosting"], ["emphasis"], ["device"], ["leaves"]):
        with pytest.raises(ConfigError):
            check_names("lightgbm", names)
    with pytest.raises(ConfigError):
        resolve_options("lightgbm", {"learning_rate": 2.0})


def test_contains_refuses_what_lies_outside() -> None:
    of = space({"p": {"low": 1, "high": 9, "step": 2}, "q": {"low": 0.0, "high": 1.0}})
    inside = {"p": 3, "q": 0.5, "target": "t"}
    assert of.contains(inside)
    for changed in ({"p": 2}, {"p": 11}, {"p": 3.0}, {"q": 1.5}, {"q": "x"}, {"z": 1}):
        assert not of.contains({**inside, **changed})
    assert not of.contains({"p": 3, "target": "t"})
    assert Expression.of("p > 1").holds(inside)
