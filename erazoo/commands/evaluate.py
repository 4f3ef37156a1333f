"""`erazoo evaluate`: every candidate's scores."""

from __future__ import annotations

from collections.abc import Collection
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
    from training.evaluation import evaluate as score
    from training.evaluation import scores_stand

    if call.dry_run:
        work = f"score {'held-out' if final else 'out-of-fold'} predictions"
        stands = lambda: not force and scores_stand(call.config, run, final=final)
        call.plan(work, stands, run=str(run.root))
        return
    with call.writing():
        result = score(call.config, run, final=final, force=force)
    call.emit(result, lambda: scores_text(result))


def scores_text(result: dict[str, Any]) -> str:
    """The scores of every candidate with what stands behind them."""
    foot = basis(result)
    if result.get("skipped"):
        foot += "; scored already"
    missing = [f"{name} is not scored: {why}" for name, why in result["missing"].items()]
    return "\n".join([scores_table(result, result["candidates"]), foot, *missing])


def basis(result: dict[str, Any]) -> str:
    """What the scores are of: the target, the eras, and the best that is achievable."""
    eras, best = result["eras"], (result["achievable"] or {}).get("corr")
    kind = "held-out" if result["kind"] == "held_out" else "out-of-fold"
    text = f"{result['target']} over {len(eras)} {kind} eras, {eras[0]} to {eras[-1]}"
    return text if best is None else f"{text}; the best achievable CORR is {best:z.4f}"


def scores_table(result: dict[str, Any], names: Collection[str]) -> str:
    """The scores of some candidates, in the order of the evaluation."""
    best = (result["achievable"] or {}).get("corr")
    rows = []
    for name, candidate in result["candidates"].items():
        if name not in names:
            continue
        corr = candidate["summary"]["corr"]
        mean = corr["mean"]
        share = None if not best or mean is None else f"{100 * mean / best:z.0f} %"
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
    return table(header, rows)
