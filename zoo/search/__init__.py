"""Searches among whole pipelines of scikit-learn, by TPOT where its extra is installed."""
