"""A command that runs jobs, to be killed: `python -m contracts.engine_driver FOLDER BACKEND`."""

from __future__ import annotations

import sys
from pathlib import Path

from erazoo.config.schema import EngineSection
from erazoo.engine.job import Job
from erazoo.engine.run import Engine
from erazoo.logs import set_up

COUNT = 8
SECONDS = 0.4


def jobs(folder: Path) -> list[Job]:
    """Jobs that note in a file that they are done; the last leaves a process behind."""
    calls = "contracts.engine_jobs:"
    notes = {"path": str(folder / "notes"), "seconds": SECONDS}
    made = [Job(f"j{k}", calls + "note", {**notes, "word": f"j{k}"}) for k in range(COUNT)]
    slow = Job("slow", calls + "stop_in_order", {"path": str(folder / "state"), "seconds": 3})
    return [*made[:4], slow, *made[4:]]


def main() -> None:
    """Run all jobs to their end."""
    set_up()
    folder, backend = Path(sys.argv[1]), sys.argv[2]
    settings = EngineSection.model_validate({"backend": backend})
    for outcome in Engine(folder / "jobs", settings).run(jobs(folder)):
        assert outcome.ok, outcome


if __name__ == "__main__":
    main()
