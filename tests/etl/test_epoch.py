from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.errors import ConfigError
from etl.shards.epoch import Epoch
from etl.shards.packed import decode_table, pack, packed_width, unpack

ROOT = Path(__file__).resolve().parents[2]
ROWS = st.lists(st.integers(0, 60), min_size=1, max_size=30).map(
    lambda sizes: {f"{number:04d}": size for number, size in enumerate(sizes)}
)


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, size=st.integers(1, 70))
def test_steps_cover_every_row_and_no_more(rows: dict[str, int], size: int) -> None:
    of_rows, of_eras = Epoch(rows, batch_size=size), Epoch(rows, batch_eras=size)
    total, eras = sum(rows.values()), sum(count > 0 for count in rows.values())
    assert (of_rows.steps - 1) * size < total <= of_rows.steps * size or not total
    assert (of_eras.steps - 1) * size < eras <= of_eras.steps * size or not eras


@settings(max_examples=200, deadline=None)
@given(rows=ROWS, data=st.data())
def test_readers_get_whole_eras_and_nearly_equal_rows(
    rows: dict[str, int], data: st.DataObject
) -> None:
    epoch = Epoch(rows, batch_size=1)
    if not epoch.rows:
        return
    count = data.draw(st.integers(1, len(epoch.rows)))
    parts = [epoch.shard(count, index) for index in range(count)]
    dealt = [era for part in parts for era in part.rows]
    assert sorted(dealt) == sorted(epoch.rows)
    assert all(list(part.rows) == sorted(part.rows) for part in parts)
    held = [sum(part.rows.values()) for part in parts]
    assert max(held) - min(held) <= max(epoch.rows.values())


def test_a_replica_takes_its_part_of_a_batch() -> None:
    epoch = Epoch({"0001": 10, "0002": 20}, batch_size=8)
    assert epoch.of_replica(4) == Epoch({"0001": 10, "0002": 20}, batch_size=2)
    assert Epoch(epoch.rows, batch_eras=4).of_replica(2) == Epoch(epoch.rows, batch_eras=2)
    with pytest.raises(ConfigError, match="8 over 3 replicas"):
        epoch.of_replica(3)


@settings(max_examples=100, deadline=None)
@given(
    rows=st.integers(0, 9),
    features=st.integers(1, 20),
    base=st.sampled_from([5, 6]),
    seed=st.integers(0, 99),
)
def test_packed_rows_come_back(rows: int, features: int, base: int, seed: int) -> None:
    codes = np.random.default_rng(seed).integers(0, base, (rows, features)).astype(np.int8)
    packed = pack(codes, base)
    assert packed.shape == (rows, packed_width(features))
    again = unpack(packed, features, base)
    assert again.flags["C_CONTIGUOUS"]
    np.testing.assert_array_equal(again, codes)
    np.testing.assert_array_equal(unpack(packed[::-1], features, base), codes[::-1])


@pytest.mark.parametrize("base", [5, 6])
def test_every_byte_is_decoded_by_the_table(base: int) -> None:
    values = np.random.default_rng(0).permutation(np.arange(256, dtype=np.uint8))
    expected = decode_table(base)[values]
    np.testing.assert_array_equal(unpack(values[:, None], 3, base), expected)
    np.testing.assert_array_equal(unpack(values[None, :], 768, base), expected.reshape(1, -1))
    np.testing.assert_array_equal(unpack(values[None, :255], 764, base)[0], expected.ravel()[:764])


POOLS = """
import ctypes, re, sys, threading
from etl.shards.allocator import keep_freed_memory
libc = ctypes.CDLL(None)
libc.fopen.restype = ctypes.c_void_p
def pools():
    stream = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    return open(sys.argv[1]).read().count("<heap nr=")
before, kept = pools(), keep_freed_memory()
ready = threading.Barrier(7)
def work():
    libc.malloc(2000)
    ready.wait(10)
threads = [threading.Thread(target=work) for _ in range(6)]
for thread in threads:
    thread.start()
ready.wait(10)
print(kept, before, pools())
"""


@pytest.mark.parametrize("given", [None, "5"])
def test_threads_share_two_pools_of_memory(tmp_path: Path, given: str | None) -> None:
    own = {} if given is None else {"MALLOC_ARENA_MAX": given}
    done = subprocess.run(
        [sys.executable, "-c", POOLS, str(tmp_path / "pools.xml")],
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", **own},
        capture_output=True,
        text=True,
        check=True,
    )
    kept, before, after = done.stdout.split()
    assert kept == str(given is None)
    assert int(after) == max(int(before), 2 if given is None else int(given))
