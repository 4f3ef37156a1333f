"""Folds of mining: inside the development eras, and no label reaches from one side to the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from erazoo.errors import ConfigError, LeakageError
from etl.build import open_shards
from search.folds import MineFolds, draw, mine_folds
from search.plan import Plan

SCHEMES = {
    "two": (),
    "kfold": ("mine.folds.folds=3", "mine.folds.tests=1"),
    "walk_forward": ("mine.folds.folds=3", "mine.folds.first_train=0.4"),
    "combinatorial": ("mine.folds.folds=3", "mine.folds.test_folds=2"),
}


@pytest.mark.parametrize("embargo", [0, 1])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_label_reaches_from_training_to_what_is_predicted(scheme, embargo, make_study) -> None:
    mining = make_study(
        f"mine.folds.scheme={scheme}",
        f"mine.folds.embargo={embargo}",
        "mine.folds.purge=4",
        *SCHEMES[scheme],
    )
    folds = Plan.of(mining.config, mining.run).folds
    shards, plan = open_shards(mining.config, mining.run)
    place = shards.axis.position
    assert plan.held_out is not None
    assert folds.held_out == plan.held_out.validation
    assert folds.purge == 4 >= folds.label_eras
    for fold in folds.folds:
        for era in fold.train:
            for other in (*fold.predicted, *folds.held_out):
                apart = place(era) - place(other)
                assert apart < -4 or apart > 4 + embargo, (era, other)
            assert scheme != "walk_forward" or place(era) < place(fold.predicted[0])
        assert not {*fold.train, *fold.purged} & {*fold.predicted, *folds.held_out}
    predicted = {era for fold in folds.folds for era in fold.predicted}
    assert set(folds.predicted) == predicted
    assert not predicted & set(folds.held_out)
    assert folds.validation < folds.test
    assert any(folds.chooses(fold) for fold in folds.folds)


def test_two_folds_take_turns_and_the_older_half_chooses(make_study) -> None:
    mining = make_study()
    folds = Plan.of(mining.config, mining.run).folds
    first, second = folds.folds
    assert first.predicted == folds.validation
    assert second.predicted == folds.test
    assert (len(folds.validation), len(folds.test)) == (16, 16)
    assert [folds.chooses(fold) for fold in folds.folds] == [True, False]
    assert MineFolds.from_json(folds.to_json()) == folds


def test_combinatorial_folds_are_every_choice(make_study) -> None:
    mining = make_study(
        "mine.folds.scheme=combinatorial",
        "mine.folds.purge=4",
        *SCHEMES["combinatorial"],
    )
    folds = Plan.of(mining.config, mining.run).folds
    assert len(folds.folds) == 3
    assert len({fold.predicted for fold in folds.folds}) == 3
    for era in folds.predicted:
        assert sum(era in fold.predicted for fold in folds.folds) == 2
    assert folds.chooses(folds.folds[1])


def test_folds_that_would_leak_are_refused(make_study) -> None:
    mining = make_study()
    shards, plan = open_shards(mining.config, mining.run)
    section = mining.config.mine.folds.model_copy(update={"purge": 3})
    short = mining.config.mine.model_copy(update={"folds": section})
    config = mining.config.model_copy(update={"mine": short})
    with pytest.raises(LeakageError, match="shorter than the target"):
        mine_folds(config, shards, plan, label_eras=4)
    with pytest.raises(LeakageError, match="no training eras"):
        mine_folds(mining.config, shards, plan, label_eras=0).folds  # noqa: B018
        section = section.model_copy(update={"purge": 30})
        mine_folds(
            config.model_copy(update={"mine": short.model_copy(update={"folds": section})}),
            shards,
            plan,
            label_eras=4,
        )


def test_the_longest_learned_target_decides_the_purge(make_study) -> None:
    purges = []
    for targets in (["target_ender_20"], ["target_ender_20", "target_ender_60"]):
        mining = make_study(
            "split.margin=1",
            f"mine.targets={targets}",
            "mine.folds.scheme=walk_forward",
            "mine.folds.folds=2",
            "mine.folds.first_train=0.7",
            name=str(len(targets)),
        )
        section = mining.config.mine.folds.model_copy(update={"purge": None})
        changed = mining.config.mine.model_copy(update={"folds": section})
        config = mining.config.model_copy(update={"mine": changed})
        purges.append(Plan.of(config, mining.run).folds.purge)
    assert purges == [5, 13]


def test_the_drawing_shows_every_kind_of_era(make_study) -> None:
    mining = make_study()
    folds = Plan.of(mining.config, mining.run).folds
    head, first, second, last = draw(folds).splitlines()
    assert head.split() == ["0001", "to", "0040:", "40", "eras"]
    assert first.split() == ["fold-0", "V" * 16 + "." * 5 + "#" * 6 + "." * 5 + "h" * 4]
    assert second.split() == ["fold-1", "#" * 11 + "." * 5 + "T" * 16 + "h" * 4]
    assert "purge 5, embargo 0" in last
    narrow = draw(replace(folds, axis=folds.axis), width=10).splitlines()[1].split()[1]
    assert len(narrow) == 9
    assert narrow.startswith("VVVV")


def test_a_target_that_a_fold_cannot_learn_is_refused(make_tiny, make_study, tmp_path) -> None:
    folder = make_tiny(tmp_path / "data", eras=84, rows=24, validation_from=40)
    for name in ("train", "validation"):
        table = pl.read_parquet(folder / f"{name}.parquet")
        late = pl.when(pl.col("era") > "0045").then(pl.col("target_ender_60")).otherwise(np.nan)
        own = table.with_columns(target_ender_60=late.cast(pl.Float32))
        own.write_parquet(folder / f"{name}.parquet")
    both = "mine.targets=['target_ender_20', 'target_ender_60']"
    mining = make_study(f"data.dir={folder}", "data.extra_targets=['target_ender_60']", both)
    section = mining.config.mine.folds.model_copy(update={"purge": 12})
    mine = mining.config.mine.model_copy(update={"folds": section})
    config = mining.config.model_copy(update={"mine": mine})
    with pytest.raises(ConfigError, match="fold-1 of mining .* target_ender_60 is known"):
        Plan.of(config, mining.run)


def test_a_window_of_each_kind_is_needed() -> None:
    from erazoo.config import load

    with pytest.raises(ConfigError, match="leaves no window for validation"):
        load(overrides=["mine.folds.tests=2"], variables={})
    with pytest.raises(ConfigError, match="fewer than"):
        load(overrides=["mine.folds.scheme=combinatorial", "mine.folds.test_folds=4"], variables={})
