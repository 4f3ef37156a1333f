"""Weights that depend on the era, as a combination of the members and a kind of recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.combination import Column, FixedWeights
from ensemble.evidence import Evidence
from ensemble.meta.gauge import EraGauge
from ensemble.meta.scaling import Scaling
from ensemble.meta.start import StoredNetwork, start_tensorflow
from ensemble.meta.statistics import (
    EraMeter,
    EraStatistics,
    Results,
    member_statistics,
    recent_names,
    recent_statistics,
)
from erazoo.errors import ArtifactError, DataError
from erazoo.panel import EraBlock
from erazoo.publish import atomic_file, read_json, sha256, write_json

NETWORK, STATE = "meta.keras", "meta.json"
KIND = "meta"
Table = NDArray[np.float64]


@dataclass(frozen=True)
class Reading:
    """What the network reads of an era beside its features.

    Args:
        members: (M,) names.
        recent: eras that recent scores are taken over.
        results: members' scores in the eras that were learned from.
    """

    members: tuple[str, ...]
    recent: int
    results: Results

    def table(self, evidence: Evidence, meter: EraMeter) -> EraStatistics:
        """The statistics (E, S) of all eras of some evidence.

        Of targets, those are read that were resolved when an era was predicted.
        """
        pool, moments = evidence.pool, evidence.moments
        results = self.results.beside(Results.of(pool.axis, pool.eras, moments.scores))
        recent = recent_statistics(
            pool.axis, pool.eras, self.members, results, pool.purge, self.recent
        )
        members = member_statistics(pool.eras, self.members, moments.gram)
        return meter.read(pool.eras).beside(members).beside(recent)


@dataclass(frozen=True)
class EraWeights:
    """A network that weighs the members by what it sees of an era; see `Combination`.

    Args:
        network: from scaled statistics to shifts of the static weights' logits.
        scaling: of the statistics.
        static: (M,) weights that are shifted.
        top_k: members that keep weight in an era, 0 for all.
        gauge: measures an era's features.
        columns: positions of the gauge's features in a block.
        reading: what is read beside the features.
        prototypes: (K, D) regimes among the network's embeddings.
        meter: reads past eras; None where only live eras are predicted.
    """

    network: Any
    scaling: Scaling
    static: Table
    top_k: int
    gauge: EraGauge
    columns: NDArray[np.int64]
    reading: Reading
    prototypes: NDArray[np.float32]
    meter: EraMeter | None = None
    kind: str = KIND
    weights: None = None

    def blend(self, evidence: Evidence, first: int, last: int) -> Column:
        """See `Combination`."""
        table = self.era_weights(self.statistics(evidence))
        return evidence.pool.stretch(first, last).blend(table[first:last])

    def live(self, ranks: NDArray[Any], block: EraBlock) -> Column:
        """See `Combination`."""
        weights = self.live_weights(ranks, block)
        return FixedWeights(weights).live(ranks, block)

    def statistics(self, evidence: Evidence) -> EraStatistics:
        """The statistics of all eras of some evidence, whose shards stand.

        Raises:
            DataError: the combination was read from a recipe, which holds no past eras.
        """
        if self.meter is None:
            raise DataError("a meta-learner of a recipe predicts live eras alone")
        return self.reading.table(evidence, self.meter)

    def era_weights(self, statistics: EraStatistics) -> Table:
        """(E, M) weights of the members in each era."""
        start_tensorflow()
        from ensemble.meta.trainings import weigh

        inputs = self.scaling.apply(statistics.values)
        weights = weigh(self.network, inputs, self.static, self.top_k)
        return np.asarray(weights, dtype=np.float64)

    def regimes(self, statistics: EraStatistics) -> NDArray[np.int64]:
        """(E,) the prototype that each era's embedding is nearest to."""
        start_tensorflow()
        from ensemble.meta.trainings import embed

        places = embed(self.network, self.scaling.apply(statistics.values))
        distance = ((places[:, None, :] - self.prototypes[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(distance.argmin(axis=1), dtype=np.int64)

    def live_statistics(self, ranks: NDArray[Any], block: EraBlock) -> EraStatistics:
        """The statistics of one live era, from its features and the members' ranks (M, r).

        Recent scores are the newest that were resolved when the meta-learner was made.
        """
        centred = ranks.astype(np.float32) - np.float32(0.5)
        gram = (centred @ centred.T / np.float32(ranks.shape[1]))[None]
        seen = self.gauge.measure(block.features[:, self.columns])
        reading, era = self.reading, (block.era,)
        features = EraStatistics(era, self.gauge.names, seen[None])
        newest = reading.results.newest(reading.recent)[None]
        recent = EraStatistics(era, recent_names(reading.members), newest)
        return features.beside(member_statistics(era, reading.members, gram)).beside(recent)

    def live_weights(self, ranks: NDArray[Any], block: EraBlock) -> Table:
        """(M,) weights of a live era."""
        return self.era_weights(self.live_statistics(ranks, block)).reshape(-1)

    def write(self, folder: Path) -> dict[str, Any]:
        """Write the network and what stands beside it; the recipe gets their checksums."""
        with atomic_file(folder / NETWORK) as temporary:
            self.network.save(temporary)
        newest = slice(-self.reading.recent, None)
        state = {
            "gauge": self.gauge.to_json(),
            "columns": self.columns.tolist(),
            "scaling": self.scaling.to_json(),
            "static": self.static.tolist(),
            "top_k": self.top_k,
            "members": list(self.reading.members),
            "recent": self.reading.recent,
            "results": {
                "places": self.reading.results.places[newest].tolist(),
                "scores": self.reading.results.scores[newest].tolist(),
            },
            "prototypes": self.prototypes.tolist(),
        }
        write_json(folder / STATE, state)
        return {"files": {name: sha256(folder / name) for name in (NETWORK, STATE)}}

    @classmethod
    def read(cls, recipe: Mapping[str, Any], folder: Path) -> EraWeights:
        """What a recipe of the kind `meta` holds, its files being checked already.

        Raises:
            ArtifactError: its members are not those of the network.
        """
        state = dict(read_json(folder / STATE))
        members = tuple(state["members"])
        if members != tuple(member["name"] for member in recipe["members"]):
            raise ArtifactError(
                "the meta-learner is one of other members", received=str(folder / STATE)
            )
        past = state["results"]
        scores = np.array(past["scores"], dtype=np.float64).reshape(-1, len(members))
        results = Results(np.array(past["places"], dtype=np.int64), scores)
        return cls(
            network=StoredNetwork(folder / NETWORK),
            scaling=Scaling.from_json(state["scaling"]),
            static=np.array(state["static"]),
            top_k=int(state["top_k"]),
            gauge=EraGauge.from_json(state["gauge"]),
            columns=np.array(state["columns"], dtype=np.int64),
            reading=Reading(members, int(state["recent"]), results),
            prototypes=np.array(state["prototypes"], dtype=np.float32),
        )
