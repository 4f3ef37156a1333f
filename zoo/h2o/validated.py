"""Models that cross-validate within their training eras."""

from __future__ import annotations

from pydantic import Field

from zoo.h2o.learner import H2OParams


class FoldedParams(H2OParams):
    """A model that divides its training eras into folds of its own.

    Args:
        folds: stretches of neighbouring training eras, with the purge between them; fewer where
            the eras are too few.
    """

    folds: int = Field(5, ge=2, le=50)
