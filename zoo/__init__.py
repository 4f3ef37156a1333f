"""The zoo: the catalogue of models and their builders, one folder a family.

Listing the catalogue imports no learning library; a builder imports its own when it is called.
"""
