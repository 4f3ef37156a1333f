"""`erazoo compare` of twelve models of one thread each: two at a time against one at a time.

Both sides begin with the same shards and no trained model, and their predictions are compared. The
start of Ray and the evaluation count.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.measure import alternate, python
from erazoo.errors import ErazooError
from erazoo.machine import cores

LIBRARIES = ("lightgbm", "xgboost", "catboost")
EXPERIMENT = "experiment.toml"


def figures(quick: bool) -> Iterator[Figure]:
    """Wall time of two jobs over that of one."""
    each, trees, rows, features, times = (1, 20, 100, 48, 1) if quick else (4, 800, 600, 200, 1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = _experiment(folder, each, trees, rows, features)
        _erazoo(folder, "download")
        _erazoo(folder, "shard")
        two, one = alternate(
            lambda: _side(folder, models, 2), lambda: _side(folder, models, 1), times
        )
        facts = {
            "models": len(models),
            "threads": 1,
            "cores": cores(),
            "trees": trees,
            "rows": 120 * rows,
            "features": features,
        }
    yield Figure("compare with 2 jobs against 1", two, one, "s", "<= 0.65", facts=facts)


def _experiment(folder: Path, each: int, trees: int, rows: int, features: int) -> list[str]:
    """Write the experiment: models of every library that differ in their depth."""
    lines = ["training.threads = 1", 'tracking.mlflow = "off"', 'data.source = "demo"']
    lines += [f"demo.eras = 120\ndemo.rows = {rows}\ndemo.features = {features}", "split.folds = 2"]
    names = []
    for library in LIBRARIES:
        for depth in range(4, 4 + each):
            names.append(f"{library}_{depth}")
            lines += [f"[models.{names[-1]}]", f'model = "{library}"', 'params.device = "cpu"']
            lines += [f"params.n_estimators = {trees}", f"params.max_depth = {depth}"]
    (folder / EXPERIMENT).write_text("\n".join(lines), encoding="utf-8")
    return names


def _side(folder: Path, models: list[str], jobs: int) -> float:
    """Seconds of a comparison from shards alone, whose predictions are those of the other side."""
    run = folder / "run"
    for trained in (*run.glob("stages/train-*"), *run.glob("stages/evaluate-*")):
        trained.unlink()
    for left in ("models", "jobs", "evaluation"):
        shutil.rmtree(run / left, ignore_errors=True)
    chosen = ("--models", ",".join(models), "--jobs", str(jobs))
    seconds = _erazoo(folder, "compare", *chosen, "--skip-processing")
    made = {p.parent.name: p.read_bytes() for p in run.glob("models/*/out_of_fold.parquet")}
    sums = folder / "predictions"
    sums.mkdir(exist_ok=True)
    if set(made) != set(models):
        raise ErazooError("a model of the comparison failed", received=", ".join(sorted(made)))
    for name, content in made.items():
        path = sums / name
        if path.is_file() and path.read_bytes() != content:
            raise ErazooError("both sides differ in their predictions", received=name)
        path.write_bytes(content)
    return seconds


def _erazoo(folder: Path, *words: str) -> float:
    place = ("--config", folder / EXPERIMENT, "--run-dir", folder / "run", "--json")
    return python("-m", "erazoo", *words, *place).wall
