"""The graph of a network as a picture, without any program beside Python.

Layers stand in rows by their distance from the input, each in a box with its name, kind and
output shape; a line is a tensor.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from erazoo.errors import ConfigError, MissingExtraError
from erazoo.publish import atomic_file, write_text

WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 230, 46, 64, 34, 60
STYLE = (
    "text{font:12px sans-serif;text-anchor:middle;fill:#1a1a1a}.kind{fill:#5a5a5a;font-size:11px}"
    "rect{fill:#fff;stroke:#3b6ea5;rx:5}.end rect{stroke-width:2.5}"
    "line,path{stroke:#8a8a8a;fill:none}"
)


class Box(NamedTuple):
    """A layer and its place."""

    name: str
    kind: str
    row: int
    place: float
    end: bool


def draw(model: Any, path: Path) -> None:
    """Write the picture of a network to a `.svg`, or to a `.png` where pydot and graphviz are.

    Raises:
        ConfigError: another kind of file.
        MissingExtraError: a `.png` without these two.
    """
    if path.suffix == ".svg":
        write_text(path, svg(model))
    elif path.suffix == ".png":
        _png(model, path)
    else:
        raise ConfigError(
            "a picture of another kind", received=path.name, expected="a file .svg or .png"
        )


def svg(model: Any) -> str:
    """The picture of a network as SVG."""
    parents = _parents(model)
    boxes = _placed(model, parents)
    width = max(box.place for box in boxes.values()) + WIDTH + MARGIN
    height = MARGIN + (max(box.row for box in boxes.values()) + 1) * (HEIGHT + GAP_Y)
    lines = [
        _line(boxes[parent], boxes[name]) for name, above in parents.items() for parent in above
    ]
    drawn = "\n".join([*lines, *map(_rectangle, boxes.values())])
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'width="{width:.0f}" height="{height:.0f}" role="img">\n'
        f"<title>{escape(model.name)}</title><style>{STYLE}</style>\n{drawn}\n</svg>\n"
    )


def _parents(model: Any) -> dict[str, list[str]]:
    """The operations that each one reads, by name, inputs first."""
    found: dict[str, list[str]] = {}
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            above = [parent.operation.name for parent in node.parent_nodes]
            found.setdefault(node.operation.name, []).extend(above)
    return found


def _placed(model: Any, parents: dict[str, list[str]]) -> dict[str, Box]:
    """A box each: in the row after its last parent, near the middle of its parents."""
    operations = {operation.name: operation for operation in model.operations}
    ends = {tensor._keras_history.operation.name for tensor in model.outputs}
    rows: dict[str, int] = {}
    for name, above in parents.items():
        rows[name] = 1 + max((rows[parent] for parent in above), default=-1)
    places: dict[str, float] = {}
    widest = max(list(rows.values()).count(row) for row in set(rows.values()))
    whole = widest * (WIDTH + GAP_X) - GAP_X
    for row in range(max(rows.values()) + 1):
        names = [name for name in rows if rows[name] == row]
        names.sort(key=lambda name: _middle([places[parent] for parent in parents[name]]))
        start = MARGIN + (whole - len(names) * (WIDTH + GAP_X) + GAP_X) / 2
        places |= {name: start + k * (WIDTH + GAP_X) for k, name in enumerate(names)}
    return {
        name: Box(name, _kind(operations[name]), rows[name], places[name], name in ends)
        for name in rows
    }


def _middle(places: list[float]) -> float:
    return sum(places) / len(places) if places else 0.0


def _kind(operation: Any) -> str:
    shape = ", ".join("n" if size is None else str(size) for size in operation.output.shape)
    return f"{type(operation).__name__} ({shape})"


def _rectangle(box: Box) -> str:
    top = MARGIN + box.row * (HEIGHT + GAP_Y)
    middle = box.place + WIDTH / 2
    return (
        f'<g class="{"end" if box.end else "inner"}">'
        f'<rect x="{box.place:.0f}" y="{top}" width="{WIDTH}" height="{HEIGHT}"/>'
        f'<text x="{middle:.0f}" y="{top + 19}">{escape(box.name)}</text>'
        f'<text class="kind" x="{middle:.0f}" y="{top + 36}">{escape(box.kind)}</text></g>'
    )


def _line(above: Box, below: Box) -> str:
    """Straight from a row to the next; around the boxes between where there are some."""
    start = MARGIN + above.row * (HEIGHT + GAP_Y) + HEIGHT
    end = MARGIN + below.row * (HEIGHT + GAP_Y)
    if below.row - above.row > 1:
        y1, y2, side = start - HEIGHT / 2, end + HEIGHT / 2, min(above.place, below.place) - 50
        return (
            f'<path d="M{above.place:.0f} {y1:.0f}C{side:.0f} {y1:.0f} '
            f'{side:.0f} {y2:.0f} {below.place:.0f} {y2:.0f}"/>'
        )
    x1, x2 = above.place + WIDTH / 2, below.place + WIDTH / 2
    return f'<line x1="{x1:.0f}" y1="{start}" x2="{x2:.0f}" y2="{end}"/>'


def _png(model: Any, path: Path) -> None:
    import keras

    try:
        with atomic_file(path) as temporary:
            keras.utils.plot_model(model, temporary, show_shapes=True, show_layer_names=True)
    except (ImportError, OSError) as error:
        raise MissingExtraError(
            "a .png needs pydot and graphviz",
            received=str(error).splitlines()[0],
            hint="Write a .svg, which needs neither",
        ) from None
