"""`erazoo mine export`: configurations of a study as models of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from erazoo.commands.frame import Call
from erazoo.errors import ConfigError
from erazoo.tournament import CLASSIC

if TYPE_CHECKING:
    from erazoo.config import Config
    from erazoo.rundir import RunDir

SHOWN = ("corr", "sharpe", "mmc", "bmc")
"""Validation scores that are named."""


def export_study(
    call: Call, ids: Sequence[str], weights: str | None, *, force: bool = False
) -> None:
    """Export configurations of the study that the call's configuration names, and say what was.

    Args:
        call: of the verb.
        ids: of configurations, or how they begin.
        weights: of their ensemble, numbers with commas between; None for equal ones.
        force: make anew what stands.

    Raises:
        ConfigError: no id, or weights that are no numbers.
    """
    if not ids:
        raise ConfigError(
            "nothing to export", expected="erazoo mine export ID...", hint="`erazoo mine results`"
        )
    shares = None if weights is None else _numbers(weights)
    run = call.existing_run()
    if call.dry_run:
        call.plan(f"export {', '.join(ids)}", lambda: False, run=str(run.root))
        return
    from search.export import export

    with call.writing():
        done = export(call.config, run, ids, shares, force=force)
    call.emit(done, lambda: _text(done, call.config, run))


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(
            "--weights are numbers with commas between", received=text, expected="such as 2,1,1"
        ) from None


def _text(done: Mapping[str, Any], config: Config, run: RunDir) -> str:
    lines = [_line(card) for card in done["exports"]]
    blend = done["ensemble"]
    if blend:
        parts = ", ".join(f"{one['id']} ({one['weight']:.3g})" for one in blend["models"])
        lines.append(f"{blend['id']}: {parts}")
    files = [f"  {card['path']}/out_of_fold.parquet" for card in done["exports"]]
    lines += ["members of an ensemble (ensemble.files):", *files]
    if config.data.tournament == CLASSIC.name:
        name = blend["id"] if blend else done["exports"][0]["id"]
        place = f"{run.root} --study {done['study']} --model {name}"
        lines.append(f"a pickle: erazoo export pickle {place}")
    return "\n".join(lines)


def _line(card: Mapping[str, Any]) -> str:
    told = [(name, card["scores"]["validation"][name]) for name in SHOWN]
    scores = ", ".join(f"{name} {value:.4f}" for name, value in told if value is not None)
    done = " (done already)" if card.get("skipped") else ""
    return (
        f"{card['id']}: reproduced to {card['difference']:.1g}, then trained on every resolved "
        f"era; validation {scores or 'undefined'}, "
        f"one of {card['configurations']} configurations{done}"
    )
