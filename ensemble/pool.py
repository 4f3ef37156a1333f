"""The pool: every member's out-of-sample ranks in the same rows, beside the targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ensemble.alignment import align, kept_slices
from ensemble.members import Member
from ensemble.missing import Missing
from erazoo.config import Config
from erazoo.eras import EraAxis
from erazoo.publish import fingerprint
from erazoo.rundir import RunDir
from etl.build import content_of, open_shards
from scoring.blocks import read_era
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.evaluation import scored_eras
from training.standards import reach_of, reference_roles
from training.truth import Truth


@dataclass(frozen=True)
class Pool:
    """Members, rows and targets of an ensemble; M members, n rows, E eras.

    Args:
        names: (M,) of the members.
        families: (M,) of their models.
        ids: (n,) row identifiers.
        slices: the eras of the rows, in order.
        ranks: (M, n) float32 ranks within the era, in (0, 1); may be a memory map. Ties and order
            are those of the predictions, so that scores of ranks are the members' own.
        targets: (n,) float32, NaN where unresolved.
        axis: every era of the panel.
        references: (n,) float32 by name, NaN where absent.
        meta_model: the name of the reference of MMC, None without one.
        benchmark: the name of the reference of BMC, None without one.
        label_eras: eras that a label reaches past its own.
        purge: positions of `axis` that are left out before an era that is judged.
        missing: what members lacked.
        key: tells this pool from others; empty for one that is not kept in files.
    """

    names: tuple[str, ...]
    families: tuple[str, ...]
    ids: NDArray[np.object_]
    slices: EraSlices
    ranks: NDArray[np.float32]
    targets: NDArray[np.float32]
    axis: EraAxis
    references: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    meta_model: str | None = None
    benchmark: str | None = None
    label_eras: int = 0
    purge: int = 0
    missing: Missing = field(default_factory=Missing)
    key: str = ""

    @property
    def eras(self) -> tuple[str, ...]:
        """(E,) era labels."""
        return self.slices.labels

    @property
    def size(self) -> int:
        """M, the number of members."""
        return len(self.names)

    @property
    def resolved(self) -> NDArray[np.bool_]:
        """(E,) the eras that can be scored: they have enough targets, and these differ."""
        return ~np.isnan(numerai_corr(np.arange(self.slices.rows), self.targets, self.slices))[:, 0]

    def reference(self, name: str | None) -> NDArray[np.float32] | None:
        """A reference's predictions (n,), None where there is none of this name."""
        return None if name is None else self.references.get(name)

    def blocks(self) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """The rows of each era and all members' ranks there (M, rows); a map is let go again."""
        for span in self.slices:
            parts = [values for _, values in read_era(self.ranks.T, span)]
            yield span, np.asarray(np.concatenate(parts), dtype=np.float32)

    def stretch(self, first: int, last: int) -> Pool:
        """The eras at places `first` to `last - 1`; arrays are views, nothing is copied."""
        low, high = int(self.slices.bounds[first]), int(self.slices.bounds[last])
        bounds = self.slices.bounds[first : last + 1] - low
        return replace(
            self,
            ids=self.ids[low:high],
            slices=EraSlices(self.slices.labels[first:last], bounds),
            ranks=self.ranks[:, low:high],
            targets=self.targets[low:high],
            references={name: values[low:high] for name, values in self.references.items()},
        )

    def blend(self, weights: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
        """The weighted mean of the ranks.

        Args:
            weights: (M,) for all eras, or (E, M) an era.

        Returns:
            (n,); see `weighted_ranks`.
        """
        table = np.broadcast_to(
            np.asarray(weights, dtype=np.float64), (len(self.slices), self.size)
        )
        result = np.empty(self.slices.rows, dtype=np.float32)
        for era, (span, ranks) in zip(table, self.blocks(), strict=True):
            result[span] = weighted_ranks(era, ranks)
        return result


def weighted_ranks(
    weights: NDArray[np.floating[Any]], ranks: NDArray[np.floating[Any]]
) -> NDArray[np.float32]:
    """The weighted mean of the ranks of one era, (rows,), as `scoring.ranks.rank_average` has it.

    Twice the rows times a rank is a whole number. These are summed, so that what is equal stays
    equal though ranks are kept in single precision.

    Args:
        weights: (M,).
        ranks: (M, rows) in (0, 1), without missing rows.
    """
    whole = 2 * ranks.shape[1]
    total = np.zeros(ranks.shape[1])
    for place in np.flatnonzero(weights):
        total += weights[place] * np.rint(ranks[place].astype(np.float64) * whole)
    return np.asarray(total / (whole * weights.sum()), dtype=np.float32)


def open_pool(
    config: Config,
    run: RunDir,
    members: Sequence[Member],
    kind: str,
    place: Path | None = None,
) -> Pool:
    """Bring the members' predictions together, by id and era, below `RUN/ensemble/pool`.

    The rows are those of the run's scored (or held-out) eras that a member predicts.
    Where one member lacks a row of another, `ensemble.missing` says whether the row is dropped or
    the pool refused. Ranks are written once, and a killed call is gone on with.

    Args:
        config: the experiment.
        run: its run directory; the shards give targets and references.
        members: at least one.
        kind: `out_of_fold` or `held_out`.
        place: another folder for the ranks.

    Memory: the ids and labels of the rows, and one column.

    Raises:
        DataError: members that do not cover the same rows.
        LeakageError: predictions in sample; see `fold_record.open_out_of_sample`.
    """
    shards, plan = open_shards(config, run)
    target = config.evaluate.target or plan.target
    roles = reference_roles(config, shards.references)
    eras = scored_eras(plan, kind)
    truth = Truth.read(shards, eras, target, roles.names, keep_ids=True)
    folder = (place or run.path("ensemble", "pool")) / kind
    drop = config.ensemble.missing == "drop"
    reach = reach_of(config, target, plan, shards)
    purge = max(plan.purge, reach + plan.purge - plan.label_eras)
    found = align(folder, members, kind, truth, content_of(run), reach=reach, drop=drop)
    rows: Any = slice(None) if found.kept.all() else found.kept
    return Pool(
        names=tuple(member.name for member in members),
        families=tuple(member.family for member in members),
        ids=np.asarray(truth.ids, dtype=object)[rows],
        slices=kept_slices(truth.slices, found.kept),
        ranks=found.ranks,
        targets=truth.target[rows],
        axis=shards.axis,
        references={name: values[rows] for name, values in truth.references.items()},
        meta_model=roles.meta_model,
        benchmark=roles.benchmark,
        label_eras=reach,
        purge=purge,
        missing=found.missing,
        key=fingerprint([found.key, target, roles.meta_model, roles.benchmark, reach, purge]),
    )
