"""The demo tournament: a data folder whose signal is planted and whose best score is known.

One pass over a world of drifting assets, regimes and overlapping targets, era by era.
"""

from etl.demo.generate import DemoSummary, generate

__all__ = ["DemoSummary", "generate"]
