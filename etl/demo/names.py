"""Names: of features, of the trait groups that blocks belong to, and of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from etl.demo.blocks import CORE, MISSING, PLAIN, REGIME, Block

_ADJECTIVES = """
    amber ancient arctic blunt brisk bronze calm candid cedar chalky clever coastal coral
    crimson dapper dusky eager early elder fabled faint feral floral gaunt gentle gilded
    glassy hardy hasty hollow humble icy idle ivory jovial keen lunar mellow mild misty modest
    narrow nimble oaken opaline pale patient plain polar proud quiet rapid rustic sable silent
    silver sleek solar stark subtle sunken tawny tidal upper velvet vivid windy woolly
"""
_NOUNS = """
    acorn anchor anvil arbor badger basin beacon birch bramble brook canyon cinder clover
    comet cove crane delta dune ember falcon fern fjord garnet glacier grove harbor heron
    hollow inlet jasper juniper kelp kestrel lagoon lantern ledge lichen lynx maple marsh
    meadow mesa nettle newt oriole osprey otter pebble pine plover prairie quarry raven reef
    ridge sable sedge shale sparrow spruce summit thicket thistle tundra valley vole walnut
    willow wren
"""
_TRAITS = {
    CORE: ("intelligence", "charisma", "strength", "dexterity"),
    REGIME: (
        "constitution",
        "wisdom",
        "agility",
        "serenity",
        "faith",
        "quantum",
        "courage",
        "patience",
    ),
    MISSING: ("midnight",),
    PLAIN: ("sunshine",),
}
MIXED = "rain"
"""The trait group that takes every second column of every block."""


def feature_names(count: int, rng: np.random.Generator) -> tuple[str, ...]:
    """`count` different names, sorted, so that a column's place says nothing of its role."""
    adjectives, nouns = _ADJECTIVES.split(), _NOUNS.split()
    shape = (len(adjectives), len(adjectives), len(nouns))
    codes = rng.choice(int(np.prod(shape)), size=count, replace=False)
    first, second, noun = np.unravel_index(codes, shape)
    return tuple(
        sorted(
            f"feature_{adjectives[a]}_{adjectives[b]}_{nouns[n]}"
            for a, b, n in zip(first, second, noun, strict=True)
        )
    )


def trait(block: Block) -> str:
    """The trait group that a block belongs to."""
    return _TRAITS[block.kind][block.number]


def feature_sets(blocks: Sequence[Block], names: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
    """The sets small, medium and all, and the trait groups; groups overlap.

    Small and medium hold one and two thirds of every block, carriers of the signal and others
    alike. A block's trait group holds the block; `sunshine` also takes a quarter of the core
    blocks, and `rain` half of everything.
    """
    positions: dict[str, list[int]] = {"small": [], "medium": [], "all": list(range(len(names)))}
    for block in blocks:
        columns = block.columns.tolist()
        places = range(len(columns))
        positions["small"] += columns[::3]
        positions["medium"] += [columns[place] for place in places if place % 3 < 2]
        positions.setdefault(trait(block), []).extend(columns)
        positions.setdefault(MIXED, []).extend(columns[1::2])
        if block.kind == CORE:
            positions.setdefault(_TRAITS[PLAIN][0], []).extend(columns[::4])
    return {name: tuple(names[j] for j in sorted(held)) for name, held in positions.items()}


_DIGITS = 15
_MASK = (1 << 4 * _DIGITS) - 1


class Identifiers:
    """Row identifiers, 'n' and 15 hex digits, which never repeat and follow no pattern.

    A counter goes through steps that can each be undone on 60 bits (an addition, products with
    odd numbers, xor with its own upper half), so that two counts never meet.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        draw = rng.integers(0, _MASK, size=3, dtype=np.uint64)
        self._key, self._factors = draw[0], (draw[1] | np.uint64(1), draw[2] | np.uint64(1))
        self._next = 0

    def take(self, count: int) -> NDArray[np.str_]:
        """The next `count` identifiers, (count,)."""
        mask, half = np.uint64(_MASK), np.uint64(2 * _DIGITS)
        value = np.arange(self._next, self._next + count, dtype=np.uint64)
        self._next += count
        value = (value + self._key) & mask
        for factor in (*self._factors, *self._factors):
            value = (value * factor) & mask
            value ^= value >> half
        return np.array([f"n{number:0{_DIGITS}x}" for number in value.tolist()])
