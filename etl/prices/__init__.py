"""Price panels: tables of daily bars turned into the files of a tournament data set.

Features look back only, within one symbol; targets look forward and stay unknown until resolved.
"""

from etl.prices.source import build
from etl.prices.summary import PricesSummary

__all__ = ["PricesSummary", "build"]
