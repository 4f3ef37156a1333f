"""`erazoo predict`: live data to checked submission files."""

from __future__ import annotations

from typing import Annotated

import typer

from erazoo.commands.frame import Call, verb


@verb
def predict(
    call: Call,
    force: Annotated[bool, typer.Option("--force", help="Predict again.")] = False,
) -> None:
    """Predict the live universe with the ensembles and write the checked submission files.

    Nothing is uploaded; `erazoo submit --submit` does that.
    """
    run = call.existing_run()
    from predict.live import predict as predict_live
    from predict.live import predict_stage

    if call.dry_run:
        stands = lambda: not force and predict_stage(call.config, run).done()
        call.plan("predict the live universe", stands, run=str(run.root))
        return
    with call.writing():
        result = predict_live(call.config, run, force=force)
    path = run.path(result["submission"])
    done = " (done already)" if result.get("skipped") else ""
    lines = [
        f"predict: {result['rows']} live rows by {', '.join(result['members'])}{done}",
        *(f"  checked: {check}" for check in result["checked"]),
        f"the submission file is {path}",
    ]
    if unique := result["unique"]:
        lines.append(f"that of the unique ensemble is {run.path(unique['submission'])}")
    if why := result["no_unique"]:
        lines.append(f"there is none of the unique ensemble: {why}")
    call.emit({**result, "path": str(path)}, "\n".join(lines))
