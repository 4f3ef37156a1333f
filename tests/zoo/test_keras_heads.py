from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from zoo.keras.check import FEATURES, quintiles
from zoo.keras.heads import MAIN, Labels, Reconstruction, Regression
from zoo.keras.learning import compile_network, targets
from zoo.keras.mlp import SPEC
from zoo.keras.mlp.params import MlpParams
from zoo.keras.params import HeadOptions

FIVE = np.array([0, 0.25, 0.5, 0.75, 1], dtype=np.float32)


def head(kind: str, classes: int = 5, **options: object) -> Labels:
    return Labels("h", kind=kind, classes=classes, **options)  # type: ignore[arg-type]


def test_a_regression_compares_with_the_target_itself() -> None:
    np.testing.assert_array_equal(Regression(MAIN).labels(None, FIVE), FIVE[:, None])


def test_losses_of_eras_get_the_place_of_each_row() -> None:
    own = Regression(MAIN, measure="corr")
    np.testing.assert_array_equal(own.labels(None, FIVE), np.stack([FIVE, 0 * FIVE], 1))
    places = np.array([0, 0, 1, 1, 2], dtype=np.int32)
    np.testing.assert_array_equal(own.labels(None, FIVE, places)[:, 1], places)


def test_heads_of_several_targets_find_their_column() -> None:
    both = np.stack([FIVE, 1 - FIVE], axis=1)
    found = Regression("other", column=1).labels(None, both)
    np.testing.assert_array_equal(found, 1 - FIVE[:, None])


def test_classes_are_one_hot() -> None:
    np.testing.assert_array_equal(head("classes").labels(None, FIVE), np.eye(5))


@pytest.mark.parametrize("kind", ["multilabel", "ordinal"])
def test_labels_say_which_boundaries_lie_below(kind: str) -> None:
    np.testing.assert_array_equal(head(kind).labels(None, FIVE), np.tri(5, 4, -1))


@pytest.mark.parametrize("kind", ["classes", "multilabel", "ordinal"])
def test_an_unknown_target_has_no_label(kind: str) -> None:
    found = np.asarray(head(kind).labels(None, np.array([np.nan, 0.5], dtype="f4")))
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@settings(max_examples=30, deadline=None)
@given(
    classes=st.integers(2, 9),
    kind=st.sampled_from(["classes", "multilabel", "ordinal"]),
    data=st.data(),
)
def test_certain_labels_predict_the_target_again(
    classes: int, kind: str, data: st.DataObject
) -> None:
    steps = data.draw(st.lists(st.integers(0, classes - 1), min_size=1, max_size=8))
    target = (np.array(steps) / (classes - 1)).astype(np.float32)
    own = head(kind, classes)
    labels = np.asarray(own.labels(None, target))
    np.testing.assert_allclose(labels @ own.values, target, atol=1e-6)
    np.testing.assert_allclose(np.asarray(own.predict(labels))[:, 0], target, atol=1e-6)


def test_ordinal_probabilities_never_rise_from_a_boundary_to_the_next() -> None:
    conditional = np.random.default_rng(1).random((50, 4)).astype("f4")
    found = np.asarray(head("ordinal").predict(conditional))[:, 0]
    np.testing.assert_allclose(found, np.cumprod(conditional, axis=1).mean(axis=1), rtol=1e-5)


def test_seven_valued_targets_have_seven_classes() -> None:
    target = np.array([0, 1 / 6, 5 / 6, 1], dtype=np.float32)
    labels = np.asarray(head("classes", 7).labels(None, target))
    assert labels.argmax(axis=1).tolist() == [0, 1, 5, 6]


def test_label_smoothing_reaches_the_loss() -> None:
    for kind in ("classes", "multilabel", "ordinal"):
        assert head(kind, label_smoothing=0.2).loss().options == {"label_smoothing": 0.2}


def test_reconstruction_targets_have_unit_variance() -> None:
    quintile = np.tile(np.arange(5, dtype=np.int8), 20)[:, None]
    target = np.asarray(Reconstruction("r").labels(quintile, None))
    assert target.mean() == pytest.approx(0, abs=1e-6)
    assert target.var() == pytest.approx(1, abs=1e-6)


def test_reconstruction_targets_of_floats_are_themselves() -> None:
    features = np.array([[0.5, 5.0]], dtype=np.float32)
    np.testing.assert_array_equal(Reconstruction("r").labels(features, None), [[0.5, 5]])


def test_the_joint_loss_is_the_weighted_sum_over_known_targets() -> None:
    options = {"weight": 2.0, "auxiliary": {"target_b_20": 0.5}, "reconstruction": 0.25}
    params = MlpParams.model_validate({"head": options, "dropout": 0.0})
    model = SPEC.build(params, FEATURES, 1)
    compile_network(model, params)
    x = quintiles(64)
    target = np.random.default_rng(3).random((64, 2)).astype("f4")
    target[::4, 1] = np.nan
    found = {name: np.asarray(value) for name, value in model(x).items()}
    again = np.square(found["reconstruction"] - (x - 2.0) / np.sqrt(2)).mean()
    first = np.square(found[MAIN][:, 0] - target[:, 0]).mean()
    other = np.nan_to_num(np.square(found["target_b_20"][:, 0] - target[:, 1])).mean()
    measured = model.evaluate(x, targets(params)(x, target), verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(2 * first + 0.5 * other + 0.25 * again, rel=1e-4)
    np.testing.assert_array_equal(found["prediction"], found[MAIN])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"head": {"kind": "classes", "loss": "mae"}}, "loss mae is one of kind regression"),
        ({"head": {"label_smoothing": 0.1}}, "label_smoothing is for kinds with labels"),
        ({"head": {"classes": 7}}, "classes are for kinds with labels"),
        ({"head": {"kind": "ordinal", "output": "linear"}}, "output linear is one of kind regres"),
        ({"head": {"loss": "mae", "delta": 0.1}}, "delta is for the loss huber, not for mae"),
        ({"head": {"start": 0.0}}, "start is for the output linear, not for sigmoid"),
        ({"head": {"loss": "corr"}}, "head.loss corr needs batch_eras"),
        ({"head": {"auxiliary": {"a": 0}}}, "auxiliary"),
        ({"inputs": {"noise": 1.5}}, "less than or equal to 1"),
        ({"inputs": {"embedding": 2, "indicator": True}}, "indicator adds nothing"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        MlpParams.model_validate(options)


def test_an_output_on_a_line_starts_where_it_is_told() -> None:
    params = MlpParams(head=HeadOptions(output="linear", start=3.0))
    model = SPEC.build(params, FEATURES, 1)
    assert abs(np.asarray(model(quintiles())["prediction"]).mean() - 3) < 0.5
