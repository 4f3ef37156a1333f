"""Where the results come from: data, seeds, versions, and the whole configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from erazoo.logs import redact
from scoring.report.markup import breakable, scrolling_table, tag, text
from scoring.report.results import RunResults, StageRecord
from scoring.report.sections.base import Section, facts

_COMMIT = 12
_DIRTY = "-dirty"


def provenance_section(results: RunResults) -> Section:
    """Fingerprints and seeds, the versions that made each stage, and the configuration."""
    body = facts(_facts(results)) + _versions(results) + _configuration(results.config)
    return Section("provenance", "Provenance", body)


def commit_words(commit: str | None) -> str:
    """A commit as people read it.

    >>> commit_words("0123456789abcdef-dirty"), commit_words(None)
    ('0123456789ab with changes', 'not recorded')
    """
    if not commit:
        return "not recorded"
    changed = " with changes" if commit.endswith(_DIRTY) else ""
    return commit.removesuffix(_DIRTY)[:_COMMIT] + changed


def _facts(results: RunResults) -> list[tuple[str, str]]:
    config, data = results.config, results.data
    made = results.made_by[-1] if results.made_by else {}
    items = [
        ("Data fingerprint", data.content if data and data.content else "not recorded"),
        ("Feature fingerprint", data.fingerprint if data and data.fingerprint else "not recorded"),
        ("Commit", commit_words(made.get("commit"))),
        ("Version of erazoo", str(made.get("erazoo") or "not recorded")),
        ("Python", str(made.get("python") or "not recorded")),
        ("Platform", str(made.get("platform") or "not recorded")),
        ("Seed", str(config.get("run", {}).get("seed", "not recorded"))),
    ]
    if results.source == "demo" and "seed" in config.get("demo", {}):
        items.append(("Seed of the data", str(config["demo"]["seed"])))
    return items


def _versions(results: RunResults) -> str:
    stages = [stage for stage in results.stages if stage.provenance]
    if not stages:
        return ""
    if len(results.made_by) == 1:
        libraries = results.made_by[0].get("libraries", {})
        chips = "".join(
            tag("li", text("span", name) + text("b", version))
            for name, version in libraries.items()
        )
        head = text("h3", "Libraries", id="libraries-heading")
        return head + tag("ul", chips, class_="chips", aria_labelledby="libraries-heading")
    return text("h3", "Versions by stage") + _by_stage(stages)


def _by_stage(stages: list[StageRecord]) -> str:
    """A row a stage and a column a thing that differs between them."""
    rows = [
        {
            "commit": commit_words(stage.provenance.get("commit")),
            "erazoo": str(stage.provenance.get("erazoo", "")),
            "python": str(stage.provenance.get("python", "")),
            "platform": str(stage.provenance.get("platform", "")),
            **stage.provenance.get("libraries", {}),
        }
        for stage in stages
    ]
    names = dict.fromkeys(k for r in rows for k in r)
    differing = [n for n in names if len({row.get(n) for row in rows}) > 1] or ["commit"]
    heads = "".join(text("th", name, scope="col") for name in ("stage", *differing))
    body = "".join(
        tag(
            "tr",
            tag("th", breakable(stage.name), scope="row")
            + "".join(text("td", row.get(name, "")) for name in differing),
        )
        for stage, row in zip(stages, rows, strict=True)
    )
    return scrolling_table(tag("tr", heads), body, "Versions by stage")


def _configuration(config: Mapping[str, Any]) -> str:
    if not config:
        return ""
    shown = redact(json.dumps(config, indent=2))
    code = tag("pre", text("code", shown), tabindex="0", aria_label="Configuration, scrollable")
    return tag("details", text("summary", "The configuration") + code, class_="configuration")
