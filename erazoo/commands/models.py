"""`erazoo models`: the catalogue, one model's options, untrained networks and the contract."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table
from erazoo.errors import ConfigError

if TYPE_CHECKING:
    from erazoo.panel import FeatureSpec
    from zoo.catalogue import ModelSpec

CHECK = "check"
Result = dict[str, Any]


@verb
def models(
    call: Call,
    name: Annotated[
        str | None,
        typer.Argument(help="One model, by its name or its own file; or `check` and a FILE."),
    ] = None,
    file: Annotated[
        str | None, typer.Argument(help="After `check`: the model that is put to the contract.")
    ] = None,
    preset: Annotated[
        str, typer.Option("--preset", metavar="NAME", help="Of one model, for what follows.")
    ] = "",
    param: Annotated[
        list[str] | None,
        typer.Option("--param", metavar="NAME=VALUE", help="Its options on top; repeatable."),
    ] = None,
    features: Annotated[
        int | None,
        typer.Option(
            "--features", metavar="N", min=1, help="Quintile features, if not those of the run."
        ),
    ] = None,
    counts: Annotated[
        bool, typer.Option("--counts", help="Count weights: builds every network.")
    ] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="DIR", help="Write the untrained network there."),
    ] = None,
    summary: Annotated[
        Path | None,
        typer.Option(
            "--summary", metavar="FILE", help="Draw its graph, .svg or .png, and list it."
        ),
    ] = None,
    plugin: Annotated[
        list[Path] | None,
        typer.Option("--plugin", metavar="FILE", help="List the model of this file too."),
    ] = None,
) -> None:
    """List the catalogue of models, or show one model's options and presets.

    With --save, --summary or --counts one model's untrained network is built for --features, or
    else for the features of the run. `erazoo models check FILE` puts a model of your own to the
    contract that every network of the catalogue keeps, and ends with 1 where it does not.
    """
    if name == CHECK:
        _check(call, file)
        return
    if file is not None:
        raise ConfigError("one model at a time", received=f"{name} {file}", expected="one name")
    if name is not None:
        _one(call, name, preset, _values(param), features, counts, save, summary)
        return
    if preset or param or save or summary:
        raise ConfigError(
            "this is said of one model", expected="erazoo models NAME and these options"
        )
    _list(call, plugin or [], counts, features)


def _list(call: Call, plugins: list[Path], counts: bool, features: int | None) -> None:
    from zoo import catalogue

    specs = [catalogue.get(str(each)) for each in (*catalogue.names(), *plugins)]
    listed = [_brief(spec) for spec in specs]
    width, known = catalogue.known_weights()
    if counts:
        panel = _panel(call, features)
        width, known = len(panel.names), {spec.name: _weights(spec, panel) for spec in specs}
    for brief in listed:
        brief["weights"] = known.get(brief["name"], {})
    call.emit({"models": listed, "features": width}, lambda: _catalogue(listed, width, counts))


def _one(
    call: Call,
    name: str,
    preset: str,
    values: Mapping[str, Any],
    features: int | None,
    counts: bool,
    save: Path | None,
    summary: Path | None,
) -> None:
    from zoo import catalogue

    spec = catalogue.get(name)
    catalogue.resolve(spec, preset, values)
    shown = _full(spec)
    if not (counts or save or summary):
        call.emit(shown, lambda: _text(shown))
        return
    if spec.family != "keras":
        raise ConfigError("only networks are built untrained", received=f"{name} ({spec.family})")
    panel = _panel(call, features)
    if features is None:
        panel = _own(call, name, panel)
    result = _network(call, spec, preset, values, panel, save, summary)
    call.emit(result, lambda: _built(result))


def _network(
    call: Call,
    spec: ModelSpec,
    preset: str,
    values: Mapping[str, Any],
    panel: FeatureSpec,
    save: Path | None,
    picture: Path | None,
) -> Result:
    from erazoo.logs import quiet_native

    with quiet_native():
        from zoo.keras import untrained
        from zoo.keras.picture import draw

        seed = call.config.run.seed
        model = untrained.build_network(spec, preset, values, panel, seed)
    result: Result = {
        "model": spec.name,
        "preset": preset,
        "features": len(panel.names),
        "weights": model.count_params(),
        "dry_run": call.dry_run,
    }
    if picture is not None:
        result |= {"picture": str(picture), "summary": untrained.summary(model)}
        if not call.dry_run:
            draw(model, picture)
    if save is not None:
        result["saved"] = str(save)
        if not call.dry_run:
            result["card"] = untrained.save_untrained(spec, preset, values, panel, save, seed)
    return result


def _check(call: Call, file: str | None) -> None:
    if file is None:
        raise ConfigError("nothing to check", expected="erazoo models check FILE")
    from erazoo.logs import quiet_native
    from zoo import catalogue

    with quiet_native():
        spec = catalogue.get(file)
        if spec.family != "keras":
            raise ConfigError("the contract is one of networks", received=f"{file} ({spec.family})")
        from zoo.keras.check import run_checks

        outcomes = [asdict(outcome) for outcome in run_checks(spec)]
    result = {"model": spec.name, "file": file, "checks": outcomes}
    call.emit(result, lambda: "\n".join(_verdicts(outcomes)))
    if any(outcome["reason"] for outcome in outcomes):
        raise typer.Exit(1)


def _verdicts(outcomes: list[Result]) -> Iterator[str]:
    for outcome in outcomes:
        verdict = f"FAILS: {outcome['reason']}" if outcome["reason"] else "holds"
        yield f"{outcome['name']}: {verdict}"


def _values(texts: list[str] | None) -> dict[str, Any]:
    """Options of a model from `name=value`, whose value is TOML as after `--set`."""
    from erazoo.config.load import plain_value
    from zoo.catalogue import merged
    from zoo.options import nested

    values: dict[str, Any] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign:
            raise ConfigError("no option of a model", received=text, expected="NAME=VALUE")
        values = merged(values, nested(name.strip(), plain_value(value.strip())))
    return values


def _panel(call: Call, features: int | None) -> FeatureSpec:
    """The features that networks are built for."""
    from erazoo.panel import FeatureSpec

    if features is None and (found := _of_run(call)) is not None:
        return found
    if features is None:
        if call.config.data.source != "demo":
            raise ConfigError(
                "how many features has this experiment?",
                received=f"no shards in {call.look().root}",
                hint="Give --features N, or run `erazoo shard` first",
            )
        from etl.demo.profiles import Plan

        features = Plan.of(call.config.demo).features
    return FeatureSpec(tuple(f"feature_{number}" for number in range(features)))


def _own(call: Call, name: str, panel: FeatureSpec) -> FeatureSpec:
    """Those features that the experiment lets a model learn from."""
    from training.columns import own_columns

    entry = call.config.models.get(name)
    return panel if entry is None else panel.narrowed(own_columns(name, entry, panel))


def _of_run(call: Call) -> FeatureSpec | None:
    """The features of the run's shards, None where there are none."""
    from etl.build import SHARDS
    from etl.shards import ShardSet

    try:
        folder = call.look().path(SHARDS)
    except ConfigError:
        return None
    return ShardSet.open(folder).spec if (folder / "manifest.json").is_file() else None


def _weights(spec: ModelSpec, panel: FeatureSpec) -> dict[str, int]:
    """Weights of each preset's network; other families have as many as their data decide."""
    if spec.family != "keras":
        return {}
    from erazoo.logs import quiet_native

    with quiet_native():
        from zoo.keras.untrained import build_network

        return {
            preset: build_network(spec, preset, {}, panel).count_params() for preset in spec.presets
        }


def _brief(spec: ModelSpec) -> Result:
    return {
        "name": spec.name,
        "family": spec.family,
        "presets": list(spec.presets),
        "needs": list(spec.needs),
        "summary": spec.summary,
        "file": str(spec.source) if spec.source else None,
    }


def _full(spec: ModelSpec) -> Result:
    from zoo.options import introduction, options

    shown = {
        option.name: {"default": option.default, "limits": option.limits, "about": option.about}
        for option in options(spec.params)
    }
    presets = {name: dict(values) for name, values in spec.presets.items()}
    about = introduction(spec.params)
    return {**_brief(spec), "presets": presets, "options": shown, "about": about}


def _catalogue(listed: list[Result], width: int, counted: bool) -> str:
    rows = []
    for one in listed:
        weights = one["weights"]
        presets = [f"{n} ({weights[n]:,})" if n in weights else n for n in one["presets"]]
        needs = ", ".join(one["needs"])
        rows.append([one["name"], one["family"], ", ".join(presets), needs, one["summary"]])
    text = table(["model", "family", "presets", "needs", "summary"], rows)
    said = f"in brackets: a network's weights with {width:,} features"
    return f"{text}\n{said}" + ("" if counted else "; with those of the run: --counts")


def _text(shown: Result) -> str:
    options = [_option(name, option) for name, option in shown["options"].items()]
    presets = [[name, _preset(values)] for name, values in shown["presets"].items()]
    return "\n\n".join(
        [
            f"{shown['name']} ({shown['family']}): {shown['summary']}",
            shown["about"],
            "\n".join(options),
            table(["preset", "values"], presets),
        ]
    )


def _option(name: str, option: Mapping[str, Any]) -> str:
    limits = f"  [{option['limits']}]" if option["limits"] else ""
    about = textwrap.fill(option["about"], 96, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(filter(None, [f"{name} = {_written(option['default'])}{limits}", about]))


def _preset(values: Mapping[str, Any]) -> str:
    from zoo.options import dotted

    told = [f"{name}={_written(value)}" for name, value in dotted(values).items()]
    return ", ".join(told) or "the defaults"


def _written(value: object) -> str:
    """A value as `--param` and a configuration take it."""
    if value is None:
        return "unset"
    return json.dumps(value) if value == "" or not isinstance(value, str) else value


def _built(result: Result) -> str:
    parts = [
        f"{result['model']} {result['preset']}".rstrip()
        + f": {result['weights']:,} weights for {result['features']:,} features"
    ]
    would = "would be " if result["dry_run"] else ""
    if "summary" in result:
        parts = [result["summary"], *parts, f"its graph {would}drawn in {result['picture']}"]
    if "saved" in result:
        parts.append(f"untrained network {would}written to {result['saved']}")
    return "\n".join(parts)
