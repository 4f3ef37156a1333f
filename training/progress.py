"""The progress of all fits of a command: bars, a live plot in Jupyter, or plain lines."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from erazoo.logs import LOGGER
from erazoo.publish import read_json

if TYPE_CHECKING:
    from rich.console import Console

RECORD = "progress.json"
EVERY_SECONDS = 0.5
LINE_SECONDS = 10.0
"""Between two plain lines of a fit."""


@dataclass
class FitProgress:
    """How far one fit is.

    Args:
        name: of the fit.
        epochs: at most.
        steps: of an epoch.
        epoch: whole epochs done.
        step: steps done of the next.
        rows_per_second: in the last epoch, 0 before there is one.
        best: `epoch`, `value` and `monitor` of the best epoch so far.
        history: by metric, the value of each epoch of this process.
    """

    name: str
    epochs: int
    steps: int
    epoch: int = 0
    step: int = 0
    rows_per_second: int = 0
    best: dict[str, Any] | None = None
    history: dict[str, dict[int, float | None]] = field(default_factory=dict)

    @property
    def done(self) -> int:
        """Steps done in all."""
        return self.epoch * self.steps + self.step

    def __str__(self) -> str:
        parts = [f"epoch {min(self.epoch + bool(self.step), self.epochs)} of {self.epochs}"]
        if self.rows_per_second:
            parts.append(f"{self.rows_per_second:,} rows/s")
        if self.best is not None:
            best = self.best
            parts.append(f"best {best['monitor']} {best['value']:.4f} (epoch {best['epoch']})")
        return ", ".join(parts)


Fits = Mapping[str, FitProgress]


class Display(AbstractContextManager["Display"], Protocol):
    """Shows fits until its block ends."""

    def show(self, fits: Fits) -> None:
        """Show all fits that run now, by the name of model and fit."""


@contextmanager
def live_progress(folder: Path, every: float = EVERY_SECONDS) -> Iterator[None]:
    """Show the fits of the models in `folder` while the block runs.

    Args:
        folder: holds a folder a model.
        every: seconds between two looks.
    """
    begun, ended = time.time(), threading.Event()
    with _display() as display:

        def watch() -> None:
            while not ended.wait(every):
                display.show(running(folder, begun))

        watcher = threading.Thread(target=watch, name="progress", daemon=True)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()


def running(folder: Path, since: float) -> dict[str, FitProgress]:
    """The fits under `folder` that were heard of after `since`, a time of `time.time()`."""
    found = {}
    for path in sorted(folder.glob(f"*/**/{RECORD}")):
        try:
            fresh, record = path.stat().st_mtime >= since, read_json(path)
        except FileNotFoundError:  # it has just ended
            continue
        if fresh:
            place = path.parent.relative_to(folder)
            found["/".join(p for p in place.parts if p != "folds")] = FitProgress(**record)
    return found


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    if "ipykernel" not in sys.modules:
        return False
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def _display() -> Display:
    if in_notebook():
        return Plot()
    return Bars() if sys.stderr.isatty() else Lines()


class Lines:
    """A line of the log for each fit, after an epoch and every ten seconds at most."""

    def __init__(self) -> None:
        self._said: dict[str, tuple[float, int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, fits: Fits) -> None:
        """Say what is new."""
        now = time.monotonic()
        for name, fit in fits.items():
            last, epoch = self._said.setdefault(name, (now, fit.epoch))
            if fit.epoch > epoch and now - last >= LINE_SECONDS:
                self._said[name] = (now, fit.epoch)
                LOGGER.info("%s: %s", name, fit)


class Bars:
    """A bar for each fit on a terminal; lines of the log go above them."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}"),
            console=console or Console(stderr=True),
            transient=True,
        )
        self._tasks: dict[str, Any] = {}
        self._streams: list[tuple[logging.StreamHandler[Any], Any]] = []

    def __enter__(self) -> Self:
        handlers = [h for h in LOGGER.handlers if getattr(h, "stream", None) is sys.stderr]
        self._progress.start()  # from here on sys.stderr writes above the bars
        for handler in handlers:
            if isinstance(handler, logging.StreamHandler):
                self._streams.append((handler, handler.setStream(sys.stderr)))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()
        for handler, stream in self._streams:
            handler.setStream(stream)

    def show(self, fits: Fits) -> None:
        """Move the bars, and take away those of fits that have ended."""
        for name in self._tasks.keys() - fits.keys():
            self._progress.remove_task(self._tasks.pop(name))
        for name, fit in fits.items():
            if name not in self._tasks:
                self._tasks[name] = self._progress.add_task(name, said="")
            total = fit.epochs * fit.steps
            self._progress.update(self._tasks[name], total=total, completed=fit.done, said=str(fit))


class Plot:
    """Curves by epoch below the cell of a notebook, replaced as epochs end."""

    def __init__(self) -> None:
        from IPython.display import display

        self._seen: dict[str, FitProgress] = {}
        self._said = ""
        self._handle = display(self._bundle(), raw=True, display_id=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def show(self, fits: Fits) -> None:
        """Draw anew where something has changed; fits that have ended keep their curves."""
        self._seen.update(fits)
        said = "\n".join(f"{name}: {fit}" for name, fit in self._seen.items())
        if said != self._said:
            self._said = said
            self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        import plotly.graph_objects as go
        from plotly.subplots import make_subplots

        figure = make_subplots(1, 2, subplot_titles=("loss", "CORR"))
        for k, (name, fit) in enumerate(self._seen.items()):
            for metric, column, dash in (
                ("loss", 1, "dot"),
                ("val_loss", 1, "solid"),
                ("val_corr", 2, "solid"),
            ):
                if points := fit.history.get(metric):
                    line = go.Scatter(
                        x=[int(epoch) for epoch in points],
                        y=list(points.values()),
                        mode="lines+markers",
                        name=f"{name} {metric}",
                        line={"dash": dash, "color": _COLOURS[k % len(_COLOURS)]},
                    )
                    figure.add_trace(line, 1, column)
        figure.update_layout(height=320, margin={"t": 30, "b": 30}, template="plotly_white")
        figure.update_xaxes(title="epoch", tickformat="d")
        return {
            "application/vnd.plotly.v1+json": figure.to_plotly_json(),
            "text/plain": self._said or "no fit has begun",
        }


_COLOURS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
