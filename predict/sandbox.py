"""A model pickle is tried out as Numerai runs it: few libraries, one processor, little memory."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import distribution, packages_distributions, requires
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from erazoo.engine.limits import THREADS
from erazoo.errors import ArtifactError
from erazoo.publish import read_json, write_json

if TYPE_CHECKING:
    import pandas as pd

LIBRARIES = ("cloudpickle", "lightgbm", "numpy", "pandas", "scikit-learn", "scipy")
"""What a pickle may import of what Numerai's image has, beside what these need themselves."""
MEMORY_MB = 4096
SECONDS = 600.0
COLUMN = "prediction"
ORDER = "order.json"
KEPT = ("LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR")
"""All that the process sees of this one's environment."""


@dataclass(frozen=True)
class TryOut:
    """What a pickle answered.

    Args:
        ids: (n,) of the rows.
        values: (n,) its predictions, in (0, 1).
        seconds: to load it and call it once.
        peak_mb: MiB that the process held at most.
        imported: the libraries that it had imported in the end, beside the standard one.
    """

    ids: NDArray[np.object_]
    values: NDArray[np.float64]
    seconds: float
    peak_mb: float
    imported: tuple[str, ...]


def try_pickle(
    path: Path,
    features: pd.DataFrame,
    benchmarks: pd.DataFrame | None = None,
    *,
    memory_mb: int = MEMORY_MB,
    seconds: float = SECONDS,
) -> TryOut:
    """Load a pickle and call it once, in an isolated process with Numerai's limits.

    The process has one processor, `memory_mb` MiB of address space (which is stricter than of
    memory) and no network. It can import `LIBRARIES`, what these need and the standard library.

    Args:
        path: of the pickle.
        features: the live rows as Numerai gives them, by id.
        benchmarks: the live benchmark models' predictions, None where there are none.
        memory_mb: allowed.
        seconds: allowed from the start of the process to its end.

    Raises:
        ArtifactError: it fails, takes too much, or answers anything but one column `prediction`
            by `id`, in (0, 1), for every row.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        order = _order(folder, path, features, benchmarks)
        # The processor's time is limited too, in case this process is gone before the other ends.
        limits = {"memory": memory_mb << 20, "seconds": math.ceil(seconds) + 1}
        write_json(folder / ORDER, {**order, **limits})
        _run(folder, order, memory_mb, seconds)
        facts = dict(read_json(Path(order["answer"])))
        _check_kind(facts)
        frame = _read(Path(order["values"]))
    ids = frame.index.to_numpy(dtype=object)
    values = frame[COLUMN].to_numpy(dtype=np.float64)
    _check_values(ids, values, features.index.to_numpy(dtype=object))
    libraries = tuple(name for name in facts["imported"] if name in allowed_modules())
    return TryOut(ids, values, facts["seconds"], facts["peak_mb"], libraries)


def _order(
    folder: Path, path: Path, features: pd.DataFrame, benchmarks: pd.DataFrame | None
) -> dict[str, Any]:
    """Put what the process reads into a folder."""
    order: dict[str, Any] = {
        "pickle": str(path.absolute()),
        "features": str(folder / "features.pkl"),
        "benchmarks": str(folder / "benchmarks.pkl") if benchmarks is not None else "",
        "answer": str(folder / "answer.json"),
        "values": str(folder / "values.csv"),
        "allowed": allowed_modules(),
        "paths": _library_paths(),
    }
    features.to_pickle(order["features"])
    if benchmarks is not None:
        benchmarks.to_pickle(order["benchmarks"])
    return order


@lru_cache(maxsize=1)
def allowed_modules() -> tuple[str, ...]:
    """The modules that a pickle may import beside the standard library."""
    needed: set[str] = set()
    found = list(LIBRARIES)
    while found:
        name = canonicalize_name(found.pop())
        if name not in needed:
            needed.add(name)
            found += _required(name)
    named = packages_distributions().items()
    return tuple(
        sorted(module for module, owners in named if needed & set(map(canonicalize_name, owners)))
    )


def _required(library: str) -> list[str]:
    """The libraries without which one does not run."""
    each = map(Requirement, requires(library) or ())
    return [one.name for one in each if one.marker is None or one.marker.evaluate({"extra": ""})]


def _library_paths() -> list[str]:
    """The folders that the allowed libraries are installed in."""
    return sorted({str(distribution(name).locate_file("")) for name in LIBRARIES})


def _run(folder: Path, order: dict[str, Any], memory_mb: int, seconds: float) -> None:
    script = Path(__file__).with_name("sandbox_child.py")
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-B", str(script), str(folder / ORDER)],
            cwd=folder,
            env={**kept, **dict.fromkeys(THREADS, "1")},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ArtifactError(
            "the model pickle takes longer than Numerai lets it run",
            received=f"more than {seconds:g} s",
            hint="Blend fewer members, or ones with fewer trees",
        ) from None
    if done.returncode == 0 and Path(order["answer"]).is_file():
        return
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f"exit code {done.returncode}"
    large = done.returncode < 0 or any(word in last for word in ("MemoryError", "bad_alloc"))
    raise ArtifactError(
        "the model pickle fails where only the libraries and limits of Numerai's image are",
        received=last,
        expected=f"a prediction within {memory_mb} MiB" if large else None,
    )


def _check_kind(facts: dict[str, Any]) -> None:
    found = facts["type"], facts["index"], facts["columns"]
    if found != ("DataFrame", "id", [COLUMN]):
        raise ArtifactError(
            "the model pickle answers something else than predictions",
            received=f"a {found[0]} with the index {found[1]!r} and the columns {found[2]}",
            expected=f"a DataFrame with the index 'id' and the column {COLUMN!r}",
        )


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(
        path,
        index_col="id",
        dtype={"id": str},
        keep_default_na=False,
        na_values={COLUMN: [""]},
        float_precision="round_trip",
    )


def _check_values(
    ids: NDArray[np.object_], values: NDArray[np.float64], wanted: NDArray[np.object_]
) -> None:
    if sorted(map(str, ids)) != sorted(map(str, wanted)):
        raise ArtifactError(
            "the model pickle does not predict the rows that it is given",
            received=f"{len(ids)} rows",
            expected=f"the {len(wanted)} live rows",
        )
    inside = (values > 0) & (values < 1)
    if not inside.all():
        raise ArtifactError(
            "the model pickle predicts what is no rank",
            received=f"{int((~inside).sum())} values such as {values[~inside][0]}",
            expected="numbers between 0 and 1",
        )
