"""Several fits a fold as one candidate, fits in place, and the cards of models."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

import training.fit
from ensemble.blend import ensemble
from erazoo.artefacts import seal
from erazoo.config import Config
from erazoo.errors import ArtifactError, ConfigError, LeakageError
from erazoo.publish import make_dir, read_json
from erazoo.rundir import RunDir
from etl.build import open_shards
from predict.live import predict
from training.evaluation import evaluate
from training.families import load_model
from training.fit import BEGUN
from training.job import Job, model_stage
from training.loop import train_model
from training.predictions import Predictions
from training.task import STATE, FitResult
from training.train import train
from zoo.catalogue import get, resolve

Maker = Callable[..., tuple[Config, RunDir]]
T20, T60 = "target_ender_20", "target_ender_60"
SEVERAL = (
    f"models.lightgbm.targets=['{T20}','{T60}']",
    "models.lightgbm.seeds=2",
    "split.folds=1",
    "split.first_train=0.6",
)
NAMES = [f"{t}.seed-{s}" for t in (T20, T60) for s in (7, 8)]


def era_means(parts: list[np.ndarray], eras: np.ndarray) -> np.ndarray:
    """The mean of the parts' ranks within each era, by scipy."""
    out = np.zeros(len(eras))
    for era in dict.fromkeys(eras):
        rows = eras == era
        out[rows] = np.mean([(rankdata(p[rows]) - 0.5) / rows.sum() for p in parts], axis=0)
    return out


def cards(run: RunDir, name: str) -> dict[str, int]:
    root = run.path("models", name)
    found = root.rglob("card.json")
    return {p.relative_to(root).as_posix(): p.stat().st_mtime_ns for p in found}


class TestSeveral:
    def test_predictions_are_the_mean_rank_of_every_target_and_seed(self, make_run: Maker) -> None:
        config, run = make_run(*SEVERAL)
        result = train_model(config, run, "lightgbm")
        folds = run.path("models", "lightgbm", "folds")
        whole = Predictions.load(run.path("models", "lightgbm", "out_of_fold.parquet"))
        parts = [Predictions.load(folds / "fold-0" / n / "predictions.parquet") for n in NAMES]
        assert all(p.ids.tolist() == whole.ids.tolist() for p in parts)
        assert len({p.values.tobytes() for p in parts}) == len(NAMES)
        expected = era_means([p.values for p in parts], whole.eras)
        np.testing.assert_allclose(whole.values, expected, atol=1e-6)
        record = result["folds"][0]
        assert [(m["member"], m["target"], m["seed"]) for m in record["members"]] == [
            (f"{t}.seed-{s}", t, s) for t in (T20, T60) for s in (7, 8)
        ]
        assert record["seconds"] == pytest.approx(sum(m["seconds"] for m in record["members"]))

    def test_a_seed_counts_and_repeats(self, make_run: Maker) -> None:
        config, run = make_run(*SEVERAL[1:])
        train_model(config, run, "lightgbm")
        other, alone = make_run(*SEVERAL[2:], "run.seed=8", name="alone")
        train_model(other, alone, "lightgbm")
        second = run.path("models", "lightgbm", "folds", "fold-0", "seed-8", "model.txt")
        lone = alone.path("models", "lightgbm", "folds", "fold-0", "model.txt")
        assert second.read_bytes() == lone.read_bytes()

    def test_the_model_of_all_predicts_as_its_fits_do_also_elsewhere(
        self, make_run: Maker, tmp_path: Path
    ) -> None:
        config, run = make_run(*SEVERAL)
        train_model(config, run, "lightgbm")
        shards, plan = open_shards(config, run)
        era = plan.folds[0].validation[0]
        x = shards.to_numpy([era])[0]
        moved = tmp_path / "elsewhere"
        shutil.move(run.path("models", "lightgbm", "final"), moved)
        parts = [np.asarray(load_model(moved / n, shards.spec)(x)) for n in NAMES]
        found = load_model(moved, shards.spec)(x)
        np.testing.assert_allclose(found, era_means(parts, np.full(len(x), era)), atol=1e-6)

    def test_the_line_behind_it_works(self, make_run: Maker) -> None:
        config, run = make_run(*SEVERAL, "models.ridge.params.alpha=3")
        for name in ("lightgbm", "ridge"):
            train_model(config, run, name)
        scores = evaluate(config, run)
        assert set(scores["candidates"]) >= {"lightgbm", "ridge"}
        ensemble(config, run)
        assert predict(config, run)["rows"] > 0

    def test_a_changed_fit_is_seen(self, make_run: Maker) -> None:
        config, run = make_run(*SEVERAL)
        train_model(config, run, "lightgbm")
        shards, _ = open_shards(config, run)
        final = run.path("models", "lightgbm", "final")
        card = final / NAMES[0] / "card.json"
        card.write_text(card.read_text() + "\n")
        with pytest.raises(ArtifactError, match="not the one"):
            load_model(final, shards.spec)

    def test_only_what_is_missing_is_fitted(self, make_run: Maker) -> None:
        config, run = make_run(*SEVERAL)
        train_model(config, run, "lightgbm")
        before = cards(run, "lightgbm")
        gone = f"folds/fold-0/{NAMES[2]}/card.json"
        run.path("models", "lightgbm", gone).unlink()
        again = train_model(config, run, "lightgbm")
        assert again["fitted"] == ["fold-0"]
        changed = {name for name, stamp in cards(run, "lightgbm").items() if before[name] != stamp}
        assert changed == {gone, "folds/fold-0/card.json"}

    def test_one_and_several_leave_nothing_of_each_other(self, make_run: Maker) -> None:
        def files(run: RunDir) -> set[str]:
            root = run.path("models", "lightgbm")
            return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}

        seeds = ("models.lightgbm.seeds=2", *SEVERAL[2:])
        one, run = make_run(*SEVERAL[2:])
        several, fresh = make_run(*seeds, name="fresh")
        train_model(one, run, "lightgbm")
        alone = files(run)
        train_model(several, run, "lightgbm")
        train_model(several, fresh, "lightgbm")
        assert files(run) == files(fresh) != alone
        train_model(one, run, "lightgbm")
        assert files(run) == alone


class Halting:
    """A trainer that keeps one epoch and is killed in the next, until it is let go."""

    def __init__(self) -> None:
        self.halts = True
        self.seen: list[list[str]] = []

    def fit(self, spec: Any, params: Any, data: Any, task: Any, folder: Path) -> FitResult:
        self.seen.append(sorted(p.name for p in folder.rglob("*")))
        (folder / STATE).mkdir(exist_ok=True)
        (folder / STATE / "epoch").write_text("1")
        if self.halts:
            raise KeyboardInterrupt
        (folder / "model.txt").write_text("m")
        return FitResult({}, None, None, 0.0)

    def load(self, *_: Any) -> Any:
        return lambda x: x[:, 0].astype(np.float32)


class TestInPlace:
    @pytest.fixture
    def halting(self, monkeypatch: pytest.MonkeyPatch) -> Halting:
        trainer = Halting()
        monkeypatch.setattr(training.fit, "trainer_of", lambda _: trainer)
        monkeypatch.setattr(training.fit, "load_model", lambda *_: trainer.load())
        return trainer

    def test_a_killed_fit_goes_on_from_its_state_and_leaves_none(
        self, make_run: Maker, halting: Halting
    ) -> None:
        config, run = make_run("split.folds=1")
        for _ in range(2):
            with pytest.raises(KeyboardInterrupt):
                train_model(config, run, "ridge")
        assert halting.seen == [[BEGUN], [BEGUN, "epoch", STATE]]
        halting.halts = False
        train_model(config, run, "ridge")
        left = {p.name for p in run.path("models", "ridge").rglob("*")}
        assert not left & {STATE, BEGUN, "epoch"}
        assert "card.json" in left

    def test_the_state_of_another_fit_is_not_gone_on_from(
        self, make_run: Maker, halting: Halting
    ) -> None:
        config, run = make_run("split.folds=1")
        other, _ = make_run("split.folds=1", "models.ridge.params.alpha=11")
        for one in (config, other):
            with pytest.raises(KeyboardInterrupt):
                train_model(one, run, "ridge")
        assert halting.seen == [[BEGUN], [BEGUN]]

    def test_a_kill_while_predicting_keeps_the_state(
        self, make_run: Maker, halting: Halting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        config, run = make_run("split.folds=1")
        halting.halts = False
        real = training.fit.predict_eras

        def dies(*_: Any) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(training.fit, "predict_eras", dies)
        with pytest.raises(KeyboardInterrupt):
            train_model(config, run, "ridge")
        monkeypatch.setattr(training.fit, "predict_eras", real)
        train_model(config, run, "ridge")
        assert halting.seen[1] == sorted([BEGUN, "card.json", "epoch", "model.txt", STATE])

    @pytest.mark.parametrize("moment", ["before the card", "behind it"])
    def test_a_kill_around_the_card_loses_no_fit(
        self, make_run: Maker, halting: Halting, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        config, run = make_run("split.folds=1")
        halting.halts = False
        name = "provenance" if moment == "before the card" else "_tidy"

        def dies(*_: Any) -> Any:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(training.fit, name, dies)
            train_model(config, run, "ridge")
        folder = run.path("models", "ridge", "folds", "fold-0")
        assert (folder / BEGUN).is_file()
        assert (folder / STATE).is_dir()
        (folder / "progress.json").write_text("{}")
        if moment == "before the card":
            for place in (folder, make_dir(folder / "tensorboard")):
                (place / ".partial-killed").write_text("half")
        train_model(config, run, "ridge")
        again = halting.seen[1] if moment == "before the card" else []
        assert (STATE in again) == (moment == "before the card")
        assert len(halting.seen) == (4 if again else 3)
        assert not list(run.path("models").rglob(BEGUN))
        assert not list(run.path("models").rglob(STATE))
        assert not (folder / "progress.json").exists()
        assert set(read_json(folder / "card.json")["files"]) == {"model.txt", "predictions.parquet"}

    def test_force_begins_anew(
        self, make_run: Maker, halting: Halting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import training.train

        config, run = make_run("split.folds=1")
        monkeypatch.setattr(
            training.train, "train_apart", lambda c, r, n, **_: train_model(c, r, n)
        )
        for force in (False, True):
            with pytest.raises(KeyboardInterrupt):
                train(config, run, ["ridge"], force=force)
        assert halting.seen == [[BEGUN], [BEGUN]]


class TestCards:
    def test_a_card_says_what_made_the_model_and_how_it_scored(self, make_run: Maker) -> None:
        config, run = make_run()
        train_model(config, run, "ridge")
        shards, plan = open_shards(config, run)
        root = run.path("models", "ridge")
        by_fold = {
            fold.name: json.loads((root / "folds" / fold.name / "card.json").read_text())
            for fold in plan.folds
        }
        scores = evaluate(config, run)
        per_era = scores["candidates"]["ridge"]["per_era"]["corr"]
        means = []
        for fold in plan.development:
            card = by_fold[fold.name]
            assert card["scores"]["eras"] == len(fold.validation)
            means.append(card["scores"]["corr"]["mean"] * len(fold.validation))
            assert card["data"] == shards.manifest.facts["content"]
            assert card["config"]["models"]["ridge"]["params"] == {"alpha": 10}
            assert "numpy" in card["provenance"]["libraries"]
            assert (card["learns"], card["seeds"]) == ([T20], [7])
        assert sum(means) / len(per_era) == pytest.approx(np.mean(per_era), abs=1e-6)
        assert by_fold["held_out"]["scores"] is None

    def test_training_eras_are_selected_from_shards_that_stand(self, make_run: Maker) -> None:
        config, run = make_run("split.folds=1")
        train_model(config, run, "ridge")
        few, _ = make_run("split.folds=1", "training.eras=every:3")
        assert not model_stage(few, run, "ridge").done()
        train_model(few, run, "ridge")
        shards, plan = open_shards(few, run)
        allowed = set(shards.axis.select("every:3"))
        for name, eras in (("folds/fold-0", plan.folds[0].train), ("final", plan.final)):
            card = json.loads(run.path("models", "ridge", name, "card.json").read_text())
            assert card["fit"] == [era for era in eras if era in allowed]
        whole = Predictions.load(run.path("models", "ridge", "out_of_fold.parquet"))
        assert set(whole.eras) == set(plan.folds[0].validation)
        last = shards.eras()[-1]
        none, _ = make_run("split.folds=1", f"training.eras={last}..{last}")
        with pytest.raises(LeakageError, match="training.eras leaves fold-0"):
            train_model(none, run, "ridge")


class TestWhatAModelIsMadeOf:
    def test_editing_a_plugin_is_seen(self, make_run: Maker, tmp_path: Path) -> None:
        file = tmp_path / "mine.py"
        shutil.copy(Path(__file__).parents[1] / "zoo" / "mine.py", file)
        config, run = make_run(f"models.mine.model={file}")
        job = Job.of(config, run, "mine")
        task = job.task(job.plan.folds[0], job.members[0])
        before = (model_stage(config, run, "mine").key, job.key(task))
        assert (
            model_stage(config, run, "mine").key,
            Job.of(config, run, "mine").key(task),
        ) == before
        file.write_text(file.read_text() + "\n# another\n")
        after = (model_stage(config, run, "mine").key, Job.of(config, run, "mine").key(task))
        assert all(one != other for one, other in zip(before, after, strict=True))

    def test_a_new_encoder_is_seen_by_its_fold_and_the_stage(
        self, make_run: Maker, tmp_path: Path
    ) -> None:
        encoder = tmp_path / "autoencoder"
        folders = [encoder / "folds" / "fold-0", encoder / "folds" / "fold-1", encoder / "final"]
        for folder in folders:
            folder.mkdir(parents=True)
            (folder / "card.json").write_text("{}")
        config, run = make_run(f"models.mlp.params.encoder={encoder}")
        job = Job.of(config, run, "mlp")
        tasks = [job.task(fold, job.members[0]) for fold in job.plan.development]
        final = job.final_task(job.members[0], 3)

        def keys() -> list[str]:
            own = [job.key(task) for task in (*tasks, final)]
            return [model_stage(config, run, "mlp").key, *own]

        before = keys()
        (folders[1] / "card.json").write_text('{"key": 1}')
        changed = [one != other for one, other in zip(before, keys(), strict=True)]
        assert changed == [True, False, True, False]
        before = keys()
        moved = encoder.rename(tmp_path / "moved")
        config, run = make_run(f"models.mlp.params.encoder={moved}")
        job = Job.of(config, run, "mlp")
        assert keys() == before

    @pytest.mark.parametrize("engine", ["auto", "serial"])
    def test_what_reads_another_model_is_trained_behind_it(
        self, make_run: Maker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, engine: str
    ) -> None:
        import training.train

        config, run = make_run(
            f"models.mlp.params.encoder={tmp_path}",
            "models.autoencoder.preset=small",
            "engine.backend=" + engine,
        )
        order: list[str] = []

        def told(_: Any, __: Any, name: str, **___: Any) -> dict[str, Any]:
            order.append(name)
            return {"status": "ok", "folds": []}

        monkeypatch.setattr(training.train, "train_apart", told)
        monkeypatch.setattr(training.train, "spread_fits", lambda *_: {})
        monkeypatch.setattr(training.train, "track", lambda *_: None)
        train(config, run, ["mlp", "ridge", "autoencoder"])
        assert order == ["ridge", "autoencoder", "mlp"]

    def test_a_start_must_be_untrained(self, make_run: Maker) -> None:
        config, run = make_run()
        train_model(config, run, "ridge")
        folder = run.path("models", "ridge", "final")
        other, _ = make_run(f"models.mlp.start={folder}")
        with pytest.raises(ConfigError, match="starts from an untrained network"):
            Job.of(other, run, "mlp")

    @pytest.mark.parametrize(
        ("option", "words"),
        [
            ("units=[7]", "other units"),
            ("dropout=0.3", "other dropout"),
            ("encoder=runs/a", "other encoder"),
            ("head.weight=2", "other head"),
            ("learning_rate=0.5", ""),
            ("schedule.kind=cosine", ""),
        ],
    )
    def test_a_start_is_built_as_it_is_configured(
        self, make_run: Maker, tmp_path: Path, option: str, words: str
    ) -> None:
        """Options of the fit are free; what the saved network has is not silently another."""
        params = {"units": [5], "learning_rate": 0.01}
        card = {
            "untrained": True,
            "model": "mlp",
            "params": resolve(get("mlp"), "", params).model_dump(mode="json"),
            "fingerprint": open_shards(*make_run())[0].spec.fingerprint,
        }
        seal(make_dir(tmp_path / "net"), card)
        settings = [
            f"models.mlp.start={tmp_path / 'net'}",
            "models.mlp.preset=",
            "models.mlp.params={}",
        ]
        given = ["models.mlp.params.units=[5]", f"models.mlp.params.{option}"]
        config, run = make_run(*settings, *given)
        if not words:
            assert Job.of(config, run, "mlp").start == tmp_path / "net"
            return
        with pytest.raises(ConfigError, match=words):
            Job.of(config, run, "mlp")
