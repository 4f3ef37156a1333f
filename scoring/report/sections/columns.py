"""The columns of the table of candidates: where each figure is found, and what it means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scoring.report.markup import DASH, TIMES, chance, count, duration, number, percent
from scoring.report.results import ModelRun
from scoring.report.scores import Candidate
from scoring.summary import Summary

MAIN, RISK, HONEST, ALIKE, COST = (
    "Main figures",
    "Over time",
    "Training against validation",
    "Likeness and exposure",
    "Rows and time",
)
SETS = (MAIN, RISK, HONEST, ALIKE, COST)
"""Sets of columns, in the order of their list."""


@dataclass(frozen=True)
class Line:
    """One row: a scored candidate, a training record, or both."""

    name: str
    candidate: Candidate | None
    model: ModelRun | None
    share: float | None
    final: Candidate | None

    def figure(self, metric: str, figure: str) -> float | None:
        """A figure of a summary, None where it was not taken or is undefined."""
        summaries = self.candidate.summaries if self.candidate else {}
        return _figure(summaries.get(metric), figure)

    def seconds(self, part: str) -> float | None:
        """Seconds of `fit` or `predict`."""
        for record in (self.candidate, self.model):
            if record is not None and part in record.seconds:
                return record.seconds[part]
        return None


Value = Callable[[Line], float | None]


@dataclass(frozen=True)
class Column:
    """One column: its head, what it means, how a value is found and shown, and where it stands.

    Args:
        head: of the column.
        meaning: one sentence.
        value: the figure of a row.
        show: the figure as text.
        sets: of columns that it belongs to.
        below: a small line under the figure.
    """

    head: str
    meaning: str
    value: Value
    show: Callable[[float | None], str]
    sets: tuple[str, ...]
    below: Callable[[Line], str] | None = None


def _figure(summary: Summary | None, figure: str) -> float | None:
    value = getattr(summary, figure) if summary is not None else None
    return None if value is None or value != value else float(value)


def _score(metric: str, figure: str) -> Value:
    return lambda line: line.figure(metric, figure)


def _of(name: str) -> Value:
    """A plain figure of the candidate."""
    return lambda line: getattr(line.candidate, name) if line.candidate else None


def _like(reference: str) -> Value:
    return lambda line: line.candidate.like.get(reference) if line.candidate else None


def _exposure(name: str) -> Value:
    def find(line: Line) -> float | None:
        exposure = line.candidate.exposure if line.candidate else None
        return getattr(exposure, name) if exposure else None

    return find


def _classes(name: str) -> Value:
    def find(line: Line) -> float | None:
        classes = line.candidate.classification if line.candidate else None
        return getattr(classes, name) if classes else None

    return find


def _interval(line: Line) -> str:
    """The 95 % interval of the mean CORR."""
    low, high = line.figure("corr", "low"), line.figure("corr", "high")
    return "" if low is None or high is None else f"{number(low)} to {number(high)}"


def _feature(line: Line) -> str:
    exposure = line.candidate.exposure if line.candidate else None
    return exposure.feature if exposure else ""


def _boundary(line: Line) -> float | None:
    """Mean CORR of the eras next to training eras."""
    return line.candidate.boundary[0] if line.candidate and line.candidate.boundary else None


def _away(line: Line) -> str:
    """Mean CORR of the other eras."""
    both = line.candidate.boundary if line.candidate else None
    return f"others {number(both[1])}" if both else ""


def _error(name: str) -> Value:
    return lambda line: line.candidate.errors.get(name) if line.candidate else None


def _newest(line: Line) -> str:
    eras = line.figure("corr", "last_eras")
    return f"{count(eras)} eras" if eras else ""


def _fall(line: Line) -> str:
    eras = line.figure("corr", "drawdown_eras")
    return f"{count(eras)} eras" if eras else ""


def _two(value: float | None) -> str:
    return number(value, 2)


def _three(value: float | None) -> str:
    return number(value, 3)


def _memory(value: float | None) -> str:
    return DASH if value is None else f"{count(value)} MB"


COLUMNS = (
    Column(
        "CORR",
        "Mean over eras of the tournament's correlation, on eras that the model never trained on; "
        "below it the 95 % block-bootstrap interval of that mean.",
        _score("corr", "mean"),
        number,
        SETS,
        _interval,
    ),
    Column(
        "Sharpe",
        "Mean CORR / its standard deviation over eras (ddof 0), not annualised.",
        _score("corr", "sharpe"),
        _two,
        (MAIN, RISK),
    ),
    Column(
        "Deflated Sharpe",
        "Probability that the true Sharpe of CORR is above what the best of so many tried "
        "candidates would reach by luck; 95 % and more is convincing.",
        _of("deflated_sharpe"),
        chance,
        (MAIN, HONEST),
    ),
    Column(
        "Drawdown",
        "Deepest fall of the cumulative CORR below its running maximum, and how many eras it "
        "lasted from the peak to recovery.",
        _score("corr", "drawdown"),
        number,
        (MAIN, RISK),
        _fall,
    ),
    Column(
        "Achieved",
        "Mean CORR as a share of the best achievable.",
        lambda line: line.share,
        percent,
        (MAIN,),
    ),
    Column(
        "MMC",
        "Mean contribution beyond the meta model.",
        _score("mmc", "mean"),
        number,
        (MAIN,),
    ),
    Column(
        "BMC", "Mean contribution beyond the benchmark.", _score("bmc", "mean"), number, (MAIN,)
    ),
    Column(
        "FNC",
        "Mean CORR of the predictions neutralised to the features.",
        _score("fnc", "mean"),
        number,
        (ALIKE,),
    ),
    Column(
        "Return",
        "Cumulative return over the scored eras from the payouts of the round's terms.",
        _of("returned"),
        percent,
        (RISK,),
    ),
    Column(
        "Training CORR",
        "Mean CORR on a sample of the eras that the model was trained on.",
        lambda line: _figure(line.candidate.train if line.candidate else None, "mean"),
        number,
        (HONEST, MAIN),
    ),
    Column(
        "Overfitting",
        "Training CORR / validation CORR: 1 is as good on new eras as on known ones.",
        _of("overfitting"),
        lambda value: DASH if value is None else f"{number(value, 1)} {TIMES}",
        (HONEST, MAIN),
    ),
    Column(
        "Held out",
        "Mean CORR on the held-out eras.",
        lambda line: _figure(line.final.corr if line.final else None, "mean"),
        number,
        (HONEST, MAIN),
    ),
    Column(
        "± SE",
        "Standard error of the mean CORR, allowing for labels that overlap between eras.",
        _score("corr", "standard_error"),
        number,
        (HONEST,),
    ),
    Column("t", "Mean CORR / its standard error.", _score("corr", "t"), _two, (HONEST,)),
    Column(
        "Near training",
        "Mean CORR of the scored eras next to training eras, and of the others: a large gap is a "
        "leak across the boundary.",
        _boundary,
        number,
        (HONEST,),
        _away,
    ),
    Column(
        "Std",
        "Standard deviation of CORR over eras (ddof 0).",
        _score("corr", "std"),
        number,
        (RISK,),
    ),
    Column(
        "Smart Sharpe",
        "Sharpe of CORR with a penalty for scores that follow their neighbours.",
        _score("corr", "smart_sharpe"),
        _two,
        (RISK,),
    ),
    Column(
        "Above 0",
        "Share of eras with a CORR above 0.",
        _score("corr", "hit_rate"),
        percent,
        (RISK,),
    ),
    Column("Worst", "The lowest CORR of an era.", _score("corr", "worst"), number, (RISK,)),
    Column(
        "Newest",
        "Mean CORR of the newest eras, and how many these are.",
        _score("corr", "last"),
        number,
        (RISK,),
        _newest,
    ),
    Column(
        "Autocorrelation",
        "Correlation of the CORR of an era with that of the next.",
        _score("corr", "autocorrelation"),
        _two,
        (RISK,),
    ),
    Column(
        "Like benchmark",
        "Mean rank correlation with the benchmark's predictions.",
        _like("benchmark"),
        _two,
        (ALIKE,),
    ),
    Column(
        "Like meta model",
        "Mean rank correlation with the meta model's predictions.",
        _like("meta_model"),
        _two,
        (ALIKE,),
    ),
    Column(
        "Mean exposure",
        "Mean absolute correlation with the features.",
        _exposure("mean"),
        _three,
        (ALIKE,),
    ),
    Column(
        "Largest exposure",
        "Largest absolute correlation with a feature, and which one that is.",
        _exposure("max"),
        _three,
        (ALIKE,),
        _feature,
    ),
    Column(
        "Average precision",
        "Mean over classes of the area under the precision-recall curve.",
        _classes("average_precision"),
        _three,
        (HONEST,),
    ),
    Column(
        "Log loss",
        "Mean negative log of the probability of the true class.",
        _classes("log_loss"),
        _three,
        (HONEST,),
    ),
    Column(
        "Brier",
        "Mean squared error of the class probabilities.",
        _classes("brier"),
        _three,
        (HONEST,),
    ),
    Column(
        "RMSE",
        "Root of the mean squared difference of raw predictions to the target, where they are on "
        "its scale.",
        _error("rmse"),
        _three,
        (HONEST,),
    ),
    Column("MAE", "Mean absolute difference, likewise.", _error("mae"), _three, (HONEST,)),
    Column("Eras", "Eras with a CORR.", _score("corr", "eras"), count, (RISK, COST)),
    Column("Rows", "Rows that entered the CORR.", _of("rows"), count, (COST,)),
    Column(
        "Fit",
        "Time of all fits, added up.",
        lambda line: line.seconds("fit"),
        duration,
        (COST, MAIN),
    ),
    Column(
        "Predict",
        "Time of predicting, added up.",
        lambda line: line.seconds("predict"),
        duration,
        (COST,),
    ),
    Column(
        "Memory",
        "Peak memory of the training process.",
        lambda line: line.model.memory_mb if line.model else None,
        _memory,
        (COST,),
    ),
)
