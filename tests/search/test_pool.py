"""Forked workers: every task once, also where a worker fails or dies."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from search.pool import Pool


class Notes:
    """What workers have done, in files that outlive them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, word: str) -> None:
        with (self.folder / "notes").open("a") as stream:
            stream.write(f"{word} {os.getpid()}\n")

    def words(self) -> list[str]:
        return [line.split()[0] for line in (self.folder / "notes").read_text().splitlines()]

    def workers(self) -> set[str]:
        return {line.split()[1] for line in (self.folder / "notes").read_text().splitlines()}


@pytest.fixture
def notes(tmp_path) -> Notes:
    return Notes(tmp_path)


def test_every_task_is_done_once_by_as_many_workers_as_asked_for(notes) -> None:
    failed: list[tuple[int, str]] = []

    def work(task: int) -> None:
        notes.add(str(task))

    Pool(work, lambda *one: failed.append(one)).run(list(range(40)), 3)
    assert sorted(notes.words(), key=int) == [str(k) for k in range(40)]
    assert 1 <= len(notes.workers()) <= 3
    assert str(os.getpid()) not in notes.workers()
    assert failed == []


def test_what_a_task_raises_is_its_own_failure(notes) -> None:
    failed: list[tuple[int, str]] = []

    def work(task: int) -> None:
        if task == 2:
            raise ValueError("of no use")
        notes.add(str(task))

    Pool(work, lambda *one: failed.append(one)).run(range(5), 2)
    assert sorted(notes.words()) == ["0", "1", "3", "4"]
    assert failed == [(2, "ValueError: of no use")]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), MemoryError("much")])
def test_what_lies_with_the_machine_is_raised_and_no_failure(notes, error) -> None:
    failed: list[tuple[int, str]] = []

    def work(task: int) -> None:
        if task == 1:
            raise error
        notes.add(str(task))

    with pytest.raises(type(error), match=str(error.args[-1])):
        Pool(work, lambda *one: failed.append(one)).run(range(30), 2)
    assert failed == []
    assert len(notes.words()) < 30
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_worker_that_dies_is_replaced_and_its_task_begun_once_more(notes) -> None:
    failed: list[tuple[int, str]] = []

    def work(task: int) -> None:
        begun = notes.words().count(f"begun-{task}") if (notes.folder / "notes").exists() else 0
        notes.add(f"begun-{task}")
        if task == 4 or (task == 1 and not begun):
            os.kill(os.getpid(), signal.SIGKILL)
        notes.add(f"done-{task}")

    Pool(work, lambda *one: failed.append(one)).run(range(6), 2)
    words = notes.words()
    assert [words.count(f"begun-{k}") for k in range(6)] == [1, 2, 1, 1, 2, 1]
    assert [words.count(f"done-{k}") for k in range(6)] == [1, 1, 1, 1, 0, 1]
    assert failed == [(4, "a worker ended by signal 9")]
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_an_interrupt_ends_the_workers(notes) -> None:
    import time

    def work(task: int) -> None:
        notes.add(str(task))
        os.kill(os.getppid(), signal.SIGINT)
        time.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        Pool(work, lambda *_: None).run(range(3), 1)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
