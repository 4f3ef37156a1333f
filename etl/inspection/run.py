"""`erazoo inspect`: one pass over a shard set or a data set, era by era."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from erazoo import __version__
from erazoo.config import Config
from erazoo.eras import EraAxis
from erazoo.errors import DataError
from erazoo.logs import progress
from erazoo.publish import write_json
from erazoo.rundir import RunDir
from etl.build import FOLDS, SHARDS, folds_fit
from etl.inspection.data import data_look
from etl.inspection.gaps import GapCounts, groups_of
from etl.inspection.look import Look
from etl.inspection.shards import shards_look
from etl.inspection.values import Coverage, TargetValues
from etl.remote.place import files_uri
from etl.shards.manifest import MANIFEST, Manifest
from etl.shards.verify import Damage, damage_beside, find_damage
from etl.splits import era_runs

INSPECTION = "inspection.json"
FORMAT = 1


def shards_there(run: RunDir) -> bool:
    """Whether a run holds a finished shard set."""
    return run.path(SHARDS, MANIFEST).is_file()


def inspect_run(
    config: Config, run: RunDir, *, data: bool = False, eras: str = "all"
) -> dict[str, Any]:
    """What is in the shard set of a run where one stands, else in its data set.

    Values are read once, era by era. Memory: one era, one batch of the tables, and per era the
    shares of each feature group and the counts of each target.

    Args:
        config: the experiment.
        run: its run directory.
        data: look at the data set, whether or not shards stand.
        eras: those whose values are read, as `EraAxis.select` has it; rows are counted in all.

    Returns:
        Plain values. `kind` (`shards` or `data`), `place`, `span` of the eras and their rows,
        `parts` (the same by split or file, with bytes), `features` (count, dtype, groups),
        `targets` and `references` (see `TargetValues` and `Coverage`), `gaps` (see `GapCounts`),
        `empty` (by group, the eras in which none of its features tells anything), `storage`,
        `cleaning` and `balance`. `by_era` has labels, parts and rows of all eras; `read` names
        those whose values were read, to which the series in `targets` and `gaps` belong.

    Raises:
        ConfigError: `eras` names none.
        DataError: there is nothing to look at, or it is damaged.
    """
    at_data = data or not shards_there(run)
    look = data_look(config, run) if at_data else shards_look(run, run.path(SHARDS))
    every = tuple(look.rows_of)
    read = EraAxis(every).select(eras)
    return {
        "format": FORMAT,
        "tool": f"erazoo {__version__}",
        "name": config.run.name,
        **look.facts,
        "place": _place(look, run),
        "span": look.span(every),
        "bytes": sum(look.bytes_of.values()) + sum(look.facts["other_files"].values()),
        "parts": look.parts(),
        "features": _features(look),
        "read": {"selection": eras, "eras": list(read)},
        **_values(look, read),
        "by_era": {
            "eras": list(every),
            "part": [look.part_of[era] for era in every],
            "rows": [look.rows_of[era] for era in every],
            "trained": [look.trained[era] for era in every] if look.trained else None,
        },
    }


def write_inspection(
    config: Config, run: RunDir, *, data: bool = False, eras: str = "all"
) -> dict[str, Any]:
    """Write what `inspect_run` returns to `inspection.json` of the run, and return it.

    `scoring.report.write_inspection_page` makes the page from that file alone.
    """
    result = inspect_run(config, run, data=data, eras=eras)
    write_json(run.path(INSPECTION), result)
    return result


def find_run_damage(run: RunDir) -> tuple[Damage, ...]:
    """All that is not as it was written in the shards and the folds of a run.

    Shards that stay in a store are read there.

    Raises:
        ShardError: there is no finished shard set, or its manifest is damaged.
        RemoteError: the store cannot be used.
    """
    folder, uri = run.path(SHARDS), files_uri(run)
    manifest = Manifest.load(folder)
    if uri is None:
        found = find_damage(folder)
    else:
        from etl.remote.direct import direct_folder

        found = (*find_damage(direct_folder(uri)), *damage_beside(folder, manifest))
    if folds_fit(run, manifest):
        return found
    what = "does not fit its checksum" if run.path(FOLDS).is_file() else "is missing"
    return (*found, Damage(str(run.path(FOLDS)), what))


def _place(look: Look, run: RunDir) -> str:
    """Where the panel lies, seen from the run directory where it is inside."""
    place = str(look.facts["place"])
    inside = Path(place).is_relative_to(run.root)
    return str(Path(place).relative_to(run.root)) if inside else place


def _features(look: Look) -> dict[str, Any]:
    spec = look.panel.spec
    return {
        "count": len(spec.names),
        "dtype": spec.dtype.name,
        "missing_code": spec.missing,
        "filled": look.marks.filled,
        "fingerprint": spec.fingerprint,
        "groups": {name: len(members) for name, members in groups_of(spec).items()},
    }


def _values(look: Look, read: tuple[str, ...]) -> dict[str, Any]:
    panel = look.panel
    gaps = GapCounts(panel.spec, look.marks)
    targets, references = TargetValues(panel.targets), Coverage(panel.references)
    seen = []
    for block in progress(panel.blocks(read), "inspect eras", len(read)):
        seen.append((block.era, len(block)))
        gaps.add(block)
        targets.add(block.targets)
        references.add(block.references)
    shares = gaps.shares()
    expected = [(era, look.rows_of[era]) for era in read]
    if seen != expected:
        odd = next((s for s in seen if s not in expected), "fewer eras")
        raise DataError(
            "eras hold other rows than was said of them",
            received=odd,
            hint="Run `erazoo inspect --verify`",
        )
    return {
        "targets": targets.to_json(read),
        "references": references.to_json(read),
        "gaps": shares,
        "empty": _empty(shares["empty"], read),
    }


def _empty(shares: Mapping[str, Sequence[float]], read: Sequence[str]) -> dict[str, Any]:
    """By group, the eras in which none of its features tells anything, as stretches."""
    axis = EraAxis(read)
    found = {}
    for group, by_era in shares.items():
        eras = [era for era, share in zip(read, by_era, strict=True) if share == 1]
        if eras:
            found[group] = {"eras": len(eras), "stretches": era_runs(axis, eras)}
    return found
