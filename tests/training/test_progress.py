from __future__ import annotations

import io
import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from erazoo.logs import LOGGER
from training import progress
from training.progress import Bars, FitProgress, Lines, live_progress, running

BEST = {"epoch": 2, "value": 0.0312, "monitor": "val_corr"}


def fit(epoch: int = 2, step: int = 5, **more: Any) -> FitProgress:
    return FitProgress("fold-0", 8, 10, epoch, step, 12_345, BEST, **more)


def write(folder: Path, state: FitProgress) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / progress.RECORD
    path.write_text(json.dumps(vars(state)))
    return path


def test_a_fit_says_epoch_throughput_and_the_best_so_far() -> None:
    assert str(fit()) == "epoch 3 of 8, 12,345 rows/s, best val_corr 0.0312 (epoch 2)"
    assert str(FitProgress("fold-0", 8, 10)) == "epoch 0 of 8"
    assert fit().done == 25


def test_fits_are_named_by_model_and_fold_and_old_ones_left_out(tmp_path: Path) -> None:
    write(tmp_path / "mlp/folds/fold-0", fit())
    write(tmp_path / "mlp/final/seed-1", fit())
    os.utime(write(tmp_path / "tabm/folds/fold-0", fit()), (1, 1))
    found = running(tmp_path, time.time() - 60)
    assert set(found) == {"mlp/fold-0", "mlp/final/seed-1"}
    assert found["mlp/fold-0"].best == BEST


def test_lines_come_after_an_epoch_and_not_too_often(
    seen_logs: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr(progress.time, "monotonic", lambda: now)
    lines = Lines()
    for seconds, epoch in ((0, 0), (1, 1), (11, 1), (12, 2), (22, 2), (23, 3)):
        now = float(seconds)
        lines.show({"mlp/fold-0": fit(epoch, 0)})
    said = [record.getMessage().split(",")[0] for record in seen_logs.records]
    assert said == ["mlp/fold-0: epoch 1 of 8", "mlp/fold-0: epoch 2 of 8"]


def test_bars_show_running_fits_alone() -> None:
    text = io.StringIO()
    with Bars(Console(file=text, force_terminal=True, width=120)) as bars:
        bars.show({"mlp/fold-0": fit(), "tabm/fold-0": fit(0, 1)})
        bars.show({"tabm/fold-0": fit(1, 0)})
        [task] = bars._progress.tasks
        assert (task.description, task.completed, task.total) == ("tabm/fold-0", 10, 80)
        bars._progress.refresh()
    assert "best val_corr 0.0312 (epoch 2)" in text.getvalue()


def test_log_lines_go_above_the_bars_and_handlers_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    handler = logging.StreamHandler(text)
    monkeypatch.setattr(LOGGER, "handlers", [handler])
    with Bars(Console(file=text, force_terminal=True)):
        assert handler.stream is not text
        LOGGER.warning("a line")
    assert handler.stream is text
    assert "a line" in text.getvalue()


def test_the_display_lasts_as_long_as_its_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[progress.Fits] = []

    class Seen(Lines):
        def show(self, fits: progress.Fits) -> None:
            seen.append(fits)

    monkeypatch.setattr(progress, "_display", Seen)
    with live_progress(tmp_path, every=0.01):
        write(tmp_path / "mlp/final", fit())
        until = time.monotonic() + 30
        while not any(seen) and time.monotonic() < until:
            time.sleep(0.01)
    assert set(seen[-1]) == {"mlp/final"}
    ended = len(seen)
    time.sleep(0.05)
    assert len(seen) == ended


def test_a_plain_stream_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert isinstance(progress._display(), Lines)


def test_a_notebook_gets_a_plot_that_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    display = pytest.importorskip("IPython.display")
    shown: list[dict[str, Any]] = []

    class Handle:
        def update(self, bundle: dict[str, Any], raw: bool) -> None:
            shown.append(bundle)

    monkeypatch.setattr(display, "display", lambda bundle, raw, display_id: Handle())
    monkeypatch.setattr(progress, "in_notebook", lambda: True)
    with progress._display() as plot:
        curve = {"val_corr": {1: 0.01, 2: None, 3: 0.03}, "loss": {1: 0.2, 2: 0.1, 3: 0.1}}
        plot.show({"mlp/fold-0": fit(3, 0, history=curve)})
        plot.show({"mlp/fold-0": fit(3, 0, history=curve)})
        plot.show({})
    [bundle] = shown
    traces = {t["name"]: t for t in bundle["application/vnd.plotly.v1+json"]["data"]}
    assert set(traces) == {"mlp/fold-0 loss", "mlp/fold-0 val_corr"}
    assert list(traces["mlp/fold-0 val_corr"]["x"]) == [1, 2, 3]
    assert "best val_corr" in bundle["text/plain"]
