"""What the client hands back after a transfer."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Fetched:
    """One data file that stands complete on the disk.

    Args:
        file: its name at the service, such as `v5.3/train.parquet`.
        path: where it lies.
        size: bytes.
        action: `downloaded` now, or `kept` because it was there.
    """

    file: str
    path: Path
    size: int
    action: Literal["downloaded", "kept"]


@dataclass(frozen=True)
class SubmissionReceipt:
    """A submission that the service has confirmed.

    Args:
        submission_id: the identifier in the service's answer.
        model_id: the model slot that received it.
        filename: the name under which the service stores it.
        sha256: checksum of the file that was sent.
        size: bytes sent.
        confirmed: when the answer arrived, UTC.
    """

    submission_id: str
    model_id: str
    filename: str
    sha256: str
    size: int
    confirmed: dt.datetime
