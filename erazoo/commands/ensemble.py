"""`erazoo ensemble`: the blend of a run's models."""

from __future__ import annotations

from typing import Annotated

import typer

from erazoo.commands.evaluate import scores_text
from erazoo.commands.frame import Call, verb


@verb
def ensemble(
    call: Call,
    force: Annotated[bool, typer.Option("--force", help="Blend again.")] = False,
) -> None:
    """Blend the models of a run, and score the blend beside them."""
    run = call.existing_run()
    if call.dry_run:
        call.emit({"run": str(run.root), "dry_run": True}, "would blend the run's models")
        return
    from ensemble.blend import ensemble as blend
    from training.evaluation import evaluate

    with call.writing():
        recipe = blend(call.config, run, force=force)
        scores = evaluate(call.config, run)
    members = ", ".join(member["name"] for member in recipe["members"])
    done = " (done already)" if recipe.get("skipped") else ""
    call.emit(
        {"recipe": recipe, "scores": scores},
        lambda: f"ensemble of {members}{done}\n{scores_text(scores)}",
    )
