"""Fixtures of the command line's tests."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from erazoo import cli
from erazoo.commands.frame import verb
from erazoo.logs import LOGGER


@pytest.fixture(autouse=True)
def _logs_as_they_were() -> Iterator[None]:
    kept = (LOGGER.handlers, LOGGER.level, LOGGER.propagate)
    yield
    LOGGER.handlers, LOGGER.level, LOGGER.propagate = kept


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture
def erazoo(capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command line in this process."""

    def call(*words: object) -> Outcome:
        capsys.readouterr()
        code = cli.main([str(word) for word in words])
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return call


@pytest.fixture
def add_verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[..., None]], None]:
    """Add a function to the table of verbs under its own name."""

    def add(function: Callable[..., None]) -> None:
        name = function.__name__
        module = types.ModuleType(f"added_{name}")
        setattr(module, name, verb(function))
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(cli.VERBS, name, cli.Verb(module.__name__, "Added by a test."))

    return add
