"""The columns of the comparison of models: where each figure is found, and what it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scoring.report.markup import DASH, TIMES, duration, number, size

MAIN, HONEST, ALIKE, COST = (
    "Main figures",
    "Training against validation",
    "Errors and likeness",
    "Time and size",
)
SETS = (MAIN, HONEST, ALIKE, COST)
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One figure of a row.

    Args:
        key: of the figure in a row of `comparison.json`.
        head: of the column on a page.
        meaning: one sentence.
        show: the figure as people read it.
        sets: of columns that it belongs to.
        terminal: its head on a terminal.
        wide: whether a terminal shows it only where everything else fits.
        scale: what the figure is multiplied with on a terminal.
        digits: after the point, on a terminal.
    """

    key: str
    head: str
    meaning: str
    show: Callable[[float | None], str]
    sets: tuple[str, ...]
    terminal: str
    scale: float = 1.0
    digits: int = 4
    wide: bool = False

    def value(self, row: Row) -> float | None:
        """The figure of a row, None where it has none."""
        found = row.get(self.key)
        return None if found is None else float(found)

    def brief(self, row: Row) -> str | None:
        """The figure for a terminal."""
        value = self.value(row)
        return None if value is None else f"{value * self.scale:z.{self.digits}f}"


def _two(value: float | None) -> str:
    return number(value, 2)


def _times(value: float | None) -> str:
    return DASH if value is None else f"{number(value, 1)} {TIMES}"


def _memory(value: float | None) -> str:
    return DASH if value is None else size(value * 2**20)


def _bytes(value: float | None) -> str:
    return DASH if value is None else size(value)


COLUMNS = (
    Column(
        "corr",
        "CORR",
        "Mean over eras of the tournament's correlation, on eras that the model never trained on.",
        number,
        SETS,
        "CORR",
    ),
    Column(
        "corr_fold_std",
        "Std of folds",
        "Standard deviation (ddof 0) of the folds' mean CORR.",
        number,
        (MAIN, HONEST),
        "folds ±",
    ),
    Column(
        "sharpe",
        "Sharpe",
        "Mean CORR / its standard deviation over eras (ddof 0), not annualised.",
        _two,
        (MAIN,),
        "Sharpe",
        digits=2,
    ),
    Column("mmc", "MMC", "Mean contribution beyond the meta model.", number, (MAIN,), "MMC"),
    Column("bmc", "BMC", "Mean contribution beyond the benchmark.", number, (MAIN,), "BMC"),
    Column(
        "train_corr",
        "Training CORR",
        "Mean CORR on a sample of the eras that each fold's model was trained on.",
        number,
        (HONEST,),
        "train",
    ),
    Column(
        "overfitting",
        "Overfitting",
        "Training CORR / validation CORR: 1 is as good on new eras as on known ones.",
        _times,
        (MAIN, HONEST),
        "over",
        digits=1,
    ),
    Column(
        "train_sharpe",
        "Training Sharpe",
        "Mean / standard deviation over the sampled training eras.",
        _two,
        (HONEST,),
        "train Sharpe",
        digits=2,
        wide=True,
    ),
    Column(
        "train_mmc",
        "Training MMC",
        "Mean contribution beyond the meta model on those sampled training eras that have one.",
        number,
        (HONEST,),
        "train MMC",
        wide=True,
    ),
    Column(
        "train_bmc",
        "Training BMC",
        "Mean contribution beyond the benchmark on those sampled training eras that have one.",
        number,
        (HONEST,),
        "train BMC",
        wide=True,
    ),
    Column(
        "rmse",
        "RMSE",
        "Root of the mean squared difference of raw predictions to the target, on validation "
        "eras, where they are on its scale.",
        number,
        (ALIKE,),
        "RMSE",
    ),
    Column(
        "train_rmse",
        "Training RMSE",
        "The same on the sampled training eras, each counting once.",
        number,
        (ALIKE,),
        "train RMSE",
        wide=True,
    ),
    Column(
        "rmse_fold_std",
        "RMSE std of folds",
        "Standard deviation (ddof 0) of the folds' RMSE, in which each era counts once.",
        number,
        (ALIKE,),
        "RMSE ±",
        wide=True,
    ),
    Column(
        "like_benchmark",
        "Like benchmark",
        "Mean rank correlation with the benchmark's predictions.",
        _two,
        (ALIKE,),
        "~bench",
        digits=2,
    ),
    Column(
        "like_meta_model",
        "Like meta model",
        "Mean rank correlation with the meta model's predictions.",
        _two,
        (ALIKE,),
        "~meta",
        digits=2,
    ),
    Column(
        "fit_seconds",
        "Fit",
        "Wall time of all fits, added up.",
        duration,
        (MAIN, COST),
        "fit s",
        digits=0,
    ),
    Column(
        "predict_seconds",
        "Predict",
        "Wall time of predicting the folds' eras, added up.",
        duration,
        (COST,),
        "pred s",
        digits=1,
        wide=True,
    ),
    Column(
        "peak_memory_mb",
        "Memory",
        "The most memory that the model's job held, with all that it started.",
        _memory,
        (COST,),
        "MB",
        digits=0,
    ),
    Column(
        "size_bytes",
        "Size",
        "Size of the model that predicts live data, on disk.",
        _bytes,
        (COST,),
        "size MB",
        1e-6,
        3,
        wide=True,
    ),
)
