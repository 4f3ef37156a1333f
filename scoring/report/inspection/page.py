"""The inspection's page."""

from __future__ import annotations

from pathlib import Path

from erazoo.errors import DataError
from erazoo.publish import write_text
from scoring.report.document import document
from scoring.report.inspection.head import head
from scoring.report.inspection.results import Inspection
from scoring.report.inspection.sections import (
    eras_section,
    features_section,
    gaps_section,
    storage_section,
    targets_section,
)
from scoring.report.results import read_result

RESULT = "inspection.json"
FILE = "inspection.html"
SECTIONS = (eras_section, targets_section, features_section, gaps_section, storage_section)


def write_inspection_page(run: Path, out: Path | None = None) -> Path:
    """Write what is in the data of a run as one HTML page that needs no network.

    Args:
        run: the run directory; only its `inspection.json` is read.
        out: the page's path; `inspection.html` in the run directory by default.

    Returns:
        The page's path.

    Raises:
        DataError: there is no `inspection.json`.
        ArtifactError: it is damaged.
    """
    again = "Run `erazoo inspect --page`"
    found = read_result(run / RESULT, Inspection.from_json, again)
    if found is None:
        raise DataError("nothing has been inspected here", received=str(run), hint=again)
    page = out or run / FILE
    write_text(page, build_page(found))
    return page


def build_page(found: Inspection) -> str:
    """The whole page as text."""
    title = f"{found.name} · erazoo inspection"
    return document(title, head(found), [make(found) for make in SECTIONS], RESULT)
