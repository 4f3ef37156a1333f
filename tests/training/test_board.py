"""TensorBoard itself on a run directory with the event files of real fits."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from contracts.planted import TARGET, planted_shards

from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError
from erazoo.machine import BROWSERS
from scoring.report.browser import Browser
from training.board import _advice, link_fits, main
from training.keras.trainer import KerasTrainer
from training.task import FoldTask
from zoo.catalogue import resolve
from zoo.keras.mlp import SPEC

ERAS = tuple(f"{number:04d}" for number in range(1, 9))
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run directory with two fits of a network."""
    folder = tmp_path_factory.mktemp("run")
    data = planted_shards(folder / "shards", eras=8)
    params = resolve(SPEC, "small", {"units": [8], "batch_size": 64})
    for seed, place in enumerate(("folds/fold-0", "final")):
        task = FoldTask(place, ERAS[:4], ERAS[5:7], TARGET, seed, TrainingSection(epochs=2))
        KerasTrainer().fit(SPEC, params, data, task, folder / "models" / "mlp" / place)
    return folder


@contextmanager
def served(run: Path) -> Iterator[str]:
    """TensorBoard in a process of its own, on a free port of loopback."""
    words = [sys.executable, "-m", "training.board", str(run), "--port", "0"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if found := re.search(r"at (http://127\.0\.0\.1:\d+/)", line):
                yield found[1]
                break
        else:
            pytest.fail(f"TensorBoard ended: {said}")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stderr.close()


def asked(url: str, until: str) -> Any:
    """The answer of TensorBoard's own interface, once it has read a run."""
    end = time.monotonic() + 60
    while True:
        with urllib.request.urlopen(url, timeout=30) as answer:
            found = json.load(answer)
        if until in found or time.monotonic() > end:
            return found
        time.sleep(0.2)


def test_fits_are_named_by_model_and_fold(run: Path, tmp_path: Path) -> None:
    assert link_fits(run, tmp_path) == ["mlp/final", "mlp/fold-0"]
    assert link_fits(run, tmp_path) == ["mlp/final", "mlp/fold-0"]
    assert (tmp_path / "mlp/fold-0/train").is_dir()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no models here"):
        main([str(tmp_path)])


def test_chosen_models_alone_are_shown(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run / "models" / "mlp", tmp_path / "models" / "other")
    shutil.copytree(run / "models" / "mlp", tmp_path / "models" / "mlp")
    assert link_fits(tmp_path, tmp_path / "view", ["other"]) == ["other/final", "other/fold-0"]
    with pytest.raises(ConfigError, match=r"no such model\. Received: othr\. Expected: other"):
        main([str(tmp_path), "--models", "mlp,othr"])


@pytest.mark.parametrize(
    ("fits", "said"), [(0, "its curves will appear"), (13, ""), (14, "14 fits: TensorBoard shows")]
)
def test_who_opens_the_page_knows_why_it_is_empty(fits: int, said: str) -> None:
    advice = _advice(["mlp/fold-0"] * fits)
    assert said in advice
    assert bool(advice) == bool(said)


@pytest.mark.browser
def test_tensorboard_shows_scalars_and_histograms(run: Path) -> None:
    if not any(shutil.which(name) for name in BROWSERS):
        pytest.skip(f"no browser is installed (looked for {', '.join(BROWSERS)})")
    with served(run) as url:
        name = "mlp/fold-0/validation"
        scalars = asked(f"{url}data/plugin/scalars/tags", name)
        histograms = asked(f"{url}data/plugin/histograms/tags", name)
        assert {"epoch_loss", "epoch_corr", "era_corr/0006"} <= set(scalars[name])
        assert {"gradient_norm", "rows_per_second"} <= set(scalars["mlp/final/train"])
        assert set(histograms[name]) == {"era_corr"}
        with Browser() as browser:
            browser.open(url)
            text = _text(browser, ("epoch_loss", "epoch_corr", "era_corr"))
            browser.open("about:blank")
            browser.open(f"{url}#histograms")
            drawn = _text(browser, ("era_corr", "mlp/fold-0/validation"))
    assert "No dashboards are active" not in text + drawn


def _text(browser: Browser, wanted: tuple[str, ...]) -> str:
    """What the page says, once it says all that is wanted, shadow roots included."""
    script = """(() => {
      const text = (node) => [...node.childNodes].map((child) =>
        child.nodeType === 3 ? child.data
          : (child.shadowRoot ? text(child.shadowRoot) : "") + text(child)).join(" ");
      return text(document.body);
    })()"""
    end = time.monotonic() + 60
    while True:
        said = str(browser.evaluate(script))
        missing = [word for word in wanted if word not in said]
        if not missing:
            return said
        if time.monotonic() > end:
            pytest.fail(f"the page does not show {missing}: {said[-2000:]}")
        time.sleep(0.3)
