"""`erazoo evaluate`: every candidate's scores."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table


@verb
def evaluate(
    call: Call,
    final: Annotated[
        bool,
        typer.Option("--final", help="Open the held-out eras; each opening is recorded."),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Score again.")] = False,
) -> None:
    """Score the out-of-fold predictions of a run's models and ensemble.

    The held-out eras stay closed unless `--final` opens them.
    """
    run = call.existing_run()
    if call.dry_run:
        eras = "held-out" if final else "out-of-fold"
        call.emit({"run": str(run.root), "dry_run": True}, f"would score {eras} predictions")
        return
    from training.evaluation import evaluate as score

    with call.writing():
        result = score(call.config, run, final=final, force=force)
    call.emit(result, lambda: scores_text(result))


def scores_text(result: dict[str, Any]) -> str:
    """The scores as a table with what stands behind them."""
    best = (result["achievable"] or {}).get("corr")
    rows = []
    for name, candidate in result["candidates"].items():
        corr = candidate["summary"]["corr"]
        mean = corr["mean"]
        share = None if best is None or mean is None else f"{100 * mean / best:.0f} %"
        mmc, bmc = (candidate["summary"][m] or {} for m in ("mmc", "bmc"))
        rows.append(
            [
                name,
                candidate["kind"],
                mean,
                corr["standard_error"],
                corr["sharpe"],
                corr["drawdown"],
                mmc.get("mean"),
                bmc.get("mean"),
                *([] if best is None else [share]),
            ]
        )
    header = ["name", "kind", "corr", "s.e.", "sharpe", "drawdown", "mmc", "bmc"]
    if best is not None:
        header.append("of achievable")
    eras = result["eras"]
    kind = "held-out" if result["kind"] == "held_out" else "out-of-fold"
    foot = f"{result['target']} over {len(eras)} {kind} eras, {eras[0]} to {eras[-1]}"
    if best is not None:
        foot += f"; the best achievable CORR is {best:.4f}"
    if result.get("skipped"):
        foot += "; scored already"
    missing = [f"{name} is not scored: {why}" for name, why in result["missing"].items()]
    return "\n".join([table(header, rows), foot, *missing])
