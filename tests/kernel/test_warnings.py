"""What the suite makes of warnings."""

from __future__ import annotations

import warnings

import pytest

COPY = "__array__ implementation doesn't accept a copy keyword, so passing copy=False failed."


def warn(words: str, module: str) -> None:
    warnings.warn_explicit(words, DeprecationWarning, "file.py", 1, module=module)


@pytest.mark.parametrize("module", ["erazoo", "erazoo.cli", "etl.shards.writer", "zoo.catalogue"])
def test_a_deprecation_in_our_packages_is_an_error(module: str) -> None:
    with pytest.raises(DeprecationWarning, match="old"):
        warn("old", module)


def test_only_the_known_deprecation_of_keras_is_ignored() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warn(COPY, "keras.src.backend.tensorflow.core")
        assert not seen
        warn("another", "keras.src.backend.tensorflow.core")
        warn(COPY, "etlx")
    assert [str(one.message) for one in seen] == ["another", COPY]
