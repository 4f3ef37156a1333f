"""The held-out eras: which are closed, and the record of each time that they were opened."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from erazoo.folds import FoldPlan
from erazoo.publish import read_json, write_json
from erazoo.rundir import RunDir

OPENINGS = "openings.json"


def closed_eras(plan: FoldPlan) -> tuple[str, ...]:
    """The eras that only `evaluate --final` scores, in order.

    Beside those of the held-out fold they are all newer ones of which no development fold made
    use: a target of a shorter reach is resolved there too.
    """
    if plan.held_out is None:
        return ()
    used = {e for f in plan.development for e in (*f.train, *f.validation, *f.purged)}
    held = set(plan.held_out.validation)
    first = plan.axis.index(plan.held_out.validation[0])
    return tuple(
        era
        for place, era in enumerate(plan.axis)
        if era in held or (place > first and era not in used)
    )


def record_opening(
    run: RunDir, candidates: Mapping[str, str], eras: Sequence[str], kind: str
) -> list[dict[str, Any]]:
    """Write down that held-out eras are opened, before the first score of them is taken.

    Args:
        run: whose record it is.
        candidates: what is scored, by name a fingerprint of its predictions.
        eras: that are opened.
        kind: `run` for the run's own candidates, `files` for prediction files.

    Returns:
        All openings of the run, this one last.
    """
    openings = [
        *openings_of(run),
        {
            "opened": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "candidates": list(candidates),
            "count": len(candidates),
            "eras": [eras[0], eras[-1]],
            "kind": kind,
            "prints": list(candidates.values()),
        },
    ]
    write_json(run.path("evaluation", OPENINGS), openings)
    return openings


def openings_of(run: RunDir) -> list[dict[str, Any]]:
    """Every recorded opening of a run's held-out eras, oldest first."""
    path = run.path("evaluation", OPENINGS)
    return list(read_json(path)) if path.is_file() else []


def candidates_opened(openings: Sequence[Mapping[str, Any]]) -> int:
    """How many different candidates have met the held-out eras in all openings together."""
    prints: set[str] = set()
    for opening in openings:
        prints.update(opening.get("prints") or opening["candidates"])
    return len(prints)
