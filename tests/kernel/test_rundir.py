"""Run directories: stages, locks, artefacts, redaction."""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from erazoo.artefacts import open_sealed, seal
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, StaleDataError
from erazoo.logs import LOGGER, progress, quiet_native, set_up
from erazoo.panel import FeatureSpec, SchemaError
from erazoo.rundir import RunDir


def test_a_stage_is_done_only_for_its_key_and_files(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    out = run.path("a.txt")
    stage = run.stage("x", {"k": 1})
    assert not stage.done()
    out.write_text("abc")
    stage.finish([out], {"rows": 3}, 1.0)
    assert run.stage("x", {"k": 1}).done()
    assert run.stage("x", {"k": 1}).summary() == {"rows": 3}
    assert not run.stage("x", {"k": 2}).done()
    out.write_text("abcd")
    assert not run.stage("x", {"k": 1}).done()
    out.unlink()
    assert not run.stage("x", {"k": 1}).done()


def test_results_of_other_settings_do_not_go_silently(
    tmp_path: Path, seen_logs: pytest.LogCaptureFixture
) -> None:
    run = RunDir(tmp_path / "run")
    run.stage("x", {"a": 1, "b": 2}, {"data": "p"}).finish([], {}, 1.0)
    run.stage("x", {"a": 1, "b": 2}, {"data": "q"}).forget()
    assert seen_logs.messages == []
    run.stage("x", {"a": 1, "b": 2}, {"data": "p"}).finish([], {}, 1.0)
    other = run.stage("x", {"a": 1, "b": 3, "c": 4}, {"data": "p"})
    assert not other.done()
    assert seen_logs.messages == []
    other.forget()
    other.forget()
    assert seen_logs.messages == [
        f"x: results that other settings made (b, c) are replaced in {run.root}; "
        "another --run-dir (or data.dir) keeps both"
    ]


def test_a_look_at_a_run_directory_leaves_no_trace(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("abc")
    look = RunDir(tmp_path / "run", make=False)
    assert look.checksum(file) == RunDir(tmp_path / "other").checksum(file)
    assert not look.root.exists()
    assert (tmp_path / "other" / ".checksums.json").exists()


def test_settings_and_inputs_are_one_key(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    stage = run.stage("x", {"a": 1}, {"data": "p"})
    assert stage.key == run.stage("x", {"a": 1, "data": "p"}).key
    assert stage.key != run.stage("x", {"a": 1}, {"data": "q"}).key


def test_a_moved_run_directory_still_works(tmp_path: Path) -> None:
    run = RunDir(tmp_path / "run")
    run.path("a.txt").write_text("abc")
    run.stage("x", {}).finish([run.path("a.txt")], {}, 0)
    shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert RunDir(tmp_path / "elsewhere").stage("x", {}).done()


def test_a_torn_record_counts_as_not_done(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.stage("x", {}).finish([], {}, 0)
    run.path("stages", "x.json").write_text('{"stage": "x", "ke')
    assert not run.stage("x", {}).done()
    with pytest.raises(StaleDataError, match="has not run"):
        run.stage("x", {}).summary()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    code = (
        "import sys; from pathlib import Path; from erazoo.rundir import RunDir\n"
        "try:\n with RunDir(Path(sys.argv[1])).lock(): pass\n"
        "except Exception as e: print(e)"
    )
    with run.lock():
        words = [sys.executable, "-c", code, str(tmp_path)]
        answer = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert "is in use by another command" in answer
    assert "Received: process" in answer
    with run.lock():
        pass


def test_the_directory_is_named_by_configuration_or_flag(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert RunDir.of(Config()).root == Path("runs/demo")
    assert RunDir.of(Config(), Path("other")).root == Path("other")


def test_a_run_directory_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="a file is in the way"):
        RunDir(tmp_path / "file" / "run")


def test_sealed_artefacts(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "model.txt").write_text("tree")
    (folder / "deep" / "x").write_text("x")
    seal(folder, {"model": "lightgbm"})
    assert open_sealed(folder)["model"] == "lightgbm"
    (folder / "model.txt").write_text("Tree")
    with pytest.raises(ArtifactError, match="has changed.*model.txt"):
        open_sealed(folder)
    (folder / "model.txt").unlink()
    with pytest.raises(ArtifactError, match="is missing.*model.txt"):
        open_sealed(folder)
    with pytest.raises(ArtifactError, match="no artefact here"):
        open_sealed(tmp_path / "none")
    (folder / "card.json").write_text("{}")
    with pytest.raises(ArtifactError, match="damaged"):
        open_sealed(folder)


def test_secrets_never_reach_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NUMERAI_SECRET_KEY", "sesame-1234")
    set_up(file=tmp_path / "log.txt")
    LOGGER.info("token sesame-1234")
    LOGGER.error("failed", exc_info=ValueError("sesame-1234"))
    text = capsys.readouterr().err + (tmp_path / "log.txt").read_text()
    assert "sesame" not in text
    assert text.count("<NUMERAI_SECRET_KEY>") == 4
    for handler in list(LOGGER.handlers):
        handler.close()
    LOGGER.handlers = [logging.NullHandler()]


def test_progress_yields_everything() -> None:
    assert list(progress(range(5), "counting", 5)) == [0, 1, 2, 3, 4]


def test_feature_specs() -> None:
    spec = FeatureSpec(("a", "b"), {"g": ("b",)})
    assert FeatureSpec.from_json(spec.to_json()) == spec
    assert FeatureSpec(("b", "a")).fingerprint != FeatureSpec(("a", "b")).fingerprint
    assert spec.fingerprint == FeatureSpec(("a", "b")).fingerprint
    assert spec.columns(["b", "a"]).tolist() == [1, 0]
    with pytest.raises(SchemaError, match="unknown feature"):
        spec.columns(["c"])
    with pytest.raises(SchemaError, match="not unique"):
        FeatureSpec(("a", "a"))
    with pytest.raises(SchemaError, match="names a feature that the panel lacks"):
        FeatureSpec(("a",), {"g": ("z",)})
    with pytest.raises(SchemaError, match="at least one feature"):
        FeatureSpec(())
    with pytest.raises(SchemaError, match="does not fit its fingerprint"):
        FeatureSpec.from_json({**spec.to_json(), "fingerprint": "0"})


def test_native_noise_is_held_back_unless_the_block_fails(
    capfd: pytest.CaptureFixture[str],
) -> None:
    import os

    LOGGER.setLevel(logging.INFO)
    with quiet_native():
        os.write(2, b"noise of a library\n")
    assert capfd.readouterr().err == ""
    with pytest.raises(RuntimeError), quiet_native():
        os.write(2, b"why it failed\n")
        raise RuntimeError
    assert "why it failed" in capfd.readouterr().err
    with pytest.raises(SchemaError), quiet_native():
        os.write(2, b"noise of a library\n")
        raise SchemaError("what failed")
    assert capfd.readouterr().err == ""
