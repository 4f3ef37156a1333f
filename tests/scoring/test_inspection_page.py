"""The page of an inspection: its words, and how it looks in a browser with much to show."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.browser import LOOK, Visit, visit_page
from contracts.runs import figures_of

from erazoo.errors import ArtifactError, DataError
from erazoo.publish import read_json, write_json
from scoring.report import markup
from scoring.report.inspection import Inspection, figures, words, write_inspection_page
from scoring.report.inspection.figures import ramp
from scoring.report.inspection.words import in_short, mean_share, notices, values_text
from scoring.report.markup import THIN_SPACE

ERAS = 1200
SIZES = {
    "small": 42,
    "medium": 780,
    "all": 3555,
    "v2_equivalent_features": 304,
    "v3_equivalent_features": 1000,
    **{f"trait_{k}": 35 + 40 * k for k in range(14)},
}
FIRST = {"medium": 300, "trait_3": 150, "trait_4": 150}
"""Groups that begin later than the data."""


def span(eras: list[str], rows: list[int]) -> dict[str, Any]:
    return {
        "eras": len(eras),
        "first": eras[0],
        "last": eras[-1],
        "rows": sum(rows),
        "rows_an_era": [min(rows), float(np.median(rows)), max(rows)],
    }


def binned(eras: list[str], rows: list[int], bins: int, last: int) -> dict[str, Any]:
    resolved = [n if k < last else 0 for k, n in enumerate(rows)]
    shares = np.random.default_rng(bins).dirichlet(np.full(bins, 30), len(eras))
    counts = np.floor(shares * np.array(resolved)[:, None]).astype(int)
    return {
        "resolved_eras": last,
        "first": eras[0],
        "last": eras[last - 1],
        "resolved_rows": sum(resolved),
        "bins": [round(k / (bins - 1), 6) for k in range(bins)],
        "rows": counts.sum(axis=0).tolist(),
        "by_era": {"resolved": resolved, "rows": counts.tolist()},
    }


def numbers(eras: list[str], rows: list[int], last: int) -> dict[str, Any]:
    draw = np.random.default_rng(3)
    quantiles = np.sort(draw.normal(size=(last, 7)), axis=1).round(4).tolist()
    return {
        **{
            k: v for k, v in binned(eras, rows, 5, last).items() if not k.startswith(("bins", "ro"))
        },
        "bins": None,
        "mean": -0.01,
        "std": 1.25,
        "levels": [0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0],
        "by_era": {
            "resolved": [n if k < last else 0 for k, n in enumerate(rows)],
            "quantiles": [*quantiles, *([] for _ in range(len(eras) - last))],
        },
    }


def example() -> dict[str, Any]:
    """A shard set of the size of the tournament's data."""
    draw = np.random.default_rng(1)
    eras = [f"{k:04d}" for k in range(1, ERAS + 1)]
    rows = [2300 + 3 * k for k in range(ERAS)]
    part = ["train" if k < 600 else "validation" if k < 1000 else "test" for k in range(ERAS)]
    part[:600:10] = ["unused"] * 60
    parts = {}
    for name in ("train", "validation", "test", "unused"):
        where = [k for k in range(ERAS) if part[k] == name]
        held = span([eras[k] for k in where], [rows[k] for k in where])
        parts[name] = {**held, "files": len(where), "bytes": 3_000_000 * len(where), "trained": 9}
    centre = {
        group: np.where(np.arange(ERAS) < FIRST.get(group, 0), 1, draw.normal(0.2, 0.01, ERAS))
        for group in SIZES
    }
    return {
        "format": 1,
        "tool": "erazoo",
        "name": "everything",
        "kind": "shards",
        "place": "shards",
        "target": "target_b_60",
        "alias": "target_b_60",
        "span": span(eras, rows),
        "bytes": 3_700_000_000,
        "parts": parts,
        "features": {
            "count": 3555,
            "dtype": "int8",
            "missing_code": 2,
            "filled": 3555,
            "fingerprint": "0123456789abcdef",
            "groups": SIZES,
        },
        "read": {"selection": "all", "eras": eras},
        "targets": {
            "target_a_20": binned(eras, rows, 7, 1196),
            "target_b_60": binned(eras, rows, 5, 1187),
            "target_residual": numbers(eras, rows, 1187),
        },
        "references": {
            "meta": {"resolved_eras": 2, "first": "0900", "last": "0901", "resolved_rows": 7}
        },
        "gaps": {
            "missing": {},
            "centre": {group: shares.round(6).tolist() for group, shares in centre.items()},
            "empty": {
                group: [float(k < FIRST.get(group, 0)) for k in range(ERAS)] for group in SIZES
            },
        },
        "empty": {
            group: {"eras": count, "stretches": [["0001", f"{count:04d}"]]}
            for group, count in FIRST.items()
        },
        "storage": {
            "files": ERAS,
            "layout": "era",
            "codec": "packed",
            "compression": "none",
            "block_rows": 1024,
            "shuffle_seed": 7,
            "purge": 16,
            "embargo": 0,
        },
        "other_files": {"manifest.json": 9_000_000, "cleaning.json": 400_000},
        "cleaning": {
            "groups": [
                {"name": "small", "features": 42, "indicators": 12, "rules": rules("knn", "iqr")},
                {"name": "", "features": 3513, "indicators": 0, "rules": rules("auto", "none")},
            ],
            "learned_from": {"eras": eras[:64], "rows": 20_000},
        },
        "balance": {
            "mode": "rows",
            "target": "target_b_60",
            "bins": [0, 0.25, 0.5, 0.75, 1],
            "training_rows": [10, 40, 100, 40, 10],
            "weights": {"0": [1] * 5, "1": [1, 1, 0, 1, 1], "2": [1, 0, 0, 0, 1], "3": [1] * 5},
        },
        "by_era": {"eras": eras, "part": part, "rows": rows, "trained": [n // 2 for n in rows]},
    }


def rules(missing: str, outliers: str) -> dict[str, Any]:
    return {
        "missing": missing,
        "constant": 0.0,
        "outliers": outliers,
        "threshold": 3.0,
        "action": "clip",
    }


@pytest.fixture(scope="module")
def large() -> dict[str, Any]:
    return example()


@pytest.fixture
def page_of(tmp_path: Path) -> Callable[[dict[str, Any]], str]:
    def write(value: dict[str, Any]) -> str:
        write_json(tmp_path / "inspection.json", value)
        return write_inspection_page(tmp_path).read_text()

    return write


def words_of(html: str) -> str:
    body = re.sub(r"<(script|style).*?</\1>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body.replace(THIN_SPACE, "")))


def shortened(value: dict[str, Any], eras: int) -> dict[str, Any]:
    """The same with values of the first eras only."""
    read = value["read"]["eras"][:eras]
    targets = {
        name: {**t, "by_era": {key: held[:eras] for key, held in t["by_era"].items()}}
        for name, t in value["targets"].items()
    }
    gaps = {m: {g: s[:eras] for g, s in of.items()} for m, of in value["gaps"].items()}
    read = {"selection": f"1..{eras}", "eras": read}
    return {**value, "read": read, "targets": targets, "gaps": gaps}


def test_every_figure_shows_what_the_file_says(large, page_of) -> None:
    html = page_of(large)
    drawn = figures_of(html)
    assert set(drawn) == {
        "rows-chart",
        "target-chart",
        "groups-chart",
        "gaps-chart",
        "size-chart",
    }
    rows, trained = drawn["rows-chart"]
    assert [trace["name"] for trace in rows["data"]] == ["train", "validation", "test", "unused"]
    assert [len(trace["x"]) for trace in rows["data"]] == [540, 400, 200, 60]
    assert sum(n for trace in rows["data"] for n in trace["y"]) == large["span"]["rows"]
    assert trained["data"][0]["y"][0] == large["by_era"]["rows"][1] // 2
    assert rows["layout"]["xaxis"]["categoryarray"] == large["by_era"]["eras"]

    learned, other, lines = drawn["target-chart"]
    assert [trace["name"] for trace in learned["data"]] == ["0", "0.25", "0.5", "0.75", "1"]
    counts = large["targets"]["target_b_60"]["by_era"]["rows"]
    assert learned["data"][2]["y"][0] == pytest.approx(counts[0][2] / 2300, abs=1e-5)
    assert learned["data"][2]["y"][-1] == 0
    assert len(other["data"]) == 7
    assert [trace["name"] for trace in lines["data"]] == [
        "5 % quantile",
        "25 % quantile",
        "median",
        "75 % quantile",
        "95 % quantile",
    ]
    assert lines["data"][2]["y"][-1] is None

    centre, empty = drawn["gaps-chart"]
    assert centre["data"][0]["y"] == list(SIZES)
    assert centre["data"][0]["z"][1][:300] == [1] * 300
    assert empty["data"][0]["z"][1][300] == 0
    assert drawn["groups-chart"][0]["data"][0]["x"][-1] == 3555
    assert drawn["size-chart"][0]["data"][0]["x"][-1] == 3_000_000 * 540


def test_the_words_say_what_matters(large, page_of) -> None:
    words = words_of(page_of(large))
    assert f"{large['span']['rows']} rows of 1200 eras, 0001 to 1200" in words
    assert "with 3555 int8 features and 3 targets" in words
    assert "target_b_60 has values in 1187 eras, 0001 to 1187" in words
    assert (
        "medium in 0001 to 0300; trait_3 and trait_4 in 0001 to 0150. "
        "There, every value is missing or has the code 2." in words
    )
    assert "Missing values of 3555 features, if there were any, were filled" in words
    assert "Learned from 20000 rows of 64 training eras, 0001 to 0064." in words
    assert "iqr beyond 3" in words
    assert "Balance by rows" in words
    assert "1, 1, 0, 1" in words
    assert "shuffled, seed 7" in words
    assert "Purge and embargo 16 and 0 eras" in words


def test_what_was_not_read_is_said(large, page_of) -> None:
    words = words_of(page_of(shortened(large, 10)))
    assert "Values were read in 10 of 1200 eras (1..10)" in words
    assert "eras of those read" in words
    assert "Values were read" not in words_of(page_of(large))


def test_a_data_set_is_shown_by_file(large, page_of) -> None:
    names = [f"part{k:02d}.parquet" for k in range(12)]
    share = {**large["parts"]["train"]}
    share.pop("trained")
    by_era = {**large["by_era"], "trained": None, "part": [names[k // 100] for k in range(ERAS)]}
    value = {
        **large,
        "kind": "data",
        "place": "data",
        "parts": dict.fromkeys(names, share),
        "by_era": by_era,
        "balance": None,
        "cleaning": None,
        "live_rows": 6712,
        "offered": {**SIZES, "small": 60},
        "storage": {"files": 12, "values": "quintile"},
        "features": {**large["features"], "filled": 0},
        "gaps": {**large["gaps"], "missing": dict.fromkeys(SIZES, [0.0] * ERAS)},
    }
    html = page_of(value)
    words = words_of(html)
    assert "The 12 files are too many for colours" in words
    assert "Live rows 6712" in words
    assert "were filled" not in words
    assert "Count in training" not in words
    drawn = figures_of(html)
    assert len(drawn["rows-chart"]) == 1
    assert [len(trace["x"]) for trace in drawn["rows-chart"][0]["data"]] == [ERAS]
    labels = re.findall(r"<option[^>]*>([^<]+)</option>", html)
    assert labels[3:] == [
        "Values with the centre code",
        "Features without information",
        "Missing values",
    ]
    unused = drawn["groups-chart"][0]["data"][1]
    assert dict(zip(unused["y"], unused["x"], strict=True))["small"] == 18


def test_numbers_of_the_file_in_words(large) -> None:
    found = Inspection.from_json(large)
    rows = np.array(large["by_era"]["rows"])
    centre = np.average(large["gaps"]["centre"]["medium"], weights=rows)
    assert mean_share(found, "centre", "medium") == pytest.approx(centre)
    assert mean_share(found, "missing", "medium") is None
    assert values_text(found.targets[2]) == "mean \u22120.0100, std 1.2500"
    assert values_text(found.learned).startswith("0: ")
    nothing = {**large["targets"]["target_b_60"], "resolved_eras": 0, "first": None, "last": None}
    targets = {**large["targets"], "target_b_60": nothing}
    bare = Inspection.from_json({**large, "targets": targets})
    assert "target_b_60 has no value in the eras that were read" in in_short(bare)
    assert [notice.level for notice in notices(bare)] == ["warning", "warning", "note"]


@pytest.mark.parametrize("bins", range(1, 10))
def test_colours_of_bins_are_apart_and_the_same_from_both_ends(bins: int) -> None:
    places = ramp(bins)
    assert len(set(places)) == len(places) == bins
    assert places == sorted(places)
    assert [10 - place for place in reversed(places)] == places
    assert min(places) >= 1


@pytest.mark.parametrize("module", [figures, markup, words])
def test_the_examples_hold(module: Any) -> None:
    assert doctest.testmod(module).failed == 0
    assert doctest.testmod(module).attempted > 0


def test_names_of_the_data_are_escaped(large, page_of) -> None:
    attack = "<script>alert(1)</script>"
    value = json.loads(json.dumps(large).replace("trait_3", attack).replace("meta", attack))
    value["name"] = value["place"] = attack
    html = page_of(value)
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert "<script>" not in json.dumps(figures_of(html))


def test_the_page_is_the_same_twice(large, page_of) -> None:
    html = page_of(large)
    assert page_of(large) == html
    assert html.count("plotly.js v") == 1


def test_without_a_file_or_with_a_damaged_one_the_verb_is_named(large, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="erazoo inspect --page"):
        write_inspection_page(tmp_path)
    path = tmp_path / "inspection.json"
    for broken in ("[]", "{", '{"name": 3}', json.dumps({**large, "span": {}})):
        path.write_text(broken)
        with pytest.raises(ArtifactError, match=r"inspection\.json.*erazoo inspect --page"):
            write_inspection_page(tmp_path)
    write_json(path, large)
    page = write_inspection_page(tmp_path, tmp_path / "deep" / "page.html")
    assert page.is_file()
    assert read_json(path) == large
    assert not (tmp_path / "inspection.html").exists()


LEGIBLE = """
  const labels = (id) => [...document.querySelectorAll(`#${id} .ytick text`)];
  const top = (label) => label.getBoundingClientRect().top;
  found.groups = labels("gaps-chart").sort((a, b) => top(a) - top(b)).map((l) => l.textContent);
  found.apart = ["gaps-chart", "groups-chart"].map((id) => {
    const boxes = labels(id).map((label) => label.getBoundingClientRect());
    boxes.sort((a, b) => a.top - b.top);
    return boxes.slice(1).every((box, k) => box.top >= boxes[k].bottom - 1);
  });
  const select = document.querySelector("select[data-figure=target-chart]");
  found.targets = [...select.options].map((option) => option.textContent);
  select.value = "2";
  select.dispatchEvent(new Event("change"));
  await drawn();
  found.lines = [...document.querySelectorAll("#target-chart path.js-line")]
    .filter((line) => !line.closest(".legend")).length;
  const tint = () => document.getElementById("gaps-chart").data[0].colorscale[1][1];
  const light = tint();
  document.getElementById("theme").click();
  document.getElementById("theme").click();
  await drawn();
  found.themes = [document.documentElement.dataset.theme, light !== tint()];
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1400, 390])
def test_much_data_is_drawn_and_legible(
    large, page_of, tmp_path_factory: pytest.TempPathFactory, width: int
) -> None:
    page: Visit = visit_page(
        tmp_path_factory.mktemp("browser"), page_of(large), LOOK + LEGIBLE, width
    )
    found = page.found
    assert page.console == []
    assert found["width"] == width
    assert found["overflow"] <= 0
    assert found["spill"] == []
    assert page.requests == []
    assert found["marks"] == {
        "rows-chart": ERAS,
        "target-chart": 5 * ERAS,
        "groups-chart": len(SIZES),
        "gaps-chart": 1,
        "size-chart": 6,
    }
    assert found["groups"] == list(SIZES)
    assert found["apart"] == [True, True]
    assert found["targets"] == ["target_b_60", "target_a_20", "target_residual"]
    assert found["lines"] == 5
    assert found["themes"] == ["dark", True]
