"""How scikit-learn fits here: by so many threads, and never ending early in silence."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from erazoo.logs import LOGGER


@contextmanager
def limited(name: str, threads: int) -> Iterator[None]:
    """Native libraries take at most `threads`; a fit that did not converge says so in the log."""
    from sklearn.exceptions import ConvergenceWarning
    from threadpoolctl import threadpool_limits

    with threadpool_limits(threads), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if issubclass(warning.category, ConvergenceWarning):
            LOGGER.warning("%s: %s", name, " ".join(str(warning.message).split()))
        else:
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
