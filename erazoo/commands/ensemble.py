"""`erazoo ensemble`: the blend of a run's models."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.scores import basis, scores_table


@verb
def ensemble(
    call: Call,
    force: Annotated[bool, typer.Option("--force", help="Blend again.")] = False,
) -> None:
    """Blend the models of a run, and score the blend.

    It is shown beside the best model; `erazoo evaluate` shows all of them.
    """
    run = call.existing_run()
    from ensemble.blend import blend_stands
    from ensemble.blend import ensemble as blend
    from training.evaluation import evaluate

    if call.dry_run:
        stands = lambda: not force and blend_stands(call.config, run)
        call.plan("blend the run's models", stands, run=str(run.root))
        return
    with call.writing():
        recipe = blend(call.config, run, force=force)
        scores = evaluate(call.config, run)
    call.emit({"recipe": recipe, "scores": scores}, lambda: _text(recipe, scores))


def _text(recipe: dict[str, Any], scores: dict[str, Any]) -> str:
    """The blend beside the best model, and how alike it is to each member."""
    blend = recipe["name"]
    members = [member["name"] for member in recipe["members"]]
    done = " (done already)" if recipe.get("skipped") else ""
    shown = [name for name in (_best(scores), blend) if name is not None]
    names, matrix = scores["correlation"]["names"], scores["correlation"]["matrix"]
    row = dict(zip(names, matrix[names.index(blend)], strict=True))
    alike = ", ".join(
        f"{name} -" if row[name] is None else f"{name} {row[name]:z.2f}" for name in members
    )
    return "\n".join(
        [
            f"ensemble of {', '.join(members)}{done}",
            scores_table(scores, shown),
            basis(scores),
            f"rank correlation of the ensemble with {alike}",
        ]
    )


def _best(scores: dict[str, Any]) -> str | None:
    """The model of the highest mean CORR, if any has one."""
    means = {
        name: candidate["summary"]["corr"]["mean"]
        for name, candidate in scores["candidates"].items()
        if candidate["kind"] == "model"
    }
    known = {name: mean for name, mean in means.items() if mean is not None}
    return max(known, key=known.__getitem__, default=None)
