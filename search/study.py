"""The sampler: trials asked of optuna and told to it, in a storage that outlives the driver."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from erazoo.errors import ConfigError
from search.plan import Plan
from search.results import Result
from search.space import Space, Values

if TYPE_CHECKING:
    import optuna

MOST_REFUSED = 10_000
"""Draws in a row that break a constraint, after which the space is taken for empty."""
STARTUP = 10


class Study:
    """A study of optuna, of which one driver asks at a time.

    The sampler draws from a copy in memory: a storage would be read anew, all unfinished trials of
    it, for every parameter of every draw. What was drawn is written to the storage as a whole, and
    how it ended.

    Args:
        name: of the study.
        storage: a URL of optuna, or the path of an SQLite file.
        sampler: `random`, `qmc` or `tpe`.
        seed: of the run; with the trials so far it makes that of the sampler.
        space: that is drawn from.

    Raises:
        ConfigError: the storage cannot be used.
    """

    def __init__(
        self, name: str, storage: str | Path, sampler: str, seed: int, space: Space
    ) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna, self._space = optuna, space
        url = f"sqlite:///{storage.absolute()}" if isinstance(storage, Path) else storage
        try:
            self._storage, self._id = _opened(url, name)
            held = self._storage.get_all_trials(self._id, deepcopy=False)
        except Exception as error:
            raise _unusable(url, error) from error
        self._memory = optuna.storages.InMemoryStorage()
        self._study = optuna.create_study(
            storage=self._memory,
            direction="maximize",
            sampler=self._sampler(sampler, seed, len(held)),
        )
        self._notes: dict[str, Any] = {}
        self._remember(held)
        self._unfinished = [trial for trial in held if not trial.state.is_finished()]
        self._trials = len(held)
        self._asked: dict[int, tuple[int, optuna.Trial]] = {}

    def ask(self) -> tuple[int, Values]:
        """A new trial: its number and values that every constraint holds for.

        Raises:
            ConfigError: no values were found.
        """
        states = self._optuna.trial.TrialState
        for _ in range(MOST_REFUSED):
            trial, values = self._drawn()
            if self._space.allows(values):
                return self._kept(trial), values
            self._study.tell(trial, state=states.FAIL)
        raise ConfigError(
            "the constraints leave nothing of the space",
            received=f"{MOST_REFUSED} draws that break one",
            hint="Look at mine.constraints",
        )

    def tell(self, number: int, value: float | None) -> None:
        """Say what a trial came to, once; None where it came to nothing."""
        if number not in self._asked:
            return
        held, trial = self._asked.pop(number)
        states = self._optuna.trial.TrialState
        if value is None:
            self._study.tell(trial, state=states.FAIL)
            self._storage.set_trial_state_values(held, states.FAIL)
        else:
            self._study.tell(trial, value)
            self._storage.set_trial_state_values(held, states.COMPLETE, [value])

    def reclaim(self, results: dict[int, Result], objective: str) -> dict[int, Values]:
        """Settle the trials that a driver before this one left unfinished.

        Those that have ended are told; the others have to be trained after all.

        Args:
            results: by the number of the sampler.
            objective: that trials are told by.

        Returns:
            Their values by their numbers.
        """
        again = {}
        for trial in self._unfinished:
            params = trial.params or trial.system_attrs.get("fixed_params", {})
            self._study.enqueue_trial(params)
            own, values = self._drawn()
            self._asked[trial.number] = trial._trial_id, own
            result = results.get(trial.number)
            if result is not None:
                self.tell(trial.number, told(result, objective))
            elif self._space.allows(values):
                again[trial.number] = values
            else:  # it was left in the middle of a draw
                self.tell(trial.number, None)
        self._unfinished = []
        return again

    def make_room(self, numbers: int) -> None:
        """Leave out as many numbers as trials have ended that the storage knows nothing of.

        A storage that was lost, or that is another one, would give their numbers again.

        Args:
            numbers: that were given before.
        """
        for _ in range(self._trials, numbers):
            self._create(self._optuna.trial.create_trial(state=self._optuna.trial.TrialState.FAIL))

    def _drawn(self) -> tuple[optuna.Trial, Values]:
        """What the sampler draws next, or what it was told to draw."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            trial = self._study.ask()
            return trial, self._space.suggest(trial)

    def _kept(self, trial: optuna.Trial) -> int:
        """Write a draw to the storage; its number there."""
        found = self._optuna.trial.create_trial(
            state=self._optuna.trial.TrialState.RUNNING,
            params=trial.params,
            distributions=trial.distributions,
        )
        held = self._create(found)
        number = int(self._storage.get_trial_number_from_id(held))
        self._asked[number] = held, trial
        self._copy_notes()
        return number

    def _create(self, trial: Any) -> int:
        self._trials += 1
        return int(self._storage.create_new_trial(self._id, template_trial=trial))

    def _copy_notes(self) -> None:
        """Keep what the sampler notes of the study, such as how far a sequence is."""
        (own,) = self._memory.get_all_studies()
        for name, value in own.system_attrs.items():
            if self._notes.get(name) != value:
                self._storage.set_study_system_attr(self._id, name, value)
        self._notes = dict(own.system_attrs)

    def _remember(self, held: Sequence[Any]) -> None:
        """Bring the copy to where the storage is."""
        complete = self._optuna.trial.TrialState.COMPLETE
        self._study.add_trials(trial for trial in held if trial.state == complete)
        (own,) = self._memory.get_all_studies()
        self._notes = dict(self._storage.get_study_system_attrs(self._id))
        for name, value in self._notes.items():
            self._memory.set_study_system_attr(own._study_id, name, value)

    def _sampler(self, kind: str, seed: int, count: int) -> optuna.samplers.BaseSampler:
        samplers = self._optuna.samplers
        own = (seed + 7919 * count) % 2**31
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", self._optuna.exceptions.ExperimentalWarning)
            if kind == "qmc":
                found: optuna.samplers.BaseSampler = samplers.QMCSampler(
                    scramble=True,
                    seed=seed,
                    independent_sampler=samplers.RandomSampler(seed=own),
                    warn_independent_sampling=False,
                )
            elif kind == "tpe":
                found = samplers.TPESampler(
                    seed=own,
                    multivariate=True,
                    group=True,
                    constant_liar=True,
                    n_startup_trials=STARTUP,
                )
            else:
                found = samplers.RandomSampler(seed=own)
        return found


def _opened(url: str, name: str) -> tuple[Any, int]:
    """A storage, and the id of a study there, which is made where it is not."""
    import optuna

    storage = optuna.storages.RDBStorage(url)
    if storage.engine.dialect.name == "sqlite":
        with storage.engine.connect() as connection:  # one flush a change instead of several
            connection.exec_driver_sql("PRAGMA journal_mode=WAL")
    optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    return storage, storage.get_study_id_from_name(name)


def study_name(plan: Plan, storage: str) -> str:
    """The name of a study in its storage; in a shared one its plan is part of it."""
    return f"{plan.name}-{plan.key}" if storage else plan.name


def forget_study(plan: Plan, storage: str) -> None:
    """Remove a study from a storage by URL, where it is there.

    Raises:
        ConfigError: the storage cannot be used.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        optuna.delete_study(study_name=study_name(plan, storage), storage=storage)
    except KeyError:
        return
    except Exception as error:
        raise _unusable(storage, error) from error


def _unusable(url: str, error: Exception) -> ConfigError:
    """Said without the user and password of a URL."""
    return ConfigError(
        "the storage of the study cannot be used",
        received=f"{url.rpartition('@')[2]}: {type(error).__name__}",
    )


def told(result: Result, objective: str) -> float | None:
    """What the sampler hears of a training: its best validation score.

    Of a pruned one that is the last it had.
    """
    if result.state == "pruned":
        score = result.rungs[-1]["score"]
        return None if score is None else float(score)
    best = result.best(objective)
    return None if best is None else best.validation[objective]
