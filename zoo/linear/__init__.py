"""Linear models, fitted by streaming: memory grows with features, not with rows."""
