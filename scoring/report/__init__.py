"""The report of a run: one self-contained HTML page, made from result files alone.

Figures are plain plotly specifications; their colours are names that the page's theme resolves.
"""

from scoring.report.comparison import write_comparison
from scoring.report.page import write_report
from scoring.report.pictures import save_pictures

__all__ = ["save_pictures", "write_comparison", "write_report"]
