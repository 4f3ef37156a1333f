"""Prediction files against shards and tables; the held-out eras stay closed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from erazoo.config import Config
from erazoo.eras import EraAxis
from erazoo.errors import ConfigError, DataError, LeakageError, SchemaError
from erazoo.folds import EraFold, FoldPlan
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.neutral import fnc
from training.evaluation import evaluate
from training.file_evaluation import _classification, evaluate_files
from training.held_out import candidates_opened, closed_eras, openings_of
from training.loop import train_model
from training.prediction_files import FileColumns
from training.standards import after_boundaries, near_training, overlap_of

Maker = Callable[..., tuple[Config, RunDir]]
TARGET = "target_ender_20"


@pytest.fixture
def run(make_run: Maker) -> tuple[Config, RunDir]:
    return make_run()


@pytest.fixture(scope="session")
def rows(panel_folder: Path) -> pd.DataFrame:
    """Every row of the panel by id, in era order."""
    parts = [pd.read_parquet(panel_folder / f"{part}.parquet") for part in ("train", "validation")]
    return pd.concat(parts).set_index("id")


@pytest.fixture
def write(tmp_path: Path, rows: pd.DataFrame) -> Callable[..., Path]:
    """A file of predictions, by default of noise, of some rows."""

    def make(name: str, values: Any = None, kept: Any = None) -> Path:
        noise = np.random.default_rng(8).normal(size=len(rows))
        table = pd.DataFrame({"prediction": noise if values is None else values}, index=rows.index)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        table[slice(None) if kept is None else kept].to_csv(path)
        return path

    return make


def eras_of(config: Config, run: RunDir) -> tuple[list[str], list[str]]:
    """The open eras and the held-out ones."""
    shards, plan = open_shards(config, run)
    assert plan.held_out is not None
    held = list(plan.held_out.validation)
    resolved = [e for e, entry in shards.manifest.eras.items() if entry.resolved[TARGET]]
    return [era for era in resolved if era not in held], held


def shares(result: dict[str, Any], kind: str) -> list[str]:
    return [alarm["words"] for alarm in result["alarms"] if alarm["kind"] == kind]


def test_scores_are_those_of_the_rows(run, rows, write, panel_folder: Path) -> None:
    result = evaluate_files(*run, [write("mine.csv")])
    open_eras, _ = eras_of(*run)
    assert result["eras"] == open_eras
    mine = result["candidates"]["mine"]
    kept = rows[rows.era.isin(open_eras)]
    slices = EraSlices.from_labels(kept.era.to_numpy())
    values = np.random.default_rng(8).normal(size=len(rows))[rows.era.isin(open_eras)]
    target = kept[TARGET].to_numpy()
    corr = numerai_corr(values, target, slices)[:, 0]
    np.testing.assert_allclose(mine["per_era"]["corr"], corr)
    features = kept[[c for c in kept if c.startswith("feature")]].to_numpy()
    expected = fnc(values, features, target, slices)[:, 0]
    np.testing.assert_allclose(mine["per_era"]["fnc"], expected, atol=1e-9)
    assert mine["summary"]["corr"]["mean"] == pytest.approx(corr.mean())
    assert mine["rows"] == len(kept)
    assert (result["kind"], result["format"], result["trials"]) == ("files", 2, 1)
    assert {c["kind"] for c in result["candidates"].values()} == {
        "file",
        "benchmark",
        "meta_model",
    }


def test_tables_and_shards_give_the_same_scores(run, write, panel_folder: Path) -> None:
    path = write("mine.csv")
    assert evaluate_files(*run, [path], data=panel_folder) == evaluate_files(*run, [path])


def test_a_stranger_needs_neither_shards_nor_a_run(
    run, write, panel_folder: Path, tmp_path: Path
) -> None:
    place = RunDir(tmp_path / "nowhere", make=False)
    result = evaluate_files(run[0], place, [write("mine.csv")], data=panel_folder)
    assert result["candidates"]["mine"]["summary"]["corr"]["eras"] == len(result["eras"])
    assert not place.root.exists()


def test_nothing_depends_on_predictions_of_held_out_rows(run, rows, write) -> None:
    _, held = eras_of(*run)
    values = np.random.default_rng(8).normal(size=len(rows))
    other = np.where(rows.era.isin(held), rows[TARGET].fillna(0), values)
    results = [
        evaluate_files(*run, [write(f"{place}/mine.csv", column)])
        for place, column in (("one", values), ("two", other))
    ]
    assert results[0] == results[1]
    assert not set(held) & set(results[0]["eras"])
    text = json.dumps(results[0])
    assert not any(f'"{era}"' in text for era in held)
    assert not run[1].path("evaluation").exists()


def test_nothing_depends_on_held_out_targets_or_features(
    run, write, panel_folder: Path, tmp_path: Path
) -> None:
    _, held = eras_of(*run)
    other = Path(shutil.copytree(panel_folder, tmp_path / "other"))
    table = pd.read_parquet(other / "validation.parquet")
    closed = table.era.isin(held)
    table.loc[closed, TARGET] = 1 - table.loc[closed, TARGET]
    names = [c for c in table if c.startswith("feature")]
    table.loc[closed, names] = 4 - table.loc[closed, names]
    table.to_parquet(other / "validation.parquet", index=False)
    path = write("mine.csv")
    before = evaluate_files(*run, [path], data=panel_folder)
    assert evaluate_files(*run, [path], data=other) == before
    opened = [evaluate_files(*run, [path], data=d, final=True) for d in (panel_folder, other)]
    assert opened[0]["candidates"]["mine"]["per_era"] != opened[1]["candidates"]["mine"]["per_era"]


def test_held_out_rows_alone_are_refused(run, rows, write) -> None:
    _, held = eras_of(*run)
    path = write("new.csv", kept=rows.era.isin(held).to_numpy())
    with pytest.raises(ConfigError, match=r"lies in held-out eras.*--final"):
        evaluate_files(*run, [path])
    assert not openings_of(run[1])


def test_other_settings_of_the_split_open_nothing(
    run, write, panel_folder: Path, tmp_path: Path
) -> None:
    config, place = run
    _, held = eras_of(*run)
    bold = config.model_copy(update={"split": config.split.model_copy(update={"held_out": 0.0})})
    path = write("mine.csv")
    result = evaluate_files(bold, place, [path], data=panel_folder)
    assert not set(held) & set(result["eras"])
    older = Path(shutil.copytree(panel_folder, tmp_path / "older"))
    table = pd.read_parquet(older / "validation.parquet")
    table[table.era < held[-1]].to_parquet(older / "validation.parquet", index=False)
    assert evaluate_files(bold, place, [path], data=older)["eras"] == result["eras"]


def test_an_opening_is_written_down_before_it_is_taken(
    run, write, monkeypatch: pytest.MonkeyPatch
) -> None:
    import training.file_evaluation

    paths = [write("a.csv"), write("b.csv", np.arange(1600) % 7)]
    _, held = eras_of(*run)

    def fails(*_: object) -> object:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(training.file_evaluation, "assess", fails)
        with pytest.raises(KeyboardInterrupt):
            evaluate_files(*run, paths, final=True)
    (opening,) = openings_of(run[1])
    assert (opening["candidates"], opening["count"], opening["kind"]) == (["a", "b"], 2, "files")
    assert opening["eras"] == [held[0], held[-1]]
    result = evaluate_files(*run, paths, final=True)
    assert result["eras"] == held
    assert result["held_out"]
    assert result["trials"] == 2
    more = evaluate_files(*run, [write("c.csv", -np.arange(1600.0))], final=True)
    assert (len(openings_of(run[1])), more["trials"]) == (3, 3)


def test_every_candidate_counts_as_a_trial(run, rows, write, tmp_path: Path) -> None:
    config, place = run
    few = config.model_copy(update={"evaluate": config.evaluate.model_copy(update={"trials": 1})})
    twins = [write("a.csv"), write("b.csv")]
    assert evaluate_files(few, place, twins)["trials"] == 2
    assert evaluate_files(config, place, twins, final=True)["trials"] == 2
    dotted = pd.read_csv(twins[0]).rename(columns={"prediction": "a.x"})
    dotted.assign(**{"b.x": -dotted["a.x"]}).to_csv(tmp_path / "dotted.csv", index=False)
    assert evaluate_files(few, place, [tmp_path / "dotted.csv"], final=True)["trials"] == 3


def test_a_question_that_fails_leaves_the_standing_scores(run) -> None:
    config, place = run
    train_model(*run, "ridge")
    evaluate(*run)
    wrong = config.model_copy(
        update={"evaluate": config.evaluate.model_copy(update={"target": "target_none_20"})}
    )
    with pytest.raises(DataError, match="do not carry this target"):
        evaluate(wrong, place)
    assert evaluate(*run)["skipped"]


def test_candidates_of_a_run_count_beside_files(run, write) -> None:
    train_model(*run, "ridge")
    evaluate_files(*run, [write("mine.csv")], final=True)
    assert evaluate(*run, final=True)["trials"] == 2
    assert candidates_opened(openings_of(run[1])) == 2


def test_final_scores_survive_another_question(run) -> None:
    config, place = run
    train_model(*run, "ridge")
    evaluate(*run, final=True)
    asked = config.model_copy(
        update={"evaluate": config.evaluate.model_copy(update={"trials": 50})}
    )
    assert evaluate(asked, place)["trials"] == 50
    assert place.path("evaluation", "final.json").is_file()
    assert len(openings_of(place)) == 1


def test_partly_known_rows_are_counted(run, rows, write, tmp_path: Path) -> None:
    open_eras, held = eras_of(*run)
    path = write("mine.csv")
    table = pd.read_csv(path)
    table.loc[:39, "id"] = [f"x{k}" for k in range(40)]
    table.to_csv(path, index=False)
    result = evaluate_files(*run, [path])
    overlap = result["candidates"]["mine"]["overlap"]
    assert overlap == {
        "rows": 1600,
        "scored": 40 * (len(open_eras) - 1),
        "closed": len(rows) - 40 * len(open_eras),
        "unresolved": 0,
        "unknown": 40,
        "wanted": 40 * (len(open_eras) - 1),
    }
    assert "2 % have ids that the data do not know" in " ".join(shares(result, "overlap"))
    assert result["eras"] == open_eras[1:]


def test_eras_that_are_half_predicted_are_said_and_not_scored(run, rows, write) -> None:
    half = np.arange(len(rows)) % 40 >= 20
    kept = ~((rows.era == "0003").to_numpy() & half)
    result = evaluate_files(*run, [write("mine.csv", kept=kept)])
    assert result["candidates"]["mine"]["per_era"]["corr"][2] is None
    assert "more than a fifth is lacking" in shares(result, "incomplete")[0]


def test_eras_that_are_left_out_between_others_are_said(run, rows, write) -> None:
    open_eras, _ = eras_of(*run)
    result = evaluate_files(
        *run, [write("best.csv", kept=~rows.era.isin(open_eras[2:4]).to_numpy())]
    )
    assert result["eras"] == open_eras
    assert result["candidates"]["best"]["per_era"]["corr"][2:4] == [None, None]
    assert f"no score in 2 of {len(open_eras)} eras" in shares(result, "gaps")[0]


def test_a_foreign_file_is_an_error_in_words(run, tmp_path: Path) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text("id,prediction\nabc,0.5\ndef,0.6\n")
    with pytest.raises(DataError, match=r"no id of a prediction file.*'abc'.*ids such as 'n"):
        evaluate_files(*run, [path])


def test_copies_are_found_and_cousins_are_not(run, panel_folder: Path, rows, write) -> None:
    names = ("train_benchmark_models", "validation_benchmark_models")
    parts = [pd.read_parquet(panel_folder / f"{name}.parquet") for name in names]
    benchmark = pd.concat(parts).set_index("id").v1_benchmark.reindex(rows.index).to_numpy()
    noise = np.random.default_rng(1).random(len(rows))
    paths = [
        write("same.csv", benchmark),
        write("near.csv", benchmark + 0.15 * noise),
        write("cousin.csv", benchmark + 0.7 * noise),
        write("stranger.csv", noise),
    ]
    result = evaluate_files(*run, paths)
    found = {a["candidate"] for a in result["alarms"] if a["kind"] == "clone"}
    assert found == {"same", "near"}
    like = {n: result["candidates"][n]["like"]["benchmark"] for n in ("same", "near", "cousin")}
    assert like["same"] == pytest.approx(1)
    assert 0.95 < like["near"] < 0.995
    assert 0.6 < like["cousin"] < 0.95
    section = run[0].evaluate.model_copy(update={"clone": like["cousin"]})
    result = evaluate_files(run[0].model_copy(update={"evaluate": section}), run[1], paths)
    found = {a["candidate"] for a in result["alarms"] if a["kind"] == "clone"}
    assert found == {"same", "near", "cousin"}


def test_a_purge_leak_is_found_and_honest_files_are_not(run, rows, write) -> None:
    rng = np.random.default_rng(2)
    open_eras, _ = eras_of(*run)
    leaking = rows.era.isin(open_eras[8:12]).to_numpy()
    label = rows[TARGET].fillna(0.5).to_numpy()
    honest = [rng.normal(size=len(rows)) for _ in range(20)]
    paths = [write(f"h{k}.csv", values) for k, values in enumerate(honest)]
    leak = write("leak.csv", np.where(leaking, 2 * label, 0) + honest[0])
    result = evaluate_files(*run, [*paths, leak], boundaries=[open_eras[7]])
    found = {a["candidate"] for a in result["alarms"] if a["kind"] == "boundary"}
    assert found == {"leak"}
    boundary = result["candidates"]["leak"]["boundary"]
    assert boundary["eras"] == 4
    assert boundary["first"] > 0.5 > boundary["rest"]


def test_class_probabilities_are_scored(run, rows, tmp_path: Path) -> None:
    kinds = sorted(rows[TARGET].dropna().unique())
    sure = np.array([rows[TARGET].fillna(0).to_numpy() == kind for kind in kinds]).T
    odds = 0.2 * np.ones(sure.shape) / len(kinds) + 0.8 * sure
    table = pd.DataFrame(odds, rows.index, [f"probability_{kind:g}" for kind in kinds])
    table.to_csv(tmp_path / "odds.csv")
    scores = evaluate_files(*run, [tmp_path / "odds.csv"])["candidates"]["odds"]
    found = scores["classification"]
    assert found["classes"] == [float(kind) for kind in kinds]
    assert found["average_precision"] == pytest.approx(1)
    assert found["log_loss"] == pytest.approx(-np.log(0.8 + 0.2 / len(kinds)))
    assert scores["regression"]["rmse"] > 0
    fewer = table.iloc[:, :-1].div(table.iloc[:, :-1].sum(axis=1), axis=0)
    fewer.to_csv(tmp_path / "fewer.csv")
    with pytest.raises(SchemaError, match=r"a class without a column.*fewer.csv: .*classes"):
        evaluate_files(*run, [tmp_path / "fewer.csv"])


def test_a_class_is_known_by_its_rounded_value(write: Callable[..., Path]) -> None:
    """A target of sixths in float32 is none of the sixths in double precision."""
    kinds = tuple(k / 6 for k in range(7))
    odds = np.full((70, 7), 1 / 7)
    path = write("mine.csv")
    file = FileColumns(path, "mine", "", np.arange(70, dtype=np.uint64), {}, kinds, odds)
    target = np.tile(np.array(kinds, dtype=np.float32), 10)
    assert _classification(file, odds, target)["log_loss"] == pytest.approx(np.log(7))


def test_errors_are_taken_on_the_scale_of_the_target_alone(run, rows, write) -> None:
    target = rows[TARGET].fillna(0.5).to_numpy()
    noise = np.random.default_rng(3).random(len(rows))
    paths = [
        write("scaled.csv", 0.5 + 0.1 * (target - target.mean())),
        write("ranks.csv", pd.Series(noise).rank(pct=True).to_numpy() * 1.5),
    ]
    found = evaluate_files(*run, paths)["candidates"]
    assert found["ranks"]["regression"] is None
    assert 0 < found["scaled"]["regression"]["mae"] < found["scaled"]["regression"]["rmse"]


def test_eras_without_use_behind_the_first_held_out_one_are_closed_too() -> None:
    axis = tuple(f"{k:04d}" for k in range(1, 13))
    dev = EraFold("fold-0", "development", axis[:4], axis[5:7], axis[4:5])
    held = EraFold("held_out", "held_out", axis[:5], axis[8:10], ())
    plan = FoldPlan("t", 1, 1, 0, axis, (dev, held), ())
    assert closed_eras(plan) == axis[8:]
    open_plan = FoldPlan("t", 1, 1, 0, axis, (dev,), ())
    assert closed_eras(open_plan) == ()


def test_the_eras_next_to_training_eras() -> None:
    axis = tuple(f"{k:04d}" for k in range(1, 21))
    middle = EraFold("fold-0", "development", (*axis[:4], *axis[16:]), axis[6:14], ())
    plan = FoldPlan("t", 2, 2, 0, axis, (middle,), ())
    assert near_training(plan, 2) == {*axis[6:8], *axis[12:14]}
    forward = EraFold("fold-0", "development", axis[:4], axis[6:14], ())
    plan = FoldPlan("t", 2, 2, 0, axis, (forward,), ())
    assert near_training(plan, 2) == set(axis[6:8])
    thin = EraAxis(tuple(f"{k:04d}" for k in range(1, 41, 4)))
    assert after_boundaries(thin, thin.eras[2:], [thin.eras[0]], 8) == set(thin.eras[2:4])
    with pytest.raises(ConfigError, match="no scored era lies behind"):
        after_boundaries(thin, thin.eras[2:], [thin.eras[-1]], 8)


def test_labels_overlap_less_where_eras_are_thinned() -> None:
    axis = EraAxis(tuple(f"{k:04d}" for k in range(1, 81)))
    assert overlap_of(axis, axis.eras, 12) == 12
    assert overlap_of(axis, axis.eras[::4], 12) == 3
    assert overlap_of(axis, axis.eras[::40], 12) == overlap_of(axis, axis.eras[:1], 12) == 0
    assert overlap_of(axis, (*axis.eras[::4], *axis.eras[77:]), 4) == 3


def test_predictions_of_another_origin_are_not_scored_as_out_of_fold(run) -> None:
    train_model(*run, "ridge")
    folder = run[1].path("models", "ridge")
    out, held = folder / "out_of_fold.parquet", folder / "held_out.parquet"
    shutil.copy(held, out)
    record = json.loads(run[1].path("stages", "train-ridge.json").read_text())
    record["outputs"]["models/ridge/out_of_fold.parquet"] = out.stat().st_size
    run[1].path("stages", "train-ridge.json").write_text(json.dumps(record))
    with pytest.raises(LeakageError, match="another origin"):
        evaluate(*run)
