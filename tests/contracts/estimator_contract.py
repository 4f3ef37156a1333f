"""What every model that is not a network must do; its tests inherit the class below."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import pytest
from contracts.planted import TARGET, planted_shards

from erazoo.artefacts import seal
from erazoo.config.schema import TrainingSection
from erazoo.errors import ConfigError, ErazooError, SchemaError, TrainingError
from erazoo.panel import FeatureSpec
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from training.families import load_model, trainer_of
from training.task import FitResult, FoldTask, predict_eras
from zoo import catalogue
from zoo.catalogue import ModelSpec, Params
from zoo.estimator import Estimator
from zoo.options import nested, options

ERAS = tuple(f"{number:04d}" for number in range(1, 13))
FITTED, WATCHED, UNSEEN, UNRESOLVED = ERAS[:7], ERAS[7:9], ERAS[9:11], ERAS[11:]


class EstimatorContract:
    """Subclasses set `name`, and what a small fit needs.

    Attributes:
        name: of the catalogue.
        preset: of the small fit.
        options: of the small fit, on top.
        signal: the least mean CORR on unseen eras of planted data.
    """

    name: ClassVar[str]
    preset: ClassVar[str] = ""
    options: ClassVar[dict[str, Any]] = {}
    signal: ClassVar[float] = 0.4

    @classmethod
    def spec(cls) -> ModelSpec:
        return catalogue.get(cls.name)

    @classmethod
    def params(cls, **overrides: Any) -> Params:
        return catalogue.resolve(cls.spec(), cls.preset, {**cls.options, **overrides})

    def untrained(self, features: FeatureSpec, **overrides: Any) -> Estimator:
        model: Estimator = self.spec().build(self.params(**overrides), features)
        return model

    @classmethod
    def fit(
        cls,
        data: ShardSet,
        folder: Path,
        *,
        eras: tuple[str, ...] = FITTED,
        seed: int = 3,
        length: int | None = None,
        start: Path | None = None,
        **overrides: Any,
    ) -> FitResult:
        """Fit as training does, and seal the folder."""
        folder.mkdir(parents=True, exist_ok=True)
        params = cls.params(**overrides)
        monitor = WATCHED if params.watches and length is None else ()
        settings = TrainingSection(threads=1)
        task = FoldTask("fold-0", eras, monitor, TARGET, seed, settings, length, start)
        result = trainer_of(cls.spec()).fit(cls.spec(), params, data, task, folder)
        card = {"model": cls.name, "params": params.model_dump(mode="json")}
        seal(folder, {**card, "fingerprint": data.spec.fingerprint})
        return result

    @pytest.fixture(scope="class")
    @classmethod
    def planted(cls, tmp_path_factory: pytest.TempPathFactory) -> ShardSet:
        return planted_shards(tmp_path_factory.mktemp("planted"))

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, planted: ShardSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A folder with the fitted model; no test changes it."""
        folder = tmp_path_factory.mktemp("fitted")
        cls.fit(planted, folder)
        return folder

    def test_it_finds_a_planted_signal(self, planted: ShardSet, fitted: Path) -> None:
        assert mean_corr(planted, fitted) > self.signal

    def test_a_new_process_predicts_the_same(
        self, planted: ShardSet, fitted: Path, elsewhere: Elsewhere
    ) -> None:
        _, _, here = predict_eras(load_model(fitted, planted.spec), planted, UNSEEN)
        np.testing.assert_array_equal(elsewhere.predict(planted, fitted, UNSEEN), here)
        assert len(np.unique(here)) > 5

    def test_equal_seeds_give_equal_models(
        self, planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        self.fit(planted, tmp_path)
        np.testing.assert_array_equal(predicted(planted, tmp_path), predicted(planted, fitted))

    def test_rows_of_other_eras_are_never_read(
        self, planted: ShardSet, fitted: Path, tmp_path: Path
    ) -> None:
        used = {*FITTED, *(WATCHED if self.params().watches else ())}
        own = planted_shards(tmp_path / "shards")
        for path in own.files([era for era in own.eras() if era not in used]):
            path.write_bytes(bytes(path.stat().st_size))
        with pytest.raises(ErazooError):
            own.labels(UNSEEN)
        self.fit(own, tmp_path / "fit")
        np.testing.assert_array_equal(
            predicted(planted, tmp_path / "fit"), predicted(planted, fitted)
        )

    def test_other_features_are_refused(self, planted: ShardSet, fitted: Path) -> None:
        swapped = replace(planted.spec, names=planted.spec.names[::-1])
        with pytest.raises(SchemaError, match="trained on other features"):
            load_model(fitted, swapped)
        model = load_model(fitted, planted.spec)
        with pytest.raises(SchemaError, match=r"features do not fit.*shape \(4, 9\)"):
            model(np.zeros((4, 9), np.int8))
        with pytest.raises(SchemaError, match=r"features do not fit.*float64"):
            model(np.zeros((4, 8)))

    def test_missing_values_are_taken_or_refused(self, tmp_path: Path) -> None:
        data = planted_shards(tmp_path / "shards", floats=True, holes=0.2)
        if not self.spec().takes_missing:
            with pytest.raises(SchemaError, match=f"{self.name} takes no missing values"):
                self.fit(data, tmp_path / "fit")
            return
        self.fit(data, tmp_path / "fit")
        assert mean_corr(data, tmp_path / "fit") > self.signal / 2
        model = load_model(tmp_path / "fit", data.spec)
        assert np.isfinite(model(np.full((3, 8), np.nan, np.float32))).all()

    def test_rows_count_by_their_weight(self, planted: ShardSet, tmp_path: Path) -> None:
        """Every second row has the opposite target: all alike, they say nothing."""
        data = planted_shards(tmp_path / "shards", wrong=0.01, rows=120)
        if not self.spec().takes_weights:
            with pytest.raises((ConfigError, TrainingError), match="weight"):
                self.fit(data, tmp_path / "fit")
            return
        self.fit(data, tmp_path / "fit")
        assert mean_corr(planted, tmp_path / "fit") > self.signal / 2

    def test_rows_without_weight_are_left_out(self, planted: ShardSet, tmp_path: Path) -> None:
        data = planted_shards(tmp_path / "shards", wrong=0.0, rows=120)
        self.fit(data, tmp_path / "fit")
        assert mean_corr(planted, tmp_path / "fit") > self.signal / 2

    def test_nothing_to_learn_from_is_an_error(self, planted: ShardSet, tmp_path: Path) -> None:
        with pytest.raises(TrainingError, match=f"no row has a resolved target.*{TARGET}"):
            self.fit(planted, tmp_path, eras=UNRESOLVED)

    def test_a_model_that_is_not_fitted_says_so(self, planted: ShardSet, tmp_path: Path) -> None:
        model = self.untrained(planted.spec)
        with pytest.raises(TrainingError, match="not fitted"):
            model.predict(np.zeros((3, 8), np.int8))
        with pytest.raises(TrainingError, match="not fitted"):
            model.save(tmp_path)

    def test_every_option_is_explained(self) -> None:
        found = options(self.spec().params)
        assert found
        assert [option.name for option in found if not option.about] == []
        assert self.spec().presets

    def test_a_bad_option_is_refused_in_words(self) -> None:
        bad = [option for option in options(self.spec().params) if option.bad is not None]
        for option in bad:
            with pytest.raises(ConfigError, match=option.name):
                catalogue.resolve(self.spec(), self.preset, nested(option.name, option.bad))
        with pytest.raises(ConfigError, match=f"{self.name} has no parameter 'no_such_option'"):
            catalogue.resolve(self.spec(), self.preset, {"no_such_option": 1})


def predicted(data: ShardSet, folder: Path, eras: tuple[str, ...] = UNSEEN) -> np.ndarray:
    """What the model in a folder says of some eras."""
    return predict_eras(load_model(folder, data.spec), data, eras)[2]


def mean_corr(data: ShardSet, folder: Path, eras: tuple[str, ...] = UNSEEN) -> float:
    """Mean CORR of the model in a folder over some eras."""
    labels = data.labels(eras)
    target = labels.targets[:, data.target_index(TARGET)]
    slices = EraSlices.from_labels(labels.eras)
    return float(numerai_corr(predicted(data, folder, eras), target, slices).mean())


class Elsewhere:
    """A process that never fitted anything, and predicts with what others saved."""

    def __enter__(self) -> Self:
        root = Path(__file__).resolve().parents[2]
        pipe = subprocess.PIPE
        words = [sys.executable, "-c", SERVE]
        self._process = subprocess.Popen(words, stdin=pipe, stdout=pipe, text=True, cwd=root)
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def predict(self, data: ShardSet, folder: Path, eras: tuple[str, ...]) -> np.ndarray:
        """Predictions of the model in `folder` for some eras, in their order."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(json.dumps([str(data.folder), str(folder), list(eras)]) + "\n")
        stdin.flush()
        answer = json.loads(stdout.readline())
        assert not answer["keras"], "a model that is no network imported Keras"
        return np.array(answer["values"], dtype=np.float32)


SERVE = """
import json, os, sys
from pathlib import Path
from etl.shards import ShardSet
from training.families import load_model
from training.task import predict_eras
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
for line in sys.stdin:
    shards, folder, eras = json.loads(line)
    data = ShardSet.open(Path(shards))
    values = predict_eras(load_model(Path(folder), data.spec), data, eras)[2]
    keras = bool({"keras", "tensorflow"} & set(sys.modules))
    answers.write(json.dumps({"values": values.tolist(), "keras": keras}) + "\\n")
    answers.flush()
"""


def process() -> Iterator[Elsewhere]:
    """For the fixture `elsewhere`, one process a test session."""
    with Elsewhere() as one:
        yield one
