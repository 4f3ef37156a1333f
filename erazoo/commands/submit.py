"""`erazoo submit`: check the submission files, and upload them when told."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, if_there, verb


@verb
def submit(
    call: Call,
    submit: Annotated[
        bool, typer.Option("--submit", help="Upload it; without this it is only checked.")
    ] = False,
) -> None:
    """Check a run's submission files where they lie and, with `--submit`, upload them.

    The keys come from NUMERAI_PUBLIC_ID and NUMERAI_SECRET_KEY.
    """
    run = call.existing_run()
    from predict.live import predict_stage
    from predict.send import submit_run

    stands = lambda: predict_stage(call.config, run).done()
    if call.dry_run and not if_there(stands, otherwise=False):
        upload = ", and upload it" if submit else ""
        work = f"would check the file that `erazoo predict` has yet to write{upload}"
        call.emit({"run": str(run.root), "dry_run": True}, work)
        return
    result = submit_run(call.config, run, upload=submit and not call.dry_run)
    slot = bool(call.config.submit.unique_slot)
    call.emit(result, lambda: _text(result, wanted=submit, slot=slot))


def _text(result: dict[str, Any], *, wanted: bool, slot: bool) -> str:
    lines = _lines("the submission file", result, wanted=wanted)
    if unique := result["unique"]:
        lines += _lines("that of the unique ensemble", unique, wanted=wanted and slot)
        if wanted and not slot:
            lines[-1] = "submit: not uploaded; it has no slot of its own (submit.unique_slot)"
    return "\n".join(lines)


def _lines(name: str, result: dict[str, Any], *, wanted: bool) -> list[str]:
    lines = [f"{name} is {result['file']}"]
    lines += [f"  checked: {check}" for check in result["checks"]]
    if result["uploaded"]:
        sent = f"uploaded to {result['slot']} for round {result['round']}"
        lines.append(f"submit: {sent}, confirmed as {result['submission_id']}")
    elif wanted:
        lines.append("submit: would upload it; this is a dry run")
    else:
        lines.append("submit: not uploaded; --submit does that")
    return lines
