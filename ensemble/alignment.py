"""Predictions of several files in the same rows, by id and era, as ranks in one file."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.fold_record import open_out_of_sample
from ensemble.members import Member
from ensemble.missing import Missing
from ensemble.rank_file import JOURNAL, PART, fill_ranks, read_ranks
from erazoo.errors import DataError, SchemaError
from erazoo.logs import LOGGER
from erazoo.publish import atomic_file, fingerprint, read_json, sha256, write_json
from scoring.blocks import read_era
from scoring.eras import EraSlices
from scoring.ranks import era_ranks
from training.predictions import Predictions
from training.truth import Truth, digests_of, places_of

RANKS, RECORD, KEPT = "ranks.f32", "pool.json", "kept.npy"
FORMAT = 1
"""Of these files; others are made anew."""


@dataclass(frozen=True)
class Aligned:
    """Members' ranks in the rows that all of them have.

    Args:
        ranks: (M, n) float32, a memory map.
        kept: (N,) which of the labelled rows these are.
        missing: what members lacked.
        key: what all of this depends on.
    """

    ranks: NDArray[np.float32]
    kept: NDArray[np.bool_]
    missing: Missing
    key: str


def align(
    folder: Path,
    members: Sequence[Member],
    kind: str,
    truth: Truth,
    content: str,
    *,
    reach: int,
    drop: bool,
) -> Aligned:
    """Bring the members' predictions into the rows of `truth` and rank them within eras.

    What lies in `folder` already is not made again, and a killed call is gone on with.

    Args:
        folder: where the ranks are kept.
        members: whose predictions.
        kind: `out_of_fold` or `held_out`.
        truth: the labelled rows, N of them, with their ids.
        content: tells these rows from those of other data.
        reach: eras that the labels of `truth` reach past their own.
        drop: leave out rows that some members lack, instead of refusing.

    Memory: one column.

    Raises:
        DataError: members that do not cover the same rows; with the report.
        LeakageError: predictions in sample.
    """
    keys = [_key(member, kind, truth, content, reach) for member in members]
    key = fingerprint([keys, drop, reach])
    if (standing := _standing(folder, key, len(members))) is not None:
        return standing

    def column(place: int) -> tuple[NDArray[np.float32], dict[str, Any]]:
        LOGGER.info("pool: %s", members[place].name)
        return _column(open_out_of_sample(members[place], kind, reach), truth)

    for name in (RECORD, RANKS):
        (folder / name).unlink(missing_ok=True)
    ranks, facts = fill_ranks(folder, keys, truth.slices.rows, column)
    kept, missing = _compared(ranks, truth.slices, [m.name for m in members], facts)
    if not drop:
        missing.refuse()
    if not kept.any():
        raise DataError(
            "the members of the ensemble have no row in common", received="; ".join(missing.lines())
        )
    _publish(folder, ranks, kept, truth.slices)
    write_json(folder / RECORD, {"key": key, "missing": missing.to_json()})
    return Aligned(read_ranks(folder / RANKS, len(members)), kept, missing, key)


def kept_slices(slices: EraSlices, kept: NDArray[np.bool_]) -> EraSlices:
    """The eras of the rows that are kept; eras without one are left out."""
    counts = np.add.reduceat(kept.astype(np.int64), slices.bounds[:-1])
    labels = tuple(e for e, count in zip(slices.labels, counts, strict=True) if count)
    bounds = np.concatenate(([0], np.cumsum(counts[counts > 0])))
    return EraSlices(labels, bounds.astype(np.int64))


def _key(member: Member, kind: str, truth: Truth, content: str, reach: int) -> str:
    """What a column depends on: the predictions, the record of their folds, and the rows."""
    read = (member.file(kind), member.record)
    prints = [sha256(path) if path.is_file() else None for path in read]
    rows = [truth.slices.labels, truth.slices.rows, content]
    return fingerprint([FORMAT, member.name, prints, rows, reach])


def _standing(folder: Path, key: str, members: int) -> Aligned | None:
    try:
        record = read_json(folder / RECORD)
        kept = np.load(folder / KEPT)
        ranks = read_ranks(folder / RANKS, members)
    except (OSError, ValueError):
        return None
    if record.get("key") != key or ranks.shape[1] != kept.sum():
        return None
    return Aligned(ranks, kept, Missing.from_json(record["missing"]), key)


def _column(made: Predictions, truth: Truth) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """A member's ranks in the labelled rows, NaN where it has none; rows that found no place."""
    digests = digests_of(made.ids)
    places = places_of(truth.digests, digests)
    values = made.values if places is None else np.where(places >= 0, made.values[places], np.nan)
    _check_eras(made, truth, places)
    pooled = np.isin(made.eras.astype(str), truth.slices.labels)
    met = len(made.ids) if places is None else int((places >= 0).sum())
    facts = {"outside": int((~pooled).sum()), "unknown": int(pooled.sum()) - met}
    return era_ranks(values, truth.slices).astype(np.float32), facts


def _check_eras(made: Predictions, truth: Truth, places: NDArray[np.int32] | None) -> None:
    """An id stands in the same era in a file as in the data."""
    for era, span in zip(truth.slices.labels, truth.slices, strict=True):
        rows = np.arange(span.start, span.stop) if places is None else places[span]
        wrong = made.eras[rows[rows >= 0]] != era
        if wrong.any():
            row = int(rows[rows >= 0][wrong.argmax()])
            raise SchemaError(
                f"the predictions of {made.name!r} give an id another era than the data",
                received=f"{made.ids[row]!r} in era {made.eras[row]}",
                expected=f"era {era}",
            )


def _compared(
    ranks: NDArray[np.float32],
    slices: EraSlices,
    names: Sequence[str],
    facts: Sequence[Mapping[str, int]],
) -> tuple[NDArray[np.bool_], Missing]:
    """Which rows every member has, and what members lack of one another's."""
    kept = np.zeros(slices.rows, dtype=np.bool_)
    lacking: dict[str, dict[str, int]] = {}
    dropped = 0
    for era, span in zip(slices.labels, slices, strict=True):
        has = ~np.isnan(np.concatenate([values for _, values in read_era(ranks.T, span)]))
        some, kept[span] = has.any(axis=0), has.all(axis=0)
        dropped += int((some & ~kept[span]).sum())
        for place in np.flatnonzero((some & ~has).any(axis=1)).tolist():
            lacking.setdefault(names[place], {})[era] = int((some & ~has[place]).sum())
    beside = {
        kind: {name: found[kind] for name, found in zip(names, facts, strict=True) if found[kind]}
        for kind in ("outside", "unknown")
    }
    return kept, Missing(int(kept.sum()), dropped, lacking, **beside)


def _publish(
    folder: Path, ranks: NDArray[np.float32], kept: NDArray[np.bool_], slices: EraSlices
) -> None:
    """The file of ranks in the rows that are kept; ranks among fewer rows are taken anew."""
    with atomic_file(folder / KEPT) as temporary, temporary.open("wb") as stream:
        np.save(stream, kept)
    if kept.all():
        os.replace(folder / PART, folder / RANKS)
    else:
        fewer = kept_slices(slices, kept)
        with atomic_file(folder / RANKS) as temporary, temporary.open("wb") as stream:
            for values in ranks:
                stream.write(era_ranks(values[kept], fewer).astype(np.float32).tobytes())
        (folder / PART).unlink()
    (folder / JOURNAL).unlink()
