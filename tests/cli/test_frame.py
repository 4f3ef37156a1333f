"""The common flags, and the call that they become."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

import pytest
import typer

from erazoo.checkout import CHECKOUT
from erazoo.commands.frame import Call, Flags
from erazoo.errors import ConfigError
from erazoo.publish import read_json


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_layers_of_the_configuration_in_order(tmp_path: Path, monkeypatch) -> None:
    file = write(
        tmp_path / "mine.toml",
        '[training]\nepochs = 1\nbatch_size = 11\npatience = 1\n[run]\nname = "f"\n',
    )
    write(
        tmp_path / "conf/env/small.toml", "[training]\nepochs = 2\nbatch_size = 22\npatience = 2\n"
    )
    monkeypatch.setenv("ERAZOO_TRAINING__EPOCHS", "3")
    monkeypatch.setenv("ERAZOO_TRAINING__BATCH_SIZE", "33")
    call = Call.of(Flags(config=file, env="small", settings=["training.epochs=4"]))
    training = call.config.training
    assert (training.epochs, training.batch_size, training.patience) == (4, 33, 2)
    assert call.config.run.name == "f"


def test_without_a_file_the_demo_experiment_of_the_checkout_is_used(tmp_path: Path) -> None:
    assert Call.of(Flags()).config.training.epochs == 12
    write(tmp_path / "conf/demo.toml", "[training]\nepochs = 5\n")
    assert Call.of(Flags()).config.training.epochs == 5


def test_elsewhere_the_experiment_and_the_layers_of_the_checkout_are_found(tmp_path: Path) -> None:
    experiment = tomllib.loads((CHECKOUT / "conf" / "demo.toml").read_text())
    layer = tomllib.loads((CHECKOUT / "conf" / "env" / "local-dev.toml").read_text())
    config = Call.of(Flags(env="local-dev")).config
    assert list(config.models) == list(experiment["models"])
    assert config.demo.eras == layer["demo"]["eras"]
    write(tmp_path / "conf/env/local-dev.toml", "[demo]\neras = 77\n")
    assert Call.of(Flags(env="local-dev")).config.demo.eras == 77


def test_without_a_checkout_an_experiment_must_be_named(
    erazoo, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr("erazoo.checkout.CHECKOUT", tmp_path / "nowhere")
    for name in ("download", "shard", "train", "evaluate", "predict", "submit", "report", "demo"):
        outcome = erazoo(name)
        assert outcome.code == 2
        assert outcome.err == f"erazoo {name}: no experiment here: give --config FILE.\n"
    assert list(tmp_path.iterdir()) == []
    assert erazoo("models").code == 0
    file = write(tmp_path / "mine.toml", "[run]\nseed = 5\n")
    assert erazoo("download", "--dry-run", "--config", file).code == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["shard"], 3),
        (["download", "--set", "data.source=prices", "--set", "prices.files=['no.parquet']"], 2),
    ],
)
def test_a_mistyped_run_directory_is_not_left_behind(
    erazoo, tmp_path: Path, words: list[str], code: int
) -> None:
    (tmp_path / "runs").mkdir()
    for run_dir in ("runs/dmeo", "rnus/demo"):
        assert erazoo(*words, "--run-dir", run_dir).code == code
    assert [path.name for path in tmp_path.rglob("*")] == ["runs"]
    kept = write(tmp_path / "runs/demo/kept", "")
    assert erazoo(*words, "--run-dir", "runs/demo").code == code
    assert kept.exists()


def test_the_run_directory_is_made_when_first_asked_for(tmp_path: Path) -> None:
    call = Call.of(Flags(run_dir=tmp_path / "a" / "b"))
    assert not (tmp_path / "a").exists()
    assert call.run.root.is_dir()
    assert call.run is call.run


def test_a_dry_run_makes_no_directory(tmp_path: Path) -> None:
    call = Call.of(Flags(run_dir=tmp_path / "a", dry_run=True))
    assert not call.run.stage("shards", {}).done()
    assert call.data == tmp_path / "a" / "data"
    assert not (tmp_path / "a").exists()


def test_a_run_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "file", "kept")
    call = Call.of(Flags(run_dir=file / "run"))
    with pytest.raises(ConfigError, match="a file is in the way"):
        _ = call.run
    assert file.read_text() == "kept"


def test_an_existing_run_is_found_and_an_absent_one_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no run directory here"):
        Call.of(Flags(run_dir=tmp_path / "absent")).existing_run()
    assert not (tmp_path / "absent").exists()
    assert Call.of(Flags(run_dir=tmp_path)).existing_run().root == tmp_path


def test_the_data_folder_is_that_of_the_configuration_or_of_the_run(tmp_path: Path) -> None:
    assert Call.of(Flags(run_dir=tmp_path)).data == tmp_path / "data"
    assert Call.of(Flags(settings=["data.dir=/elsewhere"])).data == Path("/elsewhere")


def test_writing_records_the_configuration_and_holds_the_directory(tmp_path: Path) -> None:
    call = Call.of(Flags(run_dir=tmp_path, settings=["run.seed=99"]))
    with call.writing() as run:
        assert not run.path("config.json").exists()
        with (
            pytest.raises(ConfigError, match="in use by another command"),
            Call.of(Flags(run_dir=tmp_path)).writing(),
        ):
            pass
    assert read_json(tmp_path / "config.json")["run"]["seed"] == 99
    with call.writing():
        pass


def test_options_of_a_verb_go_over_everything_else() -> None:
    call = Call.of(Flags(settings=["demo.profile=noise", "demo.eras=100", "run.name=n"]))
    over = call.override({"demo.profile": "memory", "demo.eras": None, "run.name": "12"})
    assert over.config.demo.profile == "memory"
    assert over.config.demo.eras == 100
    assert over.config.run.name == "12"
    assert call.config.demo.profile == "noise"
    assert over.flags.settings[:3] == call.flags.settings


def test_a_verb_has_its_own_arguments_and_the_common_flags(erazoo, add_verb) -> None:
    def echo(
        call: Call,
        names: Annotated[list[str], typer.Argument()],
        times: Annotated[int, typer.Option()] = 1,
    ) -> None:
        call.emit({"names": names * times, "seed": call.config.run.seed}, " ".join(names))

    add_verb(echo)
    assert erazoo("echo", "a", "b").out == "a b\n"
    outcome = erazoo(
        "echo", "a", "--times", "2", "--set", "run.seed=5", "--set", "run.seed=6", "--json"
    )
    assert outcome.json == {"names": ["a", "a"], "seed": 6}
    assert outcome.out.count("\n") == 1
    assert erazoo("echo").code == 2


def test_lines_are_only_made_when_they_are_shown(erazoo, add_verb) -> None:
    made = []

    def show(call: Call) -> None:
        call.emit({"where": Path("x")}, lambda: made.append(1) or "shown")

    add_verb(show)
    assert erazoo("show", "--json").json == {"where": "x"}
    assert made == []
    assert erazoo("show").out == "shown\n"


def test_a_result_that_is_no_json_fails_instead_of_printing_nonsense(erazoo, add_verb) -> None:
    def show(call: Call) -> None:
        call.emit({"score": float("nan")}, "")

    add_verb(show)
    outcome = erazoo("show", "--json")
    assert outcome.code == 1
    assert outcome.out == ""
