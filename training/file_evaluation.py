"""`erazoo evaluate FILE...`: anybody's predictions against shards, or against the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from erazoo.config import Config
from erazoo.errors import ConfigError, DataError, SchemaError
from erazoo.publish import sha256
from erazoo.rundir import RunDir
from scoring.alarms import Alarm, listed
from scoring.classification import (
    brier,
    calibration,
    class_positions,
    log_loss,
    macro_average_precision,
)
from scoring.summary import json_number
from training.assessment import Board, Candidate, Question, assess
from training.data_set import DataSet, open_data_set
from training.feature_pass import choose_features
from training.held_out import candidates_opened, record_opening
from training.payouts import Payouts
from training.prediction_files import FileColumns, candidate_names, read_prediction_file
from training.standards import (
    achievable,
    after_boundaries,
    feature_note,
    limits_of,
    reference_roles,
)
from training.truth import Truth, digests_of, places_of, take


@dataclass(frozen=True)
class Overlap:
    """Where the rows of a prediction file lie.

    Args:
        rows: of the file.
        scored: in eras that are scored.
        closed: in eras that this evaluation leaves closed: the held-out ones, or with `--final`
            all others.
        unresolved: in eras whose target is not known yet.
        wanted: rows of the data in the eras of which the file has a row.
    """

    rows: int
    scored: int
    closed: int
    unresolved: int
    wanted: int

    @property
    def unknown(self) -> int:
        """Rows whose id the data do not know."""
        return self.rows - self.scored - self.closed - self.unresolved

    def to_json(self) -> dict[str, int]:
        """Plain JSON values."""
        return {
            "rows": self.rows,
            "scored": self.scored,
            "closed": self.closed,
            "unresolved": self.unresolved,
            "unknown": self.unknown,
            "wanted": self.wanted,
        }


def evaluate_files(
    config: Config,
    run: RunDir,
    files: Sequence[Path],
    *,
    data: Path | None = None,
    final: bool = False,
    boundaries: Sequence[str] = (),
) -> dict[str, Any]:
    """Score prediction files; nothing is written but the record of an opening.

    Args:
        config: the experiment; its split says which eras are held out.
        run: its run directory, whose shards the files are scored against.
        files: CSV or parquet; see `training.prediction_files`.
        data: a data folder that is read instead of the shards.
        final: score the rows in held-out eras instead of the others; the opening is recorded in
            the run directory before the first score is taken.
        boundaries: the last training era before each stretch of scored eras, where known.

    Memory: ids (eight bytes), labels and a column a candidate, and one era of features.

    Returns:
        The content of a result file.

    Raises:
        DataError: a file that cannot be scored.
        ConfigError: eras, targets or references that the data do not have.
    """
    read = [read_prediction_file(path, config.data.id or "id") for path in files]
    names = candidate_names(read)
    against = open_data_set(config, run, data)
    roles = reference_roles(config, against.source.references)
    choice = choose_features(against.source.spec, config.evaluate.features)
    eras = against.scored(final=final)
    truth = Truth.read(against.source, eras, against.target, roles.names)
    places = [places_of(truth.digests, file.digests) for file in read]
    overlaps = _overlaps(read, places, truth, against, final=final)
    met = _eras_met(places, truth)
    truth, rows = truth.only(met), np.repeat(met, truth.slices.counts)
    question = Question(
        kind="files",
        target=against.target,
        label_eras=against.label_eras,
        meta_model=roles.meta_model,
        benchmark=roles.benchmark,
        choice=choice,
        near=after_boundaries(
            against.source.axis, truth.slices.labels, boundaries, against.label_eras
        ),
        trials=config.evaluate.trials or 0,
        limits=limits_of(config, against.folder),
        payouts=Payouts.of(config, against.target, against.label_eras, roles),
        alarms=(*feature_note(choice), *roles.note(), *_notes(read, overlaps, final=final)),
    )
    if final:
        openings = record_opening(run, _prints(read, names), truth.slices.labels, "files")
        question = replace(question, trials=max(question.trials, candidates_opened(openings)))
    board = _board(read, names, places, rows, truth, overlaps)
    board.add_references(roles.meta_model)
    result = assess(board, question, against.source)
    best = achievable(against.folder, against.target, result["eras"])
    return {**result, "held_out": final, "achievable": best, "missing": {}}


def _prints(read: Sequence[FileColumns], names: Sequence[Sequence[str]]) -> dict[str, str]:
    """A fingerprint of each candidate's predictions."""
    prints = {}
    for file, own in zip(read, names, strict=True):
        content = sha256(file.path)
        for name, column in zip(own, file.values, strict=True):
            prints[name] = content if len(own) == 1 else f"{content}-{column}"
    return prints


def _board(
    read: Sequence[FileColumns],
    names: Sequence[Sequence[str]],
    places: Sequence[NDArray[np.int32] | None],
    rows: NDArray[np.bool_],
    truth: Truth,
    overlaps: Sequence[Overlap],
) -> Board:
    columns = [values for file in read for values in file.values.values()]
    board = Board(truth, len(columns), np.result_type(np.float32, *columns))
    taken = set(truth.references)
    for file, own, place, overlap in zip(read, names, places, overlaps, strict=True):
        facts: dict[str, Any] = {"overlap": overlap.to_json()}
        if file.probabilities is not None:
            found = np.column_stack([take(p, place)[rows] for p in file.probabilities.T])
            facts["classification"] = _classification(file, found, truth.target)
        for name, values in zip(own, file.values.values(), strict=True):
            label = f"{name} (file)" if name in taken else name
            board.add(Candidate(label, "file", facts=facts), take(values, place)[rows])
    return board


def _classification(
    file: FileColumns, probabilities: NDArray[np.float64], target: NDArray[np.float32]
) -> dict[str, Any]:
    """What the class probabilities of a file are worth."""
    known = np.isfinite(target) & np.isfinite(probabilities[:, 0])
    p = probabilities[known]
    try:
        labels = class_positions(target[known], file.classes)
    except DataError as error:
        raise SchemaError(
            "the target has a class without a column of probabilities",
            received=f"{file.path}: {error.message}",
        ) from None
    bins = calibration(p, labels)
    return {
        "classes": list(file.classes),
        "average_precision": json_number(macro_average_precision(p, labels)),
        "log_loss": json_number(log_loss(p, labels)),
        "brier": json_number(brier(p, labels)),
        "calibration": [
            {"predicted": b.predicted, "observed": b.observed, "rows": int(b.rows)} for b in bins
        ],
    }


def _overlaps(
    read: Sequence[FileColumns],
    places: Sequence[NDArray[np.int32] | None],
    truth: Truth,
    against: DataSet,
    *,
    final: bool,
) -> list[Overlap]:
    """Where the rows of each file lie.

    Raises:
        DataError: a file of which no row is scored.
    """
    closed = _matches(read, against, against.left_closed(final=final))
    unresolved = _matches(read, against, against.unresolved(final=final))
    overlaps = []
    for j, (file, place) in enumerate(zip(read, places, strict=True)):
        known = np.ones(truth.slices.rows, dtype=bool) if place is None else place >= 0
        met = np.add.reduceat(known, truth.slices.bounds[:-1]) > 0
        wanted = int(truth.slices.counts[met].sum())
        overlap = Overlap(len(file), int(known.sum()), int(closed[j]), int(unresolved[j]), wanted)
        if not overlap.scored:
            raise _nothing_scored(file, overlap, against, final=final)
        overlaps.append(overlap)
    return overlaps


def _matches(
    read: Sequence[FileColumns], against: DataSet, eras: Sequence[str]
) -> NDArray[np.int64]:
    """Rows of each file in some eras, of which nothing but the ids is looked at."""
    found = np.zeros(len(read), dtype=np.int64)
    if not eras:
        return found
    ordered = [np.sort(file.digests) for file in read]
    for block in against.source.blocks(eras, with_features=False):
        digests = digests_of(block.ids)
        for j, known in enumerate(ordered):
            at = np.minimum(np.searchsorted(known, digests), len(known) - 1)
            found[j] += int((known[at] == digests).sum())
    return found


def _nothing_scored(
    file: FileColumns, overlap: Overlap, against: DataSet, *, final: bool
) -> DataError | ConfigError:
    if overlap.closed and not final:
        return ConfigError(
            "every row of a prediction file that the data know lies in held-out eras",
            received=f"{overlap.closed} rows of {file.path}",
            hint="`--final` opens these eras and records it",
        )
    if overlap.closed:
        return ConfigError(
            "no row of a prediction file lies in held-out eras",
            received=str(file.path),
            hint="Leave out `--final`",
        )
    if overlap.unresolved:
        return DataError(
            f"the target {against.target} is not resolved in any era of a prediction file",
            received=f"{overlap.unresolved} rows of {file.path}",
        )
    return DataError(
        "no id of a prediction file is in the data",
        received=f"{file.first_id!r} in {file.path}",
        expected=f"ids such as {against.example_id()!r}",
        hint="--data FOLDER names the data set that the predictions are for; live rows have no "
        "target yet",
    )


def _eras_met(places: Sequence[NDArray[np.int32] | None], truth: Truth) -> NDArray[np.bool_]:
    """Eras from the first to the last of which any file has a row, (E,).

    Those between of which no file has one stay: scores that lack there are seen to lack, and
    neighbours on the axis are neighbours in time.
    """
    known = np.zeros(truth.slices.rows, dtype=bool)
    for place in places:
        known |= True if place is None else place >= 0
    found = np.add.reduceat(known, truth.slices.bounds[:-1])
    return np.asarray(np.logical_or.accumulate(found) & np.logical_or.accumulate(found[::-1])[::-1])


def _notes(read: Sequence[FileColumns], overlaps: Sequence[Overlap], *, final: bool) -> list[Alarm]:
    """What is said of rows that are not scored, once for files of which the same is true."""
    partly: dict[str, list[str]] = {}
    incomplete: dict[str, list[str]] = {}
    for file, overlap in zip(read, overlaps, strict=True):
        if said := _left_out(overlap, final=final):
            share = _share(overlap.scored, overlap.rows)
            words = f"{share} of {overlap.rows:,} rows are scored; {said}."
            partly.setdefault(words, []).append(file.path.name)
        if overlap.scored < overlap.wanted:
            share = _share(overlap.scored, overlap.wanted)
            words = (
                f"only {share} of the rows of their eras are predicted; an era of which more than "
                "a fifth is lacking has no score."
            )
            incomplete.setdefault(words, []).append(file.path.name)
    return [
        *(Alarm("warning", "incomplete", f"{listed(n)}: {w}") for w, n in incomplete.items()),
        *(Alarm("note", "overlap", f"{listed(names)}: {w}") for w, names in partly.items()),
    ]


def _left_out(overlap: Overlap, *, final: bool) -> str:
    closed = "eras that are not held out" if final else "held-out eras, which --final opens"
    parts = {
        f"lie in {closed}": overlap.closed,
        "have no target yet": overlap.unresolved,
        "have ids that the data do not know": overlap.unknown,
    }
    return "; ".join(
        f"{_share(count, overlap.rows)} {words}" for words, count in parts.items() if count
    )


def _share(part: int, whole: int) -> str:
    """A share in per cent that is never rounded to nothing or to all."""
    share = 100 * part / whole
    text = f"{share:.0f}" if part in (0, whole) or 0.5 <= share < 99.5 else f"{share:.2g}"
    return f"{text} %" if share < 99.5 or part == whole else "over 99 %"
