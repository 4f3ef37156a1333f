"""`erazoo models`: the catalogue, and one model's options."""

from __future__ import annotations

import inspect
from typing import Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table


@verb
def models(
    call: Call,
    name: Annotated[str | None, typer.Argument(help="One model, to see its options.")] = None,
) -> None:
    """List the catalogue of models, or show one model's options and presets."""
    from zoo import catalogue

    if name is None:
        listed = [_brief(catalogue.get(each)) for each in catalogue.names()]
        rows = [[m["name"], m["family"], ", ".join(m["presets"]), m["summary"]] for m in listed]
        call.emit(
            {"models": listed}, lambda: table(["model", "family", "presets", "summary"], rows)
        )
        return
    shown = _full(catalogue.get(name))
    call.emit(shown, lambda: _text(shown))


def _brief(spec: Any) -> dict[str, Any]:
    return {
        "name": spec.name,
        "family": spec.family,
        "presets": list(spec.presets),
        "summary": spec.summary,
    }


def _full(spec: Any) -> dict[str, Any]:
    schema = spec.params.model_json_schema()
    options = {
        name: {
            "default": field.get_default(call_default_factory=True),
            "limits": _limits(schema["properties"][name]),
        }
        for name, field in spec.params.model_fields.items()
    }
    presets = {name: dict(values) for name, values in spec.presets.items()}
    about = inspect.cleandoc(spec.params.__doc__ or "")
    return {**_brief(spec), "presets": presets, "options": options, "about": about}


def _limits(schema: dict[str, Any]) -> str:
    signs = {
        "minimum": ">=",
        "exclusiveMinimum": ">",
        "maximum": "<=",
        "exclusiveMaximum": "<",
    }
    texts = [f"{sign} {schema[key]}" for key, sign in signs.items() if key in schema]
    if "enum" in schema:
        texts.append(" | ".join(map(str, schema["enum"])))
    return ", ".join(texts)


def _text(shown: dict[str, Any]) -> str:
    options = [[n, str(o["default"]), o["limits"]] for n, o in shown["options"].items()]
    presets = [
        [name, ", ".join(f"{k}={v}" for k, v in values.items()) or "the defaults"]
        for name, values in shown["presets"].items()
    ]
    return "\n\n".join(
        [
            f"{shown['name']} ({shown['family']}): {shown['summary']}",
            shown["about"],
            table(["option", "default", "limits"], options),
            table(["preset", "values"], presets),
        ]
    )
