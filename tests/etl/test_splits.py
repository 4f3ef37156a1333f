"""The splitter: exact folds, and the proof that no label touches a validation era."""

from __future__ import annotations

from itertools import groupby

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from erazoo.config.schema import SplitSection
from erazoo.eras import EraAxis
from erazoo.errors import ErazooError, LeakageError
from erazoo.folds import FoldPlan
from etl.splits import (
    PurgedEraSplit,
    fitting_eras,
    hold_out,
    monitor_split,
    plan_folds,
    split_names,
)


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


@pytest.mark.parametrize(
    ("parts", "options", "train", "validation", "test"),
    [
        ((0.6, 0.2, 0.2), {}, [1, 10], [13, 16], [17, 20]),
        ((0.5, 0.25, None), {}, [1, 8], [11, 15], []),
        ((0.5, 0.26, 0.24), {}, [1, 8], [11, 15], [16, 20]),
        ((0.33, 0.33, 0.34), {}, [1, 5], [8, 13], [14, 20]),
        ((8, 5, 4), {}, [1, 6], [9, 13], [14, 17]),
        ((8, 5, 4), {"purge": 4}, [1, 4], [9, 13], [14, 17]),
        (("1..8", "12..14", "18..20"), {}, [1, 8], [12, 14], [18, 20]),
        (("1..8", 3, 0.2), {}, [1, 6], [9, 11], [12, 15]),
        (("12..20", "1..6", None), {}, [12, 20], [1, 6], []),
        (("12..20", "1..6", None), {"embargo": 4}, [13, 20], [1, 6], []),
        (("1..12", "17..20", "13..14"), {}, [1, 10], [17, 20], [13, 14]),
        (("1..9", "14..16", None), {"eras": "every:4"}, [1, 9], [14, 16], []),
    ],
)
def test_the_parts_of_a_fixed_split(
    parts: tuple[object, object, object],
    options: dict[str, object],
    train: list[int],
    validation: list[int],
    test: list[int],
) -> None:
    """First and last era of each part, of twenty eras whose labels reach one era, purge 2."""
    names = dict(zip(("train", "validation", "test"), parts, strict=True))
    section = SplitSection(**{"scheme": "fixed", "purge": 2, **names, **options})  # type: ignore[arg-type]
    axis = axis_of(20)
    plan = plan_folds(section, axis, axis.eras, "target_ender_20", 1)
    (fold,) = plan.development
    assert [numbers(fold.train)[0], numbers(fold.train)[-1]] == train
    assert numbers(fold.validation) == list(range(validation[0], validation[1] + 1))
    held = numbers(plan.held_out.validation) if plan.held_out else []
    assert held == (list(range(test[0], test[1] + 1)) if test else [])
    step = 4 if "eras" in options else 1
    assert numbers(fold.train) == list(range(train[0], train[1] + 1, step))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": "1..10", "validation": "8..12"}, "era stands in split.train and split.valid"),
        ({"train": "1..10", "validation": "15..18", "test": "18..20"}, "validation and split.test"),
        ({"train": "1..10", "validation": "30..40"}, "names no era"),
        ({"train": 12, "validation": 30, "test": 2}, "split.test names no resolved era"),
        ({"train": "1..10", "validation": "19..20"}, "split.validation names no resolved era"),
        ({"train": 0.001, "validation": 0.5}, "split.train names no resolved era"),
        ({"train": "1..3", "validation": "4..9"}, "no training eras left"),
    ],
)
def test_fixed_parts_that_cannot_be(parts: dict[str, object], message: str) -> None:
    section = SplitSection(scheme="fixed", purge=4, **parts)  # type: ignore[arg-type]
    axis = axis_of(20)
    with pytest.raises(ErazooError, match=message):
        plan_folds(section, axis, axis.eras[:18], "target_ender_20", 1)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": 0.6}, "needs split.train and split.validation"),
        ({"train": 0.6, "validation": 0.6}, "sum up to 1"),
        ({"train": 1.5, "validation": 3}, "lie between 0 and 1"),
        ({"train": 5, "validation": 0}, "at least 1"),
    ],
)
def test_fixed_parts_of_no_meaning(parts: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SplitSection(scheme="fixed", **parts)  # type: ignore[arg-type]


def test_parts_belong_to_the_fixed_scheme() -> None:
    with pytest.raises(ValueError, match="belong to split.scheme 'fixed'"):
        SplitSection(train=0.5)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"folds": 2}, "t5 u2 v8 s5"),
        ({"folds": 2, "scheme": "kfold"}, "t13 u2 s5"),
        ({"folds": 3, "scheme": "combinatorial", "test_folds": 1}, "t13 u2 s5"),
        ({"scheme": "fixed", "train": 8, "validation": 4, "test": 3}, "t6 u2 v4 s3 u5"),
        ({"scheme": "fixed", "train": 8, "validation": 4}, "t6 u2 v4 u8"),
        ({"scheme": "fixed", "train": "1..6", "validation": "9..12"}, "t6 u2 v4 u8"),
    ],
)
def test_the_names_of_splits(options: dict[str, object], expected: str) -> None:
    """Twenty eras, the last two unresolved, three held out: train, unused, validation, teSt."""
    section = SplitSection(purge=2, held_out=3 / 18, **options)  # type: ignore[arg-type]
    axis = axis_of(20)
    plan = plan_folds(section, axis, axis.eras[:18], "target_ender_20", 1)
    names = split_names(section, plan)
    assert list(names) == list(axis.eras)
    letters = {"train": "t", "unused": "u", "validation": "v", "test": "s"}
    runs = [(k, len(list(group))) for k, group in groupby(letters[n] for n in names.values())]
    assert runs == [(part[0], int(part[1:])) for part in expected.split() if part[1:] != "0"]


PARTS = (
    st.integers(1, 80)
    | st.floats(0.05, 0.6)
    | st.tuples(st.integers(1, 250), st.integers(0, 120)).map(lambda p: f"{p[0]}..{sum(p)}")
)


@st.composite
def sections(draw: st.DrawFn) -> SplitSection:
    scheme = draw(st.sampled_from(["expanding", "rolling", "kfold", "combinatorial", "fixed"]))
    parts = {}
    if scheme == "fixed":
        parts = {"train": draw(PARTS), "validation": draw(PARTS), "test": draw(st.none() | PARTS)}
        shares = [part for part in parts.values() if isinstance(part, float)]
        assume(sum(shares) <= 1)
    return SplitSection(
        scheme=scheme,
        folds=draw(st.integers(3, 5)),
        margin=draw(st.integers(1, 5)),
        embargo=draw(st.integers(0, 4)),
        held_out=draw(st.sampled_from([0.0, 0.1, 0.3])),
        eras=draw(st.sampled_from(["all", "even", "every:4"])),
        **parts,
    )


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(sections(), st.integers(20, 250), st.sampled_from([1, 4]), st.integers(1, 12))
def test_no_split_shares_an_era_and_no_horizon_touches_another(
    section: SplitSection, count: int, step: int, label: int
) -> None:
    """In original eras, whatever the scheme; a training era's label covers (era, era + label]."""
    axis = axis_of(count, step)
    resolved = axis.eras[: count - label // 2]
    try:
        plan = plan_folds(section, axis, resolved, "target_ender_20", label)
    except ErazooError:
        return
    names = split_names(section, plan)
    assert list(names) == list(axis.eras)
    for fold in plan.folds:
        groups = [set(fold.train), set(fold.validation), set(fold.purged)]
        assert sum(map(len, groups)) == len(set.union(*groups))
        assert numbers(fold.train) == sorted(numbers(fold.train))
        windows = set(fold.validation)
        if section.scheme == "fixed" and plan.held_out:
            windows |= set(plan.held_out.validation)
        for scored in map(int, windows):
            assert all(abs(int(era) - scored) > plan.purge for era in fold.train)
            after = scored + plan.purge + section.embargo
            assert not any(scored < int(era) <= after for era in fold.train)
    held = set(plan.held_out.validation) if plan.held_out else set()
    for fold in plan.development:
        assert not held & {*fold.train, *fold.validation}
    assert all(names[era] == "test" for era in held)
    by_part = {n: {e for e, name in names.items() if name == n} for n in set(names.values())}
    if section.scheme == "fixed":
        (fold,) = plan.development
        assert by_part["train"] == set(fold.train)
        assert by_part["validation"] == set(fold.validation)
        assert by_part.get("test", set()) == held
    common = fitting_eras(plan) if section.scheme in ("expanding", "fixed") else ()
    assert not {names[era] for era in common} - {"train"}


@pytest.mark.parametrize("form", ["%Y%m%d", "%Y-%m-%d"])
def test_days_as_numbers_are_purged_as_dates_are(form: str) -> None:
    import datetime as dt

    first = dt.date(2019, 11, 1)
    eras = [(first + dt.timedelta(weeks=week)).strftime(form) for week in range(80)]
    axis = EraAxis(eras)
    plan = plan_folds(SplitSection(purge=5, held_out=0), axis, axis.eras, "target_ender_20", 4)
    for fold in plan.folds:
        gap = eras.index(fold.validation[0]) - eras.index(fold.train[-1])
        assert gap == 6


def test_folds_that_take_turns_keep_away_from_held_out_eras() -> None:
    axis = axis_of(60)
    section = SplitSection(scheme="kfold", folds=4, purge=3, held_out=0.2)
    plan = plan_folds(section, axis, axis.eras, "target_ender_20", 2)
    assert plan.held_out is not None
    first = axis.position(plan.held_out.validation[0])
    assert all(axis.position(era) < first - 3 for f in plan.development for era in f.train)
