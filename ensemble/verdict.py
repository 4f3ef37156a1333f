"""Which way of combining members is used: judged on later eras, or configured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.comparison import (
    FORMAT,
    Comparison,
    compare_methods,
    lived_methods,
    recommend,
    to_json,
)
from ensemble.evidence import Evidence
from ensemble.methods import EQUAL, RECOMMENDED, Learn, chosen_methods
from ensemble.nested import Block, blocks_of
from erazoo.config import Config
from erazoo.errors import LeakageError
from erazoo.publish import fingerprint
from erazoo.rundir import RunDir

CONFIGURED = "configured"
APART = frozenset({"unique", "walk", "grid", "method", "methods", "judged", "blocks"})
"""Parts of [ensemble] that change no method's blends, or that the key of these tells otherwise."""


@dataclass(frozen=True)
class Verdict:
    """The method of an ensemble.

    Args:
        method: its name.
        reason: why it is used.
        learn: learns it from some eras.
        comparison: of all methods; None where nothing could be judged.
        content: of `ensemble/methods.json`.
        used: the method of each judged block: the one that was recommended when it began, or
            the configured one.
    """

    method: str
    reason: str
    learn: Learn
    comparison: Comparison | None
    content: dict[str, Any]
    used: tuple[str, ...] = ()

    def lived(self, evidence: Evidence) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
        """The pool's rows as they would have been lived, and what each comes from.

        These are equal weights until the first judged block, which nothing could be learned for,
        and then in each block what its method learned before it.

        Args:
            evidence: of the whole pool.

        Returns:
            (n,) values, and (n,) `equal` or `block-N`.
        """
        pool, compared = evidence.pool, self.comparison
        first = compared.blocks[0].first if compared else len(pool.eras)
        parts = [pool.stretch(0, first).blend(np.full(pool.size, 1 / pool.size))]
        origin = np.full(pool.slices.rows, EQUAL, dtype=object)
        if compared is not None:
            start = pool.slices.bounds[first]
            for number, (block, name) in enumerate(zip(compared.blocks, self.used, strict=True)):
                low, high = pool.slices.bounds[[block.first, block.last]]
                parts.append(compared.judged[name].values[low - start : high - start])
                origin[low:high] = f"block-{number}"
        return np.concatenate(parts), origin


def decide(config: Config, run: RunDir, evidence: Evidence) -> Verdict:
    """Judge every method on later eras than it learned from, and choose.

    Where there is one member, or too few eras to learn from, nothing is judged: equal weights are
    recommended, with this reason.

    Args:
        config: the experiment.
        run: keeps what was judged, so that a killed call is gone on with.
        evidence: of the whole pool.

    Raises:
        ConfigError: an unknown method.
        LeakageError: too few eras for the method that is configured.
    """
    methods, section = chosen_methods(config), config.ensemble
    blocks, why = _blocks(config, evidence)
    learns = {method.name: method.build(config, run) for method in methods}
    if not blocks:
        return Verdict(EQUAL, why, learns[EQUAL], None, _unjudged(evidence, why))
    folder, settings = (
        run.path("ensemble", "judged"),
        section.model_dump(mode="json", exclude=set(APART)),
    )
    comparison = compare_methods(learns, evidence, blocks, folder, fingerprint(settings))
    name, reason = recommend(comparison)
    used = lived_methods(comparison)
    if section.method != RECOMMENDED:
        name, reason = section.method, CONFIGURED
        used = (name,) * len(blocks)
    content = to_json(comparison, evidence.pool, {m.name: m.summary for m in methods})
    content["used"] = list(used)
    return Verdict(name, reason, learns[name], comparison, content, used)


def _blocks(config: Config, evidence: Evidence) -> tuple[Sequence[Block], str]:
    """The blocks that are judged, or why nothing is."""
    section = config.ensemble
    if evidence.pool.size == 1:
        return (), "there is one member"
    try:
        return blocks_of(evidence.pool, section.judged, section.blocks), ""
    except LeakageError as error:
        if section.method not in (RECOMMENDED, EQUAL):
            raise
        return (), error.message.rstrip(".")


def _unjudged(evidence: Evidence, why: str) -> dict[str, Any]:
    pool = evidence.pool
    return {
        "format": FORMAT,
        "members": list(pool.names),
        "families": list(pool.families),
        "rows": pool.slices.rows,
        "pooled": [pool.eras[0], pool.eras[-1], len(pool.eras)],
        "judged": [],
        "blocks": [],
        "purge": pool.purge,
        "meta_model": pool.meta_model,
        "benchmark": pool.benchmark,
        "methods": {},
        "recommended": {"method": EQUAL, "reason": why},
        "missing": pool.missing.to_json(),
    }
