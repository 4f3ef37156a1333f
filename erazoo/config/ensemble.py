"""How members are found, weighed and blended."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from erazoo.config.base import Section
from erazoo.config.unique import UniqueSection


class MetaSection(Section):
    """The meta-learner: weights that depend on statistics of the era (`ensemble/meta`).

    It starts at the weights of the method `static`. `training` follows the gradient of
    `objective`, or pays by `reward` (a policy gradient) what weights scored in each era.
    `penalties` are the costs of leaving the static weights that are tried on inner, later eras;
    where none of them helps there, the weights stay static. The network is trained again every
    `every` eras, on resolved eras alone, and at least `least` of them.
    `directions` are those that correlations of features are told along, `components` the principal
    components of all statistics that the network reads (0: all statistics as they are), `recent`
    the resolved eras behind the members' recent scores. `hidden` and `embedding` are widths.
    `prototypes` is the number of regimes that embeddings are drawn to with the strength `pull` (0:
    none). `top_k` keeps the highest weights of an era alone (0: all), `balance` is a cost of using
    members unequally over eras, `turnover` one of weight that is moved between neighbouring eras,
    `entropy` what the training by reward pays for spread weights. `steps`, `rate` and `decay` are
    those of AdamW over all training eras at once.
    """

    enabled: bool = False
    static: str = "maximise"
    training: Literal["gradient", "reward"] = "gradient"
    objective: Literal["corr", "mmc"] = "corr"
    penalties: tuple[Annotated[float, Field(ge=0, allow_inf_nan=False)], ...] = Field(
        (0.3, 1.0, 3.0, 10.0), min_length=1
    )
    every: int = Field(26, ge=1, le=1000)
    least: int = Field(60, ge=20)
    directions: int = Field(12, ge=1, le=64)
    components: int = Field(8, ge=0, le=256)
    recent: int = Field(12, ge=1, le=1000)
    hidden: tuple[Annotated[int, Field(ge=1, le=1024)], ...] = (16,)
    embedding: int = Field(8, ge=1, le=256)
    prototypes: int = Field(4, ge=0, le=64)
    pull: float = Field(0.1, ge=0, allow_inf_nan=False)
    top_k: int = Field(0, ge=0)
    balance: float = Field(0.0, ge=0, allow_inf_nan=False)
    turnover: float = Field(0.0, ge=0, allow_inf_nan=False)
    entropy: float = Field(0.01, ge=0, allow_inf_nan=False)
    steps: int = Field(150, ge=1, le=100_000)
    rate: float = Field(0.02, gt=0, le=1)
    decay: float = Field(0.01, ge=0, allow_inf_nan=False)


class GridSection(Section):
    """One model on each feature set and group by itself (`erazoo ensemble --grid`).

    `of` says on what: `sets`, `groups`, both with each group within each set (`sets x groups`), or
    nothing (empty). `model` is the configured model that is trained (empty: the first boosted one),
    as it is configured but for its `features`. `sets` are `small`, `medium` and `all` where none
    are named, as far as the data have them, `groups` all others but those that stand for earlier
    data sets (`*_equivalent`, `fncv3_features`). What is kept becomes a member of the ensemble.
    """

    of: Literal["", "sets", "groups", "sets x groups"] = ""
    model: str = ""
    sets: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class WalkSection(Section):
    """Incremental learning: history replayed as it was lived (`erazoo ensemble --walk`).

    Eras arrive one by one. Every `refit` eras each model learns again: with `update = "window"`
    from the newest `window` resolved eras; with `"continue"` boosted models go on from their last
    fit with the eras that were resolved since, by `trees` more (0: as many an era as the first fit
    had), and linear ones learn the window. Weights are learned again every `every` eras by
    `method`, a name that `erazoo ensemble --methods` lists, `meta` for the meta-learner. `models`
    are boosted or linear members of the ensemble (empty: all of these). An era's targets are used
    from when they would have been published, never before.
    """

    models: tuple[str, ...] = ()
    update: Literal["window", "continue"] = "window"
    window: int = Field(156, ge=3, le=100_000)
    refit: int = Field(13, ge=1, le=10_000)
    trees: int = Field(0, ge=0)
    method: str = "maximise"
    every: int = Field(4, ge=1, le=10_000)


class EnsembleSection(Section):
    """How predictions are blended (`ensemble/`).

    `members` are models of the run (empty: all enabled ones), `files` prediction files of other
    runs, where `erazoo train` left them (`RUN/models/NAME/out_of_fold.parquet`), relative to the
    folder that the command runs in. `missing` says whether rows that one member lacks and another
    has are refused or dropped. `method` is a way to weigh them (`erazoo ensemble --methods` lists
    them), or `recommended`: the best of `methods` (empty: all) on later eras than it learned from,
    where it beats equal weights by more than luck would give the best of so many, otherwise equal
    weights. The newest share `judged` of the pooled eras is judged on, in `blocks` one after the
    other; weights of a block come from earlier, purged eras. `objective` is what the methods
    `greedy` and `maximise` raise. `rounds` and `bags` are those of `greedy`: picks with
    replacement, and repetitions on random halves of the members (0: none).
    """

    members: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    missing: Literal["refuse", "drop"] = "refuse"
    method: str = "recommended"
    methods: tuple[str, ...] = ()
    objective: Literal["corr", "sharpe", "mmc"] = "corr"
    judged: float = Field(0.5, gt=0, lt=1)
    blocks: int = Field(4, ge=1, le=100)
    rounds: int = Field(50, ge=1, le=10_000)
    bags: int = Field(0, ge=0, le=1_000)
    unique: UniqueSection = UniqueSection()
    meta: MetaSection = MetaSection()
    grid: GridSection = GridSection()
    walk: WalkSection = WalkSection()
