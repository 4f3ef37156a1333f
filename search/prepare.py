"""Making a study's folder: the plan settled, the predicted rows and their features written."""

from __future__ import annotations

import shutil
import time

from erazoo.config import Config, describe
from erazoo.logs import LOGGER
from erazoo.publish import LOCK, make_dir, write_json
from erazoo.rundir import RunDir
from etl.build import bring_shards
from search.folder import MineDir
from search.plan import Plan, check_same
from search.predictions import SIZE
from search.rows import Rows, write_columns, write_rows
from search.study import forget_study


def settle(config: Config, run: RunDir, folder: MineDir, *, force: bool = False) -> Plan:
    """Bring a study's folder to the state in which its trials can be trained.

    The caller holds the folder.

    Args:
        config: the experiment; its shards must stand.
        run: its run directory.
        folder: of the study.
        force: forget what another plan found under this name.

    Raises:
        ConfigError: another plan's results stand there, or a plan that cannot be made.
        DataError: shards or folds that cannot be used.
    """
    plan = Plan.of(config, run)
    if force:
        forget(folder)
        if config.mine.storage:
            forget_study(plan, config.mine.storage)
    check_same(plan, folder)
    if not folder.plan.is_file():
        forget(folder)  # what was begun and not settled may be of another plan
    shards, _ = bring_shards(config, run)
    make_dir(folder.binned)
    begun = time.monotonic()
    if not folder.rows.is_file():
        write_rows(shards, plan, folder.rows)
    if not folder.columns.is_file():
        write_columns(shards, plan, folder.columns)
        LOGGER.info("mine: predicted rows written in %.1f s", time.monotonic() - begun)
    write_json(folder.config, describe(config))
    write_json(folder.plan, plan.to_json())
    _check_disk(config, plan, folder)
    return plan


def _check_disk(config: Config, plan: Plan, folder: MineDir) -> None:
    """Say so where the disk is too small for all predictions that there may be."""
    held = folder.predictions.stat().st_blocks * 512 if folder.predictions.is_file() else 0
    most = (config.mine.trials + 1) * plan.slots * len(Rows.read(folder.rows)) * SIZE
    free = shutil.disk_usage(folder.root).free
    if most - held > free:
        LOGGER.warning(
            "mine: predictions of %d trials may take %.1f GB more, and %.1f GB are free: "
            "fewer mine.trials or mine.prefixes take less",
            config.mine.trials,
            (most - held) / 1e9,
            free / 1e9,
        )


def forget(folder: MineDir) -> None:
    """Remove everything that a study found, but for the lock that is held."""
    if not folder.root.is_dir():
        return
    found = [path for path in folder.root.iterdir() if path.name != LOCK]
    if folder.plan.is_file():
        LOGGER.warning("mine: what stands in %s is removed", folder.root)
    order = {folder.results.name: 0, folder.plan.name: 2}  # what is left of it has no results
    for path in sorted(found, key=lambda one: order.get(one.name, 1)):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
