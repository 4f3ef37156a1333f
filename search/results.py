"""`results.jsonl`: one line a finished training, written by its process at once.

A line says what was trained and how it ended:

- `trial`: its number, 0 for the benchmark; `state`: `complete`, `pruned` or `failed`, and `reason`
- `target`, `features` and `params` as they were trained, `seed`
- `configurations`: one a tree count, with `id`, `trees`, `slot` and `validation`
  (`corr` and `sharpe` on the eras that trials are chosen by); empty unless `complete`
- `offsets`: by fold, what was taken off its predictions before they were stored
- `rungs`: looks at it, each with `share`, `trees`, `score`, `among` and `kept`
- `seconds`: of `grow`, `predict`, `score`, `write` and `total`; `ended`: seconds since 1970
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from erazoo.publish import append_line
from search.space import FEATURES, TARGET, TREES
from search.trial import BENCHMARK

State = Literal["complete", "pruned", "failed"]


@dataclass(frozen=True)
class Configuration:
    """One scored number of trees of a training.

    Attributes:
        id: see `search.trial.configuration_id`.
        trees: that it has.
        slot: its row of predictions.
        validation: `corr` and `sharpe` on the eras that trials are chosen by, None where undefined.
    """

    id: str
    trees: int
    slot: int
    validation: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Result:
    """How a training ended; see the head of this module."""

    trial: int
    state: State
    target: str
    features: str
    params: Mapping[str, Any]
    seed: int
    reason: str = ""
    configurations: tuple[Configuration, ...] = ()
    offsets: tuple[float, ...] = ()
    rungs: tuple[Mapping[str, Any], ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    ended: float = 0.0

    @property
    def is_benchmark(self) -> bool:
        """Whether this is what is to be beaten."""
        return self.trial == BENCHMARK

    def best(self, objective: str) -> Configuration | None:
        """The configuration with the best validation score; None where none has one."""
        scored = [one for one in self.configurations if one.validation.get(objective) is not None]
        return max(scored, key=lambda one: float(one.validation[objective] or 0.0), default=None)

    def values(self, trees: int) -> dict[str, Any]:
        """Every parameter of a configuration."""
        return {
            **self.params,
            TREES: trees,
            TARGET: self.target,
            FEATURES: self.features,
        }

    def to_json(self) -> dict[str, Any]:
        """Plain values for a line."""
        return {
            **vars(self),
            "params": dict(self.params),
            "configurations": [vars(one) for one in self.configurations],
            "offsets": list(self.offsets),
            "rungs": [dict(one) for one in self.rungs],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Result:
        """The inverse of `to_json`."""
        return cls(
            **{
                **value,
                "configurations": tuple(Configuration(**one) for one in value["configurations"]),
                "offsets": tuple(value["offsets"]),
                "rungs": tuple(value["rungs"]),
            }
        )


def add_line(path: Path, value: Mapping[str, Any]) -> None:
    """Append a line that other processes, also of other machines, may append to as well."""
    with path.open("ab") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        append_line(path, value)


class Lines:
    """Reads a journal as it grows; what was read is not read again.

    Args:
        path: of the file, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._place = path, 0

    def more(self) -> Iterator[Any]:
        """The whole lines that have come since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            stream.seek(self._place)
            for line in stream:
                if not line.endswith(b"\n"):
                    return  # it is being written
                self._place += len(line)
                with suppress(ValueError):  # torn by a power cut
                    yield json.loads(line)


def read_results(path: Path) -> dict[int, Result]:
    """The result of each trial that has ended, by its number; see `Reader`."""
    return Reader(path).results


class Reader:
    """Reads a study's results as they come; what was read is not read again.

    The first line of a trial counts, unless it failed then: failed trials may begin again.

    Args:
        path: of `results.jsonl`, which need not be there yet.
    """

    def __init__(self, path: Path) -> None:
        self._lines = Lines(path)
        self.results: dict[int, Result] = {}
        self.more()

    def more(self) -> list[Result]:
        """The results that have come since the last call."""
        fresh = []
        for result in self._read():
            held = self.results.get(result.trial)
            if held is None or held.state == "failed":
                self.results[result.trial] = result
                fresh.append(result)
        return fresh

    def _read(self) -> Iterator[Result]:
        for line in self._lines.more():
            with suppress(TypeError, KeyError):
                yield Result.from_json(line)
