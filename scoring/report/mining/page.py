"""The page of a study."""

from __future__ import annotations

from pathlib import Path

from erazoo.errors import DataError
from erazoo.publish import write_text
from scoring.report.document import document
from scoring.report.markup import count, counted, number, text
from scoring.report.mining.figures import study_figures
from scoring.report.mining.tables import best_table, winner_table
from scoring.report.results import read_result
from scoring.report.sections.base import Section, facts, tiles
from scoring.report.studies import LOOK_AGAIN, RECORD, Mining, parse_mining

FILE = "mining.html"


def write_study_page(folder: Path, out: Path | None = None) -> Path:
    """Write what a study found as one HTML page that needs no network.

    Args:
        folder: of the study; only its `record.json` is read.
        out: the page's path; `mining.html` in the folder by default.

    Returns:
        The page's path.

    Raises:
        DataError: there is no `record.json`.
        ArtifactError: it is damaged.
    """
    found = read_result(folder / RECORD, parse_mining, LOOK_AGAIN)
    if found is None:
        raise DataError("nothing was compared here", received=str(folder), hint=LOOK_AGAIN)
    page = out or folder / FILE
    write_text(page, build_page(found))
    return page


def build_page(found: Mining) -> str:
    """The whole page as text."""
    figures = study_figures(found)
    drawn = {
        "Past and future": ("past_future", "scores"),
        "Parameters": ("parameters",),
        "What is alike": ("clusters",),
        "The folds": ("folds",),
    }
    charts = [
        Section(name.lower().replace(" ", "-"), name, "", kept)
        for name, keys in drawn.items()
        if (kept := [figures[key] for key in keys if key in figures])
    ]
    sections = [_winners(found), _best(found), *charts, _plan(found)]
    return document(f"{found.study} · erazoo mining", _head(found), sections, RECORD)


def _head(found: Mining) -> str:
    far = found.progress
    scope = f"{found.model} · scored on {found.target} · {far['state']}"
    trainings = f"{counted(far['finished'], 'training')} of {count(far['trials'])}"
    top = found.best[0] if found.best else None
    score = "" if top is None else number(top[found.figure], 3)
    own = number(found.benchmark[found.figure], 3)
    items = [
        ("Configurations", count(found.tries["configurations"]), trainings),
        ("Independent tries", count(found.tries["independent_gains"]), "that they amount to"),
        ("Best in validation", score, f"{found.metric}, {found.eras} eras"),
        ("Benchmark", own, f"{found.metric}, the same eras"),
        ("More than luck", count(len(found.survivors)), "that beat the benchmark"),
    ]
    parts = [
        text("p", "Mining", class_="kicker"),
        text("h1", found.study),
        text("p", scope, class_="subtitle"),
        text("p", found.verdict, class_="verdict"),
        tiles(items, "Main figures"),
    ]
    return "".join(parts)


def _winners(found: Mining) -> Section:
    title = "What beats the benchmark"
    if not found.winners:
        return Section("winners", title, text("p", "Nothing does, in validation."), nav="Winners")
    words = (
        "Chosen by validation eras alone. The gain is the difference to the benchmark, with its "
        "standard error. The two probabilities say whether the Sharpe ratio, and the gain, are "
        "more than the best of all tries reaches by luck; both have to be 95 % or more to survive. "
        "Test eras are shown and had no part in it."
    )
    return Section("winners", title, text("p", words) + winner_table(found), nav="Winners")


def _best(found: Mining) -> Section:
    words = "The best by validation, with the benchmark; other columns are in the list."
    return Section("best", "Best configurations", text("p", words) + best_table(found), nav="Best")


def _plan(found: Mining) -> Section:
    far, tries = found.progress, found.tries
    items = [
        ("Trainings", f"{count(far['finished'])} of {count(far['trials'])}"),
        ("Pruned", count(far["pruned"])),
        ("Failed", count(far["failed"])),
        ("Configurations", count(tries["configurations"])),
        ("Tries of other studies", count(tries["elsewhere"])),
        ("Independent tries of any skill", count(tries["independent"])),
        ("Independent tries of a gain", count(tries["independent_gains"])),
        ("Validation eras", count(found.eras)),
        ("Test eras", count(len(found.test))),
        ("Purge and embargo", f"{found.folds.purge} and {found.folds.embargo} eras"),
    ]
    return Section("tried", "What was tried", facts(items), nav="Tried")
