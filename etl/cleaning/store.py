"""The files of a fitted cleaning, tied to the manifest of the shards by their sha256."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ShardError
from erazoo.publish import atomic_file, write_text
from etl.shards.manifest import Manifest

RULES = "cleaning.json"
LEARNED = "cleaning.npz"


def packed(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Arrays as an npz file; equal arrays give equal bytes."""
    stream = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez(stream, **named)
    return stream.getvalue()


def save(folder: Path, text: str, content: bytes) -> list[Path]:
    """Write the rules and what was learned; the files written."""
    with atomic_file(folder / LEARNED) as temporary:
        temporary.write_bytes(content)
    write_text(folder / RULES, text)
    return [folder / RULES, folder / LEARNED]


def load(folder: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """The rules and the arrays, each checked before anything is made of it.

    Raises:
        ShardError: a file is missing or not the one that the manifest of `folder` was written with.
    """
    beside = Manifest.load(folder).beside
    document = json.loads(_checked(folder / RULES, beside))
    with np.load(io.BytesIO(_checked(folder / LEARNED, beside)), allow_pickle=False) as stored:
        return document, {name: stored[name] for name in stored.files}


def _checked(path: Path, digests: Mapping[str, str]) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ShardError(
            "the cleaning of a shard set cannot be read",
            received=f"{path} ({error.strerror})",
            hint="Run `erazoo shard --force`",
        ) from None
    if hashlib.sha256(content).hexdigest() != digests.get(path.name):
        raise ShardError(
            "the cleaning of a shard set differs from what its manifest says",
            received=str(path),
            hint="Run `erazoo shard --force`",
        )
    return content
