"""The pool: aligned by id and era, out of sample by three records, resumable."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from contracts.pools import make_pool

from ensemble import alignment
from ensemble.members import Member, open_members
from ensemble.missing import Missing
from ensemble.pool import Pool, open_pool
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, DataError, LeakageError, SchemaError
from erazoo.publish import fingerprint, read_json, sha256, write_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from scoring.corr import numerai_corr
from scoring.ranks import era_ranks, rank_average
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]
Trained = tuple[Config, RunDir]


def with_ensemble(config: Config, **changes: Any) -> Config:
    section = config.ensemble.model_copy(update=changes)
    return config.model_copy(update={"ensemble": section})


def pool_of(config: Config, run: RunDir, kind: str = "out_of_fold") -> Pool:
    return open_pool(config, run, open_members(config, run), kind)


@pytest.fixture
def other_run(trained: Trained, tmp_path: Path) -> Callable[[], Path]:
    """Makes a second run of the same folds; the file of its ridge, whose records can be changed."""

    def make(name: str = "other") -> Path:
        root = Path(shutil.copytree(trained[1].root, tmp_path / name))
        shutil.rmtree(root / "ensemble", ignore_errors=True)
        return root / "models" / "ridge" / "out_of_fold.parquet"

    return make


def test_a_pool_holds_the_ranks_of_every_member(trained: Trained) -> None:
    config, run = trained
    pool = pool_of(config, run)
    assert pool.names == ("ridge", "lightgbm")
    assert pool.families == ("linear", "boosting")
    made = [Predictions.load(run.path("models", n, "out_of_fold.parquet")) for n in pool.names]
    for one, ranks in zip(made, pool.ranks, strict=True):
        expected = era_ranks(one.aligned(pool.ids), pool.slices)
        np.testing.assert_array_equal(ranks, expected.astype(np.float32))
        own = numerai_corr(one.aligned(pool.ids), pool.targets, pool.slices)
        np.testing.assert_allclose(numerai_corr(ranks, pool.targets, pool.slices), own, atol=1e-12)
    shards, plan = open_shards(config, run)
    labels = shards.labels(pool.eras)
    np.testing.assert_array_equal(pool.ids, labels.ids)
    assert pool.meta_model == "numerai_meta_model"
    assert (pool.label_eras, pool.purge) == (plan.label_eras, plan.purge)
    assert pool.missing.lines() == []


def test_the_held_out_eras_are_a_pool_of_their_own(trained: Trained) -> None:
    config, run = trained
    _, plan = open_shards(config, run)
    assert plan.held_out is not None
    assert pool_of(config, run, "held_out").eras == plan.held_out.validation


def test_an_opened_pool_is_not_made_again(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, run = trained
    first = pool_of(config, run)
    monkeypatch.setattr(alignment, "open_out_of_sample", None)
    again = pool_of(config, run)
    assert again.key == first.key
    np.testing.assert_array_equal(again.ranks, first.ranks)


def test_pools_whose_references_play_other_parts_are_told_apart(trained: Trained) -> None:
    """What was judged by one meta model is not taken for what another would have given."""
    config, run = trained
    both = config.evaluate.model_copy(update={"against": ("numerai_meta_model", "v1_benchmark")})
    plain = config.model_copy(update={"evaluate": both})
    data = plain.data.model_copy(update={"meta_model": "v1_benchmark"})
    pools = [pool_of(one, run) for one in (plain, plain.model_copy(update={"data": data}))]
    assert [pool.meta_model for pool in pools] == ["numerai_meta_model", "v1_benchmark"]
    assert set(pools[0].references) == set(pools[1].references)
    assert pools[0].key != pools[1].key


def test_a_killed_pool_is_gone_on_with(trained: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    config, run = trained
    whole, made = alignment.open_out_of_sample, []

    def killed(member: Member, kind: str, reach: int) -> Predictions:
        made.append(member.name)
        if member.name == "lightgbm":
            raise KeyboardInterrupt
        return whole(member, kind, reach)

    monkeypatch.setattr(alignment, "open_out_of_sample", killed)
    with pytest.raises(KeyboardInterrupt):
        pool_of(config, run)
    assert made == ["ridge", "lightgbm"]
    monkeypatch.setattr(
        alignment, "open_out_of_sample", lambda m, k, r: made.append(m.name) or whole(m, k, r)
    )
    resumed = pool_of(config, run)
    assert made[2:] == ["lightgbm"]
    shutil.rmtree(run.path("ensemble"))
    np.testing.assert_array_equal(resumed.ranks, pool_of(config, run).ranks)


def test_files_of_other_runs_join(trained: Trained, other_run: Callable[[], Path]) -> None:
    config, run = trained
    file = other_run()
    pool = pool_of(with_ensemble(config, files=(str(file),)), run)
    assert pool.names == ("ridge", "lightgbm", "other.ridge")
    np.testing.assert_array_equal(pool.ranks[0], pool.ranks[2])


def test_rows_that_a_member_lacks_are_refused_with_a_report(
    make_run: Maker, trained: Trained, tmp_path: Path
) -> None:
    """The other run scores fewer eras: its first ones are for training alone."""
    config, run = trained
    shorter, elsewhere = make_run("split.first_train=0.7", name="short")
    train_model(shorter, elsewhere, "ridge")
    file = elsewhere.path("models", "ridge", "out_of_fold.parquet")
    config = with_ensemble(config, files=(str(file),))
    with pytest.raises(
        DataError, match=r"different rows.*short.ridge lacks 240 rows of others in 6 eras, 0016 to"
    ):
        pool_of(config, run)
    pool = pool_of(with_ensemble(config, missing="drop"), run)
    assert pool.eras[0] == "0022"
    assert pool.missing.dropped == 240
    assert set(pool.missing.lacking["short.ridge"].values()) == {40}
    assert pool.missing.lines()[0].startswith("short.ridge lacks 240 rows")
    assert not np.isnan(pool.ranks).any()
    assert Missing.from_json(pool.missing.to_json()) == pool.missing


def test_dropped_rows_leave_ranks_among_the_rest(tmp_path: Path) -> None:
    values = np.array([0.1, 0.9, 0.5, np.nan], dtype=np.float32)
    ids = np.array(list("abcd"), dtype=object)
    truth = truth_of(["0001"] * 4, ids)
    member = fake_member(tmp_path / "run", "m", values[:3], ids[:3])
    other = fake_member(tmp_path / "run", "o", values[:3], ids[1:])
    found = alignment.align(
        tmp_path / "pool", [member, other], "out_of_fold", truth, "", reach=1, drop=True
    )
    np.testing.assert_array_equal(found.kept, [False, True, True, False])
    np.testing.assert_allclose(found.ranks, [[0.75, 0.25], [0.25, 0.75]])


@pytest.mark.parametrize("kind", ["out_of_fold", "held_out"])
def test_an_id_in_another_era_is_refused(trained: Trained, tmp_path: Path, kind: str) -> None:
    ids = np.array(list("abcd"), dtype=object)
    member = fake_member(tmp_path / "run", "m", np.arange(4.0), ids)
    truth = truth_of(["0001", "0001", "0002", "0002"], ids)
    with pytest.raises(SchemaError, match="'c' in era 0001.*Expected: era 0002"):
        alignment.align(tmp_path / "pool", [member], "out_of_fold", truth, "", reach=1, drop=True)


# In-sample predictions slipped in, in every way that was thought of.


@pytest.mark.parametrize(
    ("fold", "words"),
    [
        ("final", "do not validate on.*from 'final'"),  # the plain trap: it learned every era
        ("fold-1", "era 0016 from 'fold-1'"),  # learned by this fold, validated by another
    ],
)
def test_predictions_of_a_fit_that_learned_the_era_are_refused(
    trained: Trained, other_run: Callable[[], Path], fold: str, words: str
) -> None:
    config, run = trained
    file = other_run()
    one = Predictions.load(file)
    replace(one, folds=np.full(len(one.ids), fold, dtype=object)).save(file)
    refused(config, run, file, f"in-sample predictions.*{words}")


def test_in_sample_values_under_the_names_of_honest_folds_are_refused(
    trained: Trained, other_run: Callable[[], Path]
) -> None:
    """The forged trap: ids, eras, folds and facts are right, only the values are learned."""
    config, run = trained
    file = other_run()
    pool = pool_of(config, run)
    one = Predictions.load(file)
    values = (one.values + pool.targets).astype(np.float32)
    replace(one, values=values).save(file)
    refused(config, run, file, "not those that its folds made")


def test_a_forged_fold_beside_a_forged_file_is_refused(
    trained: Trained, other_run: Callable[[], Path]
) -> None:
    config, run = trained
    file = other_run()
    fold = file.parent / "folds" / "fold-0" / "predictions.parquet"
    one = Predictions.load(fold)
    replace(one, values=-one.values).save(fold)
    refused(config, run, file, "changed since they were sealed", ArtifactError)


@pytest.mark.parametrize("field", ["fit", "monitor", "known"])
def test_a_fit_that_learned_nearby_eras_is_refused(
    trained: Trained, other_run: Callable[[], Path], field: str
) -> None:
    config, run = trained
    file = other_run()
    card = file.parent / "folds" / "fold-0" / "card.json"
    write_json(card, {**read_json(card), field: ["0014"]})
    refused(config, run, file, "learned from eras whose labels touch.*fold-0: era 0016")


def test_folds_without_a_purge_are_refused(trained: Trained, other_run: Callable[[], Path]) -> None:
    config, run = trained
    file = other_run()
    path = file.parents[2] / "folds.json"
    plan = read_json(path)
    plan["folds"][0]["train"].append("0015")
    write_json(path, plan)
    refused(config, run, file, "other folds than the record beside them")
    one = Predictions.load(file)
    facts = {**one.facts, "plan": fingerprint(plan)}
    replace(one, facts=facts).save(file)
    refused(config, run, file, "in-sample predictions.*fold-0: era 0016")


@pytest.mark.parametrize("lost", ["folds.json", "models/ridge/folds/fold-0/card.json"])
def test_a_file_without_its_record_is_refused(
    trained: Trained, other_run: Callable[[], Path], lost: str
) -> None:
    config, run = trained
    file = other_run()
    (file.parents[2] / lost).unlink()
    refused(config, run, file, "nothing says which eras|the fit behind .* is missing")


def test_a_file_away_from_its_run_is_refused(trained: Trained, tmp_path: Path) -> None:
    config, run = trained
    copy = tmp_path / "mine.parquet"
    shutil.copy(run.path("models", "ridge", "out_of_fold.parquet"), copy)
    refused(config, run, copy, "nothing says which eras the model behind .*mine.parquet")


def test_predictions_of_another_kind_are_refused(
    trained: Trained, other_run: Callable[[], Path]
) -> None:
    config, run = trained
    file = other_run()
    shutil.copy(file.with_name("held_out.parquet"), file)
    refused(config, run, file, "of another origin.*held_out")


def test_one_model_under_two_names_is_one_name_too_many(
    trained: Trained, other_run: Callable[[], Path]
) -> None:
    config, run = trained
    file = str(other_run())
    with pytest.raises(ConfigError, match="a member of an ensemble twice"):
        open_members(with_ensemble(config, files=(file, file)), run)
    own = str(run.path("models", "ridge", "out_of_fold.parquet"))
    with pytest.raises(ConfigError, match="a member of an ensemble twice"):
        open_members(with_ensemble(config, files=(own,)), run)
    third = str(other_run("more/other"))
    with pytest.raises(ConfigError, match=r"two members.*other\.ridge"):
        open_members(with_ensemble(config, files=(file, third)), run)


def refused(
    config: Config, run: RunDir, file: Path, match: str, kind: type[Exception] = LeakageError
) -> None:
    with pytest.raises(kind, match=match):
        pool_of(with_ensemble(config, files=(str(file),)), run)
    assert not run.path("ensemble", "pool", "out_of_fold", alignment.RECORD).exists()


def truth_of(eras: list[str], ids: np.ndarray) -> Any:
    from scoring.eras import EraSlices
    from training.truth import Truth, digests_of

    slices = EraSlices.from_labels(np.array(eras))
    target = np.zeros(len(ids), dtype=np.float32)
    return Truth(slices, digests_of(ids), None, target, {}, ids)


def fake_member(run: Path, name: str, values: np.ndarray, ids: np.ndarray) -> Member:
    """A member with one fold that validates on era 0001 and trained on no near one."""
    axis = ["0001", "0002", "0003", "0004", "0005", "0006"]
    fold = {"name": "fold-0", "kind": "development", "train": ["0006"]}
    fold |= {"validation": ["0001"], "purged": []}
    plan = {"target": "t", "label_eras": 1, "purge": 1, "embargo": 0}
    plan |= {"axis": axis, "folds": [fold], "final": axis}
    write_json(run / "folds.json", plan)
    folder = run / "models" / name
    eras, folds = (np.full(len(ids), text, dtype=object) for text in ("0001", "fold-0"))
    one = Predictions(
        name,
        "out_of_fold",
        ids,
        eras,
        values.astype(np.float32),
        folds,
        {"plan": fingerprint(plan)},
    )
    one.save(folder / "out_of_fold.parquet")
    one.save(folder / "folds" / "fold-0" / "predictions.parquet")
    files = {"predictions.parquet": sha256(folder / "folds" / "fold-0" / "predictions.parquet")}
    card = {"fit": ["0006"], "monitor": [], "known": [], "files": files}
    write_json(folder / "folds" / "fold-0" / "card.json", card)
    return Member(name, "linear", run, folder)


def test_the_blend_of_a_pool_is_the_rank_average() -> None:
    pool = make_pool([0.1, 0.05, 0.0], eras=5, rows=40)
    weights = np.array([0.5, 0.3, 0.2])
    columns = list(pool.ranks)
    expected = rank_average(columns, pool.slices, weights.tolist())
    np.testing.assert_allclose(pool.blend(weights), expected, atol=1e-6)
    rows = np.tile(weights, (5, 1))
    np.testing.assert_array_equal(pool.blend(rows), pool.blend(weights))
    part = pool.stretch(2, 4)
    np.testing.assert_array_equal(part.blend(weights), pool.blend(weights)[80:160])
    assert part.eras == ("0003", "0004")
    assert part.ranks.base is not None


def test_a_row_without_a_prediction_is_missing_and_no_sign_of_leakage(tmp_path: Path) -> None:
    ids = np.array([f"n{k}" for k in range(12)], dtype=object)
    values = np.arange(12.0)
    whole = fake_member(tmp_path / "one", "one", values, ids)
    gap = fake_member(tmp_path / "two", "two", np.where(values == 3, np.nan, values), ids)
    truth = truth_of(["0001"] * 12, ids)
    found = alignment.align(
        tmp_path / "pool", [whole, gap], "out_of_fold", truth, "", reach=1, drop=True
    )
    assert np.flatnonzero(~found.kept).tolist() == [3]
    assert found.missing.lacking == {"two": {"0001": 1}}


def test_labels_that_reach_further_than_what_was_learned_are_kept_apart(tmp_path: Path) -> None:
    """The fold learned era 0006, which labels of era 0001 touch that reach five eras."""
    ids = np.array(list("abcd"), dtype=object)
    member = fake_member(tmp_path / "run", "m", np.arange(4.0), ids)
    truth = truth_of(["0001"] * 4, ids)
    for reach, refused in ((4, False), (5, True)):
        place = tmp_path / f"pool-{reach}"
        arguments = (place, [member], "out_of_fold", truth, "")
        if not refused:
            assert alignment.align(*arguments, reach=reach, drop=True).kept.all()
            continue
        with pytest.raises(LeakageError, match="1 before and 5 after it"):
            alignment.align(*arguments, reach=reach, drop=True)
