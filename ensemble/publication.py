"""What an ensemble leaves in its run: recipes, predictions and the comparison of the methods."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.combination import Combination, FixedWeights
from ensemble.evidence import Evidence
from ensemble.members import Member
from ensemble.moments import era_moments
from ensemble.nested import LEAST, eras_before
from ensemble.pool import Pool, open_pool
from ensemble.recipe import RECIPE, STANDARD, UNIQUE, write_recipe
from ensemble.verdict import Verdict
from erazoo.config import Config
from erazoo.config.schema import UniqueSection
from erazoo.errors import ConfigError, DataError, LeakageError
from erazoo.folds import FoldPlan
from erazoo.logs import LOGGER
from erazoo.publish import fingerprint, write_json
from erazoo.rundir import RunDir
from etl.shards import ShardSet
from training.evaluation import source_print
from training.predictions import Predictions

METHODS_FILE, UNIQUE_REPORT = "methods.json", "unique.json"


def recipe_folder(run: RunDir, name: str) -> Path:
    """Where the recipe of the standard or of the unique ensemble lies."""
    return run.path("ensemble", *([UNIQUE] if name == UNIQUE else []))


@dataclass(frozen=True)
class Publication:
    """One ensemble on its way into the run directory.

    Args:
        config: the experiment.
        run: its run directory.
        members: of the pool.
        shards: of the run.
        plan: its folds.
        evidence: of the out-of-fold pool.
        verdict: the method.
    """

    config: Config
    run: RunDir
    members: Sequence[Member]
    shards: ShardSet
    plan: FoldPlan
    evidence: Evidence
    verdict: Verdict

    def write(self) -> list[Path]:
        """Write everything; recipes last, because they say that the rest stands.

        Returns:
            The files.
        """
        folder, learned = recipe_folder(self.run, STANDARD), self._learned()
        final = self.verdict.learn(self.evidence.stretch(0, learned))
        facts = self._facts(learned)
        values, origin = self.verdict.lived(self.evidence)
        later = None if self.plan.held_out is None else self._later()
        outputs = [self._save(STANDARD, "out_of_fold", self.evidence.pool, values, origin)]
        if later is not None:
            held = final.blend(later, 0, len(later.pool.eras))
            outputs.append(self._save(STANDARD, "held_out", later.pool, held))
        weights = None if final.weights is None else final.weights.tolist()
        content = {**self.verdict.content, "method": self.verdict.method, "final": weights}
        shutil.rmtree(recipe_folder(self.run, UNIQUE), ignore_errors=True)
        if self.config.ensemble.unique.enabled:
            files, why = self._unique(final, facts, values, origin, later)
            outputs += files
            content["no_unique"] = why
        write_json(folder / METHODS_FILE, content)
        recipe = write_recipe(folder, STANDARD, self.run.root, self.members, final, facts)
        return [*outputs, *(folder / name for name in (METHODS_FILE, RECIPE, *recipe["files"]))]

    def _unique(
        self,
        final: Combination,
        facts: Mapping[str, Any],
        standard: NDArray[np.float32],
        origin: NDArray[np.object_],
        later: Evidence | None,
    ) -> tuple[list[Path], str]:
        """Write the version that adds what the meta model lacks.

        Returns:
            The files, or why there is none. Where a wish was configured, that is an error.
        """
        from ensemble.unique.make import make_unique, post_process

        pool, section = self.evidence.pool, self.config.ensemble.unique
        moments = self.evidence.moments
        try:
            found = make_unique(
                section,
                pool,
                self.shards,
                standard,
                weights=final.weights,
                moments=moments,
                learned=self._learned(),
            )
        except (ConfigError, DataError) as error:
            if section != UniqueSection():
                raise
            LOGGER.warning("there is no unique version of the ensemble: %s", error.message)
            return [], error.message
        combination = final if found.weights is None else FixedWeights(found.weights)
        outputs = [self._save(UNIQUE, "out_of_fold", pool, found.values, origin)]
        if later is not None:
            held = combination.blend(later, 0, len(later.pool.eras))
            held = post_process(found.steps, held, later.pool, self.shards)
            outputs.append(self._save(UNIQUE, "held_out", later.pool, held))
        folder = recipe_folder(self.run, UNIQUE)
        write_json(folder / UNIQUE_REPORT, found.report)
        recipe = write_recipe(
            folder, UNIQUE, self.run.root, self.members, combination, facts, found.steps
        )
        names = (UNIQUE_REPORT, RECIPE, *recipe["files"])
        return [*outputs, *(folder / name for name in names)], ""

    def _facts(self, learned: int) -> dict[str, Any]:
        eras = self.evidence.pool.eras
        return {
            "method": self.verdict.method,
            "reason": self.verdict.reason,
            "target": self.config.evaluate.target or self.plan.target,
            "fingerprint": self.shards.spec.fingerprint,
            "learned": [eras[0], eras[learned - 1], learned] if learned else [],
        }

    def _learned(self) -> int:
        """How many eras the recipe is learned from.

        They are purged from the held-out ones, so that these may judge it.
        """
        pool = self.evidence.pool
        if self.plan.held_out is None:
            return len(pool.eras)
        learned = eras_before(pool, self.plan.held_out.validation[0])
        if learned < LEAST and self.verdict.comparison is not None:
            raise LeakageError(
                "too few eras are left to learn weights from, purged from the held-out ones",
                received=f"{learned} of {len(pool.eras)} eras, purge {pool.purge}",
                expected=f"at least {LEAST}",
            )
        return learned

    def _later(self) -> Evidence:
        """The held-out eras, blank of targets: nobody opens them here."""
        pool = open_pool(self.config, self.run, self.members, "held_out")
        blank = replace(pool, targets=np.full_like(pool.targets, np.nan))
        return Evidence(blank, era_moments(blank), self.config.run.seed)

    def _save(
        self,
        name: str,
        kind: str,
        pool: Pool,
        values: NDArray[np.float32],
        origin: NDArray[np.object_] | None = None,
    ) -> Path:
        own = [m.name for m in self.members if m.trained and m.run == self.run.root]
        facts = {
            "target": self.plan.target,
            "fingerprint": self.shards.spec.fingerprint,
            "plan": fingerprint(self.plan.to_json()),
            "members": ",".join(own),
            "sources": source_print([member.file(kind) for member in self.members]),
        }
        eras = np.repeat(np.array(pool.eras, dtype=object), pool.slices.counts)
        folds = np.full(len(values), "final", dtype=object) if origin is None else origin
        known = np.isfinite(values)
        made = Predictions(
            name, kind, pool.ids[known], eras[known], values[known], folds[known], facts
        )
        path = recipe_folder(self.run, name) / f"{kind}.parquet"
        made.save(path)
        return path
