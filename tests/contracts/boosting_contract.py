"""What boosted trees of every library must do beyond what any estimator does."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from contracts.estimator_contract import (
    FITTED,
    UNSEEN,
    WATCHED,
    EstimatorContract,
    mean_corr,
    predicted,
)
from contracts.planted import planted_shards
from scipy.special import softmax

from erazoo.engine.limits import visible_gpus
from erazoo.errors import ArtifactError, ConfigError, TrainingError
from etl.shards import ShardSet
from zoo.boosting.base import Boosting
from zoo.boosting.goal import Goal


class _Seen(Exception):  # noqa: N818
    """Options that reached a library, which then need not train."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.options = options


class BoostingContract(EstimatorContract):
    """Subclasses set `kinds`, those that the library has.

    Attributes:
        kinds: with options of each.
        ranks_rows: whether weights of rows count in a ranking; else they are refused.
        trains: the function of the library that takes its options.
        gpu: those that name a GPU to it.
        gpu_options: what a fit on a GPU needs beside `options`.
    """

    kinds: ClassVar[dict[str, dict[str, Any]]]
    ranks_rows: ClassVar[bool] = False
    trains: ClassVar[str]
    gpu: ClassVar[dict[str, Any]]
    gpu_options: ClassVar[dict[str, Any]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "kind" in metafunc.fixturenames:
            metafunc.parametrize("kind", list(self.kinds))

    def read(self, folder: Path, data: ShardSet) -> Boosting[Any]:
        model: Boosting[Any] = self.spec().build(self.params(), data.spec)
        model.load(folder)
        return model

    def trees_of(self, folder: Path, data: ShardSet) -> int:
        model = self.read(folder, data)
        return sum(model.trees(stage) for stage in model.stages)

    def test_each_kind_learns_and_is_kept(
        self, kind: str, planted: ShardSet, tmp_path: Path, elsewhere: Any
    ) -> None:
        self.fit(planted, tmp_path, **self.kinds[kind])
        here = predicted(planted, tmp_path)
        assert here.shape == (planted.rows(UNSEEN),)
        assert mean_corr(planted, tmp_path) > self.signal * 0.75
        np.testing.assert_array_equal(elsewhere.predict(planted, tmp_path, UNSEEN), here)

    def test_classes_predict_the_expected_target(self, planted: ShardSet, tmp_path: Path) -> None:
        self.fit(planted, tmp_path, **self.kinds["classes"])
        values = predicted(planted, tmp_path)
        assert 0 < values.min() < values.max() < 1
        assert abs(values.mean() - 0.5) < 0.05
        assert self.read(tmp_path, planted).goal == Goal("classes", (0.0, 0.25, 0.5, 0.75, 1.0))

    def test_contributions_of_classes_sum_up_to_first_order(
        self, planted: ShardSet, tmp_path: Path
    ) -> None:
        """They are exact for the tangent at the expected scores, and near the prediction."""
        own = {**self.kinds["classes"], "n_estimators": 12, "learning_rate": 0.01}
        self.fit(planted, tmp_path, **own, emphasis={"by": "score", "every": 6})
        model = self.read(tmp_path, planted)
        x = planted.to_numpy(UNSEEN)[0]
        found, values = model.contributions(x), np.arange(5) / 4
        assert found.shape == (len(x), 9)
        assert np.ptp(found[:, -1]) < 1e-9
        scores = sum(model.sum_of(stage, x) for stage in model.stages)
        wholes = [
            model.stage_contributions(stage, x).reshape(len(x), 5, 9) for stage in model.stages
        ]
        base = sum(whole[0, :, -1] for whole in wholes)
        chances = softmax(base)
        slopes = chances * (values - chances @ values)
        np.testing.assert_allclose(found[0, -1], chances @ values, atol=1e-9)
        np.testing.assert_allclose(found[:, :-1].sum(axis=1), (scores - base) @ slopes, atol=1e-5)
        assert np.corrcoef(found.sum(axis=1), model.predict(x))[0, 1] > 0.97
        assert set(np.abs(found[:, :8]).mean(axis=0).argsort()[-3:]) == {0, 1, 2}

    def test_a_ranking_takes_or_refuses_weights_of_rows(self, tmp_path: Path) -> None:
        data = planted_shards(tmp_path / "shards", wrong=0.01, rows=120)
        if self.ranks_rows:
            self.fit(data, tmp_path / "fit", **self.kinds["rank"])
            clean = planted_shards(tmp_path / "clean")
            assert mean_corr(clean, tmp_path / "fit") > self.signal / 2
        else:
            with pytest.raises(ConfigError, match="takes no weights of rows"):
                self.fit(data, tmp_path / "fit", **self.kinds["rank"])

    @pytest.mark.parametrize("looks", [False, True])
    def test_a_watched_fit_keeps_its_best_trees(
        self, kind: str, looks: bool, planted: ShardSet, tmp_path: Path
    ) -> None:
        eras = {"emphasis": {"by": "score", "every": 7}} if looks else {}
        own = {**self.kinds[kind], "n_estimators": 60, "early_stopping": 10, **eras}
        result = self.fit(planted, tmp_path, **own)
        scores = result.history["val_corr"]
        assert result.best_epoch == int(np.nanargmax(scores)) + 1
        assert len(scores) == min(60, result.best_epoch + 10)
        assert self.trees_of(tmp_path, planted) == result.best_epoch
        assert result.best_value == pytest.approx(mean_corr(planted, tmp_path, WATCHED), abs=1e-5)

    def test_a_fixed_length_is_that_many_trees(self, planted: ShardSet, tmp_path: Path) -> None:
        result = self.fit(planted, tmp_path, length=7, early_stopping=5)
        assert result.best_epoch is None
        assert self.trees_of(tmp_path, planted) == 7

    def test_eras_without_a_score_cannot_be_watched(self, tmp_path: Path) -> None:
        few = planted_shards(tmp_path / "shards", rows=9)
        with pytest.raises(TrainingError, match="watched eras have no CORR to stop by"):
            self.fit(few, tmp_path / "fit", early_stopping=5)

    def test_looking_at_the_eras_changes_nothing_but_their_weight(
        self, planted: ShardSet, tmp_path: Path
    ) -> None:
        """Stages that go on from each other say what their trees say together."""
        whole = {**self.options, "n_estimators": 12}
        self.fit(planted, tmp_path / "once", **whole)
        emphasis = {"by": "era_boost", "every": 4, "share": 0.99}
        self.fit(planted, tmp_path / "stages", **whole, emphasis=emphasis)
        assert self.trees_of(tmp_path / "stages", planted) == 12
        assert len(self.read(tmp_path / "stages", planted).stages) == 3
        one, other = (mean_corr(planted, tmp_path / name) for name in ("once", "stages"))
        assert other == pytest.approx(one, abs=0.1)

    def test_era_boosting_goes_on_with_the_worse_eras(self, tmp_path: Path) -> None:
        """Three of ten eras have the opposite signal: flat trees follow the others."""
        data = planted_shards(tmp_path / "shards", bad=3)
        bad, own = data.eras()[:3], {"n_estimators": 40, "max_depth": 2}
        emphasis = {"by": "era_boost", "every": 10, "share": 0.3}
        self.fit(data, tmp_path / "plain", eras=data.eras()[:10], **own)
        self.fit(data, tmp_path / "boost", eras=data.eras()[:10], **own, emphasis=emphasis)
        assert mean_corr(data, tmp_path / "plain", bad) < -0.3
        assert mean_corr(data, tmp_path / "boost", bad) > 0.3

    def test_eras_count_by_their_score(self, tmp_path: Path) -> None:
        data = planted_shards(tmp_path / "shards", bad=5)
        own = {"n_estimators": 21, "max_depth": 2}
        self.fit(data, tmp_path / "plain", eras=data.eras()[:10], **own)
        emphasis = {"by": "score", "every": 10}
        self.fit(data, tmp_path / "score", eras=data.eras()[:10], **own, emphasis=emphasis)
        plain, score = (predicted(data, tmp_path / name) for name in ("plain", "score"))
        assert np.corrcoef(plain, score)[0, 1] < 0.98

    def test_newer_eras_count_more_by_age(self, tmp_path: Path) -> None:
        """Seven older eras outvote three newer ones, unless age counts."""
        data = planted_shards(tmp_path / "shards", bad=7)
        own = {"n_estimators": 40, "max_depth": 2}
        self.fit(data, tmp_path / "plain", eras=data.eras()[:10], **own)
        emphasis = {"by": "age", "half_life": 1.0}
        self.fit(data, tmp_path / "age", eras=data.eras()[:10], **own, emphasis=emphasis)
        assert mean_corr(data, tmp_path / "plain", UNSEEN) < -0.3
        assert mean_corr(data, tmp_path / "age", UNSEEN) > 0.5

    def test_a_fit_goes_on_from_another(self, kind: str, planted: ShardSet, tmp_path: Path) -> None:
        own = self.kinds[kind]
        self.fit(planted, tmp_path / "old", eras=FITTED[:5], **own)
        options = {**own, "n_estimators": 6}
        self.fit(planted, tmp_path / "new", eras=FITTED[5:], start=tmp_path / "old", **options)
        old, new = (self.read(tmp_path / name, planted) for name in ("old", "new"))
        assert len(new.stages) == len(old.stages) + 1
        x = planted.to_numpy(UNSEEN)[0]
        expected = old.sum_of(old.stages[0], x) + new.sum_of(new.stages[1], x)
        np.testing.assert_allclose(new.predict(x), new.goal.predicted(expected), atol=1e-6)
        assert not np.allclose(new.predict(x), old.predict(x), atol=1e-4)
        assert mean_corr(planted, tmp_path / "new") > self.signal * 0.75

    def test_going_on_with_the_same_rows_is_one_longer_fit(
        self, planted: ShardSet, tmp_path: Path
    ) -> None:
        """Without anything random, ten trees and five more are fifteen."""
        own = self.certain()
        self.fit(planted, tmp_path / "whole", **own, n_estimators=15)
        self.fit(planted, tmp_path / "old", **own, n_estimators=10)
        self.fit(planted, tmp_path / "new", start=tmp_path / "old", **own, n_estimators=5)
        whole, new = (predicted(planted, tmp_path / name) for name in ("whole", "new"))
        np.testing.assert_allclose(new, whole, atol=2e-6)

    def test_a_model_of_another_kind_is_no_start(self, planted: ShardSet, tmp_path: Path) -> None:
        self.fit(planted, tmp_path / "old")
        with pytest.raises(ConfigError, match="goes on from a model of another kind"):
            self.fit(planted, tmp_path / "new", start=tmp_path / "old", **self.kinds["rank"])

    def test_contributions_sum_up_to_predictions(self, planted: ShardSet, tmp_path: Path) -> None:
        self.fit(planted, tmp_path, emphasis={"by": "score", "every": 8})
        model = self.read(tmp_path, planted)
        x = planted.to_numpy(UNSEEN)[0]
        found = model.contributions(x)
        assert found.shape == (len(x), 9)
        np.testing.assert_allclose(found.sum(axis=1), model.predict(x), atol=1e-5)
        assert set(np.abs(found[:, :8]).mean(axis=0).argsort()[-3:]) == {0, 1, 2}
        gain = model.gain()
        assert gain.sum() == pytest.approx(1)
        assert set(gain.argsort()[-3:]) == {0, 1, 2}

    def test_a_device_that_is_not_there_is_refused(
        self, planted: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("zoo.boosting.device.visible_gpus", list)
        with pytest.raises(ConfigError, match="cannot use a GPU.*Received: gpu.*shows no GPU"):
            self.fit(planted, tmp_path, device="gpu")
        self.fit(planted, tmp_path, device="auto")

    @pytest.mark.parametrize("device", ["auto", "gpu"])
    def test_a_gpu_is_named_to_the_library(
        self, device: str, planted: ShardSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def train(options: dict[str, Any], *_: Any, **__: Any) -> None:
            raise _Seen(options)

        monkeypatch.setattr("zoo.boosting.device.visible_gpus", lambda: ["0"])
        monkeypatch.setattr(type(self.unfitted()), "no_gpu", lambda _: "")
        monkeypatch.setattr(self.trains, train)
        with pytest.raises(_Seen) as seen:
            self.fit(planted, tmp_path, device=device, **self.gpu_options)
        assert self.gpu.items() <= seen.value.options.items()
        with pytest.raises(_Seen) as seen:
            self.fit(planted, tmp_path, device="cpu")
        assert not self.gpu.items() & seen.value.options.items()

    @pytest.mark.gpu
    @pytest.mark.parametrize("device", ["auto", "gpu"])
    def test_trees_grown_on_a_gpu_are_as_good(
        self,
        device: str,
        planted: ShardSet,
        tmp_path: Path,
        elsewhere: Any,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The GPU is really used, and what it grew predicts on a CPU in another process."""
        model = self.spec().build(self.params(**self.gpu_options), planted.spec)
        if obstacle := model.no_gpu() if visible_gpus() else "this machine shows no GPU":
            pytest.skip(f"{model.library} cannot use a GPU: {obstacle}")
        tasks, grower = [], type(model).grower
        monkeypatch.setattr(
            type(model), "grower", lambda own, task: (tasks.append(task), grower(own, task))[1]
        )
        own = {**self.gpu_options, "n_estimators": 30}
        self.fit(planted, tmp_path / "gpu", **own, device=device, early_stopping=10)
        assert [task.gpu for task in tasks] == [0]
        self.fit(planted, tmp_path / "cpu", **own, device="cpu", early_stopping=10)
        gpu, cpu = (mean_corr(planted, tmp_path / name) for name in ("gpu", "cpu"))
        assert gpu == pytest.approx(cpu, abs=0.1)
        here = predicted(planted, tmp_path / "gpu")
        np.testing.assert_array_equal(elsewhere.predict(planted, tmp_path / "gpu", UNSEEN), here)

    def test_a_damaged_file_is_refused(self, planted: ShardSet, tmp_path: Path) -> None:
        self.fit(planted, tmp_path)
        [path] = tmp_path.glob(f"model.{self.suffix()}")
        path.write_bytes(path.read_bytes()[:40])
        with pytest.raises(ArtifactError, match="cannot be read"):
            self.read(tmp_path, planted)

    def suffix(self) -> str:
        kind: str = type(self.unfitted()).suffix
        return kind

    def unfitted(self) -> Boosting[Any]:
        model: Boosting[Any] = self.spec().build(self.params(), None)
        return model

    @classmethod
    def certain(cls) -> dict[str, Any]:
        """Options without anything random."""
        raise NotImplementedError
