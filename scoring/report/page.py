"""The report of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from erazoo.errors import DataError
from erazoo.publish import write_text
from scoring.report.document import document
from scoring.report.results import RunResults, read_results
from scoring.report.sections.base import Section
from scoring.report.sections.data import data_section
from scoring.report.sections.ensemble import ensemble_section
from scoring.report.sections.folds import folds_section
from scoring.report.sections.grid import grid_section
from scoring.report.sections.header import header
from scoring.report.sections.importance import importance_section
from scoring.report.sections.meta import meta_section
from scoring.report.sections.mining import mining_section
from scoring.report.sections.models import models_section
from scoring.report.sections.provenance import provenance_section
from scoring.report.sections.scores import calibration_section, likeness_section, time_section
from scoring.report.sections.stages import stages_section
from scoring.report.sections.training import training_section
from scoring.report.sections.trials import trials_section
from scoring.report.sections.unique import unique_section
from scoring.report.sections.walk import walk_section

FILE = "report.html"
RESULTS = ("stages", "folds.json", "models", "evaluation")
SECTIONS: tuple[Callable[[RunResults], Section | None], ...] = (
    models_section,
    time_section,
    likeness_section,
    calibration_section,
    trials_section,
    mining_section,
    training_section,
    importance_section,
    grid_section,
    ensemble_section,
    meta_section,
    walk_section,
    unique_section,
    folds_section,
    data_section,
    stages_section,
    provenance_section,
)


def write_report(run: Path, out: Path | None = None) -> Path:
    """Write the report of a run as one HTML page that needs no network.

    Args:
        run: the run directory; only its result files are read, and what is absent is named.
        out: the page's path; `report.html` in the run directory by default.

    Returns:
        The page's path.

    Raises:
        DataError: no stage of the run has finished.
        ArtifactError: a result file is damaged.
        ConfigError: the page's folder cannot be made.
    """
    if not any((run / name).exists() for name in RESULTS):
        raise DataError(
            "this run directory holds no results to report",
            received=str(run),
            hint="Begin with: bash shell/prepare.sh",
        )
    page = out or run / FILE
    write_text(page, build_page(read_results(run)))
    return page


def build_page(results: RunResults) -> str:
    """The whole page as text."""
    sections = [made for make in SECTIONS if (made := make(results)) is not None]
    title = f"{results.name} · erazoo run report"
    return document(title, header(results), sections, "the result files of the run")
