"""What all sections share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scoring.report.figures.base import Figure
from scoring.report.markup import breakable, tag, text
from scoring.report.scores import Notice

LEVELS = {"alarm": "Alarm", "warning": "Warning", "note": "Note"}


@dataclass(frozen=True)
class Section:
    """A part of the page with its anchor, heading, finished HTML and figures.

    `nav` is a shorter heading for the list of sections.
    """

    id: str
    title: str
    body: str
    figures: Sequence[Figure] = ()
    nav: str = ""

    def html(self) -> str:
        """The section with its figures below its body."""
        figures = "".join(figure.html() for figure in self.figures)
        if len(self.figures) > 1:
            figures = tag("div", figures, class_="figures")
        head = text("h2", self.title, id=f"{self.id}-heading")
        return tag(
            "section", head + self.body + figures, id=self.id, aria_labelledby=f"{self.id}-heading"
        )


def absent(what: str, verb: str) -> str:
    """The sentence that stands for a section without its files."""
    return tag("p", f"{what} Run {text('code', f'erazoo {verb}')} to make it.", class_="absent")


def facts(items: Iterable[tuple[str, str]]) -> str:
    """Labelled values, plain text."""
    cells = (tag("div", text("dt", name) + text("dd", value)) for name, value in items)
    return tag("dl", "".join(cells), class_="facts")


def tiles(items: Iterable[tuple[str, str, str]], label: str) -> str:
    """Main figures: a name, a value and a line below each."""
    return tag(
        "div",
        "".join(_tile(*item) for item in items),
        class_="tiles",
        role="group",
        aria_label=label,
    )


def notice_list(notices: Iterable[Notice], name: str = "What to know") -> str:
    """What to be wary of; nothing where there is nothing."""
    items = "".join(
        tag("li", text("strong", LEVELS[n.level]) + text("span", n.words), class_=n.level)
        for n in notices
    )
    return tag("ul", items, class_="notices", aria_label=name) if items else ""


def _tile(name: str, value: str, below: str) -> str:
    inner = text("span", name, class_="name") + text("span", value, class_="value")
    return tag("div", inner + tag("span", breakable(below), class_="below"), class_="tile")
