"""Threads of this process as the workers that TPOT wants."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from erazoo.scratch import Scratch

HERE = "127.0.0.1:0"
"""Dask always opens a page of its state; it has no routes here, and no other machine sees it."""


@contextmanager
def dask_client(threads: int) -> Iterator[Any]:
    """A client of Dask whose scheduler and workers are threads of this process, gone afterwards.

    Tasks and their data stay in this process; nothing listens but the pages of state, empty ones,
    on loopback. Libraries take one thread a worker.

    Args:
        threads: workers.
    """
    import dask
    from distributed import Client, Scheduler, SpecCluster, Worker
    from threadpoolctl import threadpool_limits

    pages = {"dashboard": False, "dashboard_address": HERE}
    empty: list[str] = []
    quiet = {f"distributed.{each}.http.routes": empty for each in ("scheduler", "worker")}
    pool = ThreadPoolExecutor(threads, "tpot", initializer=threadpool_limits, initargs=(1,))
    with (
        dask.config.set(quiet),
        Scratch("tpot") as folder,
        pool,
    ):
        own = {"nthreads": 1, "memory_limit": 0, "executor": pool, "local_directory": folder}
        scheduler = {"cls": Scheduler, "options": {"protocol": "inproc://", **pages}}
        worker = {"cls": Worker, "options": {"protocol": "inproc://", **own, **pages}}
        workers = dict.fromkeys(range(threads), worker)
        silence = logging.CRITICAL
        with (
            SpecCluster(scheduler=scheduler, workers=workers, silence_logs=silence) as cluster,
            Client(cluster) as client,
        ):
            yield client
