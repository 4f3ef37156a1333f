"""Near matches for mistyped names, for error messages."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Up to `count` known names that resemble `name`, else the first known ones.

    >>> nearest("rdige", ["ridge", "mlp"])
    'ridge'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=count, cutoff=0.6)
    if close:
        return " or ".join(close)
    shown = ", ".join(names[:12])
    return (
        f"one of {shown}{', ...' if len(names) > 12 else ''}" if names else "nothing is known here"
    )
