"""Per-era scores of predictions: numpy in, numpy out, equal to the tournament's own definitions.

The folder `report` turns the result files of a run into one HTML page.
"""
