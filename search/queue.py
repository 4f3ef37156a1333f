"""Trials that wait for a machine, gathered into batches that share binned rows."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable

from search.trial import Trial

Key = tuple[str, int]
"""Features and bins of a trial."""


class Queue:
    """Waiting trials by what their batch shares.

    Args:
        key_of: what a trial's batch shares.
    """

    def __init__(self, key_of: Callable[[Trial], Key]) -> None:
        self._key_of = key_of
        self._waiting: OrderedDict[Key, deque[Trial]] = OrderedDict()

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def most(self) -> int:
        """Trials that the largest batch would have."""
        return max(map(len, self._waiting.values()), default=0)

    def add(self, trial: Trial) -> None:
        """Let a trial wait."""
        self._waiting.setdefault(self._key_of(trial), deque()).append(trial)

    def back(self, trials: Iterable[Trial]) -> None:
        """Let trials wait again, before all others of their kind, which come next."""
        for trial in reversed(list(trials)):
            key = self._key_of(trial)
            self._waiting.setdefault(key, deque()).appendleft(trial)
            self._waiting.move_to_end(key, last=False)

    def take(self, count: int) -> list[Trial]:
        """The largest batch, of at most so many trials; of equal ones that which waits longest.

        The benchmark's goes before every other.
        """
        if not self._waiting:
            return []
        key = max(self._waiting, key=self._rank)
        trials = self._waiting[key]
        batch = [trials.popleft() for _ in range(min(count, len(trials)))]
        if not trials:
            del self._waiting[key]
        return batch

    def _rank(self, key: Key) -> tuple[bool, int]:
        trials = self._waiting[key]
        return trials[0].number == 0, len(trials)
