"""TPOT at work on rows in memory."""

from __future__ import annotations

import contextlib
import io
import math
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError, ErazooError, TrainingError
from erazoo.logs import LOGGER
from scoring.blocks import MIN_ROWS
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from zoo.drawn import Drawn
from zoo.search.libraries import import_tpot
from zoo.search.spaces import Regressor, Selector, Transformer, search_space
from zoo.search.workers import dask_client

SCORE = "corr"
ADDRESS = re.compile(r"<function (\w+) at 0x[0-9a-f]+>")


@dataclass(frozen=True)
class Wanted:
    """What is searched for, how long, and with what.

    Args:
        population: pipelines of a generation.
        generations: the first one among them.
        max_runtime_seconds: after which no further pipeline is begun; 0 for no limit.
        selectors: kinds of the first step.
        transformers: kinds of the second.
        regressors: kinds of the third.
        seed: of everything random.
        threads: pipelines that are fitted at a time.
    """

    population: int
    generations: int
    max_runtime_seconds: int
    selectors: Sequence[Selector]
    transformers: Sequence[Transformer]
    regressors: Sequence[Regressor]
    seed: int
    threads: int


def breed(rows: Drawn, folds: Sequence[int], wanted: Wanted) -> tuple[Any, list[Mapping[str, Any]]]:
    """Search for a pipeline.

    Args:
        rows: era by era.
        folds: the fold of each era of the rows.
        wanted: the search.

    Returns:
        The best pipeline, fitted on all rows, and a line a pipeline that was tried, best first.

    Raises:
        MissingExtraError: TPOT is not installed.
        ConfigError: a fold without an era of 10 rows, which CORR takes at least.
        TrainingError: no pipeline could be fitted.
    """
    import pandas as pd
    from sklearn.model_selection import PredefinedSplit

    tpot = import_tpot()
    _check_scored(rows.eras, folds)
    eras = np.repeat(np.arange(len(rows.eras)), rows.eras.counts)
    with _quiet(), dask_client(wanted.threads) as client:
        search = tpot.TPOTEstimator(
            search_space(wanted.selectors, wanted.transformers, wanted.regressors, wanted.seed),
            scorers=[corr],
            scorers_weights=[1.0],
            objective_function_names=[],
            classification=False,
            cv=PredefinedSplit(np.asarray(folds)[eras]),
            population_size=wanted.population,
            generations=wanted.generations,
            max_time_mins=wanted.max_runtime_seconds / 60 or math.inf,
            max_eval_time_mins=math.inf,
            random_state=wanted.seed,
            client=client,
        )
        # The index of the target tells the scorer its eras; TPOT hands on nothing else.
        _searched(search, rows.features, pd.Series(rows.target, index=eras))
    return search.fitted_pipeline_, _board(search.evaluated_individuals)


def corr(model: Any, features: NDArray[Any], target: Any) -> float:
    """A scorer of scikit-learn: the mean CORR of the eras that are the target's index.

    An era of which all predictions are equal counts 0, one with fewer than 10 rows not at all.

    Args:
        model: fitted.
        features: (n, F).
        target: a pandas Series (n,) whose index holds the eras, one after the other.
    """
    eras = target.index.to_numpy()
    bounds = np.flatnonzero(np.diff(eras, prepend=-1, append=-1)).astype(np.int64)
    slices = EraSlices(tuple(map(str, eras[bounds[:-1]])), bounds)
    values = numerai_corr(np.ravel(model.predict(features)), target.to_numpy(), slices)[:, 0]
    return float(np.nan_to_num(values[slices.counts >= MIN_ROWS]).mean())


def _check_scored(eras: EraSlices, folds: Sequence[int]) -> None:
    scored = {fold for fold, count in zip(folds, eras.counts, strict=True) if count >= MIN_ROWS}
    if len(scored) < 2 or scored != set(folds):
        raise ConfigError(
            "tpot has too few rows an era to score pipelines by",
            received=f"{eras.rows} rows of {len(eras)} eras in {len(set(folds))} folds",
            expected=f"at least {MIN_ROWS} rows of an era, in 2 folds or more",
            hint="Raise params.rows",
        )


def _searched(search: Any, features: NDArray[Any], target: Any) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        search.fit(features, target)
        check_is_fitted(search.fitted_pipeline_)
    except (ErazooError, MemoryError):
        raise
    except NotFittedError:
        raise TrainingError("none of TPOT's pipelines could be fitted on all rows") from None
    except Exception as error:
        LOGGER.debug("TPOT failed", exc_info=True)
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise TrainingError(f"TPOT failed: {first}") from None


def _board(tried: Any) -> list[Mapping[str, Any]]:
    """A line a pipeline, best first; one that could not be fitted has no score."""
    lines = [
        {
            "pipeline": ADDRESS.sub(r"\1", " ".join(repr(row["Instance"]).split())),
            "corr": None if math.isnan(row[SCORE]) else float(row[SCORE]),
            "generation": int(row["Generation"]),
        }
        for _, row in tried.iterrows()
    ]
    failed = sum(line["corr"] is None for line in lines)
    LOGGER.info("tpot tried %d pipelines, of which %d gave no score", len(lines), failed)
    return sorted(lines, key=lambda line: math.inf if line["corr"] is None else -line["corr"])


@contextmanager
def _quiet() -> Iterator[None]:
    """What TPOT prints goes to the debug log; a pipeline's warnings go nowhere, as it has them."""
    said = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(said):
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            for line in filter(None, map(str.strip, said.getvalue().splitlines())):
                LOGGER.debug("tpot: %s", line)
