"""What the line finds on generated data: the planted signal, and nothing where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ensemble.blend import ensemble
from erazoo.config import Config, load
from erazoo.eras import EraAxis
from erazoo.rundir import RunDir
from etl.build import shard
from etl.dataset import Dataset
from etl.demo import generate
from etl.files import DataFiles
from etl.source import data_folder, prepare_data
from etl.splits import PurgedEraSplit
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.summary import summarise
from training.evaluation import evaluate
from training.train import train

ROOT = Path(__file__).resolve().parents[2]
QUICK = (
    "demo.eras=120",
    "demo.rows=200",
    "demo.features=48",
    "models.lightgbm.params.n_estimators=200",
    "models.lightgbm.params.learning_rate=0.05",
    "models.mlp.enabled=false",
    "models.ae_classifier.enabled=false",
    "training.threads=1",
)


def demo(tmp_path: Path, *settings: str) -> tuple[Config, RunDir]:
    config = load(ROOT / "conf" / "demo.toml", overrides=settings, variables={})
    run = RunDir(tmp_path / "run")
    prepare_data(config, run)
    return config, run


def shuffle_labels(folder: Path, seed: int = 0) -> None:
    """Permute the rows' targets within each era; every model's skill is luck then."""
    rng = np.random.default_rng(seed)
    (folder / "source.json").unlink()
    for name in ("train", "validation"):
        path = folder / f"{name}.parquet"
        frame = pd.read_parquet(path)
        targets = [c for c in frame if c.startswith("target")]
        order = np.concatenate(
            [rng.permutation(rows) for rows in frame.reset_index().groupby("era").indices.values()]
        )
        frame[targets] = frame[targets].to_numpy()[order]
        frame.to_parquet(path)


def line(config: Config, run: RunDir) -> dict:
    shard(config, run)
    results = train(config, run)
    assert {r["status"] for r in results.values()} == {"ok"}
    ensemble(config, run)
    return evaluate(config, run)


def check_signal_is_found(scores: dict) -> None:
    best = scores["achievable"]["corr"]
    assert 0.12 <= best <= 0.20
    shares = {n: c["summary"]["corr"]["mean"] / best for n, c in scores["candidates"].items()}
    assert shares["ensemble"] >= 0.55, shares
    assert max(shares.values()) < 1, shares


def check_nothing_is_found(scores: dict) -> None:
    for name, candidate in scores["candidates"].items():
        corr = candidate["summary"]["corr"]
        assert abs(corr["mean"]) < 3 * corr["standard_error"], (name, corr)


def test_shuffled_labels_teach_nothing(tmp_path: Path) -> None:
    config, run = demo(tmp_path, *QUICK)
    shuffle_labels(data_folder(config, run))
    check_nothing_is_found(line(config, run))


def test_a_signal_is_found_where_one_is_planted(tmp_path: Path) -> None:
    scores = line(*demo(tmp_path, *QUICK))
    for name in ("ridge", "lightgbm", "ensemble"):
        corr = scores["candidates"][name]["summary"]["corr"]
        assert corr["mean"] > 5 * corr["standard_error"], (name, corr)
    benchmark = scores["candidates"]["v1_lgbm_demo20"]["summary"]
    assert benchmark["corr"]["mean"] > 0.3 * scores["achievable"]["corr"]
    assert scores["candidates"]["ensemble"]["summary"]["mmc"]["mean"] > 0
    assert scores["candidates"]["ensemble"]["summary"]["bmc"]["mean"] > 0


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_the_default_demo_reaches_its_share(tmp_path: Path) -> None:
    check_signal_is_found(line(*demo(tmp_path)))


@pytest.mark.long
@pytest.mark.timeout(1500)
def test_shuffled_labels_teach_the_default_models_nothing(tmp_path: Path) -> None:
    config, run = demo(tmp_path)
    shuffle_labels(data_folder(config, run))
    check_nothing_is_found(line(config, run))


def memoriser_corr(folder: Path, purge: int, label_eras: int) -> tuple[float, float]:
    """Mean CORR and its standard error of a deep forest over k-folds with a given purge.

    The purge is applied to an undersized horizon, as someone who knew nothing of it would.
    """
    from sklearn.ensemble import ExtraTreesRegressor

    data = Dataset(DataFiles.folder(folder), "all", ["target_ender_60"])
    blocks = {b.era: b for b in data.blocks(data.resolved("target_ender_60"))}
    axis = EraAxis(tuple(blocks))
    split = PurgedEraSplit("kfold", folds=20, label_eras=label_eras, purge=purge)
    scores = []
    for fold in list(split.split(axis, axis.eras))[5:15]:
        x = np.concatenate([blocks[e].features for e in fold.train])
        y = np.concatenate([blocks[e].targets[:, 0] for e in fold.train])
        model = ExtraTreesRegressor(10, max_features=0.5, random_state=0, n_jobs=1).fit(x, y)
        rows = [blocks[e] for e in fold.validation]
        labels = np.concatenate([np.full(len(b), b.era, dtype=object) for b in rows])
        predictions = model.predict(np.concatenate([b.features for b in rows]))
        target = np.concatenate([b.targets[:, 0] for b in rows]).astype(np.float64)
        scores.append(numerai_corr(predictions, target, EraSlices.from_labels(labels)))
    (summary,) = summarise(np.concatenate(scores), overlap=12)
    return summary.mean, summary.standard_error


@pytest.mark.long
def test_a_purge_takes_memory_away(tmp_path: Path) -> None:
    """On the profile `memory` there is nothing to learn: all skill is recognised assets."""
    config = load(
        overrides=["demo.profile=memory", "demo.rows=150", "demo.features=36"], variables={}
    )
    generate(config.demo, tmp_path)
    touching, error = memoriser_corr(tmp_path, purge=0, label_eras=0)
    assert touching > 5 * error
    assert touching > 0.1
    purged, error = memoriser_corr(tmp_path, purge=16, label_eras=12)
    assert abs(purged) < 3 * error
    assert abs(purged) < touching / 3
