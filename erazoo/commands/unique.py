"""The unique version of an ensemble beside the standard one, on a terminal."""

from __future__ import annotations

from erazoo.commands.table import table, wrapped
from scoring.report.unique import (
    Report,
    between_words,
    change_words,
    later_words,
    paid_words,
    stand_in_words,
    wish_words,
)


def unique_text(report: Report) -> str:
    """Both versions as a table, with what was wished for, found, paid and gained.

    Args:
        report: of `ensemble.unique.make.make_unique`.
    """
    before = [f"unique version: {change_words(report)}", wish_words(report)]
    after = [
        f"against the standard version: {paid_words(report['difference'])}",
        between_words(report),
        stand_in_words(report),
        later_words(report),
    ]
    words = [[wrapped(line) for line in lines if line] for lines in (before, after)]
    return "\n".join([*words[0], _versions(report), *words[1]])


def _versions(report: Report) -> str:
    standard = report["versions"]["standard"]
    beside = [metric for metric in ("mmc", "bmc") if metric in standard]
    roles = {report["goal"]["meta_model"]: "~meta", report["goal"]["benchmark"]: "~bench"}
    names = [name for name in roles if name in standard["correlation"]]
    returning = standard["turnover"] is not None
    rows = [
        [
            version,
            *(figures["corr"][figure] for figure in ("mean", "sharpe")),
            *(figures[metric]["mean"] for metric in beside),
            *(figures["correlation"][name] for name in names),
            figures["rmse"],
            figures["exposure"]["mean"],
            figures["exposure"]["max"],
            *([figures["turnover"]] if returning else []),
        ]
        for version, figures in report["versions"].items()
    ]
    heads = ["version", "corr", "sharpe", *beside, *(roles[name] for name in names)]
    heads += ["rmse", "exposure", "max exp", *(["turnover"] if returning else [])]
    return table(heads, rows)
