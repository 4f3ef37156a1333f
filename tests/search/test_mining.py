"""Mining: what is written is what a plain loop gives, each configuration once."""

from __future__ import annotations

import numpy as np
import pytest
from contracts.mining import lines, plain_predictions

from erazoo.errors import ConfigError
from etl.build import open_shards
from scoring.contribution import mmc
from scoring.corr import numerai_corr
from scoring.series import drawdown, mean, sharpe
from search.api import check_progress, evaluate_completed, start_mining
from search.driver import mine
from search.results import read_results
from search.rows import Rows
from search.scores import Mined
from search.trial import configuration_id, points_of

COMBINED = ("mine.folds.folds=3", "mine.folds.purge=4")


def test_predictions_are_those_of_a_plain_loop(mined_once) -> None:
    found = Mined.open(mined_once.folder)
    data, _ = open_shards(mined_once.config, mined_once.run)
    learned = set()
    for result, one in found.configurations:
        params = {**result.params, "n_estimators": one.trees}
        plain = plain_predictions(data, found.plan, params, result.target, result.seed)
        stored = found.predictions([one.id])[:, 0].astype(np.float64)
        for fold, span in enumerate(found.rows.fold_spans):
            ours = stored[span] + result.offsets[fold]
            np.testing.assert_allclose(ours, plain[fold], atol=1e-6, rtol=0)
        learned.add(result.target)
    assert learned == {"target_ender_20", "target_ender_60"}


def test_every_prefix_is_a_configuration_of_its_own(mined_once) -> None:
    results = read_results(mined_once.folder.results)
    assert set(results) == set(range(7))
    assert results[0].is_benchmark
    assert [c.trees for c in results[0].configurations] == [4, 8]
    for result in results.values():
        if result.is_benchmark:
            continue
        assert [c.trees for c in result.configurations] == [4, 8, 12]
        assert [c.slot for c in result.configurations] == [3 * result.trial + k for k in range(3)]
    ids = [c.id for r in results.values() for c in r.configurations]
    assert len(set(ids)) == len(ids) == 20


def test_scores_of_prefixes_are_those_of_separate_trainings(make_study) -> None:
    one = ("mine.trials=3", "run.seed=11")
    together = make_study("mine.prefixes=[3, 7]", *one, name="together")
    mine(together.config, together.run)
    table = evaluate_completed(together).filter(~_column("benchmark"))
    assert table.height == 9
    for trees in (3, 7):
        apart = make_study(f"mine.space.n_estimators={trees}", *one, name=f"apart-{trees}")
        mine(apart.config, apart.run)
        alone = evaluate_completed(apart).filter(~_column("benchmark"))
        joined = alone.join(table, on="id", suffix="_prefix")
        assert joined.height == alone.height == 3
        for name in alone.columns:
            if name.endswith(("corr", "sharpe", "drawdown", "mmc", "bmc", "std")):
                a, b = joined[name].to_numpy(), joined[f"{name}_prefix"].to_numpy()
                np.testing.assert_allclose(a, b, atol=1e-9, rtol=0)


def test_the_table_holds_what_the_scores_of_the_project_give(mined_once) -> None:
    found, table = Mined.open(mined_once.folder), evaluate_completed(mined_once)
    rows, ids = found.rows, table["id"].to_list()
    assert ids == [one.id for _, one in found.configurations]
    values = found.predictions(ids)
    benchmark = found.predictions([found.benchmark.id])[:, 0]
    corr = [[] for _ in ids]
    bmc = [[] for _ in ids]
    for fold, span in enumerate(rows.fold_spans):
        eras = rows.eras_of(fold)
        for k in range(len(ids)):
            corr[k].append(numerai_corr(values[span][:, k], rows.target[span], eras)[:, 0])
            one = mmc(values[span][:, k], benchmark[span], rows.target[span], eras)
            bmc[k].append(one[:, 0])
    for part, fold in (("validation", [0]), ("test", [1]), ("whole", [0, 1])):
        series = np.array([np.concatenate([c[f] for f in fold]) for c in corr]).T
        for name, figure in (("corr", mean), ("sharpe", sharpe), ("drawdown", drawdown)):
            got = table[f"{part}_{name}"].to_numpy()
            np.testing.assert_allclose(got, figure(series), rtol=1e-9, atol=1e-12)
        series = np.array([np.concatenate([c[f] for f in fold]) for c in bmc]).T
        got = table[f"{part}_bmc"].fill_null(np.nan).to_numpy()
        np.testing.assert_allclose(got, mean(series), rtol=1e-9, atol=1e-12)
    told = {one.id: one.validation for _, one in found.configurations}
    for row in table.iter_rows(named=True):
        assert row["validation_corr"] == pytest.approx(told[row["id"]]["corr"], abs=1e-12)
        assert row["validation_sharpe"] == pytest.approx(told[row["id"]]["sharpe"], abs=1e-9)
    own = table.filter(_column("id") == found.benchmark.id)
    assert own["benchmark"].to_list() == [True]
    assert own["benchmark_correlation"].to_list() == [pytest.approx(1.0)]
    assert table["meta_model_correlation"].null_count() == 0


def test_rows_are_named_by_their_ids_and_eras(mined_once) -> None:
    import xxhash

    rows, found = Rows.read(mined_once.folder.rows), Mined.open(mined_once.folder)
    data, _ = open_shards(mined_once.config, mined_once.run)
    for k, (fold, span) in enumerate(zip(found.plan.folds.folds, rows.fold_spans, strict=True)):
        labels = data.labels(fold.predicted)
        ids = [xxhash.xxh3_64_intdigest(i.encode()) for i in labels.ids]
        assert rows.arrays["ids"][span].tolist() == ids
        eras = rows.arrays["era_labels"][rows.arrays["eras"][span]]
        assert eras.tolist() == labels.eras.tolist()
        assert set(rows.arrays["folds"][span]) == {k}
        np.testing.assert_array_equal(
            rows.target[span], labels.targets[:, data.target_index(found.plan.target)]
        )
    assert set(found.plan.folds.predicted).isdisjoint(found.plan.folds.held_out)


def test_the_same_call_trains_nothing_again(mined) -> None:
    before = mined.folder.results.read_bytes()
    scores = mined.folder.scores.read_bytes()
    mine(mined.config, mined.run)
    assert mined.folder.results.read_bytes() == before
    assert mined.folder.scores.read_bytes() == scores


def test_more_trials_go_on_where_the_others_ended(mined) -> None:
    before = lines(mined.folder.results)
    section = mined.config.mine.model_copy(update={"trials": 9})
    mine(mined.config.model_copy(update={"mine": section}), mined.run)
    after = lines(mined.folder.results)
    assert after[: len(before)] == before
    assert len(after) == 10
    ids = [c["id"] for line in after for c in line["configurations"]]
    assert len(set(ids)) == len(ids)
    assert evaluate_completed(mined).height == len(ids)


def test_another_plan_under_the_same_name_is_refused(mined) -> None:
    section = mined.config.mine.model_copy(update={"prefixes": (5,), "objective": "corr"})
    other = mined.config.model_copy(update={"mine": section})
    held = mined.folder.results.read_bytes()
    with pytest.raises(ConfigError, match="another prefixes, objective"):
        mine(other, mined.run)
    assert mined.folder.results.read_bytes() == held
    name = section.model_copy(update={"name": "second", "trials": 1})
    mine(mined.config.model_copy(update={"mine": name}), mined.run)
    assert len(lines(mined.run.path("mine", "second", "results.jsonl"))) == 2
    assert mined.folder.results.read_bytes() == held
    fewer = section.model_copy(update={"trials": 1})
    mine(mined.config.model_copy(update={"mine": fewer}), mined.run, force=True)
    assert [c["trees"] for c in lines(mined.folder.results)[0]["configurations"]] == [5, 8]


def test_a_space_that_is_exhausted_ends_mining(make_study, monkeypatch) -> None:
    monkeypatch.setattr("search.driver.REPEATS", 40)
    mining = make_study(
        "mine.space.learning_rate=0.1",
        "mine.space.colsample_bytree=1.0",
        "mine.space.min_child_samples=5",
        "mine.space.max_bin=5",
        "mine.space.num_leaves=[2, 3]",
        "mine.space.max_depth=[2, 3]",
        "mine.trials=50",
    )
    assert mine(mining.config, mining.run) == {"complete": 4}
    values = {(r["params"]["num_leaves"], r["params"]["max_depth"]) for r in _trials(mining)}
    assert values == {(2, 2), (2, 3), (3, 2), (3, 3)}


def test_failing_trials_are_told_with_their_reason_and_end_hopeless_mining(make_study) -> None:
    from erazoo.errors import TrainingError

    mining = make_study("mine.space.subsample=7.0", "mine.trials=30", "mine.batch=10")
    with pytest.raises((TrainingError, ConfigError), match="subsample"):
        mine(mining.config, mining.run)


def test_feature_groups_are_a_parameter(make_study) -> None:
    mining = make_study("mine.space.features=['small', 'charisma', 'small & charisma']")
    mine(mining.config, mining.run)
    data, _ = open_shards(mining.config, mining.run)
    found = Mined.open(mining.folder)
    for result, one in found.configurations[1:]:
        words = {"small": [0, 1, 2], "charisma": [1, 2, 3], "small & charisma": [1, 2]}
        names = [data.spec.names[k] for k in words[result.features]]
        plain = plain_predictions(
            data.narrowed(names), found.plan, dict(result.params), result.target, result.seed
        )
        stored = found.predictions([one.id])[:, 0].astype(np.float64)
        for fold, span in enumerate(found.rows.fold_spans):
            ours = stored[span] + result.offsets[fold]
            np.testing.assert_allclose(ours, plain[fold], atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    "own",
    [
        ("shards.layout=flat", "shards.block_rows=7"),
        ("shards.codec=packed", "mine.folds.scheme=combinatorial", *COMBINED),
    ],
)
def test_shards_of_every_kind_give_the_same(own, make_study) -> None:
    mining = make_study("mine.trials=2", *own)
    mine(mining.config, mining.run)
    data, _ = open_shards(mining.config, mining.run)
    found = Mined.open(mining.folder)
    for result, one in found.configurations:
        plain = plain_predictions(data, found.plan, dict(result.params), result.target, result.seed)
        stored = found.predictions([one.id])[:, 0].astype(np.float64)
        for fold, span in enumerate(found.rows.fold_spans):
            ours = stored[span] + result.offsets[fold]
            np.testing.assert_allclose(ours, plain[fold], atol=1e-6, rtol=0)


def test_a_score_of_nothing_is_better_than_one_below() -> None:
    from search.results import Configuration, Result

    scores = {"a": -0.1, "b": 0.0, "c": None}
    configurations = tuple(Configuration(k, 1, 0, {"corr": v}) for k, v in scores.items())
    own = {"trial": 1, "state": "complete", "target": "t", "features": "all", "params": {}}
    best = Result(**own, seed=0, configurations=configurations).best("corr")
    assert best is not None
    assert best.id == "b"


def test_slow_learning_keeps_its_order_in_float32(make_study) -> None:
    mining = make_study("mine.space.learning_rate=0.00001", "mine.trials=1")
    mine(mining.config, mining.run)
    found = Mined.open(mining.folder)
    result, one = found.configurations[-1]
    data, _ = open_shards(mining.config, mining.run)
    plain = plain_predictions(data, found.plan, dict(result.params), result.target, result.seed)
    stored = found.predictions([one.id])[:, 0]
    for fold, span in enumerate(found.rows.fold_spans):
        distinct = len(np.unique(np.round(plain[fold] - plain[fold].mean(), 15)))
        assert len(np.unique(stored[span])) >= distinct > 3


def test_a_study_runs_in_the_background_and_can_be_looked_at(make_study) -> None:
    from search.api import wait

    mining = make_study("mine.trials=3")
    start_mining(mining.config, run_dir=mining.run.root)
    now = wait(mining, 120)
    assert now.state == "finished"
    assert (now.finished, now.failed, now.running, now.trials) == (3, 0, 0, 3)
    assert now.benchmark is not None
    assert now.best is not None
    assert now.best["score"] == max(
        c["validation"]["sharpe"] for r in _trials(mining) for c in r["configurations"]
    )
    assert check_progress(mining).to_json() == now.to_json()
    assert "3 of 3 trials, finished" in str(now)


def test_ids_do_not_depend_on_order_and_prefixes_have_the_ids_of_shorter_trainings() -> None:
    one = {"num_leaves": 4, "n_estimators": 12, "target": "t"}
    other = {"target": "t", "n_estimators": 99, "num_leaves": 4}
    assert configuration_id("lightgbm", one, 8) == configuration_id("lightgbm", other, 8)
    assert configuration_id("lightgbm", one, 8) != configuration_id("lightgbm", one, 9)
    assert points_of(one, (4, 12, 20)) == (4, 12)


def _column(name: str):
    import polars as pl

    return pl.col(name)


def _trials(mining):
    return [line for line in lines(mining.folder.results) if line["trial"]]
