"""Binned training rows: one file a fold, number of bins, feature subset and set of known labels.

They are made once, by whichever process needs them first, and loaded by a job once for all of its
workers. Labels are switched; targets that are missing in other rows have files of their own,
because a missing label is a row less. The least recently used files go when the folder grows past
its limit.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import xxhash
from numpy.typing import NDArray

from erazoo.logs import LOGGER
from erazoo.publish import alone, atomic_file, fingerprint, sweep
from etl.shards import ShardSet
from etl.shards.allocator import give_back_freed_memory
from etl.shards.rows import ShardRows
from search.plan import Plan, feature_words
from search.trees.base import Keeping, Library, library
from training.columns import columns_of

KEPT_SHARE = 0.25
"""Of the memory that a job may take: what it keeps of binned sets from one batch to the next."""

MOST_OF_BYTE = 255


@dataclass(frozen=True)
class Learned:
    """What a fold's training rows are labelled with.

    Attributes:
        labels: by target, (n,) of the rows in which it is known.
        known: by target, a digest of which rows these are.
        offsets: by target, the mean label.
    """

    labels: dict[str, NDArray[np.float32]]
    known: dict[str, str]
    offsets: dict[str, float]

    @classmethod
    def of(cls, targets: NDArray[np.float32], names: tuple[str, ...]) -> Learned:
        """Those of a table of targets (n, T)."""
        labels, known, offsets = {}, {}, {}
        for name, column in zip(names, targets.T, strict=True):
            rows = np.isfinite(column)
            labels[name] = np.ascontiguousarray(column[rows])
            known[name] = xxhash.xxh3_64_hexdigest(np.packbits(rows).tobytes())
            offsets[name] = float(labels[name].mean(dtype=np.float64))
        return cls(labels, known, offsets)


class BinnedSets:
    """The binned rows of a study, loaded or made when they are asked for.

    Args:
        data: the shards.
        plan: of the study.
        folder: of the files.
        most_bytes: that they may take together.
        most_loaded: bytes of memory that sets may take together, beside those of one trial.
    """

    def __init__(
        self, data: ShardSet, plan: Plan, folder: Path, most_bytes: float, most_loaded: float
    ) -> None:
        self.data, self.plan, self.folder = data, plan, folder
        self._most_bytes, self.most_loaded = most_bytes, most_loaded
        self._library: Library = library(plan.model)
        self._columns: dict[str, NDArray[np.int64]] = {}
        self._learned: dict[int, Learned] = {}
        self._loaded: OrderedDict[str, tuple[Any, int]] = OrderedDict()

    def columns(self, features: str) -> NDArray[np.int64]:
        """Places of the features that a trial learns from, among those of the panel."""
        if features not in self._columns:
            names = columns_of("features", feature_words(features), self.data.spec)
            self._columns[features] = self.data.spec.columns(names)
        return self._columns[features]

    def learned(self, fold: int) -> Learned:
        """The labels of a fold's training rows. Memory: four bytes a row and target."""
        if fold not in self._learned:
            table = self._targets(fold)
            self._learned[fold] = Learned.of(table, self._names)
        return self._learned[fold]

    def get(self, fold: int, features: str, max_bin: int, target: str) -> Any:
        """The binned rows of a fold as the library has them."""
        key = self._key(fold, features, max_bin, target)
        if key not in self._loaded:
            self._make_room(self._bytes(fold, features, max_bin, target))
            bins = self._made(fold, features, max_bin, target, key)
            self._loaded[key] = bins, self._bytes(fold, features, max_bin, target)
        self._loaded.move_to_end(key)
        return self._loaded[key][0]

    def sizes(self, features: str, max_bin: int, target: str) -> dict[str, int]:
        """Bytes of memory, at most, of each set that a trial needs, by its key."""
        folds = range(len(self.plan.folds.folds))
        return {
            self._key(k, features, max_bin, target): self._bytes(k, features, max_bin, target)
            for k in folds
        }

    def _make_room(self, size: int) -> None:
        """Let go of the sets that were not used for longest, but for as many as a trial needs."""
        total = size + sum(held for _, held in self._loaded.values())
        while total > self.most_loaded and len(self._loaded) >= len(self.plan.folds.folds):
            _, (_, held) = self._loaded.popitem(last=False)
            total -= held

    def _bytes(self, fold: int, features: str, max_bin: int, target: str) -> int:
        """A byte a value, or two where there are more bins than a byte tells apart."""
        values = len(self.learned(fold).labels[target]) * len(self.columns(features))
        return values * (1 if max_bin <= MOST_OF_BYTE else 2)

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.plan.targets, str(self.plan.benchmark["target"]))))

    def _key(self, fold: int, features: str, max_bin: int, target: str) -> str:
        plan = self.plan
        subset = self.data.spec.narrowed(
            [self.data.spec.names[place] for place in self.columns(features)]
        )
        known = self.learned(fold).known[target] if self._library.switches else target
        train = plan.folds.folds[fold].train
        parts = [plan.model, plan.content, train, subset.fingerprint, max_bin, known]
        return fingerprint([*parts, plan.sample_rows, version(plan.model)])

    def _made(self, fold: int, features: str, max_bin: int, target: str, key: str) -> Any:
        """Binned rows from their file, which is written first where it is not there."""
        own, sample = self._library, self.plan.sample_rows
        if not isinstance(own, Keeping):
            return own.bin(self._rows(fold, features, target), max_bin, sample)
        path = self.folder / f"{key}{own.suffix}"
        with alone(self.folder):
            if not path.is_file():
                sweep(self.folder)
                LOGGER.info("%s: binning into %d bins", self.plan.folds.folds[fold].name, max_bin)
                own.save(own.bin(self._rows(fold, features, target), max_bin, sample), path)
                self._drop_old(path, own.suffix)
                give_back_freed_memory()
            os.utime(path)
            return own.load(path, max_bin, sample)

    def _rows(self, fold: int, features: str, target: str) -> ShardRows:
        names = [self.data.spec.names[place] for place in self.columns(features)]
        eras = self.plan.folds.folds[fold].train
        return self.data.numbered(eras, target, features=names, training=True)

    def _drop_old(self, newest: Path, suffix: str) -> None:
        """Remove the files that were not used for longest, until the rest fits."""
        files = [one for one in self.folder.glob(f"*{suffix}") if one != newest]
        facts = sorted((one.stat().st_mtime_ns, one.stat().st_size, one) for one in files)
        total = newest.stat().st_size + sum(size for _, size, _ in facts)
        for _, size, path in facts:
            if total <= self._most_bytes:
                return
            path.unlink()
            total -= size

    def _targets(self, fold: int) -> NDArray[np.float32]:
        """Learned targets of a fold's training rows (n, T), from a file that is made once."""
        eras = self.plan.folds.folds[fold].train
        key = fingerprint([self.plan.content, eras, self._names])
        path = self.folder / f"targets-{key}.npy"
        with alone(self.folder):
            if not path.is_file():
                columns = [self.data.target_index(name) for name in self._names]
                blocks = self.data.blocks(eras, training=True, with_features=False)
                table = np.concatenate([block.targets[:, columns] for block in blocks])
                with atomic_file(path) as temporary, temporary.open("wb") as stream:
                    np.save(stream, table)
        found: NDArray[np.float32] = np.load(path)
        return found
