"""`erazoo report`: the page that shows what a run found."""

from __future__ import annotations

from erazoo.commands.frame import Call, verb
from erazoo.errors import DataError


@verb
def report(call: Call) -> None:
    """Write the page that shows what a run found.

    One self-contained HTML file in the run directory, made from its result files alone.
    """
    run = call.existing_run()
    page = run.path("report.html")
    if call.dry_run:
        call.emit({"report": str(page), "dry_run": True}, f"would write {page}")
        return
    from scoring.report import write_report

    if not run.path("stages").is_dir():
        raise DataError(
            "this run directory holds no results to report",
            received=str(run.root),
            hint="Begin with: bash shell/prepare.sh",
        )
    with run.lock():
        written = write_report(run.root)
    call.emit({"report": str(written)}, f"the report lies in {written}")
