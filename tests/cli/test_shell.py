"""The shell scripts, run on a copy of their folder with stubs that record what is called."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted([*ROOT.glob("shell/*.sh"), ROOT / ".ci" / "run"])
TOOLS = ("bash", "cat", "cksum", "cmp", "dirname", "ln", "mkdir", "mv", "rm", "sed")
ERAZOO = """#!/usr/bin/env bash
{ printf 'erazoo'; printf '|%s' "$@"; echo; } >>"$CALLS"
[[ "$1" != "${FAILING:-}" ]] || exit "${FAILING_CODE:-75}"
"""
PYTHON = """#!/usr/bin/env bash
case "$*" in
    *cores*) echo 2 ;;
    *"-m venv"*) mkdir -p "$3/bin" && cp "$STUBS"/venv/* "$3/bin" ;;&
    *"-m"*) { printf 'python'; printf '|%s' "$@"; echo; } >>"$CALLS" ;;
esac
[[ "$*" != *"-m pip"* || -z "${PIP_FAILS:-}" ]]
"""
PYTEST = ["-m", "pytest", "-n", "2", "--dist", "worksteal"]
SMALL = """
run.name = "small"
data.source = "demo"
split.folds = 2
training.threads = 1
tracking.mlflow = "off"
models.ridge.preset = "demo"
[demo]
profile = "noise"
eras = 60
rows = 50
features = 24
regimes = 1
"""


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@dataclass
class Checkout:
    """A copy of the scripts with an active environment of stubs, in folders with spaces."""

    base: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        return self.base / "my checkout"

    @property
    def venv(self) -> Path:
        return self.base / "an env"

    @property
    def stubs(self) -> Path:
        return self.base / "stubs"

    def run(
        self, name: str, *words: object, code: int = 0, where: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["bash", str(self.root / "shell" / name), *map(str, words)],
            env=self.env,
            cwd=where or self.root,
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        return done

    def calls(self, of: str) -> list[list[str]]:
        file = self.base / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [line.split("|")[1:] for line in lines if line.split("|")[0] == of]

    def verbs(self) -> list[str]:
        return [call[0] for call in self.calls("erazoo")]

    def installs(self) -> list[Sequence[str]]:
        return [call for call in self.calls("python") if call[:3] == ["-m", "pip", "install"]]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    shutil.copytree(ROOT / "shell", made.root / "shell")
    (made.root / "conf").mkdir()
    (made.root / "conf" / "mine.toml").write_text("")
    (made.root / "pyproject.toml").write_text("[project]\n")
    for kind in ("", "-dev", "-notebook", "-io", "-sparkling"):
        text = f"numpy==2.0\ntensorflow==2.21.0\n# {kind}\n"
        (made.root / f"requirements{kind}.txt").write_text(text)
    for folder in (made.venv / "bin", made.stubs / "venv"):
        program(folder / "python", PYTHON)
        program(folder / "erazoo", ERAZOO)
    for tool in (*TOOLS, "cp"):
        path = shutil.which(tool)
        assert path is not None, tool
        (made.stubs / tool).symlink_to(path)
    made.env.update(
        PATH=str(made.stubs),
        HOME=str(tmp_path),
        CALLS=str(tmp_path / "calls"),
        STUBS=str(made.stubs),
        VIRTUAL_ENV=str(made.venv),
    )
    return made


@pytest.fixture
def real(checkout: Checkout) -> Checkout:
    """The same with the real erazoo in its environment, and a small experiment."""
    program(
        checkout.venv / "bin" / "erazoo", f'#!/bin/bash\nexec "{sys.executable}" -m erazoo "$@"\n'
    )
    (checkout.root / "conf" / "small.toml").write_text(SMALL)
    return checkout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_valid_bash(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.parametrize(
    "name",
    [
        "prepare.sh",
        "predict.sh",
        "train.sh",
        "compare.sh",
        "test.sh",
        "notebook.sh",
        "io.sh",
        "prepare_sparkling.sh",
        "bestepoch.sh",
        "tensorboard.sh",
    ],
)
def test_help_changes_nothing(checkout: Checkout, name: str) -> None:
    assert checkout.run(name, "--help").stdout.startswith(f"usage: bash shell/{name}")
    assert checkout.calls("erazoo") == checkout.calls("python") == []


def test_prepare_runs_the_verbs_in_order(checkout: Checkout) -> None:
    done = checkout.run("prepare.sh")
    assert checkout.calls("erazoo") == [
        ["download"],
        ["shard"],
        ["train"],
        ["evaluate"],
        ["ensemble"],
        ["report"],
    ]
    assert "done in 0 min" in done.stderr
    assert done.stdout == ""


def test_prepare_passes_flags_to_every_verb(checkout: Checkout) -> None:
    flags = ["--env", "local-dev", "--set", "run.seed=1", "--set", "run.name=a b", "--json"]
    checkout.run("prepare.sh", "conf/mine.toml", *flags)
    for call in checkout.calls("erazoo"):
        assert call[1:] == [*flags, "--config", "conf/mine.toml"]


def test_skip_processing_leaves_out_download_and_shard(checkout: Checkout) -> None:
    checkout.run("prepare.sh", "--skip-processing")
    assert checkout.verbs() == ["train", "evaluate", "ensemble", "report"]


def test_force_reaches_the_verbs_that_may_skip_their_work(checkout: Checkout) -> None:
    checkout.run("prepare.sh", "--force")
    forced = [call[0] for call in checkout.calls("erazoo") if "--force" in call]
    assert forced == ["download", "shard", "train", "evaluate", "ensemble"]
    assert checkout.verbs()[-1] == "report"


def test_a_failing_verb_stops_the_line_with_its_exit_code(checkout: Checkout) -> None:
    checkout.env["FAILING"] = "train"
    checkout.run("prepare.sh", code=75)
    assert checkout.verbs() == ["download", "shard", "train"]


def test_a_failed_model_leaves_scores_and_a_report_of_the_others(checkout: Checkout) -> None:
    checkout.env |= {"FAILING": "train", "FAILING_CODE": "1"}
    done = checkout.run("prepare.sh", code=1)
    assert checkout.verbs() == ["download", "shard", "train", "evaluate", "report"]
    assert "a model failed" in done.stderr


def test_predict_submits_only_when_told(checkout: Checkout) -> None:
    checkout.run("predict.sh", "--env", "e")
    checkout.run("predict.sh", "--env", "e", "--submit")
    assert checkout.calls("erazoo") == [
        ["predict", "--env", "e"],
        ["submit", "--env", "e"],
        ["predict", "--env", "e"],
        ["submit", "--submit", "--env", "e"],
    ]


def test_a_failed_unique_version_does_not_hold_up_the_standard_one(checkout: Checkout) -> None:
    checkout.env |= {"FAILING": "predict", "FAILING_CODE": "1"}
    done = checkout.run("predict.sh", "--submit", code=1)
    assert checkout.calls("erazoo") == [["predict"], ["submit", "--submit"]]
    assert "the unique version failed" in done.stderr
    checkout.env |= {"FAILING_CODE": "3"}
    checkout.run("predict.sh", "--submit", code=3)
    assert checkout.verbs() == ["predict", "submit", "predict"]


def test_tensorboard_needs_a_run_and_passes_its_options_through(checkout: Checkout) -> None:
    assert "name a run directory" in checkout.run("tensorboard.sh", "--port", "1", code=2).stderr
    checkout.run("tensorboard.sh", "runs/demo", "--port", "0")
    [call] = [c for c in checkout.calls("python") if "training.board" in c]
    assert call[-2:] == ["--port", "0"]
    assert call[-3].endswith("runs/demo")


def test_train_needs_a_model(checkout: Checkout) -> None:
    assert "name at least one model" in checkout.run("train.sh", "--force", code=2).stderr
    checkout.run("train.sh", "ridge", "--force", "mlp")
    assert checkout.calls("erazoo") == [["train", "ridge", "mlp", "--force"]]


def test_compare_passes_its_options_on(checkout: Checkout) -> None:
    own = ["--models", "ridge,boosting", "--jobs", "2", "--model-budget", "300s"]
    checkout.run("compare.sh", "conf/mine.toml", *own, "--skip-processing", "--run-dir", "a run")
    [call] = checkout.calls("erazoo")
    assert call[:7] == ["compare", *own]
    assert call[7:] == ["--skip-processing", "--run-dir", "a run", "--config", "conf/mine.toml"]
    done = checkout.run("compare.sh", "--quick", code=2)
    assert "--quick needs a value" in done.stderr


def test_bestepoch_asks_a_run_with_its_own_configuration(checkout: Checkout) -> None:
    assert "name a run directory" in checkout.run("bestepoch.sh", code=2).stderr
    run = checkout.base / "a run"
    assert "no run directory" in checkout.run("bestepoch.sh", str(run), code=2).stderr
    run.mkdir()
    (run / "config.json").write_text("{}")
    checkout.run("bestepoch.sh", str(run), "mlp", "--export", str(run / "best"), "--json")
    ways = ["--config", f"{run}/config.json", "--run-dir", str(run), "--json"]
    assert checkout.calls("erazoo") == [
        ["train", "mlp", "--best", "--export", f"{run}/best", *ways],
    ]


def test_notebook_passes_everything_on(checkout: Checkout) -> None:
    checkout.run("notebook.sh", "--", "--no-browser")
    assert checkout.calls("erazoo") == [["notebook", "--", "--no-browser"]]
    assert "notebook" in (checkout.venv / ".erazoo-requirements-notebook.txt").read_text()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], ["-m", "not long"]),
        (["--all"], []),
        (["tests/a b", "-k", "x y"], ["-m", "not long", "tests/a b", "-k", "x y"]),
    ],
)
def test_test_runs_pytest(checkout: Checkout, words: list[str], expected: list[str]) -> None:
    checkout.run("test.sh", *words)
    assert checkout.calls("python")[-1] == [*PYTEST, *expected]


def test_all_tests_have_the_notebook_libraries(checkout: Checkout) -> None:
    checkout.run("test.sh")
    assert not (checkout.venv / ".erazoo-requirements-notebook.txt").exists()
    checkout.run("test.sh", "--all")
    assert (checkout.venv / ".erazoo-requirements-notebook.txt").exists()


def test_all_tests_have_the_environments_beside(checkout: Checkout) -> None:
    program(checkout.stubs / "python3.12", PYTHON)
    stamps = [
        checkout.root / f".venv-{name}" / f".erazoo-requirements-{name}.txt"
        for name in ("io", "sparkling")
    ]
    checkout.run("test.sh")
    assert not any(stamp.exists() for stamp in stamps)
    checkout.run("test.sh", "--all")
    assert all(stamp.exists() for stamp in stamps)


def test_sparkling_water_gets_an_environment_without_erazoo(checkout: Checkout) -> None:
    program(checkout.stubs / "python3.11", PYTHON)
    stderr = checkout.run("prepare_sparkling.sh").stderr
    folder = checkout.root / ".venv-sparkling"
    assert ["-m", "venv", str(folder)] in checkout.calls("python")
    [installed] = checkout.installs()
    assert "-e" not in installed
    assert "prepare_sparkling.sh: ready" in stderr
    checkout.run("prepare_sparkling.sh")
    assert len(checkout.installs()) == 1
    checkout.run("prepare_sparkling.sh", "more", code=2)


def test_sparkling_water_takes_a_python_that_pyenv_keeps(checkout: Checkout) -> None:
    program(checkout.stubs / "python3", '#!/usr/bin/env bash\n[[ "$*" != *" 12" ]]\n')
    kept = checkout.base / ".pyenv" / "versions" / "3.12.1" / "bin" / "python"
    program(kept, PYTHON)
    assert f"making .venv-sparkling with {kept}" in checkout.run("prepare_sparkling.sh").stderr


def test_too_new_a_python_for_sparkling_water_is_said_in_one_line(checkout: Checkout) -> None:
    program(checkout.stubs / "python3", '#!/usr/bin/env bash\n[[ "$*" != *" 12" ]]\n')
    stderr = checkout.run("prepare_sparkling.sh", code=1).stderr
    assert stderr.startswith("prepare_sparkling.sh: Sparkling Water needs Python 3.11 or 3.12")
    assert stderr.count("\n") == 1
    assert not (checkout.root / ".venv-sparkling").exists()


def test_io_runs_a_verb_in_an_environment_of_its_own(checkout: Checkout) -> None:
    program(checkout.stubs / "python3.11", PYTHON)
    where = checkout.base / "some where"
    where.mkdir()
    checkout.run("io.sh")
    assert checkout.calls("erazoo") == []
    checkout.run("io.sh", "shard", "--remote", "s3://b/n", where=where)
    assert checkout.calls("erazoo") == [["shard", "--remote", "s3://b/n"]]
    made = [call for call in checkout.calls("python") if call[:2] == ["-m", "venv"]]
    assert made == [["-m", "venv", str(checkout.root / ".venv-io")]]
    assert not list(checkout.venv.glob(".erazoo-*"))
    checkout.env |= {"FAILING": "shard", "FAILING_CODE": "4"}
    checkout.run("io.sh", "shard", code=4)


def test_too_new_a_python_for_tensorflow_io_is_said_in_one_line(checkout: Checkout) -> None:
    newest = '#!/usr/bin/env bash\n[[ "$*" != *" 12" ]]\n'
    program(checkout.stubs / "python3", newest)
    stderr = checkout.run("io.sh", "shard", code=1).stderr
    assert stderr.startswith("io.sh: tensorflow-io needs Python 3.11 or 3.12")
    assert stderr.count("\n") == 1
    assert not (checkout.root / ".venv-io").exists()
    assert "the tests of .venv-io are left out" in checkout.run("test.sh", "--all").stderr
    assert checkout.calls("python")[-1] == PYTEST


def test_paths_are_those_of_the_caller(checkout: Checkout) -> None:
    where = checkout.base / "some where"
    where.mkdir()
    (where / "own.toml").write_text("")
    checkout.run("prepare.sh", "own.toml", "--run-dir", "my run", "--log-file=l", where=where)
    flags = ["--run-dir", f"{where}/my run", "--log-file", f"{where}/l"]
    assert checkout.calls("erazoo")[0] == ["download", *flags, "--config", f"{where}/own.toml"]


def test_an_experiment_of_the_checkout_is_found_from_anywhere(checkout: Checkout) -> None:
    checkout.run("prepare.sh", "conf/mine.toml", where=checkout.base)
    assert checkout.calls("erazoo")[0] == ["download", "--config", "conf/mine.toml"]


def test_usage_errors_end_with_2_before_anything_is_called(checkout: Checkout) -> None:
    assert "one experiment" in checkout.run("prepare.sh", "a.toml", "b.toml", code=2).stderr
    assert "--set needs a value" in checkout.run("prepare.sh", "--set", code=2).stderr
    assert checkout.calls("erazoo") == checkout.calls("python") == []


def test_libraries_are_installed_once(checkout: Checkout) -> None:
    checkout.run("prepare.sh")
    first = checkout.installs()
    assert [call[-2] for call in first] == ["-r", "-e"]
    assert "--no-deps" in first[1]
    checkout.run("prepare.sh")
    assert checkout.installs() == first
    (checkout.root / "requirements.txt").write_text("numpy==2.1\n")
    checkout.run("prepare.sh")
    assert [call[-2] for call in checkout.installs()] == ["-r", "-e", "-r"]


def test_a_failed_installation_is_said_and_tried_again(checkout: Checkout) -> None:
    checkout.env["PIP_FAILS"] = "1"
    assert "pip could not install" in checkout.run("prepare.sh", code=1).stderr
    assert checkout.calls("erazoo") == []
    assert not list(checkout.venv.glob(".wanted*"))
    del checkout.env["PIP_FAILS"]
    checkout.run("prepare.sh")
    assert len(checkout.calls("erazoo")) == 6


@pytest.mark.parametrize("works", [True, False])
def test_tensorflow_comes_for_the_gpu_where_there_is_one(checkout: Checkout, works: bool) -> None:
    program(checkout.stubs / "nvidia-smi", f"#!/usr/bin/env bash\nexit {0 if works else 9}\n")
    checkout.run("prepare.sh")
    asked = (checkout.venv / ".erazoo-requirements.txt").read_text().splitlines()
    assert asked[0] == "numpy==2.0"
    assert asked[1] == ("tensorflow[and-cuda]==2.21.0" if works else "tensorflow==2.21.0")


def test_without_an_active_environment_one_is_made_in_the_checkout(checkout: Checkout) -> None:
    del checkout.env["VIRTUAL_ENV"]
    program(checkout.stubs / "python3.12", PYTHON)
    checkout.run("prepare.sh")
    checkout.run("prepare.sh")
    made = [call for call in checkout.calls("python") if call[:2] == ["-m", "venv"]]
    assert made == [["-m", "venv", str(checkout.root / ".venv")]]
    assert not (checkout.venv / ".erazoo-requirements.txt").exists()


@pytest.mark.parametrize("there", [True, False])
def test_without_a_usable_python_one_line_says_so(checkout: Checkout, there: bool) -> None:
    del checkout.env["VIRTUAL_ENV"]
    if there:
        program(checkout.stubs / "python3", "#!/usr/bin/env bash\nexit 1\n")
    stderr = checkout.run("prepare.sh", code=1).stderr
    assert stderr.startswith("prepare.sh: no Python 3.11, 3.12 or 3.13")
    assert stderr.count("\n") == 1
    assert not (checkout.root / ".venv").exists()


def test_an_active_environment_without_python_is_refused(checkout: Checkout) -> None:
    checkout.env["VIRTUAL_ENV"] = str(checkout.base / "gone")
    assert "has no Python" in checkout.run("prepare.sh", code=1).stderr


@pytest.mark.parametrize(
    ("lie", "words"),
    [
        ("sys.version_info = (3, 10, 4)", "has Python 3.10, not 3.11, 3.12 or 3.13"),
        ("sys.version_info = (3, 14, 0)", "has Python 3.14, not 3.11, 3.12 or 3.13"),
        ("importlib.util.find_spec = lambda name: None", "has no pip"),
        ("sys.exit(1)", "Python does not run"),
    ],
)
def test_an_environment_that_cannot_hold_erazoo_is_refused(
    checkout: Checkout, lie: str, words: str
) -> None:
    code = f"import importlib.util, sys; {lie}; exec(sys.argv[1])"
    text = f"#!/bin/bash\nexec '{sys.executable}' -c '{code}' \"$2\"\n"
    program(checkout.venv / "bin" / "python", text)
    stderr = checkout.run("prepare.sh", code=1).stderr
    assert words in stderr
    assert str(checkout.venv) in stderr
    assert stderr.count("\n") == 1
    assert checkout.calls("erazoo") == []


@pytest.mark.parametrize(
    ("name", "verb"), [("prepare.sh", "shard"), ("predict.sh", "submit"), ("train.sh", "train")]
)
def test_the_last_line_of_an_interrupted_script_is_how_to_go_on(
    checkout: Checkout, name: str, verb: str
) -> None:
    checkout.env |= {"FAILING": verb, "FAILING_CODE": "130"}
    words = ["conf/mine.toml", "--set", "run.name=a b", "--json"]
    last = checkout.run(name, words[0], "--force", *words[1:], code=130).stderr.splitlines()[-1]
    before, _, command = last.partition(" go on with: ")
    assert before == f"{name}: interrupted;"
    assert shlex.split(command) == ["bash", str(checkout.root / "shell" / name), *words]


def test_a_script_that_fails_otherwise_does_not_speak_of_an_interruption(
    checkout: Checkout,
) -> None:
    checkout.env |= {"FAILING": "shard", "FAILING_CODE": "3"}
    assert "interrupted" not in checkout.run("prepare.sh", code=3).stderr


@pytest.mark.long
def test_an_interrupted_line_goes_on_with_the_command_that_it_names(real: Checkout) -> None:
    script = "shell/prepare.sh"
    running = subprocess.Popen(
        ["bash", script, "conf/small.toml", "--force"],
        env=real.env,
        cwd=real.root,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert running.stderr is not None
    lines = []
    for line in running.stderr:
        lines.append(line.rstrip("\n"))
        if line.endswith("train ridge\n"):
            os.killpg(running.pid, signal.SIGINT)
    assert running.wait() == 130
    assert any(line.startswith("erazoo train: interrupted") for line in lines)
    assert lines[-1] == f"prepare.sh: interrupted; go on with: bash {script} conf/small.toml"
    command = lines[-1].partition("go on with: ")[2]
    assert not (real.root / "runs/small/report.html").exists()
    done = subprocess.run(
        shlex.split(command), env=real.env, cwd=real.root, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "stand already" in done.stdout
    assert (real.root / "runs/small/report.html").exists()


@pytest.mark.parametrize(
    "fresh", [(), pytest.param(("--run-dir", "a fresh/run"), marks=pytest.mark.long)]
)
def test_a_dry_run_of_the_whole_line_writes_nothing(real: Checkout, fresh: tuple[str, ...]) -> None:
    words = ("conf/small.toml", "--dry-run", *fresh)
    before = set(real.root.rglob("*"))
    said = real.run("prepare.sh", *words).stdout + real.run("predict.sh", *words).stdout
    for work in ("bring", "write shards", "train ridge", "score", "blend", "predict", "check"):
        assert f"would {work}" in said
    assert "skip" not in said
    assert set(real.root.rglob("*")) == before


@pytest.mark.parametrize("page", ["Makefile", "CONTRIBUTING.md", ".ci/run"])
def test_scripts_that_are_spoken_of_exist(page: str) -> None:
    named = set(re.findall(r"shell/\w+\.sh", (ROOT / page).read_text()))
    assert named
    assert {name for name in named if not (ROOT / name).is_file()} == set()
