"""What features are worth to a model: gain of splits, SHAP values, and CORR lost without them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from erazoo.artefacts import open_sealed
from erazoo.config.schema import ModelEntry
from erazoo.errors import ConfigError
from erazoo.panel import EraBlock, FeatureSpec
from erazoo.publish import write_json
from etl.shards import ShardSet
from scoring.corr import numerai_corr
from scoring.eras import EraSlices
from scoring.summary import json_number
from training.families import load_model
from training.in_sample import sampled_eras
from training.shap_values import mean_contributions
from zoo.catalogue import ModelSpec, Params

if TYPE_CHECKING:
    from training.job import Job
    from training.task import BlockPredictor

IMPORTANCE = "importance.json"
FINAL = "final"
GROUP = "group:"

WORDS = {"gain": "splits to gain from", "shap": "SHAP values"}
SAMPLED_ERAS = 20
"""Validation eras of a fold that permutations are measured on."""


def group_sums(
    gain: NDArray[np.float64], names: Sequence[str], groups: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """The gain of each group's features together; groups may overlap.

    Args:
        gain: (F,).
        names: of the features.
        groups: their names by group.
    """
    known = dict(zip(names, gain.tolist(), strict=True))
    return {group: float(sum(known[name] for name in members)) for group, members in groups.items()}


def permutation_losses(
    predictor: BlockPredictor,
    data: ShardSet,
    eras: Sequence[str],
    target: str,
    columns: Mapping[str, NDArray[np.int64]],
    seed: int,
) -> dict[str, list[float]]:
    """CORR that each era loses where some columns are permuted together within it.

    Rows change place within their era alone, so that the columns keep their distribution there and
    their relation to each other, and lose that to the target and to other columns. Source:
    Breiman (2001), Random Forests, on unseen rows.

    Memory: one era of features, twice.

    Args:
        predictor: of raw features.
        data: the shards.
        eras: that the model was not fitted on.
        target: the column that is scored on.
        columns: positions of the columns that change place together, by name.
        seed: of the permutations.

    Returns:
        By name one loss an era, NaN where the era has no CORR.
    """
    losses: dict[str, list[float]] = {name: [] for name in columns}
    place = data.target_index(target)
    for number, block in enumerate(data.blocks(eras)):
        rows = np.random.default_rng([seed, number]).permutation(len(block))
        whole = _corr(predictor, block, block.features, place)
        features = block.features.copy()
        for name, chosen in columns.items():
            features[:, chosen] = block.features[rows][:, chosen]
            losses[name].append(whole - _corr(predictor, block, features, place))
            features[:, chosen] = block.features[:, chosen]
    return losses


def wanted_columns(data: ShardSet) -> dict[str, NDArray[np.int64]]:
    """The columns of every feature, then of every group, as `group:NAME`."""
    spec = data.spec
    single = {name: spec.columns([name]) for name in spec.names}
    return {**single, **{f"{GROUP}{name}": spec.columns(of) for name, of in spec.groups.items()}}


def summarised(losses: Mapping[str, Sequence[float]]) -> dict[str, dict[str, Any]]:
    """Mean and standard error of the losses over eras, the largest mean first."""
    found: dict[str, dict[str, Any]] = {}
    for name, values in losses.items():
        known = np.array([value for value in values if np.isfinite(value)])
        error = known.std(ddof=1) / np.sqrt(len(known)) if len(known) > 1 else float("nan")
        mean = float(known.mean()) if len(known) else float("nan")
        found[name] = {"corr": json_number(mean), "error": json_number(float(error))}
    return dict(sorted(found.items(), key=lambda item: -(item[1]["corr"] or 0.0)))


def check_importance(
    name: str, entry: ModelEntry, spec: ModelSpec, params: Params, features: FeatureSpec
) -> None:
    """Refuse gain and SHAP values where there are none.

    Raises:
        ConfigError: they are asked of a model that is not boosted, or SHAP values of one whose
            library has none.
    """
    wanted = entry.importance
    if wanted not in WORDS:
        return
    if spec.family != "boosting":
        raise ConfigError(
            f"models.{name} has no {WORDS[wanted]}",
            received=f"importance = '{wanted}' for {spec.name}",
            expected="'permutation' or 'none', or a boosted model",
        )
    obstacle = spec.build(params, features).no_contributions()
    if wanted == "shap" and obstacle:
        raise ConfigError(
            f"models.{name} has no {WORDS[wanted]}: {obstacle}",
            received="importance = 'shap'",
            expected="'gain', 'permutation' or 'none'",
        )


def write_importance(job: Job) -> Path:
    """Write what a trained model's features are worth, as its entry asks.

    The gain is that of the fits that predict live data; SHAP values and permutations are taken of
    each development fold's model on eras that validate it, so that held-out eras stay closed. Where
    a fold has several fits, the gain and SHAP values are the mean of theirs.

    Returns:
        The path of `importance.json`.
    """
    spec, found = job.data.spec, {}
    if job.spec.family == "boosting":
        folders = [job.fit_dir(FINAL, member) for member in job.members]
        gain = np.mean([_fitted(job, folder).gain() for folder in folders], axis=0)
        features = dict(zip(spec.names, gain.tolist(), strict=True))
        found["gain"] = {
            "features": dict(sorted(features.items(), key=lambda item: -item[1])),
            "groups": group_sums(gain, spec.names, spec.groups),
        }
    if job.entry.importance == "shap":
        found["shap"] = mean_contributions(_fits(job), job.data, job.config.run.seed)
    if job.entry.importance == "permutation":
        losses = summarised(_losses(job))
        single = {name: value for name, value in losses.items() if not name.startswith(GROUP)}
        groups = {n[len(GROUP) :]: v for n, v in losses.items() if n.startswith(GROUP)}
        found["permutation"] = {"features": single, "groups": groups}
    path = job.folder / IMPORTANCE
    write_json(path, found)
    return path


def _losses(job: Job) -> dict[str, list[float]]:
    columns = wanted_columns(job.data)
    losses: dict[str, list[float]] = {name: [] for name in columns}
    for fold in job.plan.development:
        predictor = load_model(job.fold_dir(fold.name), job.data.spec)
        eras = sampled_eras(fold.validation, SAMPLED_ERAS)
        seed, target = job.config.run.seed, job.plan.target
        here = permutation_losses(predictor, job.data, eras, target, columns, seed)
        for name, values in here.items():
            losses[name] += values
    return losses


def _fits(job: Job) -> Iterator[tuple[Any, Sequence[str]]]:
    for fold in job.plan.development:
        for member in job.members:
            yield _fitted(job, job.fit_dir(fold.name, member)), fold.validation


def _fitted(job: Job, folder: Path) -> Any:
    open_sealed(folder)
    model = job.spec.build(job.params, job.data.spec)
    model.load(folder)
    return model


def _corr(predictor: BlockPredictor, block: EraBlock, features: NDArray[Any], column: int) -> float:
    span = EraSlices((block.era,), np.array([0, len(block)]))
    values = np.asarray(predictor(features), dtype=np.float32)
    return float(numerai_corr(values, block.targets[:, column], span)[0, 0])
