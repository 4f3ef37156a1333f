"""Statistics of eras as a table, read once from the shards and kept in the run directory."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ensemble.meta.gauge import EraGauge
from ensemble.moments import EraMoments
from erazoo.eras import EraAxis
from erazoo.errors import DataError
from erazoo.logs import progress
from erazoo.panel import Panel
from erazoo.publish import (
    append_line,
    fingerprint,
    make_dir,
    read_json,
    read_lines,
    write_json,
)

MOST_PAIRS = 12
"""Members up to which each pair's correlation is told; of more, each member's mean."""
FORMAT = 1
GAUGE, JOURNAL = "gauge.json", "statistics.jsonl"
Table = NDArray[np.float64]


@dataclass(frozen=True)
class EraStatistics:
    """Named numbers of consecutive eras; E eras, S statistics.

    Args:
        eras: (E,) labels.
        names: (S,) of the statistics.
        values: (E, S) finite. Each is known when its era is predicted.
    """

    eras: tuple[str, ...]
    names: tuple[str, ...]
    values: Table

    def beside(self, other: EraStatistics) -> EraStatistics:
        """These statistics and others of the same eras.

        Raises:
            DataError: other eras.
        """
        if self.eras != other.eras:
            raise DataError(
                "statistics of different eras", received=f"{len(self.eras)}, {len(other.eras)}"
            )
        names = (*self.names, *other.names)
        return EraStatistics(self.eras, names, np.hstack([self.values, other.values]))


class EraMeter:
    """Measures eras of a panel; what was measured once is read from a journal.

    Args:
        panel: the features.
        gauge: what is measured.
        journal: one line an era, written as soon as it is measured.
        content: names the data.
    """

    def __init__(self, panel: Panel, gauge: EraGauge, journal: Path, content: str) -> None:
        self.gauge, self.columns = gauge, panel.spec.columns(gauge.features)
        self._panel, self._journal = panel, journal
        self._key = fingerprint([FORMAT, content, gauge.to_json()])
        self._known = dict(self._recorded())

    @classmethod
    def open(
        cls, panel: Panel, eras: Sequence[str], directions: int, folder: Path, content: str
    ) -> EraMeter:
        """A meter that has learned its directions from `eras`, unless it stands in `folder`.

        Memory: one era of features.
        """
        path = folder / GAUGE
        key = fingerprint([FORMAT, content, panel.spec.fingerprint, list(eras), directions])
        held = read_json(path) if path.is_file() else {}
        if held.get("key") == key:
            gauge = EraGauge.from_json(held["gauge"])
        else:
            blocks = (block.features for block in panel.blocks(eras))
            gauge = EraGauge.fit(panel.spec, blocks, directions)
            write_json(path, {"key": key, "gauge": gauge.to_json()})
        return cls(panel, gauge, folder / JOURNAL, content)

    def read(self, eras: Sequence[str]) -> EraStatistics:
        """What the gauge says of each era; one era of features is held at a time."""
        missing = [era for era in eras if era not in self._known]
        if missing and not self._known:
            self._journal.unlink(missing_ok=True)
            make_dir(self._journal.parent)
            append_line(self._journal, {"key": self._key})
        blocks = self._panel.blocks(missing) if missing else ()
        for block in progress(blocks, "statistics of eras", len(missing)):
            found = self.gauge.measure(block.features[:, self.columns]).tolist()
            append_line(self._journal, {"era": block.era, "values": found})
            self._known[block.era] = found
        values = np.array([self._known[era] for era in eras])
        return EraStatistics(tuple(eras), self.gauge.names, values)

    def _recorded(self) -> Iterator[tuple[str, list[float]]]:
        lines = read_lines(self._journal)
        first = next(lines, None)
        if first is not None and first.get("key") == self._key:
            yield from ((line["era"], line["values"]) for line in lines)


def member_statistics(
    eras: Sequence[str], members: Sequence[str], gram: NDArray[np.floating]
) -> EraStatistics:
    """How far the members' ranks lie apart and which of them agree.

    Args:
        eras: (E,) labels.
        members: (M,) names.
        gram: (E, M, M) covariances of the members' centred ranks.
    """
    gram = np.asarray(gram, dtype=np.float64)
    spread = np.sqrt(np.maximum(np.einsum("emm->em", gram), np.finfo(np.float64).tiny))
    likeness = gram / spread[:, :, None] / spread[:, None, :]
    own, joint = np.einsum("emm->em", gram).mean(axis=1), gram.mean(axis=(1, 2))
    dispersion = np.sqrt(np.maximum(own - joint, 0.0))[:, None]
    if len(members) <= MOST_PAIRS:
        rows, columns = np.triu_indices(len(members), 1)
        names = [f"{a} like {b}" for a, b in itertools.combinations(members, 2)]
        told = likeness[:, rows, columns]
    else:
        names = [f"{name} like others" for name in members]
        told = (likeness.sum(axis=2) - 1) / (len(members) - 1)
    return EraStatistics(tuple(eras), ("dispersion", *names), np.hstack([dispersion, told]))


def scored_products(moments: EraMoments, objective: str) -> tuple[Table, NDArray[np.bool_]]:
    """(E, M) covariances with what is scored, and (E,) the eras in which all members have one.

    Args:
        moments: of the members.
        objective: `corr` or `mmc`.
    """
    products = moments.contribution if objective == "mmc" else moments.signal
    return products, np.asarray(np.isfinite(products).all(axis=1), dtype=np.bool_)


@dataclass(frozen=True)
class Results:
    """Members' scores in past eras.

    Args:
        places: (R,) positions of the eras on the axis, ascending.
        scores: (R, M) exact CORR, without NaN.
    """

    places: NDArray[np.int64]
    scores: Table

    @classmethod
    def of(cls, axis: EraAxis, eras: Sequence[str], scores: Table) -> Results:
        """Those of `eras` (R,) that are resolved, of scores (R, M)."""
        known = ~np.isnan(scores).any(axis=1)
        places = np.array([axis.position(era) for era in eras], dtype=np.int64)
        return cls(places[known], scores[known])

    def beside(self, later: Results) -> Results:
        """These results and those of eras that they lack."""
        new = ~np.isin(later.places, self.places)
        places = np.concatenate([self.places, later.places[new]])
        order = np.argsort(places)
        scores = np.concatenate([self.scores, later.scores[new]])
        return Results(places[order], scores[order])

    def before(self, place: int) -> Results:
        """Those of eras before a position."""
        count = int(np.searchsorted(self.places, place))
        return Results(self.places[:count], self.scores[:count])

    def newest(self, span: int) -> Table:
        """(1 + M,) the mean of the newest `span`, and each member's distance from it; else 0."""
        if not len(self.places):
            return np.zeros(1 + self.scores.shape[1])
        means = self.scores[-span:].mean(axis=0)
        return np.concatenate([[means.mean()], means - means.mean()])


def recent_statistics(
    axis: EraAxis,
    eras: Sequence[str],
    members: Sequence[str],
    results: Results,
    purge: int,
    span: int,
) -> EraStatistics:
    """Scores of the members over the newest eras that were resolved when each era was predicted.

    Args:
        axis: every era of the panel.
        eras: (E,) in order.
        members: (M,) names.
        results: of the members.
        purge: an era's targets count as known when `purge` others have passed after it: the reach
            of a label and the time until it is published.
        span: eras that the mean is taken over.
    """
    rows = [results.before(axis.position(era) - purge).newest(span) for era in eras]
    return EraStatistics(tuple(eras), recent_names(members), np.array(rows))


def recent_names(members: Sequence[str]) -> tuple[str, ...]:
    """What the numbers of `recent` are."""
    return ("recent level", *(f"recent {name}" for name in members))
