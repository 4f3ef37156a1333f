"""The rules of a submission, each broken one in words with counts and examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from erazoo.tournament import Tournament

SMALLEST_STD = 1e-7
_EXAMPLES = 3


def broken_rules(
    ids: NDArray[np.object_],
    values: NDArray[np.float64],
    universe: Sequence[str],
    tournament: Tournament,
) -> list[str]:
    """What is wrong with predictions, empty where nothing is.

    No looser than `numerai_tools.submissions`, and stricter in three places: an id outside the
    universe, a value a hair outside [0, 1] and a single row are refused.

    Args:
        ids: (rows,) ids or symbols.
        values: (rows,) predictions.
        universe: the live ids or symbols.
        tournament: whose rules apply.
    """
    return [*_id_problems(ids, universe, tournament), *_value_problems(values)]


def described(
    values: NDArray[np.float64], universe: Sequence[str], tournament: Tournament
) -> tuple[str, ...]:
    """What holds of predictions that break no rule."""
    noun = f"{tournament.id_column}s"
    whole = f"{len(values):,} predictions, one for every live {tournament.id_column}"
    some = f"{len(values):,} predictions for {len(set(universe)):,} live {noun}"
    return (
        whole if len(values) == len(set(universe)) else some,
        f"no {tournament.id_column} twice, none unknown",
        f"no missing value, all in [0, 1]: from {values.min():.6g} to {values.max():.6g}",
        f"they vary: standard deviation {values.std():.6g}, "
        f"{len(np.unique(values)):,} distinct values",
    )


def _id_problems(
    ids: NDArray[np.object_], universe: Sequence[str], tournament: Tournament
) -> list[str]:
    noun, live = tournament.id_column, set(universe)
    named = [i for i in ids if isinstance(i, str) and i]
    present = set(named)
    twice = [i for i, count in Counter(named).items() if count > 1]
    unknown = present - live
    missing = live - present if tournament.whole_universe else set()
    known = len(present & live)
    few = known < tournament.minimum_rows
    problems = [
        ("the live universe is empty", not live),
        (f"{len(ids) - len(named):,} rows have no {noun}", len(named) < len(ids)),
        (f"{len(twice):,} {noun}s stand twice{_such(twice)}", twice),
        (f"{len(unknown):,} {noun}s are not live{_such(unknown)}", unknown),
        (f"{len(missing):,} of {len(live):,} live {noun}s are missing{_such(missing)}", missing),
        (f"{known:,} live {noun}s where {tournament.minimum_rows:,} are needed", few),
    ]
    return [words for words, broken in problems if broken]


def _value_problems(values: NDArray[np.float64]) -> list[str]:
    absent = int(np.isnan(values).sum())
    there = values[~np.isnan(values)]
    outside = there[(there < 0) | (there > 1)]
    problems = []
    if absent:
        problems.append(f"{absent:,} predictions are missing (NaN)")
    if len(outside):
        shown = _such(f"{value:.9g}" for value in outside)
        problems.append(f"{len(outside):,} predictions are outside [0, 1]{shown}")
    if not len(outside) and (len(there) < 2 or there.std(ddof=1) <= SMALLEST_STD):
        problems.append("the predictions do not vary")
    return problems


def _such(examples: Iterable[str]) -> str:
    shown = sorted(examples)[:_EXAMPLES]
    return f" (such as {', '.join(shown)})" if shown else ""
