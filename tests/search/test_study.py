"""The sampler's storage: what a killed driver left running is told, or drawn again first."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from erazoo.config.mine import MineSection
from erazoo.errors import ConfigError
from search.results import Configuration, Result
from search.space import Space
from search.study import Study, told

SPACE = {"p": {"low": 0.0, "high": 1.0}, "q": ["a", "b"], "r": [1, 5, 9]}


def space() -> Space:
    return Space.of(MineSection(space=SPACE), ("t",))


def result(state="complete", **values) -> Result:
    own = {"trial": 1, "target": "t", "features": "all", "params": {}, "seed": 0}
    return Result(**{**own, "state": state, **values})


def held(folder: Path) -> list[optuna.trial.FrozenTrial]:
    return optuna.load_study(study_name="s", storage=f"sqlite:///{folder / 's.db'}").trials


def scored(*sharpes: float | None) -> tuple[Configuration, ...]:
    return tuple(
        Configuration(str(k), k, k, {"sharpe": s, "corr": 0.1}) for k, s in enumerate(sharpes)
    )


@pytest.mark.parametrize("sampler", ["random", "qmc", "tpe"])
def test_trials_left_running_are_told_or_trained_after_all(tmp_path, sampler) -> None:
    study = Study("s", tmp_path / "s.db", sampler, 1, space())
    asked = dict(study.ask() for _ in range(4))
    study.tell(0, 0.5)
    again = Study("s", tmp_path / "s.db", sampler, 1, space())
    done = {2: result(configurations=scored(0.1, 0.7))}
    assert again.reclaim(done, "sharpe") == {1: asked[1], 3: asked[3]}
    states = optuna.trial.TrialState
    assert [t.state for t in held(tmp_path)] == [
        states.COMPLETE,
        states.RUNNING,
        states.COMPLETE,
        states.RUNNING,
    ]
    assert [one.value for one in held(tmp_path)] == [0.5, None, 0.7, None]
    number, values = again.ask()
    assert number == 4
    assert values not in asked.values()
    again.tell(1, 0.9)
    again.tell(1, 0.1)
    again.tell(3, None)
    last = Study("s", tmp_path / "s.db", sampler, 1, space())
    assert last.reclaim({}, "sharpe") == {4: values}
    assert [one.value for one in held(tmp_path)[:4]] == [0.5, 0.9, 0.7, None]
    assert last.reclaim({}, "sharpe") == {}


def test_what_the_storage_holds_of_an_older_kind_is_trained_after_all(tmp_path) -> None:
    """Trials that were asked of the storage itself: queued, and left in the middle of a draw."""
    url = f"sqlite:///{tmp_path / 's.db'}"
    older = optuna.create_study(study_name="s", storage=url, direction="maximize")
    older.enqueue_trial({"p": 0.25, "q": "b", "r": 1})
    older.enqueue_trial({"p": 0.75, "q": "a", "r": 2})
    older.ask().suggest_float("p", 0.0, 1.0)
    found = Study("s", tmp_path / "s.db", "random", 1, space()).reclaim({}, "sharpe")
    assert found[1] == {"p": 0.75, "q": "a", "r": 9, "target": "t"}
    assert found[0].keys() == found[1].keys()
    assert found[0]["p"] == 0.25


def test_a_storage_that_is_behind_gives_no_number_twice(tmp_path) -> None:
    study = Study("s", tmp_path / "s.db", "tpe", 1, space())
    study.make_room(3)
    assert study.ask()[0] == 3
    study.make_room(2)
    assert study.ask()[0] == 4
    assert Study("s", tmp_path / "s.db", "tpe", 1, space()).reclaim({}, "sharpe").keys() == {3, 4}


def test_draws_that_break_a_constraint_leave_no_trace(tmp_path) -> None:
    tight = Space.of(MineSection(space=SPACE, constraints=("p < 0.02",)), ("t",))
    study = Study("s", tmp_path / "s.db", "random", 1, tight)
    assert [study.ask()[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    assert all(one.params["p"] < 0.02 for one in held(tmp_path))


def test_a_sequence_goes_on_where_a_driver_ended(tmp_path) -> None:
    def drawn(study: Study, count: int) -> list[float]:
        found = []
        for _ in range(count):
            number, values = study.ask()
            study.tell(number, values["p"])
            found.append(values["p"])
        return found

    one = drawn(Study("s", tmp_path / "one.db", "qmc", 1, space()), 17)
    first = drawn(Study("s", tmp_path / "s.db", "qmc", 1, space()), 9)
    later = drawn(Study("s", tmp_path / "s.db", "qmc", 1, space()), 8)
    assert first + later == one


def test_a_driver_that_goes_on_draws_other_values_than_the_first(tmp_path) -> None:
    one = Study("s", tmp_path / "s.db", "random", 1, space())
    first = [one.ask()[1]["p"] for _ in range(3)]
    later = Study("s", tmp_path / "s.db", "random", 1, space())
    assert not set(first) & {later.ask()[1]["p"] for _ in range(3)}
    fresh = Study("s", tmp_path / "other.db", "random", 1, space())
    assert [fresh.ask()[1]["p"] for _ in range(3)] == first


def test_the_sampler_hears_of_the_best_validation_score() -> None:
    assert told(result(configurations=scored(0.1, None, 0.3)), "sharpe") == 0.3
    assert told(result(configurations=scored(0.1, 0.3)), "corr") == 0.1
    assert told(result(configurations=scored(None)), "sharpe") is None
    assert told(result("failed"), "sharpe") is None
    assert told(result("pruned", rungs=({"score": 0.2}, {"score": 0.15})), "sharpe") == 0.15


def test_a_storage_that_cannot_be_used_is_named_without_its_password() -> None:
    with pytest.raises(ConfigError, match="storage of the study") as found:
        Study("s", "sqlite:////no/such/folder/s.db", "random", 1, space())
    assert "no/such/folder" in str(found.value)
    with pytest.raises(ConfigError) as found:
        Study("s", "postgresql+nothing://me:secret@127.0.0.1/x", "random", 1, space())
    assert "secret" not in str(found.value)


def test_a_shared_storage_is_begun_anew_by_force(make_study, tmp_path) -> None:
    from search.driver import mine

    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    mining = make_study(f"mine.storage='{shared}'", "mine.trials=2")
    for force in (False, True):
        mine(mining.config, mining.run, force=force)
        (name,) = optuna.get_all_study_names(storage=shared)
        assert name.startswith("mine-")
        held = optuna.load_study(study_name=name, storage=shared).trials
        complete = [t for t in held if t.state == optuna.trial.TrialState.COMPLETE]
        assert len(complete) == 2
    assert not mining.folder.study.exists()
