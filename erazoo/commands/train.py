"""`erazoo train`: models through all purged folds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, if_there, verb
from erazoo.commands.table import table
from erazoo.errors import ConfigError

LATER = "these options are kept for later verbs: --config RUN/config.json --run-dir RUN"


@verb
def train(
    call: Call,
    names: Annotated[
        list[str] | None, typer.Argument(help="Configured models; all enabled ones if none.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Configure this model of the catalogue too."),
    ] = None,
    preset: Annotated[
        str | None, typer.Option("--preset", metavar="NAME", help="The preset of --model.")
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", help="Begin with this untrained network."),
    ] = None,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", metavar="FILE", help="Configure the model of this file too."),
    ] = None,
    eras: Annotated[
        str | None,
        typer.Option("--eras", metavar="SELECTION", help="Train on these eras of each fold only."),
    ] = None,
    ray_address: Annotated[
        str | None,
        typer.Option("--ray-address", metavar="HOST:PORT", help="Spread fits over a Ray cluster."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Train finished ones again.")] = False,
    best: Annotated[
        bool, typer.Option("--best", help="Train nothing; print the best epoch of each fit.")
    ] = False,
    export: Annotated[
        Path | None,
        typer.Option("--export", metavar="DIR", help="With --best: copy these fits there."),
    ] = None,
) -> None:
    """Train models on every fold, with out-of-fold predictions and a fit for live data.

    Finished fits are kept when an interrupted run goes on, and a failed model does not stop the
    others. Each model has a process of its own; with engine.jobs, or --ray-address, each fit.
    """
    from training.train import check_models, chosen_models, finished_models
    from training.train import train as train_models

    plain = call.config
    call, added = _with_models(call, model, preset, start, plugin or ())
    call = call.override({"training.eras": eras})
    told = "" if call.config == plain else f"\n{LATER}".replace("RUN", str(call.look().root))
    call = call.override({"engine.ray_address": ray_address})
    chosen = tuple(dict.fromkeys((*(names or ()), *added)))
    check_models(call.config)
    if best or export is not None:
        _tell_best(call, chosen_models(call.config, chosen), export)
        return
    if not call.config.shards.remote:
        call.existing_run()
    if call.dry_run:
        planned = list(chosen_models(call.config, chosen))
        done: Sequence[str] = ()
        if not force:
            done = if_there(lambda: finished_models(call.config, call.run, planned), otherwise=())
        call.emit({"models": planned, "done": list(done), "dry_run": True}, _plan(planned, done))
        return
    with call.writing() as run:
        results = train_models(
            call.config,
            run,
            chosen,
            force=force,
            verbose=call.flags.verbose,
            log_file=call.flags.log_file,
        )
    call.emit({"models": results}, lambda: _text(results) + told)
    failed = [result for result in results.values() if result["status"] != "ok"]
    if failed:
        raise typer.Exit(1)


def _with_models(
    call: Call,
    model: str | None,
    preset: str | None,
    start: Path | None,
    plugins: Sequence[Path],
) -> tuple[Call, list[str]]:
    """The call with the models of its options configured, and the names to train of these.

    A plugin is configured as `[models.NAME] model = "FILE"` would do it. The names are those of
    `--model` and `--from`, each under the name that its model has. The options of a network of
    `--from` are those it was saved with, and `--set` wins over them.

    Raises:
        ConfigError: `--preset` without a model, or `--from` a network of another one.
    """
    from zoo.plugin import load_plugin

    files = {load_plugin(file).name: str(file) for file in plugins}
    settings: dict[str, object] = {f"models.{name}.model": file for name, file in files.items()}
    added = []
    if start is not None:
        name, entry = _start_entry(start, model, preset)
        saved = {f"models.{name}.{key}": value for key, value in entry.items()}
        call = call.override(saved, below_set=True)
        added.append(name)
    elif model is not None:
        own = files.get(model, model)
        settings |= {f"models.{model}.model": own, f"models.{model}.preset": preset}
        added.append(model)
    elif preset is not None:
        raise ConfigError("--preset is one of a model", received=preset, hint="Give --model too")
    return call.override(settings), added


def _start_entry(
    folder: Path, model: str | None, preset: str | None
) -> tuple[str, dict[str, object]]:
    """The table of the model whose untrained network lies in a folder."""
    from erazoo.artefacts import open_sealed
    from zoo.options import dotted
    from zoo.plugin import PLUGIN

    card = open_sealed(folder)
    if not card.get("untrained"):
        raise ConfigError(
            "--from takes an untrained network",
            received=f"{folder}, a trained {card.get('model')}",
            expected="a folder that `erazoo models NAME --save DIR` wrote",
        )
    name = str(card["model"])
    if model not in (None, name) or preset is not None:
        raise ConfigError(
            "the network of --from is of its own model and preset",
            received=f"--model {model} --preset {preset}",
            expected=f"{name} {card['preset']}".strip(),
        )
    own = folder / PLUGIN
    entry: dict[str, object] = {
        "model": str(own) if own.is_file() else name,
        "preset": card["preset"],
        "start": str(folder),
    }
    return name, entry | dotted(card["params"], "params.")


def _tell_best(call: Call, names: Sequence[str], export: Path | None) -> None:
    from training.best import best_fits, export_best

    run = call.look()
    fits = best_fits(run, names)
    if export is not None and not call.dry_run:
        export_best(run, fits, export)
    columns = ("model", "fold", "member", "seed", "target", "epoch", "monitor", "value")
    rows = [[fit[column] for column in columns] for fit in fits]
    text = table(columns, rows)
    if export is not None:
        text += f"\n{'would be ' if call.dry_run else ''}copied to {export}/MODEL/FOLD"
    call.emit({"fits": fits, "export": str(export) if export else None}, text)


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
