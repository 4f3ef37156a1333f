"""`erazoo report`: the page that shows what a run found, or how runs compare."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from erazoo.commands.frame import Call, verb
from erazoo.errors import ConfigError
from erazoo.rundir import RunDir

PAGE, COMPARISON = "report.html", "comparison.html"


class Kind(StrEnum):
    """What figures are saved as."""

    PNG = "png"
    SVG = "svg"


@verb
def report(
    call: Call,
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN...]", help="Run directories; several are compared."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where the page is written.")
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option("--figures", metavar="DIR", help="Save every figure there too (Chromium)."),
    ] = None,
    kind: Annotated[
        Kind | None, typer.Option("--format", help="What figures are saved as (png).")
    ] = None,
) -> None:
    """Write the page that shows what a run found, or how several runs compare.

    One self-contained HTML file, made from result files alone: report.html in the run directory,
    for several runs comparison.html in the working folder.
    """
    if kind is not None and figures is None:
        raise ConfigError("--format is of saved figures", hint="Give --figures DIR too")
    places = [call.existing_run()] if not runs else [_run(path) for path in runs]
    several = len(places) > 1
    page = out or (Path(COMPARISON) if several else places[0].path(PAGE))
    if call.dry_run:
        more = "" if figures is None else f" and its figures in {figures}"
        call.emit({"report": str(page), "dry_run": True}, f"would write {page}{more}")
        return
    if figures is not None:
        from scoring.report.browser import find_browser

        find_browser()
    result = {"report": str(_write(places, page, several=several))}
    text = f"the {'comparison' if several else 'report'} lies in {page}"
    if figures is None:
        call.emit(result, text)
        return
    from scoring.report import save_pictures

    saved = [str(path) for path in save_pictures(page, figures, (kind or Kind.PNG).value)]
    call.emit({**result, "figures": saved}, f"{text}\n{len(saved)} figures lie in {figures}")


def _run(path: Path) -> RunDir:
    if not path.is_dir():
        raise ConfigError("there is no run directory here", received=str(path))
    return RunDir(path, make=False)


def _write(places: list[RunDir], page: Path, *, several: bool) -> Path:
    from scoring.report import write_comparison, write_report

    if several:
        return write_comparison([run.root for run in places], page)
    with places[0].lock():
        return write_report(places[0].root, page)
