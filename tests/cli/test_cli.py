"""The table of verbs, the exit codes, and what a failure looks like."""

from __future__ import annotations

import importlib
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from erazoo import cli, errors
from erazoo.commands.frame import Call

HEAVY = {
    "tensorflow",
    "keras",
    "lightgbm",
    "plotly",
    "pandas",
    "numpy",
    "sklearn",
    "polars",
    "pyarrow",
    "numerapi",
    "pydantic",
    "requests",
}
CODES = [
    (errors.ErazooError, 1),
    (errors.TrainingError, 1),
    (errors.ConfigError, 2),
    (errors.UnknownModelError, 2),
    (errors.MissingExtraError, 2),
    (errors.DataError, 3),
    (errors.SchemaError, 3),
    (errors.UnsortedError, 3),
    (errors.ShardError, 3),
    (errors.StaleDataError, 3),
    (errors.LeakageError, 3),
    (errors.ArtifactError, 3),
    (errors.RemoteError, 4),
    (errors.SubmissionRejectedError, 4),
    (errors.RoundClosedError, 75),
]


def imported(*words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "erazoo", *words],
        capture_output=True,
        text=True,
        check=True,
    )
    names = re.findall(r"\|\s+([\w.]+)$", done.stderr, flags=re.MULTILINE)
    assert "typer" in names
    return {name.partition(".")[0] for name in names}


def test_help_imports_nothing_heavy() -> None:
    assert not imported("--help") & HEAVY


@pytest.mark.parametrize("name", cli.VERBS)
def test_help_of_a_verb_imports_no_room_libraries(name: str) -> None:
    assert not imported(name, "--help") & (HEAVY - {"pydantic", "numpy"})


def test_help_lists_every_verb(erazoo) -> None:
    outcome = erazoo("--help")
    assert outcome.code == 0
    for name, verb in cli.VERBS.items():
        assert re.search(rf"\b{name}\b", outcome.out)
        assert verb.summary[:20] in outcome.out


@pytest.mark.parametrize("name", cli.VERBS)
def test_every_verb_of_the_table_exists_and_has_the_common_flags(erazoo, name: str) -> None:
    verb = cli.VERBS[name]
    assert callable(getattr(importlib.import_module(verb.module), name))
    outcome = erazoo(name, "--help")
    assert outcome.code == 0
    for flag in ("--config", "--env", "--set", "--run-dir", "--json", "--dry-run", "--log-file"):
        assert flag in outcome.out
    assert "-v" in outcome.out


def test_no_words_show_the_help(erazoo) -> None:
    assert erazoo() == erazoo("--help")


def test_version(erazoo) -> None:
    assert re.fullmatch(r"erazoo \d+\.\d+\.\d+\n", erazoo("--version").out)


def test_the_version_is_printed_whatever_follows(erazoo) -> None:
    assert erazoo("--version", "train") == erazoo("--version")
    assert erazoo("train", "--version").code == 2


@pytest.mark.parametrize(
    ("words", "order"),
    [
        ("--run-dir X train", "train --run-dir X"),
        ("--run-dir demo train ridge", "train --run-dir demo ridge"),
        ("--set=run.seed=1 -v evaluate --final", "evaluate --set=run.seed=1 -v --final"),
        ("--json", "VERB --json"),
    ],
)
def test_options_before_the_verb_are_answered_with_the_order(
    erazoo, words: str, order: str
) -> None:
    outcome = erazoo(*words.split())
    assert outcome.code == 2
    assert outcome.out == ""
    assert "options come after the verb" in outcome.err
    assert f"Run `erazoo {order}`." in outcome.err


def test_an_option_of_nothing_is_not_moved(erazoo) -> None:
    outcome = erazoo("--jsn", "train")
    assert outcome.code == 2
    assert outcome.err.startswith("erazoo train: No such option: --jsn")


@pytest.mark.parametrize("name", ["", *cli.VERBS])
def test_no_type_stands_beside_a_switch(erazoo, name: str) -> None:
    help_text = erazoo(*filter(None, [name]), "--help").out
    assert "--help" in help_text
    assert "bool" not in help_text


def test_a_mistyped_verb_is_answered_with_the_nearest(erazoo) -> None:
    outcome = erazoo("docter", "--json")
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err == "erazoo: unknown verb. Received: docter. Expected: doctor.\n"


def test_a_mistyped_option_is_a_usage_error_of_its_verb(erazoo) -> None:
    outcome = erazoo("doctor", "--jsn")
    assert outcome.code == 2
    assert outcome.err.startswith("erazoo doctor: No such option: --jsn")
    assert outcome.err.endswith("See erazoo doctor --help.\n")


def test_an_unknown_configuration_key_names_the_nearest(erazoo) -> None:
    outcome = erazoo("doctor", "--set", "training.epoch=3")
    assert outcome.code == 2
    assert "training.epoch" in outcome.err
    assert "Expected: epochs." in outcome.err


@pytest.mark.parametrize(("kind", "code"), CODES)
def test_each_error_has_its_exit_code_and_one_line(erazoo, add_verb, kind, code: int) -> None:
    def explode(call: Call) -> None:
        raise kind("the\nfeature is missing", received="x", expected="y", hint="Do z")

    add_verb(explode)
    outcome = erazoo("explode")
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err == (
        "erazoo explode: the feature is missing. Received: x. Expected: y. Do z.\n"
    )


def test_every_error_class_is_in_the_table_of_codes() -> None:
    known = {kind for kind, _ in CODES}
    defined = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, errors.ErazooError)
    }
    assert known == defined


def test_an_unexpected_error_is_one_line_that_names_it(erazoo, add_verb) -> None:
    def explode(call: Call) -> None:
        raise ZeroDivisionError("by zero")

    add_verb(explode)
    outcome = erazoo("explode")
    assert outcome.code == 1
    expected = "erazoo explode: ZeroDivisionError: by zero; -v shows the traceback\n"
    assert outcome.err == expected


@pytest.mark.parametrize("word", ["-v", "--verbose"])
@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), errors.DataError("bad")])
def test_verbose_shows_the_traceback_before_the_line(erazoo, add_verb, error, word: str) -> None:
    def explode(call: Call) -> None:
        logging.getLogger("erazoo").debug("about to fail")
        raise error

    add_verb(explode)
    outcome = erazoo("explode", word)
    assert "about to fail" in outcome.err
    assert "Traceback (most recent call last)" in outcome.err
    assert outcome.err.splitlines()[-1].startswith("erazoo explode: ")


def test_the_log_file_keeps_log_and_traceback(erazoo, add_verb, tmp_path: Path) -> None:
    def explode(call: Call) -> None:
        logging.getLogger("erazoo").info("about to fail")
        raise ZeroDivisionError("by zero")

    add_verb(explode)
    outcome = erazoo("explode", "--log-file", tmp_path / "new" / "erazoo.log")
    text = (tmp_path / "new" / "erazoo.log").read_text()
    assert "about to fail" in text
    assert "Traceback" in text
    assert "Traceback" not in outcome.err


def test_a_log_file_that_cannot_be_written_is_a_usage_error(erazoo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert erazoo("doctor", "--log-file", tmp_path / "file" / "log").code == 2
    assert erazoo("doctor", "--log-file", tmp_path).code == 2


def test_secrets_are_redacted_in_results_and_failures(erazoo, add_verb, monkeypatch) -> None:
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "topsecretvalue")

    def leak(call: Call) -> None:
        call.emit({"key": "topsecretvalue"}, "topsecretvalue")
        raise errors.RemoteError("refused", received="topsecretvalue")

    add_verb(leak)
    outcome = erazoo("leak")
    assert "topsecretvalue" not in outcome.out + outcome.err
    assert "<NUMERAI_SECRET_KEY>" in outcome.out
    assert "<NUMERAI_SECRET_KEY>" in outcome.err


def test_a_verb_may_choose_its_exit_code(erazoo, add_verb) -> None:
    def decide(call: Call) -> None:
        raise typer.Exit(7)

    add_verb(decide)
    assert erazoo("decide").code == 7


def test_an_interrupted_verb_ends_with_130_and_the_command_that_resumes() -> None:
    script = """
import os, signal, sys, time, types
from erazoo import cli
from erazoo.commands.frame import verb

def slow(call):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(30)

sys.modules["slow"] = types.SimpleNamespace(slow=verb(slow))
cli.VERBS["slow"] = cli.Verb("slow", "")
sys.exit(cli.main(["slow", "--run-dir", "runs/my run"]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == 130
    last = done.stderr.splitlines()[-1]
    assert last.startswith("erazoo slow: interrupted")
    assert last.endswith("Resume with: erazoo slow --run-dir 'runs/my run'")


def test_a_closed_pipe_is_no_traceback() -> None:
    script = (
        "import sys; from erazoo import cli\n"
        "from erazoo.commands.frame import verb\n"
        "import types\n"
        "def much(call): call.emit({}, 'x' * 10_000_000)\n"
        "sys.modules['much'] = types.SimpleNamespace(much=verb(much))\n"
        "cli.VERBS['much'] = cli.Verb('much', '')\n"
        "sys.exit(cli.main(['much']))\n"
    )
    reader = "import sys; sys.stdin.read(1)"
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=buffered,
    ) as writer:
        subprocess.run([sys.executable, "-c", reader], stdin=writer.stdout, check=True)
        assert writer.stdout is not None
        writer.stdout.close()
        assert writer.stderr is not None
        assert writer.stderr.read() == b""
    assert writer.returncode == 1


def test_python_dash_m_runs_the_same_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "erazoo", "nothing"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("erazoo: unknown verb")


def test_a_full_disk_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    import errno

    import etl.source
    from erazoo.cli import main

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "some/file")

    monkeypatch.setattr(etl.source, "prepare_data", full)
    assert main(["download", "--run-dir", str(tmp_path / "run")]) == 1
    said = capsys.readouterr().err.strip().splitlines()
    assert said[-1] == (
        "erazoo download: the disk is full; make room first. Received: some/file. "
        "What was finished is kept."
    )
