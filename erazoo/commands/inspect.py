"""`erazoo inspect`: what a shard set or a data set holds, and whether it is whole."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from erazoo.commands.frame import Call, verb
from erazoo.commands.table import table
from erazoo.publish import LOCK, nothing_left

if TYPE_CHECKING:
    from erazoo.rundir import RunDir

Result = dict[str, Any]


@verb
def inspect(
    call: Call,
    data: Annotated[
        bool, typer.Option("--data", help="Look at the data set, though shards stand.")
    ] = False,
    eras: Annotated[
        str,
        typer.Option(
            "--eras", metavar="SELECTION", help="Read values in these eras only, as every:10."
        ),
    ] = "all",
    by_era: Annotated[
        bool, typer.Option("--by-era", help="Print every era rather than stretches of them.")
    ] = False,
    page: Annotated[
        bool, typer.Option("--page", help="Write inspection.json and a page with pictures.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every byte of the shards against its checksum.")
    ] = False,
) -> None:
    """Show what is in a run's shards, or before these stand in its data set.

    Eras, rows, targets, features by group, missing values and sizes; every value is read once.
    """
    run = _place(call)
    if page and call.dry_run:
        path = run.path("inspection.html")
        call.emit({"page": str(path), "dry_run": True}, f"would write {path}")
        return
    if verify:
        _verify(call, run)
    result = {**_inspected(call, run, data, eras, page), "verified": verify}
    call.emit(result, lambda: _text(result, run, by_era))


def _place(call: Call) -> RunDir:
    """The run directory; it need not be there for data that lie elsewhere."""
    run, section = call.look(), call.config.data
    elsewhere = bool(section.dir) or section.source == "files"
    return run if run.root.is_dir() or elsewhere else call.existing_run()


def _inspected(call: Call, run: RunDir, data: bool, eras: str, page: bool) -> Result:
    from etl.inspection import inspect_run, write_inspection

    if not page:
        return inspect_run(call.config, run, data=data, eras=eras)
    from scoring.report.inspection import write_inspection_page

    with nothing_left(run.root, (LOCK,)), call.run.lock():
        result = write_inspection(call.config, call.run, data=data, eras=eras)
        return {**result, "page": str(write_inspection_page(run.root))}


def _verify(call: Call, run: RunDir) -> None:
    """Print all damage to the shards and leave with an error where there is any."""
    from etl.inspection import find_run_damage
    from etl.shards.verify import refuse_damage

    damage = find_run_damage(run)
    if damage:
        rows = [[found.path, found.what] for found in damage]
        result = {"verified": False, "damage": [asdict(found) for found in damage]}
        call.emit(result, lambda: table(["file", "damage"], rows))
    refuse_damage(damage)


def _text(result: Result, run: RunDir, by_era: bool) -> str:
    from erazoo.commands.inspected import inspection_text
    from scoring.report.inspection import Inspection

    found = Inspection.from_json(result)
    inside = run.path(found.place)
    place = str(inside) if inside.exists() else found.place
    parts = [inspection_text(found, place, by_era=by_era)]
    if result.get("verified"):
        parts.append("verified: every byte of the shard set is as written")
    if "page" in result:
        parts.append(f"the page lies in {result['page']}")
    return "\n\n".join(parts)
