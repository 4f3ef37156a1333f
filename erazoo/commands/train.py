"""`erazoo train`: models through all purged folds."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table


@verb
def train(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Configured models; all enabled ones if none.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train finished ones again.")] = False,
) -> None:
    """Train models on every fold, with out-of-fold predictions and a fit for live data.

    Each model has a process of its own. Finished folds are kept when an interrupted run goes on,
    and a failed model does not stop the others.
    """
    from training.train import check_models, chosen_models
    from training.train import train as train_models

    check_models(call.config)
    call.existing_run()
    if call.dry_run:
        chosen = list(chosen_models(call.config, names or ()))
        call.emit({"models": chosen, "dry_run": True}, f"would train {', '.join(chosen)}")
        return
    with call.writing() as run:
        results = train_models(
            call.config,
            run,
            names or (),
            force=force,
            verbose=call.flags.verbose,
            log_file=call.flags.log_file,
        )
    call.emit({"models": results}, lambda: _text(results))
    failed = [result for result in results.values() if result["status"] != "ok"]
    if failed:
        raise typer.Exit(1)


def _text(results: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, result in results.items():
        done = "done already" if result.get("skipped") else "trained"
        status = done if result["status"] == "ok" else f"FAILED: {result['reason']}"
        seconds = result.get("seconds", {})
        took = [seconds.get("fit"), seconds.get("predict")]
        rows.append([name, result["model"], status, *took, result.get("peak_memory_mb")])
    return table(["name", "model", "status", "fit s", "predict s", "peak MB"], rows)
