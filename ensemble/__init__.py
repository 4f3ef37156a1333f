"""From many out-of-fold predictions to one: members, weights and the blended prediction."""
