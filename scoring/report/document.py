"""A page: sections in order, one script, one style sheet, one copy of plotly."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

import erazoo
from scoring.report.markup import script_json, tag, text
from scoring.report.sections.base import Section


def document(title: str, head: str, sections: Sequence[Section], source: str) -> str:
    """A whole page as text.

    Args:
        title: of the browser's window.
        head: the header's inner HTML.
        sections: in order.
        source: what the page was made from, as the last word of a sentence.
    """
    figures = [figure.to_json() for section in sections for figure in section.figures]
    drawn = share_lists(figures)
    return Template(_resource("page.html")).substitute(
        title=text("title", title),
        style=_resource("report.css"),
        header=head,
        nav=_nav(sections),
        sections="\n".join(section.html() for section in sections),
        made=text("p", f"Made by erazoo {erazoo.__version__} from {source}. {_OFFLINE}"),
        figures=script_json(drawn),
        plotly=_plotly() if figures else "",
        script=_resource("report.js"),
    )


def share_lists(figures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures in which a long list that stands several times is written once.

    Returns:
        `figures`, with `{"list": k}` in the place of the list `lists[k]`; and `lists`.
    """
    counts: Counter[str] = Counter()

    def counted(key: str, values: list[Any]) -> list[Any]:
        counts[key] += 1
        return values

    _each_list(figures, counted)
    lists: list[Any] = []
    place: dict[str, int] = {}

    def shared(key: str, values: list[Any]) -> Any:
        if counts[key] < 2:
            return values
        if key not in place:
            place[key] = len(lists)
            lists.append(values)
        return {"list": place[key]}

    return {"figures": _each_list(figures, shared), "lists": lists}


def _each_list(value: Any, change: Callable[[str, list[Any]], Any]) -> Any:
    """The same with every long plain list put through `change`."""
    if isinstance(value, Mapping):
        return {key: _each_list(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        if len(value) < _LONG or isinstance(value[0], Mapping | list | tuple):
            return [_each_list(item, change) for item in value]
        return change(json.dumps(value), list(value))
    return value


_LONG = 24
_OFFLINE = "This page needs no network."


def _nav(sections: Sequence[Section]) -> str:
    return "".join(tag("li", text("a", s.nav or s.title, href=f"#{s.id}")) for s in sections)


def _resource(name: str) -> str:
    return files("scoring.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
