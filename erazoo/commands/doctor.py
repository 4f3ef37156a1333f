"""`erazoo doctor`: what this machine has, and what each absence costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table
from erazoo.machine import Finding, survey
from erazoo.rundir import RunDir


@verb
def doctor(call: Call) -> None:
    """Say what this machine has, and what each absence costs.

    Ends with 1 where something is missing that the default line cannot do without.
    """
    work = RunDir.of(call.config, call.flags.run_dir, make=False).root
    findings = survey(work)
    broken = [finding.name for finding in findings if finding.needed and finding.cost]
    result = {
        "ok": not broken,
        "missing": broken,
        "findings": [asdict(finding) for finding in findings],
    }
    call.emit(result, lambda: _show(findings, broken))
    if broken:
        raise typer.Exit(1)


def _show(findings: Sequence[Finding], broken: Sequence[str]) -> str:
    rows = [(one.topic, one.name, one.found or "absent", one.cost) for one in findings]
    verdict = f"missing: {', '.join(broken)}" if broken else "all that the default line needs"
    return f"{table(['what', 'name', 'found', 'what that costs'], rows)}\n\n{verdict}"
