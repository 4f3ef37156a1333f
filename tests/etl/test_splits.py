"""The splitter: exact folds, and the proof that no label touches a validation era."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.config.schema import SplitSection
from erazoo.eras import EraAxis
from erazoo.errors import ErazooError, LeakageError
from erazoo.folds import FoldPlan
from etl.splits import PurgedEraSplit, hold_out, monitor_split, plan_folds


def axis_of(count: int, step: int = 1) -> EraAxis:
    return EraAxis(tuple(f"{e:04d}" for e in range(1, count * step + 1, step)))


def numbers(eras: tuple[str, ...]) -> list[int]:
    return [int(era) for era in eras]


@pytest.mark.parametrize(
    ("scheme", "options", "expected"),
    [
        (
            "expanding",
            {"first_train": 0.5},
            [([1, 2, 3, 4], [7, 8, 9]), ([*range(1, 8)], [10, 11, 12])],
        ),
        (
            "rolling",
            {"first_train": 0.5},
            [([1, 2, 3, 4], [7, 8, 9]), ([4, 5, 6, 7], [10, 11, 12])],
        ),
        ("kfold", {}, [([9, 10, 11, 12], [*range(1, 7)]), ([1, 2, 3, 4], [*range(7, 13)])]),
    ],
)
def test_exact_folds(scheme: str, options: dict[str, float], expected: list[object]) -> None:
    axis = axis_of(12)
    split = PurgedEraSplit(scheme, folds=2, label_eras=1, purge=2, **options)
    folds = [(numbers(f.train), numbers(f.validation)) for f in split.split(axis, axis.eras)]
    assert folds == expected


def test_combinatorial_takes_every_choice() -> None:
    axis = axis_of(40)
    split = PurgedEraSplit("combinatorial", folds=5, label_eras=1, purge=2, test_folds=2)
    folds = list(split.split(axis, axis.eras))
    assert len(folds) == 10
    assert len({fold.validation for fold in folds}) == 10


def test_embargo_only_after_validation() -> None:
    axis = axis_of(30)
    plain, wide = (
        next(iter([*PurgedEraSplit("kfold", 3, 1, 2, embargo=e).split(axis, axis.eras)][1:2]))
        for e in (0, 3)
    )
    assert numbers(plain.train) == [*range(1, 9), *range(23, 31)]
    assert numbers(wide.train) == [*range(1, 9), *range(26, 31)]


@st.composite
def splits(draw: st.DrawFn) -> tuple[PurgedEraSplit, EraAxis, str]:
    label = draw(st.integers(0, 13))
    split = PurgedEraSplit(
        scheme=draw(st.sampled_from(["expanding", "rolling", "kfold", "combinatorial"])),
        folds=draw(st.integers(2, 6)),
        label_eras=label,
        purge=label + draw(st.integers(0, 5)),
        embargo=draw(st.integers(0, 5)),
        first_train=draw(st.floats(0.1, 0.9)),
        test_folds=draw(st.integers(1, 2)),
    )
    axis = axis_of(draw(st.integers(12, 200)), draw(st.sampled_from([1, 4])))
    return split, axis, draw(st.sampled_from(["all", "even", "odd", "every:4"]))


@settings(max_examples=300, deadline=None)
@given(splits())
def test_no_label_reaches_the_other_side(case: tuple[PurgedEraSplit, EraAxis, str]) -> None:
    """Every label covers (era, era + label_eras]; no training one touches a validation era's
    features or label, and no validation label touches a training era."""
    split, axis, selection = case
    try:
        eras = axis.select(selection)
        folds = list(split.split(axis, eras))
    except ErazooError:
        return
    for fold in folds:
        assert fold.train
        assert fold.validation
        assert not set(fold.train) & set(fold.validation)
        for t in map(int, fold.train):
            for v in map(int, fold.validation):
                assert not t <= v <= t + split.label_eras
                assert not v <= t <= v + split.label_eras
                assert abs(t - v) > split.purge


@settings(max_examples=200, deadline=None)
@given(splits())
def test_walk_forward_predicts_each_late_era_once(
    case: tuple[PurgedEraSplit, EraAxis, str],
) -> None:
    split, axis, _ = case
    if split.scheme == "combinatorial":
        return
    try:
        folds = list(split.split(axis, axis.eras))
    except ErazooError:
        return
    predicted = [era for fold in folds for era in fold.validation]
    assert len(predicted) == len(set(predicted))
    start = 0 if split.scheme == "kfold" else int(len(axis.eras) * split.first_train)
    assert predicted == list(axis.eras[start:])


def test_a_purge_below_the_horizon_is_refused() -> None:
    with pytest.raises(LeakageError, match="shorter than the target's horizon"):
        PurgedEraSplit("expanding", 2, label_eras=4, purge=3)


def test_an_empty_training_fold_is_refused() -> None:
    axis = axis_of(12)
    with pytest.raises(LeakageError, match="no training eras left"):
        list(PurgedEraSplit("expanding", 2, 4, 8, first_train=0.5).split(axis, axis.eras))


def test_purge_counts_original_eras() -> None:
    axis = axis_of(20, step=4)
    fold = next(PurgedEraSplit("expanding", 1, 4, 8, first_train=0.5).split(axis, axis.eras))
    assert numbers(fold.validation)[0] == 41
    assert numbers(fold.train)[-1] == 29


def test_plan_holds_out_the_newest_and_purges_before_them() -> None:
    axis = axis_of(100)
    plan = plan_folds(SplitSection(), axis, axis.eras[:90], "target_ender_20", 4)
    held = plan.held_out
    assert held is not None
    assert numbers(held.validation) == list(range(77, 91))
    assert numbers(held.train)[-1] == 76 - 8
    assert plan.purge == 8
    assert all(max(numbers(f.validation)) < 77 for f in plan.development)
    assert plan.final == axis.eras[:90]
    assert FoldPlan.from_json(plan.to_json()) == plan


def test_selected_eras_thin_training_only() -> None:
    axis = axis_of(100)
    plan = plan_folds(SplitSection(eras="every:4"), axis, axis.eras, "target_ender_20", 4)
    whole = plan_folds(SplitSection(), axis, axis.eras, "target_ender_20", 4)
    for thin, full in zip(plan.folds, whole.folds, strict=True):
        assert thin.validation == full.validation
        assert set(thin.train) < set(full.train)
        assert {n % 4 for n in numbers(thin.train)} == {1}


def test_monitor_eras_are_purged_from_the_fit() -> None:
    axis = axis_of(100)
    fit, monitor = monitor_split(axis, axis.eras, 8)
    assert numbers(monitor) == list(range(86, 101))
    assert numbers(fit)[-1] == 77


def test_hold_out_of_nothing() -> None:
    assert hold_out(("0001", "0002"), 0.0) == (("0001", "0002"), ())


def test_no_resolved_era_is_refused() -> None:
    with pytest.raises(LeakageError, match="no era has a resolved"):
        plan_folds(SplitSection(), axis_of(10), (), "target_ender_20", 4)
