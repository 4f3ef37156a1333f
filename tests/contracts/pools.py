"""Pools in memory, with members of known skill."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ensemble.pool import Pool
from erazoo.eras import EraAxis
from scoring.eras import EraSlices
from scoring.ranks import era_ranks

BINS, SHARES = (0.0, 0.25, 0.5, 0.75, 1.0), (0.05, 0.2, 0.5, 0.2, 0.05)


def make_pool(
    skills: Sequence[float] = (0.1, 0.05, 0.0),
    eras: int = 12,
    rows: int = 60,
    *,
    seed: int = 0,
    families: Sequence[str] = (),
    common: float = 0.0,
    meta_model: bool = True,
    label_eras: int = 1,
    purge: int = 2,
) -> Pool:
    """Members m0, m1, ... whose predictions hold the target to the degree of their skill.

    `common` is the noise that all members share. There is a meta model of skill 0.1 and a
    benchmark of skill 0.05.
    """
    rng = np.random.default_rng(seed)
    labels = tuple(f"{e:04d}" for e in range(1, eras + 1))
    slices = EraSlices(labels, np.arange(eras + 1) * rows)
    n = eras * rows
    target = rng.choice(BINS, p=SHARES, size=n)
    shared = common * rng.standard_normal(n)

    def predicted(skill: float) -> NDArray[np.float64]:
        return skill * 4 * (target - 0.5) + shared + rng.standard_normal(n)

    members = np.stack([predicted(skill) for skill in skills])
    references = {"meta": predicted(0.1), "bench": predicted(0.05)} if meta_model else {}
    ids = np.array([f"n{k:06d}" for k in range(n)], dtype=object)
    return Pool(
        names=tuple(f"m{j}" for j in range(len(skills))),
        families=tuple(families) or ("linear",) * len(skills),
        ids=ids,
        slices=slices,
        ranks=np.ascontiguousarray(era_ranks(members.T, slices).T, dtype=np.float32),
        targets=target.astype(np.float32),
        axis=EraAxis(labels),
        references={name: values.astype(np.float32) for name, values in references.items()},
        meta_model="meta" if meta_model else None,
        benchmark="bench" if meta_model else None,
        label_eras=label_eras,
        purge=purge,
    )
