"""One pass over the features of the scored eras: FNC and exposures of all candidates at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ConfigError
from erazoo.near import nearest
from erazoo.panel import MISSING_QUINTILE, QUINTILES, FeatureSpec
from etl.columns import ALL
from scoring.features import Exposure, FeatureScores
from scoring.summary import json_number
from training.truth import LabelSource, Truth

AUTO, NONE = "auto", "none"
FNC_SET = "fncv3_features"
MOST_FEATURES = 1000


@dataclass(frozen=True)
class FeatureChoice:
    """The features that FNC and exposures are taken to.

    Args:
        name: of the set; empty where none are chosen.
        names: the features.
        why_none: why there are none, in words.
    """

    name: str
    names: tuple[str, ...] = ()
    why_none: str = ""


def choose_features(spec: FeatureSpec, word: str) -> FeatureChoice:
    """The features that `evaluate.features` asks for.

    Raises:
        ConfigError: an unknown set.
    """
    if word == NONE:
        return FeatureChoice("", why_none="evaluate.features is 'none'")
    if word == AUTO:
        if FNC_SET in spec.groups:
            return FeatureChoice(FNC_SET, spec.groups[FNC_SET])
        if len(spec.names) <= MOST_FEATURES:
            return FeatureChoice(ALL, spec.names)
        return FeatureChoice(
            "",
            why_none=f"there is no set {FNC_SET!r}, and {len(spec.names):,} features are many; "
            "name a set in evaluate.features",
        )
    if word == ALL:
        return FeatureChoice(ALL, spec.names)
    if word not in spec.groups:
        raise ConfigError(
            "evaluate.features names no set of features",
            received=word,
            expected=nearest(word, [AUTO, NONE, ALL, *spec.groups]),
        )
    return FeatureChoice(word, spec.groups[word])


@dataclass(frozen=True)
class FeatureFigures:
    """FNC (E, M), and exposures of M candidates to the chosen features."""

    fnc: NDArray[np.float64]
    exposure: Exposure
    names: tuple[str, ...]

    def exposure_of(self, column: int) -> dict[str, Any] | None:
        """The exposures of one candidate as plain values; None where no era has any."""
        if not self.exposure.eras[column]:
            return None
        place = int(self.exposure.feature[column])
        return {
            "mean": _number(self.exposure.mean[column]),
            "max": _number(self.exposure.max[column]),
            "feature": self.names[place] if place >= 0 else None,
            "groups": {
                group: {"mean": _number(mean[column]), "max": _number(most[column])}
                for group, (mean, most) in self.exposure.groups.items()
            },
        }


def feature_figures(
    source: LabelSource, truth: Truth, matrix: NDArray[Any], choice: FeatureChoice
) -> FeatureFigures | None:
    """FNC and exposures of every column; None where no features are chosen.

    Args:
        source: where the features lie; its eras are those of `truth`.
        truth: the labels of the rows.
        matrix: (n, M) predictions in the rows of `truth`.
        choice: of features.

    Memory: one era of features.
    """
    if not choice.names:
        return None
    held, width = source.spec, len(source.spec.names)
    columns = held.columns(choice.names)
    place = {name: j for j, name in enumerate(choice.names)}
    members = {
        group: [place[n] for n in names if n in place] for group, names in held.groups.items()
    }
    scores = FeatureScores(
        matrix.shape[1],
        neutral=np.arange(len(choice.names)),
        groups={g: np.array(m, dtype=np.int64) for g, m in members.items() if m},
    )
    whole = len(columns) == width and bool((columns == np.arange(width)).all())
    blocks = source.blocks(truth.slices.labels)
    for block, span in zip(blocks, truth.slices, strict=True):
        features = block.features if whole else block.features[:, columns]
        scores.add(_complete(features), matrix[span], truth.target[span])
    return FeatureFigures(scores.fnc(), scores.exposure(), choice.names)


def _complete(features: NDArray[Any]) -> NDArray[Any]:
    """Quintiles with missing ones, whatever their code, at the centre."""
    if features.dtype != np.int8:
        return features
    missing = features.view(np.uint8) >= QUINTILES
    return np.where(missing, np.int8(MISSING_QUINTILE), features) if missing.any() else features


def _number(value: Any) -> float | int | None:
    return json_number(float(value))
