"""The rows that folds predict: who they are, what they are scored against, and their features.

`rows.npz` holds, row by row and fold by fold, each fold's eras in chronological order:

- `ids` (R,) uint64, XXH3-64 of each row's id
- `eras` (R,) int32, places in `era_labels`; `folds` (R,) int16, places in `fold_names`
- `target` (R,) float32, that everything is scored on, NaN where unresolved
- `meta_model` (R,) float32, NaN where there is none
- `era_labels` (E,) text, and `validation` (E,) whether an era is one that trials are chosen by
- `fold_names` (K,) text

`columns.npy` holds the features of the eras (F, rows), each once however many folds predict it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from erazoo.publish import atomic_file
from etl.shards import ShardSet
from scoring.eras import EraSlices
from scoring.series import divide
from search.plan import Plan

CHUNK_BYTES = 1 << 26


@dataclass(frozen=True)
class Rows:
    """The predicted rows of a study.

    Args:
        arrays: of `rows.npz` by name.
    """

    arrays: dict[str, NDArray[Any]]

    @classmethod
    def read(cls, path: Path) -> Rows:
        """Those that `write_rows` wrote."""
        with np.load(path) as held:
            return cls({name: held[name] for name in held.files})

    def __len__(self) -> int:
        return len(self.arrays["ids"])

    @property
    def target(self) -> NDArray[np.float32]:
        """(R,) that everything is scored on."""
        return self.arrays["target"]

    @property
    def meta_model(self) -> NDArray[np.float32]:
        """(R,) the meta model, NaN where there is none."""
        return self.arrays["meta_model"]

    @cached_property
    def fold_spans(self) -> tuple[slice, ...]:
        """The rows of each fold."""
        edges = np.searchsorted(self.arrays["folds"], np.arange(len(self.arrays["fold_names"]) + 1))
        return tuple(slice(int(a), int(b)) for a, b in pairwise(edges))

    @cached_property
    def segments(self) -> tuple[EraSlices, NDArray[np.int32]]:
        """Each fold's eras one after another: their rows, and their places in `era_labels`.

        An era that several folds predict is there once for each.
        """
        eras, folds = self.arrays["eras"], self.arrays["folds"]
        starts = np.flatnonzero((np.diff(eras) != 0) | (np.diff(folds) != 0)) + 1
        bounds = np.concatenate(([0], starts, [len(self)])).astype(np.int64)
        codes = eras[bounds[:-1]]
        labels = tuple(str(label) for label in self.arrays["era_labels"][codes])
        return EraSlices(labels, bounds), codes

    @cached_property
    def validation(self) -> tuple[NDArray[np.int64], EraSlices]:
        """The places of the rows of validation eras, and these eras among them."""
        slices, codes = self.segments
        kept = np.flatnonzero(self.arrays["validation"][codes])
        spans = [slice(int(slices.bounds[k]), int(slices.bounds[k + 1])) for k in kept]
        places = [np.arange(span.start, span.stop) for span in spans]
        bounds = np.cumsum([0, *map(len, places)]).astype(np.int64)
        return np.concatenate(places), EraSlices(tuple(slices.labels[k] for k in kept), bounds)

    def eras_of(self, fold: int) -> EraSlices:
        """Where each era of a fold begins and ends, counted from the fold's first row."""
        slices, _ = self.segments
        span = self.fold_spans[fold]
        first, last = np.searchsorted(slices.bounds, (span.start, span.stop))
        bounds = slices.bounds[first : last + 1] - span.start
        return EraSlices(slices.labels[first:last], bounds)

    def by_era(
        self, scores: NDArray[np.float64], codes: NDArray[np.int32] | None = None
    ) -> NDArray[np.float64]:
        """Scores by segment (S, M) as scores by era (E, M): the mean of those that there are.

        Args:
            scores: of segments.
            codes: (S,) their places in `era_labels`; those of `segments` where None.
        """
        codes = self.segments[1] if codes is None else codes
        shape = (len(self.arrays["era_labels"]), scores.shape[1])
        total, count = np.zeros(shape), np.zeros(shape)
        np.add.at(total, codes, np.nan_to_num(scores))
        np.add.at(count, codes, ~np.isnan(scores))
        return divide(total, count)

    def validation_rows(self, fold: int) -> int:
        """How many rows of a fold, its first ones, belong to eras that trials are chosen by."""
        codes = self.arrays["eras"][self.fold_spans[fold]]
        return int(self.arrays["validation"][codes].sum())


def write_rows(data: ShardSet, plan: Plan, path: Path) -> None:
    """Write `rows.npz`. Memory: about 40 bytes a predicted row."""
    labels = plan.folds.predicted
    code = {era: place for place, era in enumerate(labels)}
    by_era = dict(_facts(data, plan, labels))
    order = [(k, era) for k, fold in enumerate(plan.folds.folds) for era in fold.predicted]
    counts = [len(by_era[era][0]) for _, era in order]
    joined = [np.concatenate([by_era[era][part] for _, era in order]) for part in range(3)]
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        np.savez(
            stream,
            ids=joined[0],
            target=joined[1],
            meta_model=joined[2],
            eras=np.repeat([code[era] for _, era in order], counts).astype(np.int32),
            folds=np.repeat([fold for fold, _ in order], counts).astype(np.int16),
            era_labels=np.array(labels),
            validation=np.isin(labels, plan.folds.validation),
            fold_names=np.array([fold.name for fold in plan.folds.folds]),
        )


def id_digests(ids: NDArray[np.object_]) -> NDArray[np.uint64]:
    """XXH3-64 of ids (n,), the same in every process."""
    return np.array([xxhash.xxh3_64_intdigest(str(i).encode()) for i in ids], dtype=np.uint64)


def _facts(
    data: ShardSet, plan: Plan, eras: Sequence[str]
) -> Iterator[tuple[str, tuple[NDArray[Any], ...]]]:
    """Ids, target and meta model of each era."""
    column = data.target_index(plan.target)
    reference = data.references.index(plan.meta_model) if plan.meta_model else None
    for block in data.blocks(eras, with_features=False):
        ids = id_digests(block.ids)
        meta = np.full(len(block), np.nan, np.float32)
        if reference is not None:
            meta = block.references[:, reference]
        yield block.era, (ids, block.targets[:, column], meta)


def write_columns(data: ShardSet, plan: Plan, path: Path) -> None:
    """Write `columns.npy`. Memory: a stretch of about 64 MB and one era."""
    eras = plan.folds.predicted
    shape = (len(data.spec.names), data.rows(eras))
    with atomic_file(path) as temporary, temporary.open("wb") as stream:
        header = {
            "descr": np.lib.format.dtype_to_descr(data.spec.dtype),
            "fortran_order": False,
            "shape": shape,
        }
        np.lib.format.write_array_header_2_0(stream, header)
        start, done = stream.tell(), 0
        for rows in _stretches(data, eras):
            _write_stretch(stream, rows, start, shape[1], done)
            done += len(rows)


def _stretches(data: ShardSet, eras: Sequence[str]) -> Iterator[NDArray[Any]]:
    """Rows of several eras together, so that each feature is written in few pieces."""
    held: list[NDArray[Any]] = []
    for block in data.blocks(eras):
        held.append(block.features)
        if sum(part.nbytes for part in held) >= CHUNK_BYTES:
            yield np.concatenate(held)
            held = []
    if held:
        yield np.concatenate(held)


def _write_stretch(
    stream: IO[bytes], rows: NDArray[Any], start: int, total: int, done: int
) -> None:
    size = rows.dtype.itemsize
    for feature, column in enumerate(np.ascontiguousarray(rows.T)):
        stream.seek(start + (feature * total + done) * size)
        stream.write(column.tobytes())


@dataclass(frozen=True)
class FoldColumns:
    """The features of a fold's predicted rows, as stretches of `columns.npy`.

    Args:
        matrix: (F, rows) of all predicted eras, mapped.
        runs: the stretches of rows, in the order of the fold.
        missing: the code of missing values; see `erazoo.panel.FeatureSpec`.
    """

    matrix: NDArray[Any]
    runs: tuple[slice, ...]
    missing: int | None = None

    @classmethod
    def of(cls, matrix: NDArray[Any], data: ShardSet, plan: Plan, fold: int) -> FoldColumns:
        """Those of one fold."""
        entries, edges, start = data.manifest.eras, dict[str, slice](), 0
        for era in plan.folds.predicted:
            edges[era] = slice(start, start + entries[era].rows)
            start = edges[era].stop
        runs: list[slice] = []
        for era in plan.folds.folds[fold].predicted:
            if runs and runs[-1].stop == edges[era].start:
                runs[-1] = slice(runs[-1].start, edges[era].stop)
            else:
                runs.append(edges[era])
        return cls(matrix, tuple(runs), data.spec.missing)

    def __len__(self) -> int:
        return sum(run.stop - run.start for run in self.runs)

    def pieces(self, rows: int) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Where rows stand in the fold, and their features (F, m), at most `rows` at a time."""
        done = 0
        for run in self.runs:
            for low in range(run.start, run.stop, rows):
                high = min(run.stop, low + rows)
                yield slice(done, done + high - low), self.matrix[:, low:high]
                done += high - low
