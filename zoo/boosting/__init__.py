"""Boosted trees, fitted straight from shards."""
