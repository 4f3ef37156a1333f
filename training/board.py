"""TensorBoard on a run directory, its fits named MODEL/FOLD: `python -m training.board RUN`."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from erazoo.errors import ConfigError, ErazooError
from erazoo.near import nearest
from erazoo.scratch import Scratch

EVENTS = "tensorboard"
EVERY_SECONDS = 5.0
FOLDERS, TICKED = 3, 40
"""Folders of event files that a fit has, and the most that TensorBoard shows unasked; of more it
shows none until they are ticked."""


def link_fits(run: Path, view: Path, models: Sequence[str] = ()) -> list[str]:
    """Link the event files of every fit of a run into a folder, by the names of model and fold.

    Args:
        run: the run directory.
        view: takes the links; those that are there stay.
        models: those that are shown; all if none.

    Returns:
        The names, such as `mlp/fold-0`.
    """
    names = []
    for events in sorted(run.glob(f"models/**/{EVENTS}")):
        parts = [p for p in events.parent.relative_to(run / "models").parts if p != "folds"]
        if models and parts[0] not in models:
            continue
        link = view.joinpath(*parts)
        names.append("/".join(parts))
        if not link.is_symlink():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(events.resolve(), target_is_directory=True)
    return names


def main(words: Sequence[str]) -> int:
    """Serve a run directory until the process is told to end; fits that begin meanwhile appear.

    Raises:
        ConfigError: there is no such run directory, or no such model in it.
    """
    parser = argparse.ArgumentParser(
        prog="tensorboard.sh",
        description="TensorBoard on the networks of a run, on this machine alone.",
        epilog="Other options, such as --port, are those of TensorBoard itself.",
    )
    parser.add_argument("run", type=Path, help="a run directory")
    parser.add_argument("--models", default="", metavar="NAME,...", help="these alone")
    chosen, options = parser.parse_known_args(words)
    if not (chosen.run / "models").is_dir():
        raise ConfigError(
            "there are no models here",
            received=str(chosen.run),
            expected="a run directory",
            hint="Train a network first: erazoo train",
        )
    models = _models(chosen.run, chosen.models)
    with Scratch("tensorboard") as name:
        view, ended = Path(name), threading.Event()
        sys.stderr.write(_advice(link_fits(chosen.run, view, models)))

        def watch() -> None:
            while not ended.wait(EVERY_SECONDS):
                link_fits(chosen.run, view, models)

        threading.Thread(target=watch, daemon=True).start()
        try:
            return _serve(view, options)
        finally:
            ended.set()


def _models(run: Path, text: str) -> tuple[str, ...]:
    """The chosen models, each of which has a folder in the run."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    for name in names:
        if not (run / "models" / name).is_dir():
            raise ConfigError(
                "the run has no such model",
                received=name,
                expected=nearest(name, [path.name for path in (run / "models").iterdir()]),
            )
    return names


def _advice(fits: Sequence[str]) -> str:
    """What to know before the page is opened."""
    if not fits:
        return "no network has been trained here yet; its curves will appear\n"
    if FOLDERS * len(fits) <= TICKED:
        return ""
    return (
        f"{len(fits)} fits: TensorBoard shows none of so many until you tick them on the left; "
        "--models NAME,... shows those alone\n"
    )


def _serve(view: Path, options: Sequence[str]) -> int:
    from tensorboard import program

    server = program.TensorBoard()
    fixed = ["--logdir", str(view), "--host", "127.0.0.1"]
    server.configure(argv=["tensorboard", *fixed, *options])
    return int(server.main())


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ErazooError as error:
        sys.stderr.write(f"tensorboard.sh: {error}\n")
        sys.exit(error.exit_code)
