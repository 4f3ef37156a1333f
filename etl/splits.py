"""The one splitter: purged folds over eras, counted in ORIGINAL eras."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from erazoo.config.schema import SplitSection
from erazoo.eras import EraAxis
from erazoo.errors import LeakageError
from erazoo.folds import EraFold, FoldPlan

MONITOR_SHARE = 0.15


@dataclass(frozen=True)
class PurgedEraSplit:
    """A splitter over eras whose training labels never reach a validation era, nor the reverse.

    A label of era `e` reaches to position `e + label_eras`. Training eras within `purge`
    positions of a validation era are left out on both sides, and `embargo` more after it.

    Args:
        scheme: `expanding` or `rolling` (walk-forward: train before, validate after), `kfold`
            (contiguous folds), `combinatorial` (every choice of `test_folds` of the folds),
            `fixed` (the caller names the eras of its one fold).
        folds: validation windows.
        label_eras: eras that a label reaches past its own.
        purge: positions left out next to a validation era; at least `label_eras`.
        embargo: further positions left out after a validation era.
        first_train: walk-forward: the share of eras before the first validation window.
        test_folds: combinatorial: folds validated at a time.

    >>> axis = EraAxis(tuple(f"{e:04d}" for e in range(1, 13)))
    >>> split = PurgedEraSplit("expanding", folds=2, label_eras=1, purge=2, first_train=0.5)
    >>> for fold in split.split(axis, axis.eras):
    ...     print(fold.train[0], fold.train[-1], "|", *fold.validation)
    0001 0004 | 0007 0008 0009
    0001 0007 | 0010 0011 0012
    """

    scheme: str
    folds: int
    label_eras: int
    purge: int
    embargo: int = 0
    first_train: float = 0.5
    test_folds: int = 2

    def __post_init__(self) -> None:
        if self.purge < self.label_eras:
            raise LeakageError(
                "the purge is shorter than the target's horizon",
                received=f"{self.purge} eras",
                expected=f"at least {self.label_eras}",
                hint="Leave split.purge unset to take the horizon plus a margin",
            )

    def split(
        self, axis: EraAxis, eras: Sequence[str], test: Sequence[str] = ()
    ) -> Iterator[EraFold]:
        """Yield the folds of `eras`, whose positions are those of the whole `axis`.

        Training keeps its distance from the eras of `test` as well.

        Raises:
            LeakageError: a fold is left without training or validation eras.
        """
        for number, validation in enumerate(self._windows(tuple(eras))):
            yield self.fold(f"fold-{number}", "development", axis, eras, validation, test)

    def fold(
        self,
        name: str,
        kind: str,
        axis: EraAxis,
        eras: Sequence[str],
        validation: Sequence[str],
        test: Sequence[str] = (),
    ) -> EraFold:
        """The fold that validates on `validation` and trains on what may be used of `eras`.

        Training keeps its distance from the eras of `test` as well.
        """
        tested = set(validation)
        candidates = [era for era in eras if era not in tested]
        if self.scheme in ("expanding", "rolling") and validation:
            first = axis.position(validation[0])
            candidates = [era for era in candidates if axis.position(era) < first]
        apart = [windows for windows in (validation, test) if windows]
        train = [era for era in candidates if all(self._apart(axis, era, w) for w in apart)]
        purged = [era for era in candidates if era not in set(train)]
        if self.scheme == "rolling":
            train = train[-max(1, int(len(eras) * self.first_train) - len(purged)) :]
        if not train or not validation:
            raise LeakageError(
                f"{name} has no {'training' if validation else 'validation'} eras left",
                received=f"{len(eras)} eras, purge {self.purge}, embargo {self.embargo}",
                hint="Use more eras, fewer folds or a larger split.first_train",
            )
        return EraFold(name, kind, tuple(train), tuple(validation), tuple(purged))

    def _apart(self, axis: EraAxis, era: str, validation: Sequence[str]) -> bool:
        here = axis.position(era)
        return all(
            here < axis.position(first) - self.purge
            or here > axis.position(last) + self.purge + self.embargo
            for first, last in era_runs(axis, validation)
        )

    def _windows(self, eras: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        if self.scheme in ("expanding", "rolling"):
            yield from _cut(eras[int(len(eras) * self.first_train) :], self.folds)
        elif self.scheme == "kfold":
            yield from _cut(eras, self.folds)
        else:
            for chosen in combinations(_cut(eras, self.folds), self.test_folds):
                yield tuple(era for piece in chosen for era in piece)


def plan_folds(
    section: SplitSection,
    axis: EraAxis,
    resolved: Sequence[str],
    target: str,
    label_eras: int,
) -> FoldPlan:
    """The folds of an experiment over the eras in which its target is resolved.

    Raises:
        LeakageError: no era is resolved, the purge is too short or a fold is empty.
    """
    if not resolved:
        raise LeakageError(
            f"no era has a resolved {target}", hint="Check the target's name and the data"
        )
    purge = label_eras + section.margin if section.purge is None else section.purge
    splitter = PurgedEraSplit(
        scheme=section.scheme,
        folds=section.folds,
        label_eras=label_eras,
        purge=purge,
        embargo=section.embargo,
        first_train=section.first_train,
        test_folds=section.test_folds,
    )
    if section.scheme == "fixed":
        train, validation, held_out = _fixed_parts(section, axis, resolved)
        used = {*train, *validation}
        development = tuple(era for era in resolved if era in used)
        fold = splitter.fold("fold-0", "development", axis, development, validation, held_out)
        folds = [fold]
    else:
        development, held_out = hold_out(resolved, section.held_out)
        folds = list(splitter.split(axis, development, held_out))
    allowed = set(axis.select(section.eras))
    if held_out:
        folds.append(splitter.fold("held_out", "held_out", axis, development, held_out))
    thinned = [_thin(fold, allowed) for fold in folds]
    final = tuple(era for era in resolved if era in allowed)
    return FoldPlan(target, label_eras, purge, section.embargo, axis.eras, tuple(thinned), final)


def fitting_eras(plan: FoldPlan) -> tuple[str, ...]:
    """Eras that every development fold learns from: what cleaning and balance may learn from.

    Raises:
        LeakageError: there is none, as with k-fold splits.
    """
    common = set.intersection(*(set(fold.train) for fold in plan.development))
    if not common:
        raise LeakageError(
            "no era is a training era of every fold, so nothing may be learned from the data",
            received=f"{len(plan.development)} folds",
            expected="split.scheme expanding, rolling or fixed",
        )
    return tuple(era for era in plan.axis if era in common)


def split_names(section: SplitSection, plan: FoldPlan) -> dict[str, str]:
    """The split of every era: `train`, `validation`, `test` or `unused`.

    `test` holds the held-out eras and everything newer than development eras, `validation` the
    eras that a development fold is scored on and `train` the others it learns from, but for those
    within the purge of a scored or held-out era, which are `unused`: whoever trains on all of
    `train` and scores on `validation` leaks nothing. (Later folds do learn from them.) Where folds
    take turns (k-fold, combinatorial) all development eras are `train`. A fixed split's names are
    those that it was given with: purged eras and all that stand in none of its parts are `unused`.
    """
    if section.scheme == "fixed":
        return _fixed_names(plan)
    scored = {era for fold in plan.development for era in fold.validation}
    learned = {era for fold in plan.development for era in (*fold.train, *fold.purged)}
    if section.scheme in ("kfold", "combinatorial"):
        learned, scored = learned | scored, set()
    place = {era: i for i, era in enumerate(plan.axis)}
    last = max(place[era] for era in learned | scored)
    if plan.held_out is not None:
        last = min(last, place[plan.held_out.validation[0]] - 1)
    axis = EraAxis(plan.axis)
    marks = sorted(axis.position(era) for era in plan.axis if era in scored or place[era] > last)
    near = {
        era
        for era in learned - scored
        if (after := bisect_left(marks, axis.position(era))) < len(marks)
        and marks[after] - axis.position(era) <= plan.purge
    }
    names = {}
    for era in plan.axis:
        if place[era] > last:
            names[era] = "test"
        elif era in scored:
            names[era] = "validation"
        else:
            names[era] = "train" if era in learned - near else "unused"
    return names


def _fixed_names(plan: FoldPlan) -> dict[str, str]:
    (fold,) = plan.development
    held_out = plan.held_out.validation if plan.held_out else ()
    parts = {"train": fold.train, "validation": fold.validation, "test": held_out}
    named = {era: name for name, eras in parts.items() for era in eras}
    return {era: named.get(era, "unused") for era in plan.axis}


def _fixed_parts(
    section: SplitSection, axis: EraAxis, resolved: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The eras of a fixed split; shares and counts are taken one after another, oldest first."""
    begin, shared = 0, 0.0
    parts: list[tuple[str, ...]] = []
    for name in ("train", "validation", "test"):
        part = getattr(section, name)
        eras: tuple[str, ...] = ()
        if isinstance(part, str):
            chosen = set(axis.select(part))
            eras = tuple(era for era in resolved if era in chosen)
        elif part is not None:
            count = part
            if isinstance(part, float):
                count = _share_end(shared + part, resolved) - _share_end(shared, resolved)
                shared += part
            eras = tuple(resolved[begin : begin + count])
        if part is not None and not eras:
            raise LeakageError(
                f"split.{name} names no resolved era",
                received=part,
                expected=f"some of the {len(resolved)} from {resolved[0]} to {resolved[-1]}",
            )
        begin = resolved.index(eras[-1]) + 1 if eras else begin
        parts.append(eras)
    _check_apart(parts)
    return parts[0], parts[1], parts[2]


def _share_end(share: float, eras: Sequence[str]) -> int:
    return round(share * len(eras))


def _check_apart(parts: Sequence[Sequence[str]]) -> None:
    names = ("train", "validation", "test")
    for (one, first), (other, second) in combinations(zip(names, parts, strict=True), 2):
        if both := sorted(set(first) & set(second)):
            raise LeakageError(
                f"an era stands in split.{one} and split.{other}",
                received=", ".join(both[:3]),
                expected="each era in one of them",
            )


def hold_out(resolved: Sequence[str], share: float) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Development eras and held-out eras: the newest `share` of the resolved ones."""
    count = round(len(resolved) * share)
    cut = len(resolved) - count
    return tuple(resolved[:cut]), tuple(resolved[cut:])


def monitor_split(
    axis: EraAxis, train: Sequence[str], purge: int, share: float = MONITOR_SHARE
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Training eras cut into eras to fit and, after a purge, the newest ones to watch.

    Raises:
        LeakageError: nothing is left to fit.
    """
    monitor = tuple(train[-max(1, round(len(train) * share)) :])
    first = axis.position(monitor[0])
    fit = tuple(era for era in train if axis.position(era) < first - purge)
    if not fit:
        raise LeakageError(
            "no eras are left to fit once the watched ones are purged",
            received=f"{len(train)} training eras, purge {purge}",
            hint="Use more eras or a larger split.first_train",
        )
    return fit, monitor


def _thin(fold: EraFold, allowed: set[str]) -> EraFold:
    train = tuple(era for era in fold.train if era in allowed)
    if not train:
        raise LeakageError(f"split.eras leaves {fold.name} without training eras")
    return EraFold(fold.name, fold.kind, train, fold.validation, fold.purged)


def _cut(eras: tuple[str, ...], pieces: int) -> list[tuple[str, ...]]:
    edges = [round(i * len(eras) / pieces) for i in range(pieces + 1)]
    return [eras[low:high] for low, high in pairwise(edges)]


def era_runs(axis: EraAxis, eras: Sequence[str]) -> list[tuple[str, str]]:
    """First and last era of each stretch of `eras` without another era of the axis between."""
    place = {era: i for i, era in enumerate(axis.eras)}
    runs: list[tuple[str, str]] = []
    for era in eras:
        if runs and place[era] == place[runs[-1][1]] + 1:
            runs[-1] = (runs[-1][0], era)
        else:
            runs.append((era, era))
    return runs
