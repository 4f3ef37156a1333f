"""Incremental learning: history replayed era by era, as it would have been lived."""
