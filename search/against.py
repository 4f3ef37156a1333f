"""`erazoo mine compare`: what beats the benchmark in validation, and how much of it is luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from erazoo.eras import EraAxis
from scoring.series import mean
from scoring.significance import best_by_luck, long_run, probabilistic_sharpe
from search.folder import MineDir
from search.gain import gains, validation_corr
from search.luck import Tries, count_tries
from search.scores import Mined, score
from training.standards import overlap_of

if TYPE_CHECKING:
    import polars as pl

CONFIDENCE = 0.95
"""From which probability on something is said to be more than luck."""
GAIN = ("gain", "gain_error", "deflated_sharpe", "deflated_gain", "survives")
"""Columns that a comparison adds to those of `search.scores`."""


@dataclass(frozen=True)
class Comparison:
    """What a study found beyond its benchmark.

    Nothing of the test eras has a part in it but `test_winners` and `foretold`.

    Attributes:
        study: its name.
        objective: `sharpe` or `corr`, of CORR on validation eras.
        benchmark: the row of `scores.parquet` of the benchmark, found by its id.
        tries: what was tried.
        eras: validation eras.
        overlap: eras that a label reaches past its own.
        winners: rows of `scores.parquet` that beat it on validation eras, the largest gain first;
            with `gain`, the difference of the objective; `gain_error`, its standard error;
            `deflated_sharpe`, the probability that the Sharpe ratio is more than the best of all
            tries would reach by luck; `deflated_gain`, the same of the gain; and `survives`,
            whether both are 0.95 or more.
        test_winners: how many of the winners beat it on test eras as well.
        foretold: correlation over configurations of the objective on validation and on test eras.
    """

    study: str
    objective: str
    benchmark: Mapping[str, Any]
    tries: Tries
    eras: int
    overlap: int
    winners: pl.DataFrame
    test_winners: int
    foretold: float | None

    @property
    def survivors(self) -> tuple[str, ...]:
        """The ids of the winners that are more than luck."""
        return tuple(self.winners.filter(self.winners["survives"])["id"])

    @property
    def verdict(self) -> str:
        """What was found, in words."""
        return " ".join(_sentences(self))

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        rest = {name: getattr(self, name) for name in ("study", "objective", "eras", "overlap")}
        return {
            **rest,
            "benchmark": dict(self.benchmark),
            "tries": asdict(self.tries),
            "winners": self.winners.to_dicts(),
            "survivors": list(self.survivors),
            "test_winners": self.test_winners,
            "foretold": self.foretold,
            "verdict": self.verdict,
        }


def compare(folder: MineDir) -> Comparison:
    """Hold every configuration against the study's benchmark.

    Args:
        folder: of a study, which may be mined at the time.

    Raises:
        StaleDataError: nothing was mined there, or the benchmark is not trained yet.
    """
    import polars as pl

    mined = Mined.open(folder)
    benchmark, figure = mined.benchmark, f"validation_{mined.plan.objective}"
    table = score(folder).filter(_known(mined))
    row = table.row(by_predicate=pl.col("id") == benchmark.id, named=True)
    tried = table.filter(~table["benchmark"])
    better = tried.filter(tried[figure] > row[figure]) if row[figure] is not None else tried[:0]
    overlap = _overlap(mined)
    tries = count_tries(mined)
    later = figure.replace("validation", "test")
    return Comparison(
        study=mined.plan.name,
        objective=mined.plan.objective,
        benchmark=row,
        tries=tries,
        eras=len(mined.plan.folds.validation),
        overlap=overlap,
        winners=_judged(mined, better, tries, overlap),
        test_winners=int((better[later] > row[later]).sum()) if row[later] is not None else 0,
        foretold=_foretold(tried, figure, later),
    )


def _judged(mined: Mined, better: pl.DataFrame, tries: Tries, overlap: int) -> pl.DataFrame:
    """Winners with what `GAIN` names."""
    import polars as pl

    corr = validation_corr(mined, [mined.benchmark.slot, *better["slot"]])
    ours = corr[:, 1:]
    gained = gains(ours, corr[:, 0], mined.plan.objective)
    real, more = (
        probabilistic_sharpe(one, best_by_luck(one, count, overlap), overlap)
        for one, count in ((ours, tries.independent), (gained, tries.independent_gains))
    )
    found = {
        "gain": mean(gained),
        "gain_error": long_run(gained, overlap).error,
        "deflated_sharpe": real,
        "deflated_gain": more,
    }
    columns = [pl.Series(name, values, dtype=pl.Float64) for name, values in found.items()]
    survives = np.nan_to_num(np.minimum(real, more)) >= CONFIDENCE
    table = better.with_columns(column.fill_nan(None) for column in columns)
    table = table.with_columns(pl.Series("survives", survives, dtype=pl.Boolean))
    return table.sort(["gain", "id"], descending=[True, False])


def _known(mined: Mined) -> pl.Expr:
    """Configurations that had ended when the study was opened, so that all counts agree."""
    import polars as pl

    return pl.col("id").is_in([one.id for _, one in mined.configurations])


def _overlap(mined: Mined) -> int:
    folds = mined.plan.folds
    return overlap_of(EraAxis(folds.axis), folds.validation, folds.label_eras)


def _foretold(table: pl.DataFrame, past: str, future: str) -> float | None:
    pairs = table.select(past, future).drop_nulls().to_numpy()
    if len(pairs) < 3 or (np.ptp(pairs, axis=0) == 0).any():
        return None
    return float(np.corrcoef(pairs.T)[0, 1])


def _sentences(found: Comparison) -> list[str]:
    tries, count = found.tries, len(found.winners)
    name = {"sharpe": "Sharpe", "corr": "CORR"}[found.objective]
    own = found.benchmark[f"validation_{found.objective}"]
    base = "an undefined score" if own is None else f"{name} {own:z.4f}"
    more = f" and {tries.pruned} pruned trainings" if tries.pruned else ""
    more += f" and {tries.elsewhere} tries of other studies" if tries.elsewhere else ""
    return [
        f"{count} of {tries.configurations} configurations beat the benchmark ({base}) on "
        f"{found.eras} validation eras.",
        f"Tried: {tries.trainings} trainings, {tries.configurations} configurations{more}; they "
        f"are alike and count as {tries.independent:.1f} independent tries of any skill and "
        f"{tries.independent_gains:.1f} of a gain.",
        _survival(found, count),
        *_shown(found, count),
    ]


def _survival(found: Comparison, count: int) -> str:
    kept = len(found.survivors)
    if kept:
        verb = "survives" if kept == 1 else "survive"
        return (
            f"{kept} {verb} deflation: both the Sharpe ratio and the gain over the benchmark are "
            f"more than the best of so many tries reaches by luck, with a probability of "
            f"{CONFIDENCE:.2f} or more."
        )
    if not count:
        return "Nothing survives deflation, as nothing beats the benchmark."
    if found.winners["deflated_gain"].null_count() == count:
        return "Nothing survives deflation: these are too few eras to tell skill from luck."
    real = int((found.winners["deflated_sharpe"] >= CONFIDENCE).sum())
    more = f"The Sharpe ratio of {real} is" if real else "No Sharpe ratio of them is"
    more += " more than luck; the gain of none of these is." if real else " more than luck."
    return (
        "Nothing survives deflation: what beats the benchmark here is no more than the best of so "
        f"many tries may reach by luck. {more}"
    )


def _shown(found: Comparison, count: int) -> list[str]:
    """What test eras say, which nothing was chosen by."""
    said = []
    if count:
        said.append(f"Only shown: {found.test_winners} of the {count} beat it on test eras too.")
    if found.foretold is not None:
        said.append(
            f"Over configurations, validation and test have a correlation of {found.foretold:z.2f}."
        )
    return said
