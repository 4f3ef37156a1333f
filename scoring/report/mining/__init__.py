"""The page of a study of mining: what beats the benchmark, how much is luck, what is alike."""

from scoring.report.mining.figures import study_figures
from scoring.report.mining.page import write_study_page

__all__ = ["study_figures", "write_study_page"]
