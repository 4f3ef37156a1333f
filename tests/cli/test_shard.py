"""`erazoo shard`: what each option changes in what is written, and the plan of a dry run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from erazoo.folds import FoldPlan
from erazoo.publish import read_json
from etl.shards import ShardSet
from etl.shards.tfrecord import read_records

Shards = Callable[..., tuple[ShardSet, FoldPlan]]


@pytest.fixture
def base(tiny: Path, tmp_path: Path) -> tuple[str, ...]:
    """Thirty eras of twelve rows; targets are resolved in the first 26, and reach four eras."""
    settings = (f"data.dir={tiny}", "data.extra_targets=[]", "split.folds=2", "split.margin=1")
    return ("--run-dir", str(tmp_path / "run"), *(w for s in settings for w in ("--set", s)))


@pytest.fixture
def shards(erazoo: Any, base: tuple[str, ...], tmp_path: Path) -> Shards:
    """The shards and folds that options lead to."""

    def make(*words: object) -> tuple[ShardSet, FoldPlan]:
        outcome = erazoo("shard", *base, *words)
        assert outcome.code == 0, outcome.err
        folds = FoldPlan.from_json(read_json(tmp_path / "run" / "folds.json"))
        return ShardSet.open(tmp_path / "run" / "shards"), folds

    return make


def numbers(eras: tuple[str, ...]) -> list[int]:
    return [int(era) for era in eras]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--features", "small"), [0, 1, 2]),
        (("--features", "charisma,feature_5"), [1, 2, 3, 5]),
        (("--features", "feature_4", "--features", "feature_0"), [0, 4]),
        (("--features", "feature_[23]"), [2, 3]),
        ((), [0, 1, 2, 3, 4, 5]),
    ],
)
def test_features(shards: Shards, words: tuple[str, ...], expected: list[int]) -> None:
    assert shards(*words)[0].spec.names == tuple(f"feature_{j}" for j in expected)


def test_targets(shards: Shards) -> None:
    words = ("--set", "split.first_train=0.8", "--targets", "target_ender_60,target_*_20")
    held, plan = shards(*words)
    assert held.targets == ("target_ender_60", "target_ender_20")
    assert (plan.target, plan.label_eras) == ("target_ender_60", 12)


def test_layout(shards: Shards) -> None:
    by_era, _ = shards("--layout", "era")
    assert by_era.manifest.files[0].path == "train/era=0001/part-00000-of-00001.tfrecord"
    flat, _ = shards("--layout", "flat")
    assert flat.manifest.files[0].path == "train/part-00000-of-00001.tfrecord"
    assert len(flat.manifest.files) < len(by_era.manifest.files)


def test_rows_a_shard(shards: Shards) -> None:
    held, _ = shards("--shard-rows", 5)
    assert [f.rows for f in held.manifest.files[:3]] == [5, 5, 2]


def test_rows_a_block(shards: Shards) -> None:
    held, _ = shards("--block-rows", 5)
    path = held.folder / held.manifest.files[0].path
    assert len(list(read_records(path))) == 3
    assert held.manifest.form.block_rows == 5


@pytest.mark.parametrize(
    ("words", "train", "validation", "test"),
    [
        (("--train", "1..10", "--validation", "15..20"), (1, 9), (15, 20), None),
        (("--train", 12, "--validation", 6, "--test", 3), (1, 7), (13, 18), (19, 21)),
        (("--train", 0.5, "--validation", 0.25, "--test", 0.25), (1, 8), (14, 20), (21, 26)),
        (("--train", "0001..0010", "--validation", "0020"), (1, 10), (20, 20), None),
    ],
)
def test_parts_of_the_split(
    shards: Shards,
    words: tuple[object, ...],
    train: tuple[int, int],
    validation: tuple[int, int],
    test: tuple[int, int] | None,
) -> None:
    held, _ = shards(*words)
    for name, span in (("train", train), ("validation", validation), ("test", test)):
        expected = list(range(span[0], span[1] + 1)) if span else []
        assert numbers(held.manifest.of_split(name)) == expected
    assert {path.parent.parent.name for path in held.files(held.manifest.of_split("train"))} == {
        "train"
    }


def test_purge(shards: Shards) -> None:
    narrow, wide = (shards("--purge", purge)[1] for purge in (4, 6))
    assert (narrow.purge, wide.purge) == (4, 6)
    assert len(narrow.folds[0].train) == len(wide.folds[0].train) + 2


def test_embargo(shards: Shards) -> None:
    words = ("--set", "split.scheme=kfold", "--purge", 4, "--embargo")
    none, some = (shards(*words, embargo)[1] for embargo in (0, 2))
    assert numbers(none.folds[0].train)[0] + 2 == numbers(some.folds[0].train)[0]
    assert none.folds[-1].train == some.folds[-1].train


def test_every_nth_era(shards: Shards) -> None:
    _, plan = shards("--every", 3)
    assert {era % 3 for fold in plan.folds for era in numbers(fold.train)} == {1}
    assert {era % 3 for fold in plan.folds for era in numbers(fold.validation)} == {0, 1, 2}


def test_balance(shards: Shards) -> None:
    held, plan = shards("--balance", "rows")
    eras = plan.folds[0].train
    target = "target_ender_20"
    assert held.rows(eras, target, training=True) < held.rows(eras, target)
    weighted, _ = shards("--balance", "weights")
    assert weighted.rows(eras, target, training=True) == weighted.rows(eras, target)
    assert np.ptp(weighted.labels(eras).weights) > 0
    assert shards("--balance", "none")[0].labels(eras).weights is None


def test_codec(shards: Shards) -> None:
    raw, _ = shards("--codec", "raw")
    values, size = raw.to_numpy()[0], raw.manifest.files[0].bytes
    packed, _ = shards("--codec", "packed")
    assert packed.manifest.files[0].bytes == size - 12 * (6 - 2)
    np.testing.assert_array_equal(packed.to_numpy()[0], values)


@pytest.mark.parametrize(
    ("kind", "suffix", "magic"), [("gzip", ".gz", b"\x1f\x8b"), ("zlib", ".zlib", b"\x78")]
)
def test_compression(shards: Shards, kind: str, suffix: str, magic: bytes) -> None:
    values = shards()[0].to_numpy()[0]
    held, _ = shards("--compression", kind)
    path = held.folder / held.manifest.files[0].path
    assert path.name.endswith(f".tfrecord{suffix}")
    assert path.read_bytes().startswith(magic)
    np.testing.assert_array_equal(held.to_numpy()[0], values)


def test_shuffle_and_seed(shards: Shards) -> None:
    plain = shards()[0].labels().ids.tolist()
    one, other, again = (
        shards("--shuffle", "--seed", seed)[0].labels().ids.tolist() for seed in (1, 2, 1)
    )
    assert plain != one != other
    assert one == again
    assert [sorted(one[i : i + 12]) for i in range(0, 360, 12)] == [
        sorted(plain[i : i + 12]) for i in range(0, 360, 12)
    ]
    kept = shards("--set", "shards.shuffle=true", "--no-shuffle")[0]
    assert kept.labels().ids.tolist() == plain


def test_sort(erazoo: Any, base: tuple[str, ...], shards: Shards, tiny: Path) -> None:
    before, _ = shards()[0].to_numpy()
    frame = pd.read_parquet(tiny / "train.parquet")
    frame[::-1].sort_values("id", kind="stable").to_parquet(tiny / "train.parquet", index=False)
    outcome = erazoo("shard", *base)
    assert outcome.code == 3
    assert "erazoo shard --sort" in outcome.err
    after, _ = shards("--sort")[0].to_numpy()
    assert sorted(map(bytes, after)) == sorted(map(bytes, before))
    refused = erazoo("shard", *base, "--set", "data.sort=true", "--no-sort", "--force")
    assert refused.code == 3


def test_workers(erazoo: Any, base: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    from etl import build

    monkeypatch.setattr("etl.workers.TASK_ROWS", 30)
    used: list[int] = []
    real = build.write_pending
    monkeypatch.setattr(build, "write_pending", lambda *a: (used.append(a[3]), real(*a[:3], 1)))
    for workers in (1, 3):
        planned = erazoo("shard", *base, "--force", "--dry-run", "--json", "--workers", workers)
        assert planned.json["workers"] == workers
        assert erazoo("shard", *base, "--force", "--workers", workers).code == 0
    assert used == [1, 3]


def test_force(erazoo: Any, base: tuple[str, ...], shards: Shards) -> None:
    held, _ = shards()
    path = held.folder / held.manifest.files[0].path
    written = path.stat().st_mtime_ns
    assert "stand already" in erazoo("shard", *base).out
    assert path.stat().st_mtime_ns == written
    assert "written" in erazoo("shard", *base, "--force").out
    assert path.stat().st_mtime_ns > written


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--layout", "tree"), "shards.layout"),
        (("--codec", "pickle"), "shards.codec"),
        (("--compression", "rar"), "shards.compression"),
        (("--balance", "yes"), "shards.balance"),
        (("--block-rows", 0), "shards.block_rows"),
        (("--shard-rows", 0), "shards.shard_rows"),
        (("--workers", -1), "shards.workers"),
        (("--purge", -1), "split.purge"),
        (("--embargo", -1), "split.embargo"),
        (("--seed", -1), "run.seed"),
        (("--every", 0), "every:0"),
        (("--train", "0.5"), "needs split.train and split.validation"),
        (("--train", "a..b", "--validation", 3), "'a..b' cannot be parsed"),
        (("--train", 1.5, "--validation", 3), "between 0 and 1"),
        (("--features", "smal"), "small"),
        (("--features", ""), "--features names nothing"),
        (("--targets", " , "), "--targets names nothing"),
        (("--targets", "target"), "Name the target"),
        (("--targets", "target_ender_20,target_z*"), "pattern names no target"),
    ],
)
def test_what_cannot_be_is_a_usage_error(
    erazoo: Any, base: tuple[str, ...], words: tuple[object, ...], said: str, tmp_path: Path
) -> None:
    outcome = erazoo("shard", *base, *words)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") == 1
    assert not list(tmp_path.rglob("manifest.json"))


def test_later_verbs_read_however_it_is_stored(
    erazoo: Any, base: tuple[str, ...], shards: Shards
) -> None:
    shards("--codec", "packed", "--compression", "gzip", "--workers", 1)
    planned = erazoo("train", *base, "ridge", "--dry-run")
    assert planned.code == 0, planned.err
    assert erazoo("train", *base, "ridge").code == 0


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (("--features", "small"), ["data.features=['small']"]),
        (("--balance", "weights"), ["shards.balance='weights'"]),
        (("--every", 2), ["split.eras='every:2'"]),
        (("--shuffle", "--seed", 3), ["shards.shuffle=true", "run.seed=3"]),
    ],
)
def test_later_verbs_want_the_same_content(
    erazoo: Any,
    base: tuple[str, ...],
    shards: Shards,
    words: tuple[object, ...],
    settings: list[str],
) -> None:
    shards(*words)
    refused = erazoo("train", *base, "ridge")
    assert refused.code == 3
    for setting in settings:
        assert setting.partition("=")[0] in refused.err
    given = [word for setting in settings for word in ("--set", setting)]
    assert erazoo("train", *base, *given, "ridge").code == 0


def test_the_resolved_configuration_is_kept(shards: Shards, tmp_path: Path) -> None:
    shards("--codec", "packed", "--train", 10, "--validation", 6)
    kept = read_json(tmp_path / "run" / "config.json")
    assert kept["shards"]["codec"] == "packed"
    assert (kept["split"]["scheme"], kept["split"]["train"]) == ("fixed", 10)


@pytest.mark.parametrize("layout", ["era", "flat"])
@pytest.mark.parametrize("codec", ["raw", "packed"])
@pytest.mark.parametrize("more", [(), ("--balance", "weights"), ("--set", "data.ids=assets")])
def test_a_dry_run_knows_every_byte(
    erazoo: Any, base: tuple[str, ...], layout: str, codec: str, more: tuple[str, ...]
) -> None:
    words = ("--layout", layout, "--codec", codec, "--block-rows", 5, "--shard-rows", 31, *more)
    plan = erazoo("shard", *base, *words, "--dry-run", "--json").json
    made = erazoo("shard", *base, *words, "--json").json
    assert plan["bytes_are"] == "exact"
    for key in ("eras", "rows", "files", "bytes", "features", "targets", "folds", "purge"):
        assert plan[key] == made[key]
    assert {name: split["eras"] for name, split in plan["splits"].items()} == made["splits"]
    assert sum(split["bytes"] for split in plan["splits"].values()) == made["bytes"]


@pytest.mark.parametrize("kind", ["gzip", "zlib"])
def test_a_dry_run_says_at_most_what_compression_leaves(
    erazoo: Any, base: tuple[str, ...], kind: str
) -> None:
    words = ("--compression", kind)
    plan = erazoo("shard", *base, *words, "--dry-run", "--json").json
    assert plan["bytes_are"] == "at most"
    assert plan["bytes"] >= erazoo("shard", *base, *words, "--json").json["bytes"]


def test_ids_of_several_lengths_are_reckoned_with_the_longest(
    erazoo: Any, base: tuple[str, ...], tiny: Path
) -> None:
    for name in ("train", "validation"):
        frame = pd.read_parquet(tiny / f"{name}.parquet")
        ids = [i * (1 + k % 3) for k, i in enumerate(frame["id"])]
        frame.assign(id=ids).to_parquet(tiny / f"{name}.parquet", index=False)
    plan = erazoo("shard", *base, "--dry-run", "--json").json
    assert plan["bytes_are"] == "at most"
    assert plan["bytes"] > erazoo("shard", *base, "--json").json["bytes"]


def test_a_dry_run_in_words(erazoo: Any, base: tuple[str, ...], tmp_path: Path) -> None:
    said = erazoo("shard", *base, "--dry-run").out
    lines = said.splitlines()
    assert lines[0].startswith("would write 30 files into ")
    assert "360 rows of 30 eras, 6 features, 1 targets" in lines[0]
    assert lines[1].split() == ["split", "eras", "first", "last", "rows", "files", "MB"]
    assert [line.split()[0] for line in lines[2:6]] == ["train", "unused", "validation", "test"]
    assert "exactly" in said
    assert "memory: about" in said
    assert not (tmp_path / "run").exists()
    assert erazoo("shard", *base).code == 0
    assert erazoo("shard", *base, "--dry-run").out.startswith("would skip what is done already")
    other = erazoo("shard", *base, "--dry-run", "--codec", "packed")
    assert other.out.startswith("would write 30 files")


def test_a_dry_run_of_what_is_to_be_sorted(
    erazoo: Any, base: tuple[str, ...], tiny: Path, tmp_path: Path
) -> None:
    frame = pd.read_parquet(tiny / "train.parquet")
    frame.sample(frac=1, random_state=0).to_parquet(tiny / "train.parquet", index=False)
    assert erazoo("shard", *base, "--dry-run").code == 3
    said = erazoo("shard", *base, "--dry-run", "--sort").out
    assert said.startswith("would first sort 360 rows: about ")
    assert not (tmp_path / "run").exists()


def test_a_dry_run_before_the_data_are_there(erazoo: Any, tmp_path: Path) -> None:
    outcome = erazoo("shard", "--dry-run", "--run-dir", tmp_path / "none")
    assert outcome.code == 0
    assert outcome.out == f"would write shards into {tmp_path / 'none' / 'shards'}\n"


def test_memory_grows_with_workers_and_features(
    erazoo: Any, base: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("etl.workers.TASK_ROWS", 30)

    def memory(*words: object) -> dict[str, int]:
        return dict(erazoo("shard", *base, *words, "--dry-run", "--json").json["memory"])

    one, three = memory("--workers", 1), memory("--workers", 3)
    assert one["worker"] == three["worker"] == one["all"]
    assert three["all"] > 3 * one["all"]
    assert memory("--features", "feature_0")["worker"] < one["worker"]
