"""Runs compared over the eras that all of them scored."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.runs import Shape, figures_of, write_run

from erazoo.errors import ArtifactError, ConfigError, DataError
from erazoo.publish import read_json, write_json
from scoring.report import write_comparison
from scoring.report.comparison.head import notices, verdict
from scoring.report.comparison.runs import Comparison, compare, differences

Edit = Callable[[Path, str, Callable[[Any], object]], None]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    return write_run(tmp_path / "one", name="one")


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """A run with three models, whose scored eras reach from 0091 to 0196."""
    return write_run(tmp_path / "two", Shape(first_scored=90, held_out=196, models=3), name="two")


@pytest.fixture
def edit() -> Edit:
    """Change one result file of a run in place."""

    def change(run: Path, name: str, how: Callable[[Any], object]) -> None:
        value = read_json(run / name)
        how(value)
        write_json(run / name, value)

    return change


def corr(run: Path, name: str, eras: tuple[str, ...]) -> np.ndarray:
    scores = read_json(run / "evaluation" / "scores.json")
    table = dict(zip(scores["eras"], scores["candidates"][name]["per_era"]["corr"], strict=True))
    return np.array([table[era] for era in eras])


def words_of(page: Path) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", page.read_text(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))


def said(comparison: Comparison) -> list[str]:
    return [f"{notice.level}: {notice.words}" for notice in notices(comparison)]


def test_figures_are_of_the_common_eras_alone(one: Path, two: Path) -> None:
    found = compare([one, two]).scores
    assert found.eras == tuple(f"{k:04d}" for k in range(97, 197))
    assert {c.name for c in found.candidates} == {
        "one: ensemble",
        "one: lightgbm",
        "two: ensemble",
        "two: lightgbm",
    }
    for run in (one, two):
        expected = corr(run, "ensemble", found.eras)
        summary = next(c for c in found.candidates if c.name == f"{run.name}: ensemble").corr
        assert summary.mean == pytest.approx(expected.mean())
        assert summary.sharpe == pytest.approx(expected.mean() / expected.std())
        assert summary.eras == 100
    means = [c.corr.mean for c in found.candidates]
    assert means == sorted(means, reverse=True)


def test_differences_are_taken_era_by_era(one: Path, two: Path) -> None:
    comparison = compare([one, two])
    eras = comparison.scores.eras
    gap = comparison.difference("one: ensemble", "two: lightgbm")
    expected = corr(one, "ensemble", eras) - corr(two, "lightgbm", eras)
    assert gap.mean == pytest.approx(expected.mean())
    assert gap.hit_rate == pytest.approx((expected > 0).mean())
    assert gap.low < gap.mean < gap.high


def test_the_leader_and_its_lead_are_said(one: Path, two: Path, edit: Edit) -> None:
    comparison = compare([one, two])
    first = comparison.scores.candidates[0]
    words = verdict(comparison)
    assert words.startswith(f"Over the common eras {first.name} has the highest mean CORR")
    rival = "one: ensemble" if first.name.startswith("two") else "two: ensemble"
    assert rival in words

    def copy(scores: Any) -> None:
        other = read_json(two / "evaluation" / "scores.json")
        scores.clear()
        scores.update(other)

    edit(one, "evaluation/scores.json", copy)
    assert verdict(compare([one, two])).endswith("The difference may be luck.")


def test_what_is_unfair_is_said_loudly(one: Path, two: Path, edit: Edit, tmp_path: Path) -> None:
    assert said(compare([one, two])) == [
        "note: one has 4 scored eras that another run lacks; left out here.",
        "note: two has 6 scored eras that another run lacks; left out here.",
    ]
    edit(two, "shards/manifest.json", lambda manifest: manifest.update(content="0" * 16))
    alarm = {"level": "alarm", "kind": "clone", "candidate": "mlp", "words": "mlp is a clone."}

    def spoil(scores: Any) -> None:
        scores.update(target="target_other", benchmark="benchmark_b")
        scores["alarms"].append(alarm)

    edit(two, "evaluation/scores.json", spoil)
    found = said(compare([one, two]))
    assert found[0].startswith("alarm: The runs were made from different data (fingerprints 0000")
    assert found[1].startswith("alarm: The runs are scored on different targets")
    assert (
        "warning: BMC is taken against different benchmarks: benchmark_a and benchmark_b." in found
    )
    assert "alarm: two: mlp is a clone." in found
    html = write_comparison([one, two], tmp_path / "page.html").read_text()
    assert html.index("different data") < html.index('class="verdict"')
    (two / "shards" / "manifest.json").unlink()
    assert "warning: Not every run says from which data it was made." in said(compare([one, two]))


def test_the_page_shows_what_differs(one: Path, two: Path, edit: Edit, tmp_path: Path) -> None:
    edit(two, "config.json", lambda config: config["models"]["ridge"]["params"].update(alpha=30.5))
    page = write_comparison([one, two], tmp_path / "deep" / "page.html")
    words = words_of(page)
    assert "one and two" in words
    assert "100 common eras, 0097 to 0196" in words
    assert "models.ridge.params.alpha 1.0 30.5" in words
    assert "run.seed" not in words
    assert "104, 0097 to 0200" in words
    assert "43f4b6b1f6ad3fbc" in words
    assert set(figures_of(page.read_text())) == {"mean-chart", "cumulative-chart", "rolling-chart"}
    again = page.read_bytes()
    assert write_comparison([one, two], page).read_bytes() == again
    edit(two, "config.json", lambda config: config["models"]["ridge"]["params"].update(alpha=1.0))
    edit(two, "config.json", lambda config: config["run"].update(name="one"))
    assert "The configurations are the same." in words_of(write_comparison([one, two], page))


def test_names_that_are_alike_are_told_apart(one: Path, two: Path, edit: Edit) -> None:
    edit(two, "config.json", lambda config: config["run"].update(name="one"))
    assert [e.label for e in compare([one, two]).entrants] == ["one", "two"]
    third = write_run(two / "one", name="one")
    labels = [e.label for e in compare([one, third]).entrants]
    assert labels == [str(one), str(third)]


def test_what_cannot_be_compared_is_one_clear_error(one: Path, two: Path, edit: Edit) -> None:
    with pytest.raises(ConfigError, match="given twice"):
        compare([one, one.parent / "two" / ".." / "one"])
    with pytest.raises(ConfigError, match="no run directory"):
        compare([one, one.parent / "typo"])
    edit(two, "evaluation/scores.json", lambda s: s.update(eras=[f"x{e}" for e in s["eras"]]))
    with pytest.raises(DataError, match=r"no scored era in common.*two: x0091 to x0196"):
        compare([one, two])
    edit(two, "evaluation/scores.json", lambda scores: scores.update(format=1))
    with pytest.raises(ArtifactError, match=r"Run `erazoo evaluate` again\."):
        compare([one, two])
    (two / "evaluation" / "scores.json").unlink()
    with pytest.raises(DataError, match="no scores to compare"):
        compare([one, two])


def test_words_of_the_runs_are_escaped(one: Path, two: Path, edit: Edit, tmp_path: Path) -> None:
    attack = "<script>alert(1)</script>"
    edit(one, "config.json", lambda config: config["run"].update(name=attack))
    edit(two, "config.json", lambda config: config["run"].update({attack: attack}))
    html = write_comparison([one, two], tmp_path / "page.html").read_text()
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_differing_options() -> None:
    configs = [{"a": {"b": [1, 2], "c": "x"}}, {"a": {"b": [1, 3], "c": "x"}, "d": {}}]
    assert differences(configs) == [("a.b", ["[1, 2]", "[1, 3]"]), ("d", ["", "{}"])]
