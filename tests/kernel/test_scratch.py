"""Temporary folders, of which none stays for long after its process."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from erazoo.scratch import Scratch

HOLD = """
import sys
from erazoo.scratch import Scratch
one = Scratch("kept")
(one.path / "file").write_text("here")
print(one.path, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def holding() -> tuple[subprocess.Popen[str], Path]:
    """A process with such a folder, which it has filled."""
    pipe, root = subprocess.PIPE, Path(__file__).resolve().parents[2]
    words = [sys.executable, "-c", HOLD]
    process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=root)
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_goes_with_its_block(temporary: Path) -> None:
    with Scratch("kept") as name:
        assert Path(name).parent == temporary
        assert Path(name).is_dir()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_process_left_goes_with_the_next_of_its_kind(temporary: Path) -> None:
    (temporary / "erazoo-kept-of-others").mkdir()
    killed, left = holding()
    living, held = holding()
    assert left.is_dir()
    killed.kill()
    killed.communicate()
    with Scratch("other"):
        assert left.is_dir()
    with Scratch("kept"):
        assert not left.exists()
        assert (held / "file").read_text() == "here"
    living.communicate()
    assert not held.exists()
    assert [path.name for path in temporary.iterdir()] == ["erazoo-kept-of-others"]


def test_a_link_to_elsewhere_is_left_alone(temporary: Path) -> None:
    killed, left = holding()
    killed.kill()
    killed.communicate()
    elsewhere = left.rename(temporary / "precious")
    (temporary / "erazoo-kept-link").symlink_to(elsewhere)
    with Scratch("kept"):
        pass
    assert (elsewhere / "file").read_text() == "here"
