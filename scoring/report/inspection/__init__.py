"""The page of `erazoo inspect`: what is in a data set or shard set, from its result file alone."""

from scoring.report.inspection.page import write_inspection_page
from scoring.report.inspection.results import Inspection

__all__ = ["Inspection", "write_inspection_page"]
