"""`erazoo demo`."""

from __future__ import annotations

from pathlib import Path

from erazoo.publish import read_json

SMALL = ("--eras", 60, "--rows", 50, "--features", 24, "--regimes", 1, "--profile", "noise")


def test_it_writes_a_data_folder_and_skips_it_the_second_time(erazoo, tmp_path: Path) -> None:
    run = tmp_path / "my run"
    first = erazoo("demo", *SMALL, "--run-dir", run, "--json")
    assert first.code == 0, first.err
    assert first.json["folder"] == str(run / "data")
    features = read_json(run / "data" / "features.json")
    assert len(features["feature_sets"]["all"]) == 24
    assert read_json(run / "config.json")["demo"]["eras"] == 60
    written = (run / "data" / "train.parquet").stat().st_mtime_ns

    second = erazoo("demo", *SMALL, "--run-dir", run)
    assert "was there already" in second.out
    assert (run / "data" / "train.parquet").stat().st_mtime_ns == written

    erazoo("demo", *SMALL, "--run-dir", run, "--force")
    assert (run / "data" / "train.parquet").stat().st_mtime_ns > written


def test_other_options_make_other_data(erazoo, tmp_path: Path) -> None:
    def live(*words: object) -> bytes:
        assert erazoo("demo", *SMALL, *words, "--run-dir", tmp_path / "run").code == 0
        return (tmp_path / "run" / "data" / "live.parquet").read_bytes()

    first = live("--seed", 1)
    assert live("--seed", 2) != first
    assert live("--seed", 1) == first


def test_a_dry_run_writes_nothing(erazoo, tmp_path: Path) -> None:
    outcome = erazoo("demo", *SMALL, "--dry-run", "--json")
    assert outcome.code == 0
    assert outcome.json["folder"] == "runs/demo/data"
    assert outcome.json["eras"] == 60
    assert list(tmp_path.iterdir()) == []
    assert "would generate" in erazoo("demo", "--dry-run").out


def test_a_run_directory_below_a_file_is_refused_and_leaves_nothing(erazoo, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    outcome = erazoo("demo", *SMALL, "--run-dir", tmp_path / "file" / "run")
    assert outcome.code == 2
    assert "a file is in the way" in outcome.err
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "kept"


def test_an_impossible_option_is_a_usage_error(erazoo, tmp_path: Path) -> None:
    for words, key in [(("--eras", 3), "demo.eras"), (("--profile", "balancd"), "demo.profile")]:
        outcome = erazoo("demo", *words)
        assert outcome.code == 2
        assert key in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_an_experiment_on_other_data_is_left_alone(erazoo, tmp_path: Path) -> None:
    outcome = erazoo("demo", "--set", "data.source=numerai")
    assert outcome.code == 2
    assert "data.source = 'numerai'" in outcome.err
    assert list(tmp_path.iterdir()) == []
