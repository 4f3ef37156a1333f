"""Which features a model learns from: all, or those of the sets and groups that it names."""

from __future__ import annotations

from collections.abc import Iterable

from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import FeatureSpec
from etl.columns import ALL
from etl.shards import ShardSet

BOTH = "&"
"""Stands between two sets or groups for what both hold."""


def own_columns(name: str, entry: ModelEntry, spec: FeatureSpec) -> tuple[str, ...]:
    """The features that a configured model learns from, in the order of the panel.

    Args:
        name: of the configured model.
        entry: of the configuration.
        spec: the features of the shards.

    Raises:
        ConfigError: a word that is neither a set nor a group, or sets that share no feature.
    """
    if not entry.feature_words:
        return spec.names
    return columns_of(f"models.{name}.features", entry.feature_words, spec)


def columns_of(place: str, words: Iterable[str], spec: FeatureSpec) -> tuple[str, ...]:
    """The features that sets and groups name, in the order of the panel.

    Args:
        place: the key of the configuration that names them, for messages.
        words: `all`, sets, groups, or two of these with `&` between.
        spec: the features of the shards.

    Raises:
        ConfigError: as `own_columns` does.
    """
    found = {one for word in words for one in _of_word(place, word, spec)}
    return tuple(one for one in spec.names if one in found)


def narrowed_to(name: str, entry: ModelEntry, data: ShardSet) -> ShardSet:
    """The shards as a configured model sees them; nothing is copied.

    Raises:
        ConfigError: as `own_columns` does.
    """
    return data.narrowed(own_columns(name, entry, data.spec))


def _of_word(place: str, word: str, spec: FeatureSpec) -> set[str]:
    if word in spec.groups or word == ALL:
        return _of_group(place, word, spec)
    parts = [_of_group(place, part.strip(), spec) for part in word.split(BOTH)]
    shared = set.intersection(*parts)
    if not shared:
        raise ConfigError(f"{place} names sets that share no feature", received=word)
    return shared


def _of_group(place: str, word: str, spec: FeatureSpec) -> set[str]:
    if word == ALL:
        return set(spec.names)
    if word not in spec.groups:
        raise ConfigError(
            f"{place} names neither a feature set nor a group of the shards",
            received=word,
            expected=nearest(word, [ALL, *(group for group in spec.groups if group != ALL)]),
        )
    return set(spec.groups[word])
