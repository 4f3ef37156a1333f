"""What models may learn: no target whose labels reach into what is scored, none out of reach."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import etl.content
import training.job
from erazoo.config import Config, load
from erazoo.errors import ConfigError, LeakageError, SchemaError, StaleDataError
from erazoo.rundir import RunDir
from etl.build import open_shards, shard
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.summary import summarise
from training.evaluation import evaluate
from training.job import Job
from training.loop import train_model
from training.predictions import Predictions

Maker = Callable[..., tuple[Config, RunDir]]
T20, T60 = "target_ender_20", "target_ender_60"
ASSETS, ERAS, WALK = 120, 60, 12


def write_walks(folder: Path, seed: int) -> Path:
    """A panel in which nothing can be known: each asset's future shocks are independent.

    Features say which asset a row is, so that a label that reaches into scored eras tells them.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir()
    shocks = rng.normal(size=(ERAS + WALK, ASSETS))
    names = [f"feature_{k}" for k in range(ASSETS)]
    features = np.tile(np.eye(ASSETS, dtype=np.int8) * 4, (ERAS, 1))

    def labels(reach: int) -> np.ndarray:
        sums = np.stack([shocks[e + 1 : e + 1 + reach].sum(axis=0) for e in range(ERAS)])
        ranks = np.argsort(np.argsort(sums, axis=1), axis=1)
        values = (ranks * 5 // ASSETS / 4).astype(np.float32)
        values[ERAS - reach :] = np.nan
        return values.reshape(-1)

    table = pa.table(
        {
            "id": [f"a{e}_{k}" for e in range(ERAS) for k in range(ASSETS)],
            "era": [f"{e + 1:04d}" for e in range(ERAS) for _ in range(ASSETS)],
            "data_type": ["train"] * (ERAS * ASSETS),
            **{name: features[:, j] for j, name in enumerate(names)},
            T20: labels(4),
            T60: labels(12),
        }
    )
    pq.write_table(table, folder / "train.parquet")
    (folder / "features.json").write_text(
        '{"feature_sets": {"all": [' + ",".join(f'"{n}"' for n in names) + ']}, "targets": []}'
    )
    return folder


def planted(tmp_path: Path, seed: int) -> tuple[Config, RunDir]:
    folder = write_walks(tmp_path / f"walks-{seed}", seed)
    settings = (
        f"data.dir={folder}",
        "data.feature_set=all",
        f"targets.blend.of=['{T20}','{T60}']",
        "targets.blend.weights=[1,9]",
        "models.ridge.params.alpha=1",
        "models.ridge.target=blend",
        "split.scheme=rolling",
        "split.first_train=0.5",
        "split.folds=8",
        "split.held_out=0.2",
        "split.margin=1",
    )
    return load(overrides=settings, variables={}), RunDir(tmp_path / f"run-{seed}")


def score(config: Config, run: RunDir) -> float:
    train_model(config, run, "ridge")
    made = Predictions.load(run.path("models", "ridge", "out_of_fold.parquet"))
    shards, plan = open_shards(config, run)
    labels = shards.labels([e for f in plan.development for e in f.validation])
    slices = EraSlices.from_labels(labels.eras)
    values = made.aligned(labels.ids)
    return float(np.nanmean(numerai_corr(values, labels.targets[:, 0], slices)))


def test_a_planted_leak_of_a_longer_target_is_purged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = []
    for seed in range(4):
        config, run = planted(tmp_path, seed)
        shard(config, run)
        assert open_shards(config, run)[1].purge == 13
        honest.append(score(config, run))
    monkeypatch.setattr(etl.content, "learned_columns", lambda config: (config.data.target,))
    leaking = []
    for seed in range(10, 14):
        config, run = planted(tmp_path, seed)
        shard(config, run)
        assert open_shards(config, run)[1].purge == 5
        with pytest.raises(LeakageError, match="blend: 12 eras.*at most 4"):
            Job.of(config, run, "ridge")
        with monkeypatch.context() as patch:
            patch.setattr(training.job, "check_learned", lambda *_: None)
            leaking.append(score(config, run))
    assert np.mean(leaking) > 0.1
    assert abs(np.mean(honest)) < 0.06


class TestRefused:
    def test_a_longer_target_after_the_shards(self, make_run: Maker) -> None:
        _, run = make_run()
        longer = (
            "data.extra_targets=['target_ender_60']",
            "split.folds=2",
            "split.margin=1",
            f"models.ridge.target={T60}",
        )
        folder = open_shards(*make_run())[0]
        assert folder.targets == (T20, T60)
        config, _ = make_run()
        late = load(overrides=[f"data.dir={config.data.dir}", *longer], variables={})
        with pytest.raises(StaleDataError, match="another data.horizon"):
            open_shards(late, run)

    def test_a_longer_target_of_a_model_that_is_not_enabled(self, make_run: Maker) -> None:
        config, run = make_run(f"models.ridge.target={T60}", "models.ridge.enabled=false")
        with pytest.raises(LeakageError, match=r"reaches further.*12 eras.*at most 4"):
            train_model(config, run, "ridge")

    def test_a_longer_target_of_a_further_head(self, make_run: Maker) -> None:
        config, run = make_run(
            f"models.mlp.params.head.auxiliary.{T60}=0.5", "models.mlp.enabled=false"
        )
        with pytest.raises(LeakageError, match=T60):
            Job.of(config, run, "mlp")

    def test_a_target_that_is_not_there(self, make_run: Maker) -> None:
        config, run = make_run("models.ridge.target=target_enders_20")
        with pytest.raises(SchemaError, match="target_enders_20.*target_ender_20"):
            train_model(config, run, "ridge")

    @pytest.mark.parametrize("transform", ["gaussian", "residual"])
    def test_a_target_that_a_head_cannot_reach(self, make_run: Maker, transform: str) -> None:
        to = ["targets.m.to=v1_benchmark"] if transform == "residual" else []
        config, run = make_run(
            f"targets.m.of=['{T20}']",
            f"targets.m.transform={transform}",
            *to,
            "models.mlp.target=m",
            "models.line.model=mlp",
            "models.line.target=m",
            "models.line.params.head.output=linear",
            "models.preset.model=mlp",
            "models.preset.preset=residual",
            "models.preset.target=m",
            "models.sorts.model=mlp",
            "models.sorts.target=m",
            "models.sorts.params.head.kind=classes",
        )
        for name in ("mlp", "sorts"):
            with pytest.raises(ConfigError, match=f"{name} ends at 0 and 1.*m from -") as caught:
                Job.of(config, run, name)
            assert "output = 'linear'" in caught.value.message
        for name in ("line", "preset"):
            assert Job.of(config, run, name).members[0].target == "m"


def test_a_column_that_leaves_the_span_of_a_head_is_refused(
    make_run: Maker, panel_folder: Path, tmp_path: Path
) -> None:
    """Returns, say, as a file of one's own may hold them: sigmoids never get below 0."""
    folder = Path(shutil.copytree(panel_folder, tmp_path / "returns"))
    for name in ("train.parquet", "validation.parquet"):
        table = pl.read_parquet(folder / name)
        moved = [pl.col(c) - 0.5 for c in table.columns if c.startswith("target")]
        table.with_columns(moved).write_parquet(folder / name)
    models = ("models.mlp.preset=small", "models.line.model=mlp", "models.sorts.model=mlp")
    heads = ("models.line.params.head.output=linear", "models.sorts.params.head.kind=ordinal")
    config, run = make_run(f"data.dir={folder}", *models, *heads)
    for name in ("mlp", "sorts"):
        with pytest.raises(ConfigError, match=f"{name} ends at 0 and 1.*{T20} from -0.5 to 0.5"):
            Job.of(config, run, name)
    assert Job.of(config, run, "line").members[0].target == T20


def test_a_model_learns_its_own_target(make_run: Maker) -> None:
    """`target_ender_60` of the panel is 1 - `target_ender_20`, so that signs tell them apart."""
    made = {}
    for name, setting in (("one", T20), ("other", T60)):
        config, run = make_run(
            f"models.ridge.target={setting}", "split.folds=1", "split.first_train=0.6", name=name
        )
        train_model(config, run, "ridge")
        made[name] = Predictions.load(run.path("models", "ridge", "out_of_fold.parquet"))
        shards, _ = open_shards(config, run)
        labels = shards.labels(list(dict.fromkeys(made[name].eras)))
        corr = np.corrcoef(made[name].aligned(labels.ids), labels.targets[:, 0])[0, 1]
        assert corr > 0.3 if name == "one" else corr < -0.3
        assert made[name].facts["target"] == T20


def test_scores_take_the_reach_of_the_target_that_is_scored(make_run: Maker) -> None:
    """Not that of the longest target learned, which is what the folds are purged for."""
    settings = (
        "models.longer.model=ridge",
        f"models.longer.target={T60}",
        f"targets.blend.of=['{T20}','{T60}']",
        "targets.blend.weights=[1,3]",
        "split.folds=1",
        "split.first_train=0.6",
    )
    config, run = make_run(*settings)
    train_model(config, run, "ridge")
    assert open_shards(config, run)[1].label_eras == 12
    own = evaluate(config, run)
    made = evaluate(make_run(*settings, "evaluate.target=blend")[0], run)
    assert (own["target"], own["label_eras"]) == (T20, 4)
    assert (made["target"], made["label_eras"]) == ("blend", 12)
    columns = {}
    for scores in (own, made):
        found = scores["candidates"]["ridge"]
        columns[scores["target"]] = found["per_era"]["corr"]
        near, far = (
            summarise(np.array(found["per_era"]["corr"]), overlap=reach)[0].standard_error
            for reach in (4, 12)
        )
        assert near != pytest.approx(far)
        expected = near if scores is own else far
        assert found["summary"]["corr"]["standard_error"] == pytest.approx(expected)
    np.testing.assert_allclose(columns["blend"], -np.array(columns[T20]), atol=1e-6)
