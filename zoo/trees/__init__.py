"""Trees of scikit-learn: single ones, forests and histogram boosting, on rows in memory."""
