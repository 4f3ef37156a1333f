"""All ways to combine members on the same later eras, and which of them is recommended."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.evidence import Evidence
from ensemble.methods import EQUAL, META, Learn
from ensemble.nested import Block, Judged, judge
from ensemble.pool import Pool
from erazoo.logs import LOGGER
from erazoo.publish import fingerprint, read_json, write_bytes, write_json
from scoring import series
from scoring.evaluate import CORR, CandidateScores, score_candidates
from scoring.significance import expected_best, paired_difference
from scoring.summary import json_number
from training.standards import overlap_of

FORMAT = 1
"""Of what is kept and written here; another one is judged anew."""
METRICS = (CORR, "mmc", "bmc")


@dataclass(frozen=True)
class Comparison:
    """Methods on the judged eras of a pool.

    Args:
        judged: by name; `equal` is one of them.
        scores: exact ones, of all methods on the same eras.
        overlap: judged eras that a label reaches past its own.
        blocks: what was learned and judged.
        seconds: that each method took to learn and blend.
    """

    judged: Mapping[str, Judged]
    scores: CandidateScores
    overlap: int
    blocks: tuple[Block, ...]
    seconds: Mapping[str, float]

    def difference(
        self, name: str, to: str = EQUAL, eras: int | None = None
    ) -> tuple[float, float]:
        """Mean CORR beyond another method, era by era, and its standard error.

        Args:
            name: the method.
            to: the other one.
            eras: how many of the judged eras are looked at, the first ones; None for all.
        """
        corr, names = self.scores.per_era[CORR][:eras], self.scores.names
        columns = corr[:, names.index(name)], corr[:, names.index(to)]
        return paired_difference(*columns, self.overlap)


def compare_methods(
    learns: Mapping[str, Learn],
    evidence: Evidence,
    blocks: Sequence[Block],
    folder: Path,
    settings: str = "",
) -> Comparison:
    """Judge every method on the same blocks; what stands in `folder` is not judged again.

    Args:
        learns: the methods by name.
        evidence: of the whole pool.
        blocks: what is learned and judged.
        folder: keeps the blends of each method.
        settings: tells the methods' options from others.

    Memory: the judged rows, a float32 column a method.
    """
    judged, seconds = {}, {}
    for name, learn in learns.items():
        told = [FORMAT, name, settings, evidence.pool.key, evidence.seed]
        key = fingerprint([told, [asdict(block) for block in blocks]])
        judged[name], seconds[name] = _kept(
            folder / name, key, partial(judge, learn, evidence, blocks)
        )
    part = evidence.pool.stretch(blocks[0].first, blocks[-1].last)
    overlap = overlap_of(part.axis, part.eras, part.label_eras)
    matrix = np.stack([one.values for one in judged.values()], axis=1)
    scores = score_candidates(
        matrix, list(judged), part.targets, part.slices, references_of(part), overlap
    )
    return Comparison(judged, scores, overlap, tuple(blocks), seconds)


def references_of(pool: Pool) -> dict[str, NDArray[np.float32]]:
    """The references of MMC and BMC, where a pool has them."""
    named = {"mmc": pool.reference(pool.meta_model), "bmc": pool.reference(pool.benchmark)}
    return {metric: values for metric, values in named.items() if values is not None}


def recommend(comparison: Comparison, eras: int | None = None) -> tuple[str, str]:
    """The method to use, and why.

    It is the one of the highest mean CORR on later eras, if it beats equal weights there by more
    than luck would give the best of so many: as many standard errors of the difference as the
    highest of that many normal draws is expected to have, and at least one. Otherwise it is equal
    weights. The meta-learner must beat the best other method by one standard error.

    Args:
        comparison: of all methods.
        eras: how many of the judged eras are looked at, the first ones; None for all.
    """
    best = _best(comparison, eras)
    if best == EQUAL:
        return EQUAL, "no other way has a higher CORR on later eras"
    mean, error = comparison.difference(best, eras=eras)
    if not np.isfinite(error):
        return EQUAL, "too few eras are judged to tell any other way from them"
    others = len(comparison.judged) - 1
    luck = max(1.0, expected_best(others)) * error
    told = f"luck may give the best of {others} ({luck:.4f}; standard error {error:.4f})"
    if mean > luck:
        return best, (
            f"the highest CORR on later eras, {mean:+.4f} beyond equal weights, more than {told}"
        )
    return EQUAL, (
        f"{best} has the highest CORR on later eras, but {mean:+.4f} beyond equal weights is "
        f"within what {told}"
    )


def lived_methods(comparison: Comparison) -> tuple[str, ...]:
    """For each block, the method that was recommended when its first era was predicted."""
    first = comparison.blocks[0].first
    known = [max(0, block.learned - first) for block in comparison.blocks]
    return tuple(recommend(comparison, eras)[0] for eras in known)


def _best(comparison: Comparison, eras: int | None) -> str:
    """The method of the highest mean CORR; the meta-learner only if clearly above all others."""
    names, means = comparison.scores.names, series.mean(comparison.scores.per_era[CORR][:eras])
    ranked = [str(names[j]) for j in np.argsort(-np.nan_to_num(means, nan=-np.inf), kind="stable")]
    if ranked[0] != META:
        return ranked[0]
    mean, error = comparison.difference(META, ranked[1], eras)
    return META if mean > error else ranked[1]


def to_json(comparison: Comparison, pool: Pool, summaries: Mapping[str, str]) -> dict[str, Any]:
    """The content of `ensemble/methods.json`."""
    recommended, reason = recommend(comparison)
    return {
        "format": FORMAT,
        "members": list(pool.names),
        "families": list(pool.families),
        "rows": pool.slices.rows,
        "pooled": [pool.eras[0], pool.eras[-1], len(pool.eras)],
        "judged": list(comparison.scores.eras),
        "blocks": [
            {
                "learned": [pool.eras[0], pool.eras[block.learned - 1], block.learned],
                "judged": [
                    pool.eras[block.first],
                    pool.eras[block.last - 1],
                    block.last - block.first,
                ],
            }
            for block in comparison.blocks
        ],
        "purge": pool.purge,
        "meta_model": pool.meta_model,
        "benchmark": pool.benchmark,
        "methods": {
            name: {"about": summaries[name], **_entry(comparison, name)}
            for name in comparison.judged
        },
        "recommended": {"method": recommended, "reason": reason},
        "missing": pool.missing.to_json(),
    }


def concentration(weights: NDArray[np.float64]) -> dict[str, float]:
    """How few members the weights (M,) or (B, M) rest on, the mean over rows.

    `effective` is 1 / sum w^2, the number of members that would be as spread if alike, `largest`
    the largest weight.
    """
    table = np.atleast_2d(weights)
    return {
        "effective": float((1 / (table**2).sum(axis=1)).mean()),
        "largest": float(table.max(axis=1).mean()),
    }


def _entry(comparison: Comparison, name: str) -> dict[str, Any]:
    judged = comparison.judged[name]
    mean, error = comparison.difference(name)
    kept = comparison.scores.to_json(name, METRICS)
    return {
        "per_era": {metric: kept["per_era"][metric] for metric in METRICS},
        "summary": kept["summary"],
        "difference": {"mean": json_number(mean), "standard_error": json_number(error)},
        "concentration": None if judged.weights is None else concentration(judged.weights),
        "weights": None if judged.weights is None else judged.weights.tolist(),
        "seconds": comparison.seconds[name],
    }


def _kept(place: Path, key: str, work: Callable[[], Judged]) -> tuple[Judged, float]:
    """What stands at a place under this key, else what the work gives, which then stands there."""
    record, file = place.with_suffix(".json"), place.with_suffix(".npy")
    try:
        known = dict(read_json(record))
        if known["key"] == key:
            weights = None if known["weights"] is None else np.array(known["weights"])
            return Judged(np.load(file), weights), float(known["seconds"])
    except (OSError, ValueError, KeyError):
        LOGGER.debug("ensemble: nothing stands at %s", place)
    LOGGER.info("ensemble: %s", place.name)
    begun = time.monotonic()
    judged = work()
    seconds = round(time.monotonic() - begun, 3)
    record.unlink(missing_ok=True)
    stream = io.BytesIO()
    np.save(stream, judged.values)
    write_bytes(file, stream.getvalue())
    table = None if judged.weights is None else judged.weights.tolist()
    write_json(record, {"key": key, "weights": table, "seconds": seconds})
    return judged, seconds
