"""Neural networks: a folder an architecture, and what all of them share.

Inputs, heads and compilation stand here once; keras is imported when a network is built.
"""
