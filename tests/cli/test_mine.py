"""`erazoo mine start|progress|stop|resume` on a terminal and as JSON, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from contracts.mining import SETTINGS

from erazoo.config import Config
from erazoo.rundir import RunDir

RUN = ("data.extra_targets=['target_ender_60']", "split.folds=2", "split.margin=1")


@pytest.fixture
def words(
    make_run: Callable[..., tuple[Config, RunDir]], panel_folder: Path, tmp_path: Path
) -> list[str]:
    """The words that name a run with shards."""
    (tmp_path / "empty.toml").write_text("")
    own = (*RUN, *SETTINGS)
    _, run = make_run(*own)
    place = ["--run-dir", str(run.root), "--config", str(tmp_path / "empty.toml")]
    given = (f"data.dir={panel_folder}", *own)
    return [*place, *(w for one in given for w in ("--set", one))]


def test_a_study_from_start_to_progress(erazoo, words, tmp_path) -> None:
    folder = tmp_path / "run" / "mine" / "weekend"
    drawn = erazoo("mine", "start", "--show-folds", *words)
    assert "VVVV" in drawn.out
    assert "TTTT" in drawn.out
    assert not folder.exists()
    shown = erazoo("mine", "start", "--dry-run", "--name", "weekend", *words)
    assert "would mine 4 trials of lightgbm" in shown.out
    started = erazoo("mine", "start", "--foreground", "--name", "weekend", "--trials", "3", *words)
    assert started.code == 0, started.err
    assert "3 of 3 trials, finished" in started.out
    now = erazoo("mine", "progress", "--name", "weekend", "--json", *words).json
    assert (now["state"], now["finished"], now["trials"]) == ("finished", 3, 3)
    assert now["folder"] == str(folder)
    assert now["best"]["params"]["n_estimators"] == 12
    assert json.loads((folder / "plan.json").read_text())["name"] == "weekend"
    stopped = erazoo("mine", "stop", "--name", "weekend", *words)
    assert "is not being mined" in stopped.out
    again = erazoo("mine", "resume", "--foreground", "--name", "weekend", "--trials", "3", *words)
    assert again.code == 0
    assert len((folder / "results.jsonl").read_text().splitlines()) == 4
    more = erazoo("mine", "start", "--foreground", "--name", "weekend", "--trials", "5", *words)
    assert "5 of 5 trials, finished" in more.out
    again = erazoo("mine", "resume", "--foreground", "--name", "weekend", *words)
    assert "5 of 5 trials, finished" in again.out


def test_what_cannot_be_done_is_said_in_one_line(erazoo, words) -> None:
    for action, code, said in (
        ("strat", 2, "start"),
        ("progress", 3, "there is no mining"),
        ("stop", 3, "erazoo mine start"),
        ("resume", 3, "there is no mining"),
    ):
        found = erazoo("mine", action, *words)
        assert found.code == code
        assert said in found.err
        assert len(found.err.strip().splitlines()) == 1
    without = [w for w in words if not w.startswith("mine.benchmark")]
    without = [w for k, w in enumerate(without) if not _lonely(without, k)]
    found = erazoo("mine", "start", "--foreground", *without)
    assert found.code == 2
    assert "mine.benchmark says what is to be beaten" in found.err


def _lonely(words: list[str], place: int) -> bool:
    """Whether a --set has lost its value."""
    return words[place] == "--set" and (
        place + 1 == len(words) or words[place + 1].startswith("--")
    )
