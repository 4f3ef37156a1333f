"""The record of a folder of jobs: one appended line an outcome.

One file and not one a job: only the command that runs the jobs writes it, an outcome costs one
write and one flush, ten thousand of them are read back in a moment, and `tail -f` shows them. A
line is torn only by a power cut or a full disk; it is passed over, and its job runs again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from erazoo.engine.job import Job, Outcome, State
from erazoo.publish import append_line, read_lines

JOURNAL = "journal.jsonl"
LOGS = "logs"


@dataclass(frozen=True)
class Record:
    """An outcome with what it was the outcome of."""

    key: str
    limits: str
    outcome: Outcome


class Journal:
    """The outcomes of a folder; the newest of a job counts.

    Args:
        folder: of the jobs.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._records: dict[str, Record] = {}
        for line in read_lines(folder / JOURNAL):
            record = _record(line, folder)
            if record is not None:
                self._records[record.outcome.id] = record

    def outcomes(self) -> dict[str, Outcome]:
        """Every outcome by the id of its job."""
        return {name: record.outcome for name, record in self._records.items()}

    def standing(self, job: Job, redo: Collection[State] = ()) -> Outcome | None:
        """The outcome of this very job, None where it has to run.

        A value holds for the same call and arguments. A failure holds for the same limits, too: a
        job that took too long runs again once it is given more time.

        Args:
            job: that is asked for.
            redo: states that do not stand.
        """
        record = self._records.get(job.id)
        if record is None or record.key != job.key or record.outcome.state in redo:
            return None
        return record.outcome if record.outcome.ok or record.limits == job.limits else None

    def add(self, job: Job, outcome: Outcome) -> None:
        """Record an outcome, flushed to the disk before this returns."""
        facts = asdict(outcome)
        del facts["log"], facts["recorded"]
        append_line(self._folder / JOURNAL, {**facts, "key": job.key, "limits": job.limits})
        held = replace(outcome, recorded=True)
        self._records[job.id] = Record(job.key, job.limits, held)


def read_outcomes(folder: Path) -> dict[str, Outcome]:
    """What has finished in a folder of jobs so far, also while another process runs them."""
    return Journal(folder).outcomes()


def log_path(folder: Path, job: str) -> Path:
    """Where the log of a job lies."""
    return folder / LOGS / f"{job}.log"


def _record(line: Any, folder: Path) -> Record | None:
    """What a line says; None for one that is not a whole record."""
    try:
        facts = dict(line)
        key, limits = facts.pop("key"), facts.pop("limits")
        log = log_path(folder, facts["id"])
        return Record(key, limits, Outcome(**facts, log=log, recorded=True))
    except (TypeError, ValueError, KeyError):
        return None
