"""`python -m benchmarks NAME [--quick]`: measure, print, judge."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module

from benchmarks.figure import Figure, table
from erazoo.errors import ErazooError

MODULES = {
    "etl": ("etl_write", "etl_read", "etl_gbm"),
    "scoring": ("scoring",),
    "training": ("training",),
    "boosting": ("boosting", "compare", "h2o_import"),
    "ensemble": ("ensemble", "ensemble_meta"),
    "mining": ("mining",),
}


def main(words: list[str]) -> int:
    """Measure what is named.

    Returns:
        0 where every goal holds, 1 where one does not, 2 for a wrong name.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=[*MODULES, "all"])
    parser.add_argument(
        "--quick", action="store_true", help="a smaller run whose figures are not judged"
    )
    chosen = parser.parse_args(words)
    figures = []
    try:
        for figure in _figures(chosen.name, chosen.quick):
            sys.stdout.write(figure.line() + "\n")
            sys.stdout.flush()
            figures.append(figure)
    except ErazooError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return error.exit_code
    sys.stderr.write(table(figures) + "\n")
    return 0 if all(f.holds is not False for f in figures) else 1


def _figures(name: str, quick: bool) -> Iterator[Figure]:
    for one in MODULES if name == "all" else (name,):
        for module in MODULES[one]:
            for figure in import_module(f"benchmarks.{module}").figures(quick):
                yield Figure(**{**vars(figure), "goal": "none"}) if quick else figure


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
