"""Every command that the documents show is a real one, and is run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from erazoo.cli import VERBS

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
SMALL = {
    "ERAZOO_DEMO__ERAS": "80",
    "ERAZOO_DEMO__ROWS": "100",
    "ERAZOO_DEMO__FEATURES": "48",
    "ERAZOO_TRAINING__EPOCHS": "1",
    "ERAZOO_MODELS__LIGHTGBM__PARAMS__N_ESTIMATORS": "20",
}


def commands() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        for block in re.findall(r"```bash\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
            lines = block.replace("\\\n", " ").splitlines()
            kept = [re.sub(r"\s+#.*", "", line).strip() for line in lines]
            found += [(page.name, line) for line in kept if line]
    return found


def test_documents_show_commands() -> None:
    shown = [command for _, command in commands()]
    assert "bash shell/prepare.sh" in shown
    assert "bash shell/predict.sh" in shown
    assert len(shown) >= 10


@pytest.mark.parametrize(("page", "command"), commands())
def test_every_command_exists(page: str, command: str) -> None:
    words = shlex.split(command, comments=True)
    if words[0] == "erazoo":
        assert words[1] in VERBS or words[1].startswith("-"), command
    elif words[0] == "bash":
        assert (ROOT / words[1]).is_file(), command
    elif words[0] == "make":
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), command
    elif "/" in words[0]:
        assert os.access(ROOT / words[0], os.X_OK), command
    else:
        assert words[0] in ("git", "cd", "source", "pre-commit"), command


@pytest.mark.long
@pytest.mark.timeout(3000)
def test_every_command_runs(tmp_path: Path) -> None:
    """In the order of the pages, on a small demo, in run directories of the test's own."""
    environment = {
        **os.environ,
        **SMALL,
        "ERAZOO_RUN__DIR": str(tmp_path / "run"),
        "VIRTUAL_ENV": sys.prefix,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    for page, command in commands():
        if not _runs_here(command):
            continue
        kept = command.replace("--run-dir runs/", f"--run-dir {tmp_path}/")
        kept = re.sub(r"(?<![\w/])runs/demo\b", f"{tmp_path}/run", kept)
        kept = kept.replace("bash shell/test.sh", "bash shell/test.sh --collect-only -q")
        answer = subprocess.run(
            ["bash", "-c", kept], capture_output=True, text=True, cwd=ROOT, env=environment
        )
        assert answer.returncode == 0, f"{page}: {command}\n{answer.stdout}\n{answer.stderr}"


def _runs_here(command: str) -> bool:
    """Not what leaves or changes the checkout, never ends, or runs this very test."""
    elsewhere = ("git ", "cd ", "source ", "pre-commit ", ".ci/run", "make format")
    endless = ("shell/notebook.sh", "erazoo notebook", "make notebook")
    return not command.startswith(elsewhere) and not any(e in command for e in endless)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_picture_is_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).is_file(), f"{page.name} links to {target}"
