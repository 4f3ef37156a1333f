"""`erazoo train`: models through all purged folds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, if_there, verb
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
    from training.train import check_models, chosen_models, finished_models
    from training.train import train as train_models

    check_models(call.config)
    if not call.config.shards.remote:
        call.existing_run()
    if call.dry_run:
        chosen = list(chosen_models(call.config, names or ()))
        done: Sequence[str] = ()
        if not force:
            done = if_there(lambda: finished_models(call.config, call.run, chosen), otherwise=())
        call.emit({"models": chosen, "done": list(done), "dry_run": True}, _plan(chosen, done))
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


def _plan(chosen: Sequence[str], done: Sequence[str]) -> str:
    left = [name for name in chosen if name not in done]
    lines = [f"would train {', '.join(left)}"] if left else []
    lines += [f"would skip what is trained already: {', '.join(done)}"] if done else []
    return "\n".join(lines)


def _text(results: dict[str, dict[str, Any]]) -> str:
    rows = []
    for name, result in results.items():
        status = _status(result)
        seconds = result.get("seconds", {})
        took = [seconds.get("fit"), seconds.get("predict")]
        rows.append([name, result["model"], status, *took, result.get("peak_memory_mb")])
    return table(["name", "model", "status", "fit s", "predict s", "peak MB"], rows)


def _status(result: dict[str, Any]) -> str:
    """What happened to a model now, and whether it had failed before."""
    before = result.get("failed_before")
    if result["status"] != "ok":
        return f"FAILED{' again' if before else ''}: {result['reason']}"
    fitted = result.get("fitted", [])
    if not fitted:
        return "done already"
    kept = len(result["folds"]) - len(fitted)
    status = f"trained, {kept} of {len(result['folds'])} fits done already" if kept else "trained"
    return f"{status}; had failed before" if before else status
