"""`erazoo ensemble`: every way to combine members on later eras, and the one that is used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erazoo.commands.compare import as_seconds
from erazoo.commands.frame import Call, if_there, verb
from erazoo.commands.grid import grid_plan, grid_text, plan_text
from erazoo.commands.scores import basis, scores_table
from erazoo.commands.table import table, wrapped
from erazoo.commands.train import LATER
from erazoo.commands.walk import outlook_text, walk_text
from erazoo.errors import ConfigError

if TYPE_CHECKING:
    from erazoo.rundir import RunDir

SHOWN_WEIGHTS = 12
"""Members whose weights are named; of more, the heaviest."""


@verb
def ensemble(
    call: Call,
    force: Annotated[
        bool, typer.Option("--force", help="Combine again, and train the grid again.")
    ] = False,
    methods: Annotated[
        bool, typer.Option("--methods", help="List the ways to combine members, and stop.")
    ] = False,
    grid: Annotated[
        str | None,
        typer.Option(
            "--grid", metavar="CELLS", help="First train on each of: sets, groups, sets x groups."
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="What the grid trains (a boosted model)."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option("--model-budget", metavar="TIME", help="For each of its models: 300s, 2h."),
    ] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", min=1, help="Of its models at a time.")
    ] = None,
    walk: Annotated[
        bool, typer.Option("--walk", help="Then replay history era by era, learning on.")
    ] = False,
) -> None:
    """Combine the members: judge every way on later eras, and write the best as a recipe.

    Weights of a block of eras come from earlier ones, purged; equal weights are the baseline that
    all others must beat. Beside the standard ensemble a unique one is written, which adds what the
    meta model lacks. With --grid a model is trained on each feature set or group by itself first,
    and what adds to the best of these becomes a member. With --walk, boosted and linear members and
    their weights learn on, era by era, as it would have been lived, and are compared.
    """
    if methods:
        _list_methods(call)
        return
    seconds = as_seconds("--model-budget", budget)
    given = {"ensemble.grid.of": grid, "ensemble.grid.model": model, "engine.jobs": jobs}
    call = call.override(given)
    of_grid = {"--model": model, "--model-budget": budget, "--jobs": jobs}
    if not call.config.ensemble.grid.of:
        _refuse(name for name, value in of_grid.items() if value is not None)
    run = call.existing_run()
    from ensemble.blend import ensemble as blend
    from ensemble.grid.record import with_grid
    from training.evaluation import evaluate

    if call.dry_run:
        _dry(call, run, walk=walk, force=force)
        return
    with call.writing():
        cells = _grid(call, run, seconds, force=force)
        made = blend(call.config, run, force=force)
        scores = evaluate(with_grid(call.config, run), run)
        walked = _walk(call, run, force=force) if walk else None
    told = LATER.replace("RUN", str(run.root)) if grid or model else ""
    head = grid_text(cells) if cells else ""
    call.emit(
        {**made, "scores": scores, "grid": cells, "walk": walked},
        lambda: "\n".join(
            filter(None, [head, ensemble_text(made, scores), walk_text(walked or {}), told])
        ),
    )


def _refuse(flags: Iterable[str]) -> None:
    """Refuse what says how a grid is trained, where there is none."""
    if named := list(flags):
        raise ConfigError(
            f"{' and '.join(named)} say how a grid is trained, and there is none",
            hint="Add --grid, or set ensemble.grid.of",
        )


def _grid(
    call: Call, run: RunDir, seconds: float | None, *, force: bool
) -> Mapping[str, Any] | None:
    """Train and select the cells of the grid, where there is one."""
    if not call.config.ensemble.grid.of:
        return None
    from ensemble.grid.train import run_grid

    return run_grid(call.config, run, seconds, force=force)


def _walk(call: Call, run: RunDir, *, force: bool) -> Mapping[str, Any]:
    from ensemble.walk.run import walk

    return walk(call.config, run, force=force)


def _dry(call: Call, run: RunDir, *, walk: bool, force: bool) -> None:
    """What would be trained for the grid, then combined and walked."""
    from ensemble.blend import blend_stands

    of = call.config.ensemble.grid.of
    plan = if_there(lambda: grid_plan(call.config, run), otherwise=None) if of else None
    last = " and walk" if walk else ""
    if plan is not None and (force or not plan["stands"]):
        text = f"{plan_text(plan)}\nthen blend the run's models{last}"
        call.emit({**plan, "walk": walk, "run": str(run.root), "dry_run": True}, text)
    elif walk:
        _dry_walk(call, run)
    else:
        first = "train the grid and " if of else ""
        stands = lambda: not force and blend_stands(call.config, run)
        call.plan(f"{first}blend the run's models", stands, run=str(run.root))


def _dry_walk(call: Call, run: RunDir) -> None:
    """What a walk would do, where the ensemble's members are trained."""
    from ensemble.walk.case import walk_outlook

    outlook = if_there(lambda: walk_outlook(call.config, run), otherwise=None)
    if outlook is None:
        call.plan("blend the run's models and walk", lambda: False, run=str(run.root))
        return
    facts = {**outlook, "run": str(run.root), "dry_run": True}
    call.emit(facts, lambda: outlook_text(outlook))


def ensemble_text(made: Mapping[str, Any], scores: Mapping[str, Any]) -> str:
    """The methods on later eras, the one that is used and why, and its scores."""
    recipe = made["recipe"]
    members = [str(name) for name in made["methods"]["members"]]
    done = " (done already)" if made.get("skipped") else ""
    title = f"ensemble of {', '.join(members)}{done}"
    parts = [
        wrapped(title),
        methods_text(made["methods"]),
        wrapped(_used(recipe, made["methods"])),
        _weights(recipe),
        _meta(made.get("meta")),
        *missing_lines(made["methods"]["missing"]),
        _scored(scores, members),
        _unique(made),
    ]
    return "\n".join(filter(None, parts))


def _used(recipe: Mapping[str, Any], methods: Mapping[str, Any]) -> str:
    """The method of the recipe; why, where the table of methods has not told it already."""
    best = methods["recommended"]
    same = (recipe["method"], recipe["reason"]) == (best["method"], best["reason"])
    told = bool(methods["methods"]) and same
    return f"used: {recipe['method']} ({'as recommended' if told else recipe['reason']})"


def _meta(walk: Mapping[str, Any] | None) -> str:
    """What the meta-learner's walk recommends, where there was one."""
    return "" if walk is None else wrapped(f"the meta-learner is {walk['verdict']}")


def methods_text(result: Mapping[str, Any]) -> str:
    """The table of methods: exact scores on the judged eras, and how they differ from equal."""
    if not result["methods"]:
        return ""
    head = ["method", "corr", "sharpe", "mmc", "bmc", "to equal", "s.e.", "members", "largest"]
    entries = result["methods"].items()
    order = sorted(entries, key=lambda item: -(item[1]["summary"]["corr"]["mean"] or 0.0))
    lines = [table(head, [_row(name, entry) for name, entry in order])]
    judged, blocks = result["judged"], result["blocks"]
    first = blocks[0]["learned"]
    lines.append(
        wrapped(
            f"judged on {len(judged)} eras, {judged[0]} to {judged[-1]}, in {len(blocks)} blocks, "
            f"each by what was learned from earlier eras ({first[2]} and more) with a purge of "
            f"{result['purge']}; `members` is the number that the weights amount to"
        )
    )
    best = result["recommended"]
    lines.append(wrapped(f"recommended: {best['method']}: {best['reason']}"))
    return "\n".join(lines)


def missing_lines(missing: Mapping[str, Any]) -> list[str]:
    """What members lack of one another's rows."""
    from ensemble.missing import Missing

    report = Missing.from_json(missing)
    lines = [f"missing: {line}" for line in report.lines()]
    if report.dropped:
        lines.append(f"{report.dropped} rows are dropped, {report.rows} are left")
    return [wrapped(line) for line in lines]


def _row(name: str, entry: Mapping[str, Any]) -> list[Any]:
    figures = [_mean(entry, "corr"), (entry["summary"]["corr"] or {}).get("sharpe")]
    figures += [_mean(entry, metric) for metric in ("mmc", "bmc")]
    difference, held = entry["difference"], entry["concentration"] or {}
    figures += [difference["mean"], difference["standard_error"]]
    effective = held.get("effective")
    shown = None if effective is None else f"{effective:.1f}"
    return [name, *figures, shown, held.get("largest")]


def _mean(entry: Mapping[str, Any], metric: str) -> float | None:
    return (entry["summary"][metric] or {}).get("mean")


def _weights(recipe: Mapping[str, Any]) -> str:
    """The weights of the recipe, the heaviest first."""
    weighed = [(m["weight"], m["name"]) for m in recipe["members"] if m["weight"]]
    if not weighed:
        return ""
    order = sorted(weighed, key=lambda item: -item[0])
    shown = ", ".join(f"{name} {weight:.3f}" for weight, name in order[:SHOWN_WEIGHTS])
    more = len(order) - SHOWN_WEIGHTS
    return wrapped(f"weights: {shown}" + (f" and {more} more" if more > 0 else ""))


def _scored(scores: Mapping[str, Any], members: list[str]) -> str:
    """The ensembles beside the best model, and how alike they are to each member."""
    names, matrix = scores["correlation"]["names"], scores["correlation"]["matrix"]
    blends = [n for n, c in scores["candidates"].items() if c["kind"] == "ensemble"]
    shown = [name for name in (_best(scores), *blends) if name is not None]
    row = dict(zip(names, matrix[names.index("ensemble")], strict=True))
    alike = [
        f"{name} -" if row[name] is None else f"{name} {row[name]:z.2f}"
        for name in (*members, *blends)
        if name in row and name != "ensemble"
    ]
    text = f"rank correlation of the ensemble with {', '.join(alike)}"
    return "\n".join([scores_table(scores, shown), basis(scores), wrapped(text)])


def _unique(made: Mapping[str, Any]) -> str:
    """Both versions side by side, or why there is one alone."""
    from erazoo.commands.unique import unique_text

    if made["unique"] is not None:
        return unique_text(made["unique"])
    why = made["methods"].get("no_unique")
    return wrapped(f"there is no unique version: {why}") if why else ""


def _best(scores: Mapping[str, Any]) -> str | None:
    """The model of the highest mean CORR, if any has one."""
    means = {
        name: candidate["summary"]["corr"]["mean"]
        for name, candidate in scores["candidates"].items()
        if candidate["kind"] == "model"
    }
    known = {name: mean for name, mean in means.items() if mean is not None}
    return max(known, key=known.__getitem__, default=None)


def _list_methods(call: Call) -> None:
    from ensemble.methods import METHODS

    found = {name: method.summary for name, method in METHODS.items()}
    call.emit({"methods": found}, lambda: table(["method", "weights"], list(found.items())))
