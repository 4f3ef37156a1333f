"""The arrow schema of a data folder's tables, readable as pandas frames with `id` as index."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

ARROW = {"unicode": pa.string(), "int8": pa.int8(), "float32": pa.float32()}


def rows_schema(features: Sequence[str], targets: Sequence[str]) -> pa.Schema:
    """The schema of train, validation and live: id, era, data_type, features and targets."""
    kinds = {"id": "unicode", "era": "unicode", "data_type": "unicode"}
    return _schema(kinds | dict.fromkeys(features, "int8") | dict.fromkeys(targets, "float32"))


def reference_schema(columns: Sequence[str]) -> pa.Schema:
    """The schema of a meta-model or benchmark file: id, era and one float column a model."""
    return _schema({"id": "unicode", "era": "unicode"} | dict.fromkeys(columns, "float32"))


def _schema(kinds: Mapping[str, str]) -> pa.Schema:
    pandas = {
        "index_columns": ["id"],
        "column_indexes": [_described(None, "unicode")],
        "columns": [_described(name, kind) for name, kind in kinds.items()],
        "creator": {"library": "pyarrow", "version": pa.__version__},
        "pandas_version": "2.3.0",
    }
    fields = [(name, ARROW[kind]) for name, kind in kinds.items()]
    return pa.schema(fields, metadata={"pandas": json.dumps(pandas)})


def _described(name: str | None, kind: str) -> dict[str, object]:
    return {
        "name": name,
        "field_name": name,
        "pandas_type": kind,
        "numpy_type": "object" if kind == "unicode" else kind,
        "metadata": None,
    }
