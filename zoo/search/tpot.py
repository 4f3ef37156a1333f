"""TPOT: whole pipelines of scikit-learn, bred and chosen over purged folds of eras."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from erazoo.panel import FeatureSpec
from erazoo.publish import write_json
from etl.inner_folds import purged_folds
from etl.shards import ShardSet
from etl.shards.rows import BATCH_BYTES
from scoring.blocks import MIN_ROWS
from zoo.catalogue import ModelSpec, Params
from zoo.drawn import refuse_weights
from zoo.estimator import Fit, not_fitted, nothing_to_learn
from zoo.linear.base import read_arrays, write_arrays
from zoo.scale import Scale, draw_scaled
from zoo.search.breed import Wanted, breed
from zoo.search.libraries import find_tpot
from zoo.search.spaces import Regressor, Selector, Transformer
from zoo.skops_file import TREES, read_skops, write_skops

FILE, SCALE, BOARD = "model.skops", "scale.npz", "leaderboard.json"
LEAST_ROWS = 2 * MIN_ROWS
"""Of an era, by which pipelines are scored."""
TRUSTED = (*TREES, "sklearn.feature_selection._univariate_selection.f_regression")


class TPOTParams(Params):
    """Olson et al. (2016): pipelines are drawn at random, the better ones bred further.

    A pipeline is a selector, a transformer and a regressor. Its score is the mean CORR of the eras
    of folds within the training eras that it was not fitted on, taken over the drawn rows. Equal
    seeds give equal pipelines, on any number of threads, as long as no clock ends the search.

    Presets:
        demo: twelve small pipelines for the generated tournament.
        small: thirty pipelines.
        hour: as many as an hour gives, of more rows.

    Args:
        rows: learned at most, drawn evenly over eras, or over every so many-th era where that would
            leave fewer than 20 of each; the memory follows.
        population: pipelines of a generation.
        generations: the first one, drawn at random, and those bred from it.
        folds: stretches of neighbouring training eras, with the purge between them; fewer where
            the eras are too few.
        max_runtime_seconds: after which no further pipeline is begun; 0 for no limit. What a clock
            has ended is not the same on the next machine.
        selectors: kinds to choose from: all features, or those that correlate most with the target.
        transformers: kinds to choose from: the features themselves, each on a scale of its own,
            principal components, or the kernel features of Nystroem.
        regressors: kinds to choose from.
    """

    rows: int = Field(20_000, ge=100)
    population: int = Field(20, ge=2)
    generations: int = Field(5, ge=1)
    folds: int = Field(4, ge=2, le=50)
    max_runtime_seconds: int = Field(0, ge=0)
    selectors: tuple[Selector, ...] = Field(("none", "percentile"), min_length=1)
    transformers: tuple[Transformer, ...] = Field(
        ("none", "scale", "pca", "nystroem"), min_length=1
    )
    regressors: tuple[Regressor, ...] = Field(
        ("ridge", "elastic_net", "pls", "extra_trees", "random_forest", "hist_gradient_boosting"),
        min_length=1,
    )


class TPOT:
    """The best pipeline of a search, fitted on all rows that the search had.

    The eras in the gaps between folds are not learned, as little as by H2O's AutoML. Float features
    are standardised. Memory: 4 bytes a value of the drawn rows, and up to 25 more a thread while
    pipelines are fitted. Weights of rows are refused, because TPOT hands none on.
    """

    def __init__(self, params: TPOTParams, spec: FeatureSpec) -> None:
        self.params, self.spec = params, spec
        self.scale: Scale | None = None
        self.model: Any = None
        self.board: list[Mapping[str, Any]] = []

    def fit(self, data: ShardSet, fit: Fit) -> None:
        """Search, and fit the best pipeline.

        Raises:
            MissingExtraError: TPOT is not installed.
            TrainingError: no row has a resolved target, or no pipeline could be fitted.
            LeakageError: the eras are too few for folds within them.
            ConfigError: rows of unequal weight, or too few of an era to score pipelines by.
        """
        if not data.rows(fit.eras, fit.target, training=True):
            raise nothing_to_learn(fit.target)
        folds = purged_folds(data.axis, fit.eras, self.params.folds, fit.purge)
        eras = _thinned(tuple(folds), self.params.rows)
        drawn, scale = draw_scaled("tpot", data, replace(fit, eras=eras), self.params.rows)
        refuse_weights("tpot", drawn.weights)
        wanted = Wanted(
            **self.params.model_dump(exclude={"rows", "folds"}), seed=fit.seed, threads=fit.threads
        )
        self.model, self.board = breed(drawn, [folds[era] for era in drawn.eras.labels], wanted)
        self.scale = scale

    def predict(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predictions (rows,)."""
        if self.scale is None:
            raise not_fitted()
        return np.concatenate([np.empty(0, np.float32), *self._parts(features, self.scale)])

    def save(self, folder: Path) -> None:
        """Write the pipeline by skops, which holds no code, the scale, and all that was tried."""
        if self.scale is None:
            raise not_fitted()
        write_skops(folder / FILE, self.model)
        write_arrays(folder / SCALE, {"shift": self.scale.shift, "divisor": self.scale.divisor})
        write_json(folder / BOARD, self.board)

    def load(self, folder: Path) -> None:
        """Read what `save` wrote; TPOT itself is not needed.

        Raises:
            ArtifactError: a file is missing, damaged, or holds other types.
        """
        self.model = read_skops(folder / FILE, TRUSTED)
        stored = read_arrays(folder / SCALE, "shift", "divisor")
        self.scale = Scale(self.spec, stored["shift"], stored["divisor"])

    def _parts(self, features: NDArray[Any], scale: Scale) -> Iterator[NDArray[np.float32]]:
        step = max(1, BATCH_BYTES // (8 * len(self.spec.names)))
        for low in range(0, len(features), step):
            numbers = scale(features[low : low + step]).astype(np.float32)
            yield np.asarray(self.model.predict(numbers), dtype=np.float32).ravel()


def _thinned(eras: tuple[str, ...], rows: int) -> tuple[str, ...]:
    """Every so many-th era, where so many rows of all eras would be too few of each for its CORR.

    >>> _thinned(tuple("abcdef"), 70)
    ('a', 'c', 'e')
    """
    return eras[:: max(1, math.ceil(len(eras) * LEAST_ROWS / rows))]


def build(params: TPOTParams, spec: FeatureSpec) -> TPOT:
    """The unfitted model."""
    return TPOT(params, spec)


LIGHT = ("ridge", "pls", "extra_trees", "hist_gradient_boosting")
PRESETS: Mapping[str, Mapping[str, Any]] = {
    "demo": {
        "rows": 6_000,
        "population": 8,
        "generations": 2,
        "folds": 2,
        "transformers": ["none", "scale"],
        "regressors": LIGHT,
    },
    "small": {"rows": 5_000, "population": 10, "generations": 3, "folds": 3},
    "standard": {},
    "hour": {
        "rows": 50_000,
        "population": 40,
        "generations": 100,
        "max_runtime_seconds": 3600,
    },
}
SPEC = ModelSpec(
    name="tpot",
    family="search",
    summary="TPOT: the best of many bred pipelines of scikit-learn, over purged folds",
    params=TPOTParams,
    presets=PRESETS,
    takes_weights=False,
    needs=("extra tpot",),
    build=build,
    require=find_tpot,
)
