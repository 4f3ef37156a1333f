"""The parts that boosted models of all libraries share."""

from __future__ import annotations

import numpy as np
import pytest

from erazoo.eras import EraAxis
from erazoo.errors import ConfigError
from scoring.corr import mean_corr, numerai_corr
from scoring.eras import EraSlices
from zoo.boosting.correlation import EraCorrelation
from zoo.boosting.device import gpu_of
from zoo.boosting.emphasis import by_age, by_score
from zoo.boosting.goal import Goal, grades
from zoo.boosting.params import EmphasisOptions
from zoo.boosting.watch import Watch

RNG = np.random.default_rng(4)
SLICES = EraSlices(("0001", "0002", "0003"), np.array([0, 30, 75, 100]))
TARGET = (RNG.integers(0, 5, 100) / 4).astype(np.float32)


def disagreement(predictions: np.ndarray, target: np.ndarray) -> float:
    """n (1 - r) summed over the eras, by numpy's own correlation."""
    return sum(
        (span.stop - span.start) * (1 - np.corrcoef(predictions[span], target[span])[0, 1])
        for span in SLICES
    )


@pytest.mark.parametrize("scale", [0.01, 1.0, 30.0])
def test_the_gradient_of_correlation_is_the_numerical_one(scale: float) -> None:
    predictions = scale * RNG.normal(size=100) + 2
    gradient, second = EraCorrelation(TARGET, SLICES)(predictions)
    for span in SLICES:
        deviation = predictions[span].std()
        for row in range(span.start, span.start + 6):
            step = np.zeros(100)
            step[row] = 1e-5 * scale
            high, low = (disagreement(predictions + s, TARGET) for s in (step, -step))
            numerical = (high - low) / (2 * step[row]) * deviation
            assert gradient[row] == pytest.approx(numerical, abs=1e-6)
    np.testing.assert_array_equal(second, 1)


def test_constant_sides_have_a_direction_or_none() -> None:
    flat = np.zeros(100)
    gradient, _ = EraCorrelation(TARGET, SLICES)(flat)
    for span in SLICES:
        inside = TARGET[span].astype(float)
        np.testing.assert_allclose(gradient[span], -(inside - inside.mean()) / inside.std())
    nothing, _ = EraCorrelation(np.full(100, 0.5), SLICES)(RNG.normal(size=100))
    np.testing.assert_array_equal(nothing, 0)


def test_weights_are_factors_of_rows() -> None:
    predictions, weights = RNG.normal(size=100), RNG.random(100).astype(np.float32)
    plain, _ = EraCorrelation(TARGET, SLICES)(predictions)
    weighted, second = EraCorrelation(TARGET, SLICES, weights)(predictions)
    np.testing.assert_allclose(weighted, plain * weights)
    np.testing.assert_allclose(second, weights)


def test_classes_are_the_values_of_the_target() -> None:
    goal = Goal.of("classes", TARGET)
    assert goal.values == (0.0, 0.25, 0.5, 0.75, 1.0)
    np.testing.assert_array_equal(goal.encoded(TARGET, SLICES), TARGET * 4)
    assert goal.predicted(np.zeros((3, 5))) == pytest.approx([0.5] * 3)
    sure = np.full((1, 5), -50.0)
    sure[0, 3] = 50
    assert goal.predicted(sure) == pytest.approx([0.75])
    with pytest.raises(ConfigError, match="none of the model's classes.*0.6"):
        goal.encoded(np.full(100, 0.6, np.float32), SLICES)
    for labels in (np.zeros(9, np.float32), np.arange(40, dtype=np.float32)):
        with pytest.raises(ConfigError, match="cannot be classes"):
            Goal.of("classes", labels)


def test_grades_are_values_or_fifths_of_an_era() -> None:
    np.testing.assert_array_equal(grades(TARGET, SLICES), TARGET * 4)
    many = RNG.normal(size=100).astype(np.float32)
    found = grades(many, SLICES)
    for span in SLICES:
        counts = np.bincount(found[span].astype(int), minlength=5)
        assert counts.tolist() == [(span.stop - span.start) // 5] * 5
        assert (np.diff(found[span][np.argsort(many[span])]) >= 0).all()


def test_corr_learns_the_stretched_target() -> None:
    found = Goal.of("corr", TARGET).encoded(TARGET, SLICES)
    for span in SLICES:
        centred = TARGET[span] - TARGET[span].mean()
        expected = np.sign(centred) * np.abs(centred) ** 1.5
        np.testing.assert_allclose(found[span], expected, atol=1e-6)


def test_age_is_counted_on_the_whole_axis() -> None:
    axis = EraAxis(tuple(f"{n:04d}" for n in range(1, 31)))
    found = by_age(axis, ("0001", "0011", "0021"), 10.0)
    assert found == pytest.approx([0.25, 0.5, 1.0])


def test_the_worst_eras_count() -> None:
    predictions = TARGET.astype(float) + 0.3 * RNG.normal(size=100)
    predictions[:30] = -predictions[:30]
    predictions[75:] = 0.5
    boost = EmphasisOptions(by="era_boost", share=0.5)
    assert by_score(boost, predictions, TARGET, SLICES).tolist() == [1, 0, 1]
    score = EmphasisOptions(by="score")
    assert by_score(score, predictions, TARGET, SLICES).tolist() == [1, 0, 2]


def test_the_watch_keeps_the_first_best_and_its_patience() -> None:
    watch = Watch(TARGET, SLICES, patience=2)
    noise = RNG.normal(size=100)
    for share in (0.0, 0.5, 0.9, 0.9, 0.2):
        assert not watch.over
        mixed = share * TARGET + (1 - share) * noise if share else np.zeros(100)
        score = watch.note(mixed)
        known = numerai_corr(mixed, TARGET, SLICES).mean()
        assert score == pytest.approx(known, nan_ok=True)
    assert watch.over
    assert watch.best == 3
    course = watch.course()
    assert (course.best, course.value) == (3, watch.scores[2])
    assert np.isnan(course.history["val_corr"][0])


def test_mean_corr_leaves_eras_without_one_out() -> None:
    predictions = RNG.normal(size=100)
    scores = numerai_corr(predictions, TARGET, SLICES)[:, 0]
    predictions[75:] = 1
    assert mean_corr(predictions, TARGET, SLICES) == pytest.approx(scores[:2].mean())
    assert np.isnan(mean_corr(np.ones(100), TARGET, SLICES))


@pytest.mark.parametrize(
    ("own", "general", "expected"),
    [
        ("auto", "auto", 0),
        ("cpu", "gpu", None),
        ("auto", "cpu", None),
        ("gpu", "cpu", 0),
        ("auto", "gpu:2,3", 2),
    ],
)
def test_a_gpu_is_used_as_asked(
    own: str, general: str, expected: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zoo.boosting.device.visible_gpus", lambda: ["0", "1", "2", "3"])
    assert gpu_of("Any", own, general, lambda: "") == expected


def test_a_library_without_gpu_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zoo.boosting.device.visible_gpus", lambda: ["0"])
    assert gpu_of("Any", "auto", "auto", lambda: "No OpenCL device found") is None
    with pytest.raises(ConfigError, match="Any cannot use a GPU.*gpu:1.*No OpenCL device found"):
        gpu_of("Any", "auto", "gpu:1", lambda: "No OpenCL device found")


def test_the_libraries_say_that_this_machine_has_no_gpu() -> None:
    from erazoo.engine.limits import visible_gpus
    from zoo.boosting import catboost, lightgbm, xgboost

    if visible_gpus():
        pytest.skip("this machine has a GPU")
    assert "OpenCL" in lightgbm._no_gpu()
    assert "no GPU" in xgboost._no_gpu()
    assert "no GPU" in catboost._no_gpu()
