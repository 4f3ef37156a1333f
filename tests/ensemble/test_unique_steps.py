"""The steps of post-processing: equal to numerai-tools, segments by hand, and a plain record."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numerai_tools import scoring as library
from scipy.stats import norm, rankdata

from ensemble.unique.segments import Shift, displacement, segment_scores
from ensemble.unique.stand_in import Inputs, StandIn
from ensemble.unique.steps import Neutralise, Segments, apply, steps_from_json, steps_to_json
from ensemble.unique.view import EraView, check_names
from erazoo.errors import ArtifactError, ConfigError, DataError
from erazoo.panel import OWN_CODE, FeatureSpec

NAMES = ("f0", "f1", "f2", "f3", "f4", "f5")
GROUPS = {"wisdom": NAMES[:2], "charisma": NAMES[2:5], "last": NAMES[5:]}


def make_view(rows: int = 60, seed: int = 0, **changes: Any) -> EraView:
    rng = np.random.default_rng(seed)
    features = rng.integers(0, 5, (rows, len(NAMES))).astype(np.int8)
    beside = {
        "benchmarks": {"bench": rng.random(rows), "other": rng.random(rows)},
        "members": {"ridge": rng.random(rows), "tree": rng.random(rows)},
    }
    options = {"features": features, "spec": FeatureSpec(NAMES, GROUPS), **beside, **changes}
    return EraView("0001", **options)


def normal_ranks(values: np.ndarray) -> np.ndarray:
    return norm.ppf((rankdata(values) - 0.5) / len(values))


def ranks(values: np.ndarray) -> np.ndarray:
    return (rankdata(values) - 0.5) / len(values)


STAND_IN = StandIn(Inputs(NAMES[:1], ("bench",), ("tree",)), (1.0, 0.5, -0.25))


@given(st.integers(0, 10_000), st.floats(0, 1), st.booleans(), st.booleans())
def test_neutralisation_equals_numerai_tools(
    seed: int, proportion: float, benchmark: bool, meta_model: bool
) -> None:
    view = make_view(80, seed)
    values = np.random.default_rng(seed + 1).normal(size=80)
    step = Neutralise(
        proportion,
        ("wisdom", "last"),
        ("bench",) if benchmark else (),
        STAND_IN if meta_model else None,
    )
    columns = [*view.features[:, [0, 1, 5]].T.astype(float)]
    columns += [normal_ranks(view.benchmarks["bench"])] if benchmark else []
    columns += [STAND_IN.predict(view)] if meta_model else []
    theirs = library.neutralize(
        pd.DataFrame(normal_ranks(values)), pd.DataFrame(np.array(columns).T), proportion
    )
    normal = normal_ranks(values)
    ours = step.factor(view).residual(normal, proportion)
    np.testing.assert_allclose(ours, theirs.to_numpy()[:, 0], atol=1e-9)
    np.testing.assert_allclose(step.change(values, view), ranks(np.round(ours, 12)), atol=1e-12)


def test_the_stand_in_reads_by_name() -> None:
    view = make_view()
    by_hand = (
        (view.features[:, 0] - 2.0) / np.sqrt(2)
        + 0.5 * normal_ranks(view.benchmarks["bench"])
        - 0.25 * normal_ranks(view.members["tree"])
    )
    # Inputs are float32, so that nearly equal sums may change places.
    assert np.corrcoef(STAND_IN.predict(view), normal_ranks(by_hand))[0, 1] > 0.9999
    turned = FeatureSpec(NAMES[::-1], GROUPS)
    other = make_view(features=view.features[:, ::-1], spec=turned)
    np.testing.assert_array_equal(STAND_IN.predict(other), STAND_IN.predict(view))


def test_segments_by_hand() -> None:
    features = np.array(
        [  # wisdom: rows 0 and 1 are high; charisma has one feature here
            [4, 4, 0],
            [4, 3, 2],
            [1, 1, 4],
            [0, 2, 1],
            [2, 0, 3],
            [1, 2, 2],
        ],
        dtype=np.int8,
    )
    spec = FeatureSpec(("a", "b", "c"), {"wisdom": ("a", "b"), "charisma": ("c",)})
    view = EraView("0001", spec, features)
    # Average ranks of a: 5.5 5.5 2.5 1 4 2.5, of b: 6 5 2 3.5 1 3.5; of c: 1 3.5 6 2 5 3.5.
    first = (np.array([5.5, 5.5, 2.5, 1, 4, 2.5]) - 0.5) / 6
    second = (np.array([6, 5, 2, 3.5, 1, 3.5]) - 0.5) / 6
    np.testing.assert_allclose(segment_scores(features[:, :2]), (first + second) / 2)
    moved = displacement(Shift("wisdom", "charisma"), view)
    by = (np.array([1, 3.5, 6, 2, 5, 3.5]) - 0.5) / 6
    np.testing.assert_allclose(moved, [0.03 * by[0], 0.03 * by[1], 0, 0, 0, 0])
    values = np.array([0.1, 0.9, 0.5, 0.2, 0.7, 0.3])
    start = (np.array([1, 6, 4, 2, 5, 3]) - 0.5) / 6
    strong = Segments((Shift("wisdom", "charisma", factor=0.9),))
    expected = [start[0] + 0.9 * by[0], 1.0, *start[2:]]
    np.testing.assert_allclose(apply([strong], values, view), expected, atol=1e-7)
    down = Segments((Shift("wisdom", "charisma", factor=-0.9),))
    assert apply([down], values, view)[0] == np.float32(start[0] - 0.9 * by[0])
    # Row 2 alone is high in charisma; in wisdom it shares the lowest mean rank with row 3.
    lower = Segments((Shift("charisma", "wisdom", factor=-2.0, share=0.2),))
    expected = [*start[:2], start[2] - 2 / 6, *start[3:]]
    np.testing.assert_allclose(apply([lower], values, view), expected, atol=1e-7)
    lowest = Segments((Shift("charisma", "wisdom", factor=-4.0, share=0.2),))
    assert apply([lowest], values, view)[2] == 0


def test_segments_come_from_names_and_never_from_places() -> None:
    view = make_view(90)
    values = np.random.default_rng(4).random(90)
    step = Segments((Shift("charisma", "wisdom", 0.2),))
    order = [5, 3, 0, 2, 4, 1]
    spec = FeatureSpec(tuple(NAMES[j] for j in order), GROUPS)
    turned = EraView("0001", spec, view.features[:, order])
    np.testing.assert_array_equal(apply([step], values, view), apply([step], values, turned))


@given(st.integers(0, 10_000), st.floats(-3, 3), st.floats(0.05, 0.95))
def test_a_shift_moves_its_segment_alone_and_stays_in_bounds(
    seed: int, factor: float, share: float
) -> None:
    view = make_view(50, seed)
    values = np.random.default_rng(seed + 1).random(50)
    changed = apply([Segments((Shift("charisma", "wisdom", factor, share),))], values, view)
    high = ranks(segment_scores(view.group("charisma"))) > 1 - share
    assert ((changed >= 0) & (changed <= 1)).all()
    np.testing.assert_allclose(changed[~high], ranks(values)[~high], atol=1e-6)
    assert (np.sign(factor) * (changed - ranks(values))[high] >= -1e-6).all()


def test_missing_features() -> None:
    spec = FeatureSpec(NAMES, GROUPS, missing=OWN_CODE)
    features = make_view().features.copy()
    features[:9, 2] = OWN_CODE
    centred = features.copy()
    centred[:9, 2] = 2
    step = Segments((Shift("charisma", "wisdom", 0.3),))
    values = np.random.default_rng(1).random(60)
    filled = apply([step], values, make_view(features=centred))
    np.testing.assert_array_equal(
        apply([step], values, make_view(features=features, spec=spec)), filled
    )
    floats = features.astype(np.float32)
    floats[features == OWN_CODE] = np.nan
    floats[7, 2:5] = np.nan
    float_spec = FeatureSpec(NAMES, GROUPS, np.dtype(np.float32), None)
    view = make_view(features=floats, spec=float_spec)
    assert np.isnan(segment_scores(view.group("charisma"))).tolist() == [j == 7 for j in range(60)]
    unmoved = apply([Segments((Shift("wisdom", "charisma", 0.3, 0.99),))], values, view)
    assert unmoved[7] == np.float32(ranks(values)[7])
    assert np.isfinite(apply([Neutralise(1.0, ("charisma",))], values, view)).all()


def test_steps_survive_a_recipe() -> None:
    steps = (
        Segments((Shift("wisdom", "charisma", 0.1, 0.4),)),
        Neutralise(0.25, ("last",), ("other",), STAND_IN),
    )
    read = steps_from_json(json.loads(json.dumps(steps_to_json(steps))))
    assert read == steps
    view, values = make_view(), np.random.default_rng(2).random(60)
    np.testing.assert_array_equal(apply(read, values, view), apply(steps, values, view))
    assert steps[1].reads == ("other", "bench")
    assert steps[0].reads == ()
    np.testing.assert_array_equal(apply((), values, view), values.astype(np.float32))


def test_live_rows_need_neither_training_nor_models() -> None:
    """What `predict` imports to apply steps."""
    code = "import ensemble.unique.steps, sys; print(*sys.modules)"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    rooms = {name.split(".")[0] for name in answer.stdout.split()}
    assert not rooms & {"training", "zoo", "etl", "pyarrow", "pandas", "tensorflow"}


@pytest.mark.parametrize(
    "damaged", [[{"kind": "neutralize"}], [{"kind": "neutralise", "proportion": 3}], [{}]]
)
def test_a_damaged_recipe_is_refused(damaged: list[dict[str, Any]]) -> None:
    with pytest.raises(ArtifactError, match="post-processing cannot be read"):
        steps_from_json(damaged)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    view, values = make_view(), np.random.default_rng(3).random(60)
    with pytest.raises(ConfigError, match="wisdm.*wisdom"):
        apply([Segments((Shift("wisdm", "charisma"),))], values, view)
    with pytest.raises(ConfigError, match="charisme.*charisma"):
        apply([Neutralise(0.5, ("charisme",))], values, view)
    with pytest.raises(ConfigError, match="chrisma.*charisma"):
        check_names(["chrisma"], view.spec, ["bench"])
    with pytest.raises(ConfigError, match="carry no benchmarks"):
        check_names(["benchmarks"], view.spec, [])
    check_names(["meta_model", "features", "benchmarks", "bench", "last"], view.spec, ["bench"])


def test_what_cannot_be_changed_is_refused() -> None:
    view = make_view(7)
    values = np.linspace(0, 1, 7)
    with pytest.raises(DataError, match="not finite"):
        apply([], np.where(values > 0.5, np.nan, values), view)
    with pytest.raises(DataError, match=r"Expected: \(7,\)"):
        apply([], values[:5], view)
    with pytest.raises(ConfigError, match="7 rows and 6 neutralizers in era 0001"):
        apply([Neutralise(0.5, ("features",))], values, view)
    with pytest.raises(DataError, match="'third' does not cover era 0001"):
        apply([Neutralise(0.5, (), ("third",))], values, view)
    with pytest.raises(ConfigError, match="proportion of 0 to 1"):
        Neutralise(1.5, ("wisdom",))
    with pytest.raises(ConfigError, match="to no columns"):
        Neutralise(0.5)
    with pytest.raises(ConfigError, match="share of a segment"):
        Shift("wisdom", "charisma", share=1.0)
