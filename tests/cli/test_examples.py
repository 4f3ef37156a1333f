"""The example notebooks run from their first cell to their last."""

from __future__ import annotations

from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RUN = 'CHECKOUT / "runs" / "first_steps"'
MINED = 'CHECKOUT / "runs" / "model_miner"'


def test_examples_are_kept_without_outputs() -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs requirements-notebook.txt")
    for path in EXAMPLES.glob("*.ipynb"):
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        assert not any(cell.get("outputs") for cell in notebook.cells), path


@pytest.mark.long
def test_first_steps(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs requirements-notebook.txt")
    nbclient = pytest.importorskip("nbclient", reason="needs requirements-notebook.txt")
    notebook = nbformat.read(EXAMPLES / "first_steps.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if RUN in cell.source]
    cell.source = cell.source.replace(f"RunDir({RUN})", f"RunDir(CHECKOUT / {str(tmp_path)!r})")
    nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": EXAMPLES}}
    ).execute()
    assert (tmp_path / "report.html").stat().st_size > 100_000
    assert (tmp_path / "submission").is_dir()


@pytest.mark.long
def test_model_miner(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs requirements-notebook.txt")
    nbclient = pytest.importorskip("nbclient", reason="needs requirements-notebook.txt")
    notebook = nbformat.read(EXAMPLES / "model_miner.ipynb", as_version=4)
    [cell] = [cell for cell in notebook.cells if MINED in cell.source]
    cell.source = cell.source.replace(MINED, f"CHECKOUT / {str(tmp_path)!r}")
    nbclient.NotebookClient(
        notebook, timeout=900, resources={"metadata": {"path": EXAMPLES}}
    ).execute()
    folder = tmp_path / "mine" / "mine"
    assert (folder / "mining.html").stat().st_size > 100_000
    assert len(list((folder / "export").glob("*/card.json"))) == 3
    said = [o.text for cell in notebook.cells for o in cell.get("outputs", ()) if "text" in o]
    assert any("configurations beat the benchmark" in text for text in said)
