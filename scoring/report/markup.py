"""Escaped HTML and numbers as people read them."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Iterable
from html import escape
from typing import Any

DASH = "\u2013"
TIMES = "\u00d7"
MINUS = "\u2212"
THIN_SPACE = "\u202f"


def tag(name: str, content: str = "", /, **attributes: str | bool | None) -> str:
    """An element around finished HTML; attribute values are escaped here.

    A trailing underscore is dropped and inner ones become hyphens (`class_`, `aria_label`);
    True gives a bare attribute, None and False none.
    """
    parts = [name]
    for key, value in attributes.items():
        label = key.rstrip("_").replace("_", "-")
        if value is True:
            parts.append(label)
        elif value is not None and value is not False:
            parts.append(f'{label}="{escape(value)}"')
    return f"<{' '.join(parts)}>{content}</{name}>"


def text(name: str, content: object, /, **attributes: str | bool | None) -> str:
    """An element around plain text, escaped."""
    return tag(name, escape(str(content)), **attributes)


def breakable(name: str) -> str:
    """A name, escaped, that may break across lines after an underscore."""
    return escape(name).replace("_", "_<wbr>")


def scrolling_table(head: str, body: str, caption: str, **attributes: str) -> str:
    """A table that scrolls by itself on narrow screens and by keyboard."""
    inner = text("caption", caption, class_="unseen") + tag("thead", head) + tag("tbody", body)
    table = tag("table", inner, **attributes)
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def number(value: float | None, digits: int = 4) -> str:
    """A fixed number of digits with a true minus sign; a dash for nothing.

    >>> number(-0.01234).replace(MINUS, "minus "), number(None) == DASH
    ('minus 0.0123', True)
    """
    if value is None or not math.isfinite(value):
        return DASH
    shown = f"{value:.{digits}f}"
    return shown.removeprefix("-") if float(shown) == 0 else shown.replace("-", MINUS)


def percent(value: float | None) -> str:
    """A share as whole per cent.

    >>> percent(0.724)
    '72 %'
    """
    return DASH if value is None or not math.isfinite(value) else f"{number(100 * value, 0)} %"


def chance(value: float | None) -> str:
    """A probability as whole per cent, never as certain.

    >>> chance(0.999), chance(0.72), chance(0.0)
    ('> 99 %', '72 %', '< 1 %')
    """
    if value is None or not math.isfinite(value):
        return DASH
    shown = round(100 * value)
    return "> 99 %" if shown > 99 else "< 1 %" if shown < 1 else f"{shown} %"


def count(value: float | None) -> str:
    """A whole number with thin spaces between thousands.

    >>> count(2746268).replace(THIN_SPACE, " ")
    '2 746 268'
    """
    return DASH if value is None else f"{value:,.0f}".replace(",", THIN_SPACE)


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "era"), counted(80, "era")
    ('1 era', '80 eras')
    """
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def duration(seconds: float | None) -> str:
    """A wall time.

    >>> duration(0.41), duration(83), duration(7260)
    ('0.4 s', '1 min 23 s', '2 h 1 min')
    """
    if seconds is None:
        return DASH
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def size(amount: float) -> str:
    """An amount of bytes.

    >>> size(2048), size(3.3e9)
    ('2 kB', '3.3 GB')
    """
    for limit, unit, digits in ((1e9, "GB", 1), (1e6, "MB", 1), (1e3, "kB", 0)):
        if amount >= limit:
            return f"{amount / limit:.{digits}f} {unit}"
    return f"{amount:.0f} B"


def moment(iso: str) -> str:
    """A UTC time stamp without seconds; the text itself where it is no time stamp."""
    try:
        return dt.datetime.fromisoformat(iso).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return iso


def listing(words: Iterable[str]) -> str:
    """Words as prose.

    >>> listing(["a", "b", "c"])
    'a, b and c'
    """
    items = list(words)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def script_json(value: Any) -> str:
    """JSON that no parser of HTML can mistake for markup."""
    plain = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return plain.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
