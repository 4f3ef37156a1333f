"""One model trained on each feature set and group by itself, and which of these are kept."""
