"""The one format of predictions: parquet with id, era, prediction and fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from erazoo.eras import era_number
from erazoo.errors import ArtifactError, DataError, LeakageError
from erazoo.publish import atomic_file

KINDS = ("out_of_fold", "held_out", "live")
_META = b"erazoo."


@dataclass(frozen=True)
class Predictions:
    """Predictions of one model or ensemble, in era order.

    Args:
        name: whose they are.
        kind: `out_of_fold`, `held_out` or `live`: where they come from.
        ids: (n,) row identifiers.
        eras: (n,) era labels.
        values: (n,) float32.
        folds: (n,) the fold whose model made each.
        facts: target, feature fingerprint and the like, as text.
    """

    name: str
    kind: str
    ids: NDArray[np.object_]
    eras: NDArray[np.object_]
    values: NDArray[np.float32]
    folds: NDArray[np.object_]
    facts: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise LeakageError(
                "predictions of an unknown origin", received=self.kind, expected=" or ".join(KINDS)
            )
        if not len(self.ids) == len(self.eras) == len(self.values) == len(self.folds):
            raise DataError("predictions and their ids differ in number")

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        meta = {"name": self.name, "kind": self.kind, **self.facts}
        table = pa.table(
            {
                "id": pa.array(self.ids, pa.string()),
                "era": pa.array(self.eras, pa.string()).dictionary_encode(),
                "prediction": pa.array(self.values, pa.float32()),
                "fold": pa.array(self.folds, pa.string()).dictionary_encode(),
            }
        ).replace_schema_metadata({_META + k.encode(): v.encode() for k, v in meta.items()})
        with atomic_file(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    @classmethod
    def load(cls, path: Path) -> Predictions:
        """Read a file that `save` wrote.

        Raises:
            ArtifactError: missing, damaged, or not such a file.
        """
        try:
            table = pq.read_table(path)
            meta = _facts(table.schema.metadata or {})
            columns = [_texts(table.column(c)) for c in ("id", "era", "fold")]
            values = table.column("prediction").to_numpy().astype(np.float32)
            name, kind = meta.pop("name"), meta.pop("kind")
        except FileNotFoundError:
            raise ArtifactError("a prediction file is missing", received=str(path)) from None
        except (pa.ArrowException, OSError, KeyError):
            raise ArtifactError(
                "this is not a prediction file of erazoo", received=str(path)
            ) from None
        return cls(name, kind, columns[0], columns[1], values, columns[2], meta)

    def aligned(self, ids: NDArray[np.object_]) -> NDArray[np.float32]:
        """The predictions in the order of `ids`, NaN where there is none."""
        if len(ids) == len(self.ids) and bool((ids == self.ids).all()):
            return self.values
        place = pc.index_in(pa.array(ids, pa.string()), pa.array(self.ids, pa.string()))
        known = place.is_valid().to_numpy(zero_copy_only=False)
        out = np.full(len(ids), np.nan, dtype=np.float32)
        out[known] = self.values[place.drop_null().to_numpy()]
        return out


def prediction_facts(path: Path) -> dict[str, str]:
    """`name`, `kind` and the facts that a prediction file of erazoo carries; no row is read.

    Raises:
        ArtifactError: missing, damaged, or not such a file.
    """
    try:
        held = pq.read_schema(path).metadata or {}
    except FileNotFoundError:
        raise ArtifactError("a prediction file is missing", received=str(path)) from None
    except (pa.ArrowException, OSError):
        held = {}
    facts = _facts(held)
    if not {"name", "kind"} <= set(facts):
        raise ArtifactError("this is not a prediction file of erazoo", received=str(path))
    return facts


def _facts(metadata: Mapping[bytes, bytes]) -> dict[str, str]:
    return {
        key.removeprefix(_META).decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(_META)
    }


def gather(
    name: str, kind: str, parts: Sequence[Predictions], facts: Mapping[str, str]
) -> Predictions:
    """One file of several folds in era order; rows that several folds predict are averaged."""
    ids = np.concatenate([p.ids for p in parts])
    eras = np.concatenate([p.eras for p in parts])
    values = np.concatenate([p.values for p in parts])
    folds = np.concatenate([p.folds for p in parts])
    _, first, inverse = np.unique(ids.astype(str), return_index=True, return_inverse=True)
    if len(first) < len(ids):
        counts = np.bincount(inverse)
        values = (np.bincount(inverse, weights=values.astype(np.float64)) / counts)[inverse]
        kept = np.sort(first)
        ids, eras, values, folds = ids[kept], eras[kept], values[kept], folds[kept]
    labels, places = np.unique(eras.astype(str), return_inverse=True)
    order = np.argsort(np.array([era_number(e) for e in labels])[places], kind="stable")
    return Predictions(
        name, kind, ids[order], eras[order], values[order].astype(np.float32), folds[order], facts
    )


def _texts(column: pa.ChunkedArray) -> NDArray[np.object_]:
    """A text column as objects; equal texts of a dictionary column are one object."""
    if not pa.types.is_dictionary(column.type):
        return np.array(column.cast(pa.string()).to_pylist(), dtype=object)
    whole = column.unify_dictionaries().combine_chunks()
    whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
    words = np.array(whole.dictionary.to_pylist(), dtype=object)
    return np.asarray(words[whole.indices.to_numpy()], dtype=object)
