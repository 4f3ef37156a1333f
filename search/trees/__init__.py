"""Boosted trees grown step by step on shared bins, each library by the same interface."""
