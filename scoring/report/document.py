"""A page: sections in order, one script, one style sheet, one copy of plotly."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from string import Template

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
    return Template(_resource("page.html")).substitute(
        title=text("title", title),
        style=_resource("report.css"),
        header=head,
        nav=_nav(sections),
        sections="\n".join(section.html() for section in sections),
        made=text("p", f"Made by erazoo {erazoo.__version__} from {source}. {_OFFLINE}"),
        figures=script_json(figures),
        plotly=_plotly() if figures else "",
        script=_resource("report.js"),
    )


_OFFLINE = "This page needs no network."


def _nav(sections: Sequence[Section]) -> str:
    return "".join(tag("li", text("a", s.title, href=f"#{s.id}")) for s in sections)


def _resource(name: str) -> str:
    return files("scoring.report").joinpath(name).read_text(encoding="utf-8")


def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
