"""The memory-mapped cache: written once, whole or not at all, used again while it fits."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.written import KINDS, Kind, Written, write

from erazoo.errors import ShardError
from etl.shards import ShardSet
from etl.shards.cache import CACHE, RECORD, MatrixCache
from etl.shards.verify import find_damage, refuse_damage

Builds = list[str]


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch) -> Builds:
    """The keys of the caches that this process writes."""
    written: Builds = []
    whole = MatrixCache._write

    def spy(self: MatrixCache, folder: Path) -> None:
        written.append(self.key)
        whole(self, folder)

    monkeypatch.setattr(MatrixCache, "_write", spy)
    return written


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.name != ".lock"}


def test_it_is_mapped_and_cannot_be_changed(tmp_path: Path, builds: Builds) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    x, labels = shards.to_numpy(mmap=True)
    assert isinstance(x, np.memmap)
    for array in (x, labels.targets, labels.references):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    shards.to_numpy(mmap=True)
    shards.to_numpy(list(shards.eras()), mmap=True)
    assert names(shards.folder / CACHE) == {f"matrix-{builds[0]}"}
    assert len(builds) == 1


SELECTIONS: list[dict[str, Any]] = [
    {},
    {"eras": "odd"},
    {"features": ["feature_1", "feature_0"]},
    {"features": ["feature_0", "feature_1"]},
    {"training": True},
]


def test_each_selection_has_its_own(tmp_path: Path, builds: Builds) -> None:
    shards = write(tmp_path / "shards", KINDS[2]).shards
    for _ in range(2):
        for options in SELECTIONS:
            mapped, whole = shards.to_numpy(mmap=True, **options), shards.to_numpy(**options)
            np.testing.assert_array_equal(mapped[0], whole[0])
            assert mapped[1].ids.tolist() == whole[1].ids.tolist()
    assert len(set(builds)) == len(builds) == len(SELECTIONS)
    assert names(shards.folder / CACHE) == {f"matrix-{key}" for key in builds}


@pytest.mark.parametrize("form", ["str", "Path"])
def test_a_folder_of_the_callers(form: str, tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    folder = tmp_path / "elsewhere" / "deep"
    x, _ = shards.to_numpy(mmap=str(folder) if form == "str" else folder)
    assert len(names(folder)) == 1
    assert not (shards.folder / CACHE).exists()
    np.testing.assert_array_equal(x, shards.to_numpy()[0])


def test_other_shards_make_a_new_one_and_remove_the_old(tmp_path: Path, builds: Builds) -> None:
    folder = tmp_path / "shards"
    old, _ = write(folder, KINDS[0]).shards.to_numpy(mmap=True)
    before = old.copy()
    again = write(folder, KINDS[0], seed=1).shards
    x, _ = again.to_numpy(mmap=True)
    np.testing.assert_array_equal(x, again.to_numpy()[0])
    assert not np.array_equal(x, before)
    np.testing.assert_array_equal(old, before)
    assert names(folder / CACHE) == {f"matrix-{builds[-1]}"}
    assert len(builds) == 2


def test_new_eras_keep_what_was_made_of_the_old(tmp_path: Path, builds: Builds) -> None:
    folder = tmp_path / "shards"
    write(folder, KINDS[0], eras=5).shards.to_numpy("3..5", mmap=True)
    grown = write(folder, KINDS[0], eras=7).shards
    grown.to_numpy(mmap=True)
    grown.to_numpy("3..5", mmap=True)
    assert len(builds) == 2


def test_a_moved_set_takes_its_cache_along(tmp_path: Path, builds: Builds) -> None:
    write(tmp_path / "one", KINDS[0]).shards.to_numpy(mmap=True)
    (tmp_path / "one").rename(tmp_path / "two")
    ShardSet.open(tmp_path / "two").to_numpy(mmap=True)
    assert len(builds) == 1
    write(tmp_path / "two", KINDS[0], seed=1).shards.to_numpy(mmap=True)
    assert names(tmp_path / "two" / CACHE) == {f"matrix-{builds[-1]}"}


def test_two_sets_share_a_folder(tmp_path: Path, builds: Builds) -> None:
    sets = [write(tmp_path / name, KINDS[0], seed=n).shards for n, name in enumerate("ab")]
    (tmp_path / "shared" / "notes").mkdir(parents=True)
    for _ in range(2):
        for shards in sets:
            x, _ = shards.to_numpy(mmap=tmp_path / "shared")
            np.testing.assert_array_equal(x, shards.to_numpy()[0])
    assert len(builds) == 2
    assert names(tmp_path / "shared") == {"notes", *(f"matrix-{key}" for key in builds)}


def cut(place: Path) -> None:
    path = place / "features.npy"
    path.write_bytes(path.read_bytes()[:-1])


DAMAGE: dict[str, Callable[[Path], object]] = {
    "a shorter file": cut,
    "a file that is gone": lambda place: (place / "ids.utf8").unlink(),
    "a torn record": lambda place: (place / RECORD).write_text("{"),
    "another record": lambda place: (place / RECORD).write_text("[]"),
    "no record": lambda place: (place / RECORD).unlink(),
    "a file in its place": lambda place: (place / RECORD).rename(place / "record.txt"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_does_not_fit_is_written_again(damage: str, tmp_path: Path, builds: Builds) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    shards.to_numpy(mmap=True)
    [place] = (shards.folder / CACHE).glob("matrix-*")
    DAMAGE[damage](place)
    x, _ = shards.to_numpy(mmap=True)
    np.testing.assert_array_equal(x, shards.to_numpy()[0])
    assert len(builds) == 2
    assert names(shards.folder / CACHE) == {place.name}


def test_nothing_selected_is_an_empty_matrix(tmp_path: Path) -> None:
    shards = write(tmp_path / "shards", Kind(weighted=True)).shards
    for mmap in (True, False):
        x, labels = shards.to_numpy([], mmap=mmap)
        assert x.shape == (0, 7)
        assert len(labels) == 0


DIES = """
import os, signal, sys
from pathlib import Path
from erazoo.errors import ShardError
from etl.shards import ShardSet
from etl.shards import cache
whole, left = cache._Files.write, [int(sys.argv[2])]
def write(self, block):
    whole(self, block)
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
cache._Files.write = write
ShardSet.open(Path(sys.argv[1])).to_numpy(mmap=True)
"""


@pytest.mark.parametrize("block", [1, 7])
def test_a_killed_writer_leaves_no_cache(block: int, tmp_path: Path, builds: Builds) -> None:
    shards = write(tmp_path / "shards", KINDS[0]).shards
    died = subprocess.run([sys.executable, "-c", DIES, str(shards.folder), str(block)])
    assert died.returncode == -signal.SIGKILL
    assert any(name.startswith(".partial-") for name in names(shards.folder / CACHE))
    x, _ = shards.to_numpy(mmap=True)
    np.testing.assert_array_equal(x, shards.to_numpy()[0])
    assert names(shards.folder / CACHE) == {f"matrix-{builds[0]}"}


TOGETHER = """
import sys
from pathlib import Path
from erazoo.logs import set_up
from erazoo.errors import ShardError
from etl.shards import ShardSet
from etl.shards.cache import MatrixCache
whole, built = MatrixCache._write, []
def slowly(self, folder):
    built.append(folder)
    print("writing", flush=True)
    sys.stdin.readline()
    whole(self, folder)
MatrixCache._write = slowly
set_up()
x, labels = ShardSet.open(Path(sys.argv[1])).to_numpy(mmap=True)
print(len(built), int(x.astype(int).sum()), len(labels))
"""


def test_of_two_processes_one_writes_and_the_other_waits(tmp_path: Path) -> None:
    written: Written = write(tmp_path / "shards", KINDS[0])
    words = [sys.executable, "-c", TOGETHER, str(written.shards.folder)]
    pipes: dict[str, Any] = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    first = subprocess.Popen(words, text=True, **pipes)
    assert first.stdout.readline() == "writing\n"  # type: ignore[union-attr]
    second = subprocess.Popen(words, text=True, **pipes)
    assert "waiting for another process" in second.stderr.readline()  # type: ignore[union-attr]
    one, _ = first.communicate("go\n")
    other, _ = second.communicate("go\n")
    x, labels = written.shards.to_numpy()
    assert one.split() == ["1", str(x.astype(int).sum()), str(len(labels))]
    assert other.split() == ["0", str(x.astype(int).sum()), str(len(labels))]


@pytest.mark.parametrize("damage", ["flip", "missing", "record"])
def test_a_damaged_cache_is_found(damage: str, tmp_path: Path) -> None:
    """A flipped bit keeps the size, so that only a verification can find it."""
    shards = write(tmp_path / "shards", KINDS[0]).shards
    shards.to_numpy(mmap=True)
    assert find_damage(shards.folder) == ()
    place = next((shards.folder / CACHE).glob("matrix-*"))
    target = place / (RECORD if damage == "record" else "features.npy")
    if damage == "missing":
        target.unlink()
    else:
        content = bytearray(target.read_bytes())
        content[-1] ^= 4
        target.write_bytes(content)
    found = find_damage(shards.folder)
    assert [one.path for one in found] == [str(target)]
    with pytest.raises(ShardError, match="Delete the cache"):
        refuse_damage(found)
