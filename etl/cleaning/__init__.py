"""Cleaning of features, learned from training eras only and applied alike to every row after."""

from etl.cleaning.cleaning import Cleaning
from etl.cleaning.fit import fit_cleaning
from etl.cleaning.rules import learns

__all__ = ["Cleaning", "fit_cleaning", "learns"]
