"""`erazoo shard`: a panel becomes a shard set and its folds."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from erazoo import __version__
from erazoo.config import Config
from erazoo.errors import ShardError, StaleDataError
from erazoo.folds import FoldPlan
from erazoo.logs import LOGGER
from erazoo.publish import fingerprint, read_json, write_json
from erazoo.rundir import RunDir, Stage
from erazoo.tournament import TARGET_ALIAS
from etl.balance import MOST_BINS, Balance, fit_balance
from etl.cleaning import Cleaning, fit_cleaning
from etl.content import (
    changed_content,
    content_key,
    data_prints,
    describe_content,
    horizons,
    label_eras,
    only_remote,
    shard_inputs,
    shard_settings,
)
from etl.dataset import Dataset
from etl.preparation import Preparation
from etl.remote.direct import DirectStore, goes_direct
from etl.remote.fetch import fetch_shards
from etl.remote.place import PLACE, SENT, open_set, set_files_uri
from etl.remote.publication import Publication, publish_set
from etl.remote.store import Store
from etl.remote.writer import DirectWriter
from etl.sample import Sample, sample_rows
from etl.shards import Manifest, ShardFormat, ShardSet, ShardWriter
from etl.shards.manifest import MANIFEST
from etl.sorting import in_order, sweep_sorted
from etl.source import check_data, column_facts, data_files, data_folder
from etl.splits import fitting_eras, plan_folds, split_names
from etl.targets import made_targets, needed_columns
from etl.workers import write_pending

FOLDS = "folds.json"
SHARDS = "shards"


@dataclass(frozen=True)
class ShardJob:
    """Everything that is decided before a row is written.

    Args:
        data: the panel.
        plan: its folds.
        split_of: the split of every era.
        preparation: of its rows.
        form: how rows are laid into records.
    """

    data: Dataset
    plan: FoldPlan
    split_of: dict[str, str]
    preparation: Preparation
    form: ShardFormat

    @classmethod
    def of(cls, config: Config, run: RunDir, data: Dataset | None = None) -> ShardJob:
        """The job of a configuration, from the indexes of its tables.

        Args:
            config: the experiment.
            run: its run directory, which takes what is sorted where that is wanted.
            data: its panel in order, where that stands already.

        Raises:
            DataError: data that cannot be used.
            LeakageError: folds that cannot be made of them.
        """
        section = config.data
        if data is None:
            data = open_data(config, run)
            data = in_order(data, run) if section.sort else data
        plan = fold_plan(config, run, data)
        preparation = Preparation(
            _cleaning(config, data, plan),
            _balance(config, data, plan),
            column=data.targets.index(section.target),
            seed=config.run.seed if config.shards.shuffle else None,
            made=made_targets(config, data.targets, data.references),
        )
        form = ShardFormat(
            preparation.spec,
            (*data.targets, *config.targets),
            data.references,
            config.shards.block_rows,
            config.shards.codec,
            config.shards.compression,
            preparation.weighted,
        )
        return cls(data, plan, split_names(config.split, plan), preparation, form)

    def writer(
        self, config: Config, run: RunDir, *, fresh: bool = False, to: Publication | None = None
    ) -> ShardWriter:
        """The writer of this job's shards, not yet entered; `to` is a store that files go to."""
        balance = self.preparation.balance
        facts = {
            "tool": f"erazoo {__version__}",
            "content": content_key(config, run),
            "made_from": describe_content(config, run),
            "alias": {TARGET_ALIAS: self.data.alias_of()},
            "target": self.plan.target,
            "label_eras": self.plan.label_eras,
            "horizons": horizons(config, run, self.form.targets),
            "made_targets": {
                t.name: t.entry.model_dump(mode="json") for t in self.preparation.made
            },
            "purge": self.plan.purge,
            "embargo": self.plan.embargo,
            "shuffle_seed": self.preparation.seed,
            "balance": balance.to_json() if balance else None,
            "cleaning": self.preparation.cleaning.describe(),
            "beside": self.preparation.cleaning.checksums,
            "folds": fingerprint(self.plan.to_json()),
        }
        key = fingerprint(
            [
                data_prints(config, run),
                column_facts(config),
                self.data.spec.fingerprint,
                self.form.spec.fingerprint,
                self.form.targets,
                facts["made_targets"],
                facts["balance"],
                facts["cleaning"],
                facts["shuffle_seed"],
            ]
        )
        kind = ShardWriter if to is None else partial(DirectWriter, to)
        return kind(
            run.path(SHARDS),
            self.form,
            split_of=self.split_of,
            rows_of=self.data.rows_of,
            key=key,
            layout=config.shards.layout,
            shard_rows=config.shards.shard_rows,
            facts=facts,
            fresh=fresh,
        )


def open_data(config: Config, run: RunDir) -> Dataset:
    """The panel of a configuration, in whatever order its rows stand.

    Raises:
        DataError: data that cannot be used.
    """
    section = config.data
    targets = (section.target, *needed_columns(config))
    return Dataset(data_files(config, run), section.feature_set, targets, section.features)


def fold_plan(config: Config, run: RunDir, data: Dataset) -> FoldPlan:
    """The folds over the eras of a panel.

    Raises:
        LeakageError: they cannot be made of them.
    """
    target = config.data.target
    reach = label_eras(config, run)
    return plan_folds(config.split, data.axis, data.resolved(target), target, reach)


def shard(config: Config, run: RunDir, *, force: bool = False) -> dict[str, Any]:
    """Write the shards and the folds of an experiment, unless they stand already.

    With `shards.remote` they are published there too, or (see `etl.remote.direct`) written there
    alone; where the data are not here, they are fetched from there instead.

    Memory: a worker holds one era of the widest table, one batch and a row group's packed pages.

    Returns:
        The stage's summary: eras, rows, files, bytes, folds; with `shards.remote` also `remote`
        and the number of files `sent` or `fetched`.

    Raises:
        DataError: data that cannot be used; nothing is published then.
        RemoteError: the store cannot be used.
    """
    uri = config.shards.remote
    if only_remote(config, run):
        fetched = fetch_shards(config, run, run.path(SHARDS), run.path(FOLDS))
        shards, plan = open_shards(config, run)
        return {**_summary(shards, plan), "remote": uri, "fetched": fetched}
    publication = _publication(run, uri, fresh=force) if goes_direct(uri) else None
    summary = _shard_here(config, run, force, publication)
    if publication is not None:
        return {**summary, "remote": uri, "sent": publication.sent}
    if not uri:
        return summary
    sent = publish_set(
        run.path(SHARDS), _publication(run, uri, fresh=force), beside=[run.path(FOLDS)]
    )
    return {**summary, "remote": uri, "sent": sent}


def _publication(run: RunDir, uri: str, *, fresh: bool) -> Publication:
    kind = DirectStore if goes_direct(uri) else Store
    return Publication(kind.open(uri), run.path(SENT), fresh=fresh)


def _shard_here(config: Config, run: RunDir, force: bool, to: Publication | None) -> dict[str, Any]:
    """Write shards and folds, unless they stand; files go `to` a store, where one is given."""
    stage = shard_stage(config, run)
    if not force and stage.done():
        check_data(config, data_folder(config, run))
        return {**stage.summary(), "skipped": True}
    begun = time.monotonic()
    stage.forget()
    check_data(config, data_folder(config, run))
    job = ShardJob.of(config, run)
    job.data.check_ids()
    set_files_uri(run, None if to is None else to.store.uri)
    with job.writer(config, run, fresh=force, to=to) as writer:
        pending = {piece.era for file in writer.pending() for piece in file.pieces}
        if len(pending) < len(job.split_of):
            LOGGER.info("shard: %d eras stand already", len(job.split_of) - len(pending))
        write_pending(writer, job.data, job.preparation, config.shards.workers)
        kept = job.preparation.cleaning.save(run.path(SHARDS))
    write_json(run.path(FOLDS), job.plan.to_json())
    outputs = [*kept, run.path(SHARDS, MANIFEST), run.path(FOLDS)]
    if to is not None:
        publish_set(run.path(SHARDS), to, beside=[run.path(FOLDS)])
        outputs.append(run.path(PLACE))
    shards = open_set(run, run.path(SHARDS))
    if to is None:
        outputs += [run.path(SHARDS, f.path) for f in shards.manifest.files]
    summary = _summary(shards, job.plan)
    stage.finish(outputs, summary, time.monotonic() - begun)
    if not config.data.sort:
        sweep_sorted(run)
    return summary


def open_shards(config: Config, run: RunDir) -> tuple[ShardSet, FoldPlan]:
    """The shards and folds with the content that this very configuration asks for.

    How they are stored (codec, compression) may differ.

    Raises:
        StaleDataError: they are missing or belong to another configuration or other data.
        ShardError: they are damaged.
    """
    if not _finished(run):
        raise StaleDataError(
            f"there are no finished shards in {run.path(SHARDS)}", hint="Run `erazoo shard`"
        )
    shards = open_set(run, run.path(SHARDS))
    if changed := changed_content(config, run, shards.manifest.facts["made_from"]):
        raise StaleDataError(
            f"the shards in {run.path(SHARDS)} were made from other settings or data",
            received=f"another {', '.join(changed)}",
            hint="Give this command the settings that `erazoo shard` had, or run it again",
        )
    if not folds_fit(run, shards.manifest):
        raise ShardError(
            "the folds differ from what was written beside the shards",
            received=str(run.path(FOLDS)),
            hint="Run `erazoo shard --force`",
        )
    return shards, FoldPlan.from_json(read_json(run.path(FOLDS)))


def bring_shards(config: Config, run: RunDir) -> tuple[ShardSet, FoldPlan]:
    """As `open_shards`; where no shards stand, those of `shards.remote` are fetched first.

    Raises:
        RemoteError: the store cannot be used.
        DataError: as for `open_shards`.
    """
    if config.shards.remote and not _finished(run):
        fetch_shards(config, run, run.path(SHARDS), run.path(FOLDS))
    return open_shards(config, run)


def folds_fit(run: RunDir, manifest: Manifest) -> bool:
    """Whether the folds are those that the shards were split by, as they were written."""
    try:
        return bool(fingerprint(read_json(run.path(FOLDS))) == manifest.facts["folds"])
    except (OSError, ValueError):
        return False


def _finished(run: RunDir) -> bool:
    return run.path(SHARDS, MANIFEST).is_file() and run.path(FOLDS).is_file()


def content_of(run: RunDir) -> str:
    """The content key of the shards that stand.

    Raises:
        ShardError: there are none.
    """
    folder = run.path(SHARDS)
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return str(Manifest.load(folder).facts["content"])
    return _content(folder, (found.st_ino, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=4)
def _content(folder: Path, mark: tuple[int, int, int]) -> str:  # noqa: ARG001
    """Read once: a manifest is replaced as a whole, and every stage of every model asks for it."""
    return str(Manifest.load(folder).facts["content"])


def shard_stage(config: Config, run: RunDir) -> Stage:
    """The record of the shards of a configuration: their content, and how it is stored."""
    settings = shard_settings(config, "workers", "remote")
    inputs = shard_inputs(config, run)
    if goes_direct(config.shards.remote):
        inputs["files"] = config.shards.remote
    return run.stage("shard", settings, inputs)


def _cleaning(config: Config, data: Dataset, plan: FoldPlan) -> Cleaning:
    def sample() -> Sample:
        return sample_rows(data, fitting_eras(plan), config.clean.sample_rows, config.run.seed)

    return fit_cleaning(config.clean, data.spec, sample, config.run.seed)


def _balance(config: Config, data: Dataset, plan: FoldPlan) -> Balance | None:
    if config.shards.balance == "none":
        return None
    target, mode = config.data.target, config.shards.balance
    fitting: Sequence[str] = fitting_eras(plan)
    counts = dict(data.values_of(target, fitting, MOST_BINS))
    return fit_balance(mode, target, data.axis, counts, fitting)


def _summary(shards: ShardSet, plan: FoldPlan) -> dict[str, Any]:
    manifest = shards.manifest
    splits = [entry.split for entry in manifest.eras.values()]
    return {
        "eras": len(manifest.eras),
        "rows": manifest.rows,
        "features": len(manifest.spec.names),
        "targets": list(manifest.targets),
        "references": list(manifest.references),
        "splits": {name: splits.count(name) for name in dict.fromkeys(splits)},
        "files": len(manifest.files),
        "bytes": sum(entry.bytes for entry in manifest.files),
        "codec": manifest.form.codec,
        "compression": manifest.form.compression,
        "folds": len(plan.development),
        "held_out_eras": len(plan.held_out.validation) if plan.held_out else 0,
        "purge": plan.purge,
        "fingerprint": manifest.spec.fingerprint,
    }
