"""The comparison of models as a page and as text: all rows, nothing unescaped, sortable."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from typing import Any

import pytest
from contracts.browser import LOOK, visit_page

from scoring.report.models.columns import COLUMNS
from scoring.report.models.files import as_csv, as_markdown, write_models
from scoring.report.models.page import build_page

FAILED = "TrainingError: loss is <NaN> | see `log`"


def row(name: str, corr: float, category: str = "boosting", **facts: Any) -> dict[str, Any]:
    figures = {column.key: corr * (k + 1) for k, column in enumerate(COLUMNS)}
    head = {"name": name, "category": category, "status": "ok", "reason": None, "preset": "small"}
    return {**head, **figures, "corr": corr, "best": False, **facts}


@pytest.fixture
def comparison() -> dict[str, Any]:
    rows = [
        row("lightgbm", 0.021, best=True),
        row("xgboost", 0.019, mmc=None),
        row("ridge", 0.012, "linear", best=True, rmse=None, train_rmse=None),
        row("v5_benchmark", 0.010, "reference", preset=None),
        {"name": "tabm", "category": "networks", "status": "failed", "reason": FAILED},
        {"name": "h2o_gbm", "category": "", "status": "left out", "reason": "left out by --skip"},
    ]
    return {
        "run": "a <run>",
        "target": "target_ender_20",
        "eras": 80,
        "first_era": "0101",
        "last_era": "0180",
        "folds": 4,
        "training_eras": "all&every:4",
        "alarms": [{"level": "alarm", "words": "lightgbm is a copy & more"}],
        "rows": rows,
    }


def test_the_page_says_who_leads_and_what_is_missing(comparison: dict[str, Any]) -> None:
    page = build_page(comparison)
    assert "a &lt;run&gt;" in page
    assert "<run>" not in page
    assert "Of 3 models lightgbm has the highest mean CORR, 0.0210. 2 models did not" in page
    assert "failed: TrainingError: loss is &lt;NaN&gt; | see `log`" in page
    assert "<span>left out by --skip" in page
    assert "lightgbm is a copy &amp; more" in page
    assert "some of the training eras only (all&amp;every:4)" in page
    assert re.search(r"linear</b><span>ridge 0\.0120", page)
    assert not re.findall(r'(?:src|href)="(?!#|data:)', page)


def test_columns_without_a_figure_are_left_out(comparison: dict[str, Any]) -> None:
    for one in comparison["rows"]:
        one.pop("size_bytes", None)
    assert '<button type="button" title="Size of' not in build_page(comparison)
    assert "Size |" not in as_markdown(comparison)


def test_markdown_has_a_cell_a_figure_and_marks_the_best(comparison: dict[str, Any]) -> None:
    text = as_markdown(comparison)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + 4
    assert {line.count(" | ") for line in table} == {len(COLUMNS) + 1}
    assert "| **ridge** | linear |" in text
    assert "| xgboost | boosting |" in text
    assert r"- tabm: failed: TrainingError: loss is \<NaN\> \| see \`log\`" in text


def test_models_without_figures_stand_together_where_their_reason_is_one(
    comparison: dict[str, Any],
) -> None:
    late = {"category": "H2O", "status": "left out", "reason": "left out by --skip"}
    comparison["rows"].append({"name": "h2o_drf", **late})
    assert r"- h2o\_gbm, h2o\_drf: left out by --skip" in as_markdown(comparison)


def test_csv_holds_every_figure_in_full(comparison: dict[str, Any]) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(comparison["rows"]))))
    assert [one["name"] for one in rows] == [one["name"] for one in comparison["rows"]]
    assert float(rows[0]["fit_seconds"]) == comparison["rows"][0]["fit_seconds"]
    assert rows[1]["mmc"] == rows[4]["corr"] == ""
    assert rows[4]["reason"] == FAILED


def test_four_files_are_written(comparison: dict[str, Any], tmp_path: Path) -> None:
    files = write_models(comparison, tmp_path)
    assert [path.name for path in files] == [
        f"comparison.{kind}" for kind in ("json", "csv", "md", "html")
    ]
    assert all(path.stat().st_size for path in files)


SORT = """
  const heads = [...document.querySelectorAll("#comparison-table thead button")];
  const names = () => [...document.querySelectorAll("#comparison-table tbody th span")]
    .map((e) => e.textContent);
  found.first = names();
  heads.find((e) => e.textContent === "CORR").click();
  found.rising = names();
  heads[0].click();
  found.named = names();
"""


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_table_sorts_in_a_browser(
    comparison: dict[str, Any], tmp_path: Path, width: int
) -> None:
    visit = visit_page(tmp_path, build_page(comparison), LOOK + SORT, width)
    names = [one["name"] for one in comparison["rows"]]
    assert visit.found["first"] == names
    assert visit.found["rising"][:4] == names[3::-1]
    assert visit.found["named"] == sorted(names)
    assert visit.found["overflow"] == 0
    assert visit.requests == visit.console == []
