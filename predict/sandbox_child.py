"""Calls a model pickle once, in a process that has little more than Numerai's image has.

A script, run by `predict/sandbox.py` in an isolated interpreter. Nothing of erazoo is imported
here, and nothing beyond the standard library before the doors are closed.
"""

from __future__ import annotations

import json
import os
import pickle
import resource
import sys
import time
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

BUILD_FACTS = "_sysconfigdata_"
"""Begins the name of a module of the standard library that is called after the platform."""
REFUSED = "only the libraries of Numerai's image may be imported, and not {}"


class Gate(MetaPathFinder):
    """Refuses to import what is neither of the standard library nor allowed."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self.allowed = {*sys.stdlib_module_names, *allowed}

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> None:
        """Leave an allowed module to the other finders; see the class."""
        top = fullname.partition(".")[0]
        if top not in self.allowed and not top.startswith(BUILD_FACTS):
            raise ModuleNotFoundError(REFUSED.format(fullname), name=fullname)


def main(order: dict[str, Any]) -> None:
    """Close the doors, load the pickle, call it and write what it answers."""
    _close_doors(order)
    import pandas as pd

    features = pd.read_pickle(order["features"])  # noqa: S301
    benchmarks = pd.read_pickle(order["benchmarks"]) if order["benchmarks"] else None  # noqa: S301
    begun = time.monotonic()
    with Path(order["pickle"]).open("rb") as stream:
        predict = pickle.load(stream)  # noqa: S301
    answer = predict(features, benchmarks)
    seconds = time.monotonic() - begun
    facts = {
        "type": type(answer).__name__,
        "index": getattr(getattr(answer, "index", None), "name", None),
        "columns": [str(column) for column in getattr(answer, "columns", ())],
        "seconds": seconds,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "imported": sorted({name.partition(".")[0] for name in sys.modules}),
    }
    if isinstance(answer, pd.DataFrame):
        answer.to_csv(order["values"])
    Path(order["answer"]).write_text(json.dumps(facts), encoding="utf-8")


def _close_doors(order: dict[str, Any]) -> None:
    """One processor, so much memory, no network, and no other library than those allowed."""
    sys.path.extend(order["paths"])
    sys.meta_path.insert(0, Gate(order["allowed"]))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    resource.setrlimit(resource.RLIMIT_AS, (order["memory"], order["memory"]))
    resource.setrlimit(resource.RLIMIT_CPU, (order["seconds"], order["seconds"]))
    sys.addaudithook(_no_network)


def _no_network(event: str, _: tuple[Any, ...]) -> None:
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        raise ConnectionRefusedError("a model pickle has no network")


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
