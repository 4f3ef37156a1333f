"""Measured claims: both sides of a ratio in one run, on data made for it.

`python -m benchmarks NAME` prints one JSON line a figure and a table, and ends with 1 where a goal
does not hold.
"""
