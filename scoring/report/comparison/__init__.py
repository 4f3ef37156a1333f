"""The page that compares runs: their best candidates over the eras that all of them scored."""

from scoring.report.comparison.page import write_comparison

__all__ = ["write_comparison"]
