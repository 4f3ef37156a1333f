"""Predictions that add what the meta model lacks: the wanted distance by the smallest change.

`make.make_unique` is the one call for whoever blends; `steps.apply` is all that live rows need.
"""
