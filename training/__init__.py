"""From shards and folds to trained models, out-of-fold predictions and their scores."""
