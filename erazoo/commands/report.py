"""`erazoo report`: the page that shows what a run found."""

from __future__ import annotations

from erazoo.commands.frame import Call, verb


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

    with run.lock():
        written = write_report(run.root)
    call.emit({"report": str(written)}, f"the report lies in {written}")
