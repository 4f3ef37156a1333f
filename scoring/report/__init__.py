"""The report of a run: one self-contained HTML page, made from result files alone.

Figures are plain plotly specifications; their colours are names that the page's theme resolves.
"""

from scoring.report.page import write_report

__all__ = ["write_report"]
