"""The table that compares the models of a run: as a page, as Markdown, CSV and JSON."""

from scoring.report.models.files import write_models

__all__ = ["write_models"]
