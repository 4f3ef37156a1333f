"""Programs beside this process: their ends are told, and none outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from erazoo.guarded import Guarded

FAMILY = "sleep 60 & echo $! >{0}/child; sleep 60"
SLEEPER = """
import os, sys, time
from pathlib import Path
from erazoo.guarded import Guarded
place = Path(sys.argv[1])
program = Guarded(["sh", "-c", sys.argv[2]], place / "log")
(place / "guard").write_text(str(program.pid))
time.sleep(60)
"""


def waits_for(path: Path) -> int:
    for _ in range(400):
        if path.is_file() and (text := path.read_text().strip()):
            return int(text)
        time.sleep(0.05)
    raise AssertionError(f"{path} was never written")


def ends(pid: int) -> bool:
    """Whether a process goes; one that nobody waits for stays as a zombie."""
    for _ in range(400):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("exit 0", 0, "ended with exit code 0"),
        ("exit 7", 7, "ended with exit code 7"),
        ("kill -9 $$", -signal.SIGKILL, "was ended by SIGKILL"),
        ("kill -15 $$", -signal.SIGTERM, "was ended by SIGTERM"),
    ],
)
def test_the_end_is_told(tmp_path: Path, script: str, code: int, words: str) -> None:
    with Guarded(["sh", "-c", f"echo said; {script}"], tmp_path / "deep" / "log") as program:
        assert program.wait(30)
        assert (program.code, program.end) == (code, words)
    assert (tmp_path / "deep" / "log").read_text() == "said\n"


def test_a_running_program_has_no_end_yet(tmp_path: Path) -> None:
    with Guarded(["sleep", "60"], tmp_path / "log") as program:
        assert (program.code, program.end, program.wait(0.01)) == (None, "", False)
    assert program.end == "was ended by SIGKILL"


def test_pipes_are_the_callers(tmp_path: Path) -> None:
    with Guarded(["sh", "-c", "cat; echo bad >&2"], tmp_path / "log", pipes=True) as program:
        program.input.write(b"\x00\xff")
        program.input.close()
        assert program.output.read() == b"\x00\xff"
        assert program.wait(30)
    assert (tmp_path / "log").read_text() == "bad\n"
    with Guarded(["true"], tmp_path / "log") as program, pytest.raises(ValueError, match="pipes"):
        program.input.write(b"")


def test_the_keys_of_accounts_are_not_handed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "not for others")
    monkeypatch.setenv("ERAZOO_PLAIN", "for all")
    with Guarded(["env"], tmp_path / "log", {"ERAZOO_OWN": "for it"}) as program:
        program.wait()
    said = (tmp_path / "log").read_text()
    assert "ERAZOO_PLAIN=for all" in said
    assert "ERAZOO_OWN=for it" in said
    assert "not for others" not in said


def test_what_the_program_started_goes_with_it(tmp_path: Path) -> None:
    with Guarded(["sh", "-c", FAMILY.format(tmp_path)], tmp_path / "log"):
        child = waits_for(tmp_path / "child")
        assert not ends_now(child)
    assert ends(child)


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_the_process(tmp_path: Path, way: signal.Signals) -> None:
    words = [sys.executable, "-c", SLEEPER, str(tmp_path), FAMILY.format(tmp_path)]
    parent = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    guard, child = waits_for(tmp_path / "guard"), waits_for(tmp_path / "child")
    parent.send_signal(way)
    parent.wait()
    assert ends(child)
    assert ends(guard)


def ends_now(pid: int) -> bool:
    return not psutil.pid_exists(pid)
