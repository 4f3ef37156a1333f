"""The page: sections in order, one script, one style sheet, one copy of plotly."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from string import Template

import erazoo
from erazoo.errors import DataError
from erazoo.publish import write_text
from scoring.report.markup import script_json, tag, text
from scoring.report.results import RunResults, read_results
from scoring.report.sections.base import Section
from scoring.report.sections.data import data_section
from scoring.report.sections.ensemble import ensemble_section
from scoring.report.sections.folds import folds_section
from scoring.report.sections.header import header
from scoring.report.sections.models import models_section
from scoring.report.sections.scores import likeness_section, time_section
from scoring.report.sections.stages import stages_section

FILE = "report.html"
RESULTS = ("stages", "folds.json", "models", "evaluation")
SECTIONS = (
    models_section,
    time_section,
    likeness_section,
    ensemble_section,
    folds_section,
    data_section,
    stages_section,
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
    sections = [make(results) for make in SECTIONS]
    figures = [figure.to_json() for section in sections for figure in section.figures]
    return Template(_resource("page.html")).substitute(
        title=text("title", f"{results.name} · erazoo run report"),
        style=_resource("report.css"),
        header=header(results),
        nav=_nav(sections),
        sections="\n".join(section.html() for section in sections),
        version=erazoo.__version__,
        figures=script_json(figures),
        plotly=_plotly() if figures else "",
        script=_resource("report.js"),
    )


def _nav(sections: list[Section]) -> str:
    return "".join(tag("li", text("a", s.title, href=f"#{s.id}")) for s in sections)


def _resource(name: str) -> str:
    return files("scoring.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
