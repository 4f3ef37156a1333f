"""Models that are several models: their prediction is the mean of their members' ranks."""
