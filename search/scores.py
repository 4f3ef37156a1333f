"""`scores.parquet`: a row for each configuration, scored all at once from `predictions.f32`.

Columns: `id`, `trial`, `slot`, `benchmark` (whether it is what is to be beaten), `state`, `target`
and `features` (that it learns), `trees`, a column `param.NAME` for each parameter; then for
`validation`, `test` and `whole` each of `corr`, `std`, `sharpe`, `drawdown`, `mmc` and `bmc`
(`validation_corr` and so on: means over eras but for the three in the middle, which are of CORR);
and the mean rank correlation over all predicted eras with the benchmark and the meta model,
`benchmark_correlation` and `meta_model_correlation`. What is undefined is null.

MMC is taken against the meta model of the data, BMC against the study's own benchmark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import StaleDataError
from erazoo.logs import LOGGER
from erazoo.publish import atomic_file
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.series import drawdown, mean, sharpe, std
from scoring.similarity import rank_correlation
from search.folder import MineDir
from search.plan import Plan
from search.predictions import PredictionFile, stretches
from search.results import Configuration, Result, read_results
from search.rows import Rows
from search.trial import BENCHMARK

if TYPE_CHECKING:
    import polars as pl

PARTS = ("validation", "test", "whole")
FIGURES = ("corr", "std", "sharpe", "drawdown", "mmc", "bmc")


@dataclass(frozen=True)
class Mined:
    """What a study has found so far.

    Args:
        folder: of the study.
        plan: of it.
        rows: the predicted rows.
        results: of all trainings that have ended, by trial.
    """

    folder: MineDir
    plan: Plan
    rows: Rows
    results: Mapping[int, Result]

    @classmethod
    def open(cls, folder: MineDir) -> Mined:
        """What stands in a folder, also while it is mined.

        Raises:
            StaleDataError: nothing was mined there.
        """
        plan = Plan.read(folder)
        return cls(folder, plan, Rows.read(folder.rows), read_results(folder.results))

    @cached_property
    def configurations(self) -> tuple[tuple[Result, Configuration], ...]:
        """Every configuration with its training, each id once, in the order of their slots."""
        pairs = [(result, one) for result in self.results.values() for one in result.configurations]
        found: dict[str, tuple[Result, Configuration]] = {}
        for pair in sorted(pairs, key=lambda pair: pair[1].slot):
            found.setdefault(pair[1].id, pair)
        return tuple(found.values())

    @property
    def benchmark(self) -> Configuration:
        """The benchmark, with all of its trees.

        Raises:
            StaleDataError: it was not trained yet.
        """
        result = self.results.get(BENCHMARK)
        if result is None or not result.configurations:
            raise StaleDataError(
                f"the benchmark in {self.folder.root} is not trained yet",
                hint="Look again when `erazoo mine progress` says so",
            )
        return result.configurations[-1]

    def find(self, configuration: str) -> tuple[Result, Configuration]:
        """A configuration by its id, or by the beginning of it that no other has.

        Raises:
            StaleDataError: there is none, or several.
        """
        found = [pair for pair in self.configurations if pair[1].id.startswith(configuration)]
        if len(found) != 1:
            raise StaleDataError(
                f"no one configuration in {self.folder.root} has this id",
                received=configuration,
                expected=f"one of {len(self.configurations)}; {len(found)} begin so",
            )
        return found[0]

    def predictions(self, ids: Sequence[str]) -> NDArray[np.float32]:
        """Stored predictions (R, len(ids)), each without its fold's offset; see `Result`."""
        slots = [self.find(one)[1].slot for one in ids]
        return PredictionFile(self.folder.predictions, len(self.rows)).read(slots)

    def corr_by_era(self, ids: Sequence[str]) -> NDArray[np.float64]:
        """CORR (E, len(ids)) in each era of `rows.npz`, validation eras first."""
        slices, _ = self.rows.segments
        return self.rows.by_era(numerai_corr(self.predictions(ids), self.rows.target, slices))


def score(folder: MineDir) -> pl.DataFrame:
    """Score what is not scored yet, and write `scores.parquet`, a stretch after the other.

    A killed call loses the stretch that it was at. Memory: 256 MB of predictions, and their ranks
    era by era.

    Args:
        folder: of a study, which may be mined at the time.

    Returns:
        The content of `scores.parquet`.

    Raises:
        StaleDataError: nothing was mined there, or the benchmark is not trained yet.
        ArtifactError: predictions that are not whole.
    """
    import polars as pl

    mined = Mined.open(folder)
    benchmark = mined.benchmark.slot
    table = read_scores(folder) if folder.scores.is_file() else pl.DataFrame({"id": []})
    scored = set(table["id"])
    wanted = {pair[1].slot: pair for pair in mined.configurations if pair[1].id not in scored}
    if wanted:
        LOGGER.info("scoring %d configurations", len(wanted))
    for chunk in stretches(list(wanted), len(mined.rows)):
        made = _table(mined, [wanted[slot] for slot in chunk], benchmark)
        table = pl.concat([table, made], how="diagonal_relaxed").sort("slot")
        with atomic_file(folder.scores) as temporary:
            table.write_parquet(temporary)
    return table


def read_scores(folder: MineDir) -> pl.DataFrame:
    """The content of `scores.parquet`, each id once.

    Raises:
        StaleDataError: nothing was scored yet.
    """
    import polars as pl

    if not folder.scores.is_file():
        raise StaleDataError(
            f"nothing is scored in {folder.root}", hint="Run `erazoo mine results` first"
        )
    return pl.read_parquet(folder.scores).unique("id", keep="first", maintain_order=True)


def _table(
    mined: Mined, pairs: Sequence[tuple[Result, Configuration]], benchmark: int
) -> pl.DataFrame:
    import polars as pl

    facts = pl.DataFrame([_facts(*pair) for pair in pairs], infer_schema_length=None)
    found = _figures(mined, [one.slot for _, one in pairs], benchmark)
    columns = [pl.Series(name, values) for name, values in found.items()]
    return facts.with_columns(column.fill_nan(None) for column in columns)


def _facts(result: Result, one: Configuration) -> dict[str, Any]:
    return {
        "id": one.id,
        "trial": result.trial,
        "slot": one.slot,
        "benchmark": result.is_benchmark,
        "state": result.state,
        "target": result.target,
        "features": result.features,
        "trees": one.trees,
        **{f"param.{name}": value for name, value in result.params.items()},
        "param.n_estimators": one.trees,
    }


def _figures(mined: Mined, slots: Sequence[int], beaten: int) -> dict[str, NDArray[np.float64]]:
    """Every figure of some configurations, each (len(slots),), against the benchmark's slot."""
    rows, file = mined.rows, PredictionFile(mined.folder.predictions, len(mined.rows))
    columns = file.read([*slots, beaten])
    values, benchmark = columns[:, :-1], columns[:, -1]
    slices, _ = rows.segments
    series = {
        "corr": rows.by_era(numerai_corr(values, rows.target, slices)),
        "mmc": rows.by_era(mmc(values, rows.meta_model, rows.target, slices)),
        "bmc": rows.by_era(mmc(values, benchmark, rows.target, slices)),
    }
    validation = rows.arrays["validation"]
    found = {}
    for part, kept in zip(PARTS, (validation, ~validation, np.ones_like(validation)), strict=True):
        corr = series["corr"][kept]
        for name, figure in zip(FIGURES, (mean, std, sharpe, drawdown), strict=False):
            found[f"{part}_{name}"] = figure(corr)
        for name in ("mmc", "bmc"):
            found[f"{part}_{name}"] = mean(series[name][kept])
    alike = rank_correlation(np.column_stack([columns, rows.meta_model]), slices)
    found["benchmark_correlation"] = alike[:-2, -2]
    found["meta_model_correlation"] = alike[:-2, -1]
    return found
