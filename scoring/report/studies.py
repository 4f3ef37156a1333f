"""Studies of mining, typed: the content of `record.json`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from erazoo.errors import ArtifactError
from erazoo.folds import FoldPlan
from scoring.report.trials import Trials, metric_name, parse_trials

FORMAT = 1
RECORD = "record.json"
LOOK_AGAIN = "Run `erazoo mine plot` again"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Mining:
    """What a study found.

    Args:
        study: its name.
        model: the library that was mined.
        target: that everything was scored on.
        objective: `sharpe` or `corr`, by which it chose on validation eras.
        progress: `state`, and how many trainings and configurations there are.
        verdict: what beat the benchmark, and how much of it is luck, in words.
        tries: what was tried; see `search.luck.Tries`.
        eras: validation eras.
        benchmark: scores of what was to be beaten.
        best: the best configurations by validation, with their `params`.
        winners: the best of those that beat the benchmark, with the gain and what is left of it.
        beaten: how many beat the benchmark in validation.
        survivors: ids of the winners that are more than luck.
        scored: every configuration in validation and on test eras.
        parameters: `scores` and `ids` of some configurations, `values` of each parameter that
            varies, and those of the `benchmark`.
        clusters: `ids`, `matrix` and `groups` of the best; None of fewer than two.
        folds: of the study.
        test: eras that nothing was chosen by.
    """

    study: str
    model: str
    target: str
    objective: str
    progress: Row
    verdict: str
    tries: Row
    eras: int
    benchmark: Row
    best: tuple[Row, ...]
    winners: tuple[Row, ...]
    beaten: int
    survivors: tuple[str, ...]
    scored: Trials
    parameters: Row
    clusters: Row | None
    folds: FoldPlan
    test: Sequence[str]

    @property
    def figure(self) -> str:
        """The column that configurations are chosen by."""
        return f"validation_{self.objective}"

    @property
    def metric(self) -> str:
        """The same as people read it."""
        return metric_name(self.scored.metric)


def parse_mining(value: Any) -> Mining:
    """The content of a result file.

    Raises:
        ArtifactError: another format.
    """
    if (found := value.get("format")) != FORMAT:
        raise ArtifactError(
            "what mining found has another format than this version reads",
            received=f"format {found}",
            expected=f"format {FORMAT}",
        )
    return Mining(
        study=value["study"],
        model=value["model"],
        target=value["target"],
        objective=value["objective"],
        progress=value["progress"],
        verdict=value["verdict"],
        tries=value["tries"],
        eras=int(value["eras"]),
        benchmark=value["benchmark"],
        best=tuple(value["best"]),
        winners=tuple(value["winners"]),
        beaten=int(value["beaten"]),
        survivors=tuple(value["survivors"]),
        scored=parse_trials(value["scored"]),
        parameters=value["parameters"],
        clusters=value["clusters"],
        folds=FoldPlan.from_json(value["folds"]),
        test=tuple(value["test"]),
    )
