"""The comparison's page."""

from __future__ import annotations

from pathlib import Path

from erazoo.publish import write_text
from scoring.report.comparison.head import head
from scoring.report.comparison.runs import Comparison, compare
from scoring.report.comparison.sections import (
    best_section,
    configuration_section,
    origin_section,
    time_section,
)
from scoring.report.document import document
from scoring.report.markup import listing

FILE = "comparison.html"
SECTIONS = (best_section, time_section, configuration_section, origin_section)


def write_comparison(runs: list[Path], out: Path | None = None) -> Path:
    """Write the page that compares runs, over the eras that all of them scored.

    Args:
        runs: their directories; only result files are read, and nothing is written there.
        out: the page's path; `comparison.html` in the working folder by default.

    Returns:
        The page's path.

    Raises:
        ConfigError: a run that is not there, or is given twice; a folder that cannot be made.
        DataError: a run without scores, or no era that all of them scored.
        ArtifactError: a result file is damaged or old.
    """
    page = out or Path(FILE)
    write_text(page, build_page(compare(runs)))
    return page


def build_page(comparison: Comparison) -> str:
    """The whole page as text."""
    title = f"{listing(e.label for e in comparison.entrants)} · erazoo comparison"
    sections = [make(comparison) for make in SECTIONS]
    return document(title, head(comparison), sections, "the result files of the runs")
