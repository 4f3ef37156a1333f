"""A data folder in the layout of a Numerai Classic data set, as a Panel."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from erazoo.eras import EraAxis, era_number
from erazoo.errors import ConfigError, DataError, SchemaError
from erazoo.near import nearest
from erazoo.panel import MISSING_QUINTILE, QUINTILES, EraBlock, FeatureSpec
from erazoo.publish import read_json
from erazoo.tournament import TARGET_ALIAS
from etl.files import FEATURES, HISTORY, LIVE, REFERENCE_FILES
from etl.parquet import EraFile, column_array


class Dataset:
    """The history of a data folder: a Panel of the eras of train and validation.

    Args:
        folder: holds features.json, train.parquet, validation.parquet and, where there are
            any, the meta-model and benchmark files.
        feature_set: the features that are used, by the name of a set or group.
        targets: the target columns that are used; each is named, never the alias `target`.
    """

    def __init__(self, folder: Path, feature_set: str, targets: Sequence[str]) -> None:
        self.folder = folder
        self.spec = feature_spec(folder, feature_set)
        self._files = [EraFile(folder / name) for name in HISTORY if (folder / name).exists()]
        if not self._files:
            raise DataError(
                "a data folder has no history",
                received=str(folder),
                expected=" or ".join(HISTORY),
                hint="Run `erazoo download` first",
            )
        for file in self._files:
            _check_columns(file, ["id", "era", *targets], self.spec.names)
            _check_kinds(file, targets, pa.types.is_floating, "a floating-point number")
        self.targets = tuple(targets)
        self._references = [
            EraFile(folder / name) for name in REFERENCE_FILES if (folder / name).exists()
        ]
        for file in self._references:
            _check_columns(file, ["id"], ())
        names = [c for f in self._references for c in _reference_columns(f)]
        self.references = tuple(dict.fromkeys(names))

    @cached_property
    def rows_of(self) -> Mapping[str, int]:
        """Rows by era, in order; a pass over the era columns alone."""
        rows: dict[str, int] = {}
        for file in self._files:
            for run in file.runs:
                era_number(run.era)
                if run.era in rows:
                    raise SchemaError(
                        "an era stands in two files", received=f"{run.era!r} in {file.path.name}"
                    )
                rows[run.era] = run.rows
        return rows

    @cached_property
    def axis(self) -> EraAxis:
        """The whole sequence of eras; unsorted eras are a SchemaError."""
        return EraAxis(tuple(self.rows_of))

    def eras(self) -> tuple[str, ...]:
        """All eras in chronological order."""
        return self.axis.eras

    def blocks(self, eras: Sequence[str] | None = None) -> Iterator[EraBlock]:
        """One whole era at a time.

        Raises:
            SchemaError: a feature off its grid, or an id that stands twice in its era.
        """
        wanted = self.eras() if eras is None else tuple(eras)
        references = _References(self._references, self.references, wanted)
        columns = ["id", *self.spec.names, *self.targets]
        for file in self._files:
            for era, table in file.tables(columns, wanted):
                ids = _ids(table, f"era {era} of {file.path.name}")
                yield EraBlock(
                    era,
                    ids,
                    feature_matrix(table, self.spec, f"era {era} of {file.path.name}"),
                    _floats(table, self.targets),
                    references.of(era, ids),
                )

    def resolved(self, target: str) -> tuple[str, ...]:
        """Eras in which `target` has a value, from a pass over that column alone."""
        found = []
        for file in self._files:
            for era, table in file.tables([target]):
                if np.isfinite(column_array(table, target).astype(np.float32)).any():
                    found.append(era)
        return tuple(found)

    def check_ids(self) -> None:
        """Refuse an id that stands twice in the whole history.

        Ids are held as eight-byte digests, 55 MB for seven million rows.
        """
        parts = []
        for file in self._files:
            for _, table in file.tables(["id"]):
                ids = table.column("id").to_pylist()
                parts.append(np.array([_digest(i) for i in ids], dtype=np.uint64))
        digests = np.sort(np.concatenate(parts))
        twice = int((digests[1:] == digests[:-1]).sum())
        if twice:
            raise SchemaError(
                "ids are not unique in the history", received=f"{twice} repeated", expected="none"
            )

    def alias_of(self) -> str | None:
        """The named target that the alias `target` equals, by values and missing pattern.

        The newest resolved era of the first file decides among all named targets.
        """
        file = self._files[0]
        if TARGET_ALIAS not in file.columns:
            return None
        named = [c for c in file.columns if c.startswith(f"{TARGET_ALIAS}_")]
        alive = dict.fromkeys(named)
        for _, table in file.tables([TARGET_ALIAS, *named]):
            alias = column_array(table, TARGET_ALIAS)
            for name in list(alive):
                if not np.array_equal(column_array(table, name), alias, equal_nan=True):
                    del alive[name]
            if not alive:
                return None
        return next(iter(alive))


class LiveData:
    """The live file of a data folder: one block whose targets are unknown."""

    def __init__(self, folder: Path, spec: FeatureSpec) -> None:
        self.path, self.spec = folder / LIVE, spec
        self._file = EraFile(self.path)
        _check_columns(self._file, ["id"], spec.names)

    def block(self) -> EraBlock:
        """The whole live universe, in file order.

        Raises:
            SchemaError: more than one era, a repeated id, or a feature off its grid.
        """
        runs = self._file.runs
        if len(runs) != 1:
            raise SchemaError("a live file holds one era", received=f"{len(runs)} eras")
        era, table = next(self._file.tables(["id", *self.spec.names]))
        empty = np.empty((len(table), 0), dtype=np.float32)
        features = feature_matrix(table, self.spec, self.path.name)
        return EraBlock(era, _ids(table, self.path.name), features, empty, empty)


def feature_sets(folder: Path) -> dict[str, tuple[str, ...]]:
    """The named feature sets of a data folder.

    Raises:
        DataError: features.json is missing or damaged.
    """
    path = folder / FEATURES
    try:
        sets = read_json(path)["feature_sets"]
        return {str(name): tuple(members) for name, members in sets.items()}
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(
            "a data folder has no features.json",
            received=str(folder),
            hint="Run `erazoo download` first",
        ) from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError("features.json is damaged", received=str(path)) from None


def feature_spec(folder: Path, feature_set: str) -> FeatureSpec:
    """The features of a set, with every named group cut to them.

    Raises:
        ConfigError: the data have no such set.
    """
    sets = feature_sets(folder)
    if feature_set not in sets:
        raise ConfigError(
            "unknown feature set",
            received=feature_set,
            expected=nearest(feature_set, sets),
            hint="Set data.feature_set",
        )
    names = sets[feature_set]
    chosen = set(names)
    groups = {g: tuple(m for m in members if m in chosen) for g, members in sets.items()}
    return FeatureSpec(names, {g: members for g, members in groups.items() if members})


def feature_matrix(table: pa.Table, spec: FeatureSpec, place: str) -> NDArray[np.int8]:
    """The features of a table as quintiles (rows, F) int8, missing ones as the missing code.

    Raises:
        SchemaError: a value off the grid; the column, row and value are named.
    """
    matrix = np.empty((table.num_rows, len(spec.names)), dtype=np.int8)
    missing = MISSING_QUINTILE if spec.missing is None else spec.missing
    for j, name in enumerate(spec.names):
        column = table.column(name)
        if column.null_count:
            column = pc.fill_null(column, missing)
        matrix[:, j] = column.to_numpy()
    if matrix.size and (matrix.min() < 0 or matrix.max() >= QUINTILES):
        row, j = (int(i[0]) for i in np.nonzero((matrix < 0) | (matrix >= QUINTILES)))
        raise SchemaError(
            "a feature value is off its grid",
            received=f"{matrix[row, j]} in column {spec.names[j]}, row {row} of {place}",
            expected=f"0 to {QUINTILES - 1}",
        )
    return matrix


def history_files(folder: Path) -> list[Path]:
    """The files that shards are made from, as far as they are there."""
    paths = [folder / name for name in (FEATURES, *HISTORY, *REFERENCE_FILES)]
    return [path for path in paths if path.is_file()]


class _References:
    """Reference columns joined by id, one era at a time, each file read once in order."""

    def __init__(self, files: Sequence[EraFile], names: Sequence[str], eras: Sequence[str]) -> None:
        self._names = list(names)
        self._columns = [_reference_columns(f) for f in files]
        self._streams = [
            f.tables(["id", *columns], eras)
            for f, columns in zip(files, self._columns, strict=True)
        ]
        self._left = [{run.era for run in f.runs} & set(eras) for f in files]

    def of(self, era: str, ids: NDArray[np.object_]) -> NDArray[np.float32]:
        out = np.full((len(ids), len(self._names)), np.nan, dtype=np.float32)
        for left, stream, columns in zip(self._left, self._streams, self._columns, strict=True):
            if era not in left:
                continue
            left.discard(era)
            found, table = next(stream)
            if found != era:
                raise SchemaError(
                    "a reference file is sorted differently than the data", received=found
                )
            known_ids = pa.array(_ids(table, f"era {era} of a reference file"), pa.string())
            place = pc.index_in(pa.array(ids, pa.string()), known_ids)
            known = place.is_valid().to_numpy(zero_copy_only=False)
            source = place.drop_null().to_numpy()
            for name in columns:
                values = column_array(table, name).astype(np.float32)
                out[known, self._names.index(name)] = values[source]
        return out


def _check_columns(file: EraFile, wanted: Sequence[str], features: Sequence[str]) -> None:
    known = set(file.columns)
    absent = [c for c in (*wanted, *features) if c not in known]
    if absent:
        more = f" and {len(absent) - 1} more" if len(absent) > 1 else ""
        raise SchemaError(
            f"{file.path.name} lacks a column",
            received=f"no {absent[0]}{more}",
            expected=nearest(absent[0], file.columns),
        )
    _check_kinds(file, [c for c in ("id", "era") if c in known], _is_text, "text")
    for name in features:
        kind = file.kind(name)
        if not (pa.types.is_int8(kind) or pa.types.is_uint8(kind)):
            raise SchemaError(
                "a feature column is not of the quintile type",
                received=f"{name}: {kind} in {file.path.name}",
                expected="int8 or uint8",
            )


def _check_kinds(
    file: EraFile, names: Sequence[str], fits: Callable[[Any], bool], expected: str
) -> None:
    for name in names:
        if not fits(file.kind(name)):
            raise SchemaError(
                f"a column of {file.path.name} is of the wrong type",
                received=f"{name}: {file.kind(name)}",
                expected=expected,
            )


def _is_text(kind: Any) -> bool:
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(value) or pa.types.is_large_string(value))


def _reference_columns(file: EraFile) -> list[str]:
    """The predictions in a reference file; its other columns are texts."""
    found = [c for c in file.columns if c not in ("id", "era")]
    return [c for c in found if pa.types.is_floating(file.kind(c))]


def _ids(table: pa.Table, place: str) -> NDArray[np.object_]:
    column = table.column("id")
    if column.null_count or pc.count_distinct(column).as_py() != len(column):
        raise SchemaError("ids are missing or repeated", received=place, expected="one id a row")
    return np.array(column.to_pylist(), dtype=object)


def _floats(table: pa.Table, names: Sequence[str]) -> NDArray[np.float32]:
    out = np.empty((table.num_rows, len(names)), dtype=np.float32)
    for j, name in enumerate(names):
        out[:, j] = column_array(table, name)
    if np.isinf(out).any():
        raise SchemaError(
            "a target is infinite", received=names[int(np.isinf(out).any(0).argmax())]
        )
    return out


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
