"""H2O's models: parameters in words, and the learners that a local H2O server runs."""
