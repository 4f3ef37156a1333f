"""The command line: the table of verbs, and what a failure looks like.

A verb's module is imported when that verb is called, so that help answers at once.
"""

from __future__ import annotations

import errno
import inspect
import logging
import os
import shlex
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperCommand, TyperGroup

from erazoo import __version__
from erazoo.errors import ConfigError, ErazooError
from erazoo.logs import LOGGER, redact, set_up
from erazoo.near import nearest
from erazoo.processes import leave

INTERRUPTED = 130
UNWRITABLE = "the folder may not be written; make it writable or choose another --run-dir"
DISK_FAULTS = {
    errno.ENOSPC: "the disk is full; make room first",
    errno.EDQUOT: "the disk's quota is used up; make room first",
    errno.EFBIG: "a file grew past the limit of this shell; raise it first (ulimit -f)",
    errno.EROFS: UNWRITABLE,
    errno.EACCES: UNWRITABLE,
    errno.EPERM: UNWRITABLE,
}
HELP = {"help_option_names": ["-h", "--help"]}


class Verb(NamedTuple):
    """Where a verb lives, and what the list of verbs says of it.

    The module holds a function of the verb's name, decorated with `erazoo.commands.frame.verb`.
    """

    module: str
    summary: str


VERBS: dict[str, Verb] = {
    "demo": Verb("erazoo.commands.demo", "Generate the demo tournament's data folder."),
    "download": Verb("erazoo.commands.download", "Bring an experiment's data into its folder."),
    "shard": Verb("erazoo.commands.shard", "Write the shards and the purged folds."),
    "inspect": Verb("erazoo.commands.inspect", "Show what shards or a data set hold."),
    "models": Verb("erazoo.commands.models", "List the catalogue of models."),
    "train": Verb("erazoo.commands.train", "Train models on every fold."),
    "compare": Verb("erazoo.commands.compare", "Train every model, and show which is worth it."),
    "evaluate": Verb("erazoo.commands.evaluate", "Score a run, or prediction files."),
    "mine": Verb("erazoo.commands.mine", "Mine many configurations against a benchmark."),
    "ensemble": Verb("erazoo.commands.ensemble", "Blend the models of a run."),
    "predict": Verb("erazoo.commands.predict", "Write the checked submission file."),
    "submit": Verb("erazoo.commands.submit", "Check the submission file; --submit uploads it."),
    "export": Verb("erazoo.commands.export", "Write models that run without erazoo."),
    "report": Verb("erazoo.commands.report", "Write the page that shows what a run found."),
    "notebook": Verb("erazoo.commands.notebook", "Open Jupyter on the examples."),
    "doctor": Verb("erazoo.commands.doctor", "Say what this machine has, and what is missing."),
}


class _Plain:
    """Help that shows no type beside a switch, which takes no value."""

    def get_params(self, ctx: Any) -> list[Any]:
        """The options and arguments, with `--help`."""
        params: list[Any] = super().get_params(ctx)  # type: ignore[misc]
        for param in params:
            if getattr(param, "is_flag", False):
                param.metavar = ""
        return params


class VerbCommand(_Plain, TyperCommand):
    """A verb in full."""


class VerbGroup(_Plain, TyperGroup):
    """A group of commands that knows its verbs by the table and loads only the one called."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Split the verb from the group's own options.

        Raises:
            ConfigError: options of a verb stand before it.
        """
        own = {name for param in self.get_params(ctx) for name in param.opts}
        if args and args[0].startswith("-") and args[0] not in own:
            _check_place(args)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """The verbs in the order of the table."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """A verb as the list shows it, without its options."""
        verb = VERBS.get(cmd_name)
        return verb and TyperCommand(cmd_name, help=verb.summary)

    def resolve_command(
        self,
        ctx: Any,  # noqa: ARG002
        args: list[str],
    ) -> tuple[str | None, Any, list[str]]:
        """The verb that is called, in full.

        Raises:
            ConfigError: there is no such verb; the nearest one is named.
        """
        if args[0] not in VERBS:
            raise ConfigError("unknown verb", received=args[0], expected=nearest(args[0], VERBS))
        return args[0], _load(args[0]), args[1:]


app = typer.Typer(
    cls=VerbGroup,
    help="Train, blend, check and submit models for era-structured financial data.",
    epilog="`erazoo VERB --help` shows a verb's options.",
    context_settings=HELP,
    add_completion=False,
)


@app.callback()
def _group(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and nothing else.")
    ] = False,
) -> None:
    """Only `--version` is an option of the group itself; see `main`."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and answer its exit code.

    Args:
        arguments: the words after `erazoo`; None for those of this process.

    Returns:
        0 done; 1 failed; 2 usage or configuration; 3 data; 4 remote service; 75 round closed;
        130 interrupted.
    """
    code = _answer(list(sys.argv[1:] if arguments is None else arguments) or ["--help"])
    if arguments is None:
        leave(code)
    return code


def _answer(words: list[str]) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    set_up()
    if words[0] == "--version":
        typer.echo(f"erazoo {__version__}")
        return 0
    try:
        code = _run(words)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except ErazooError as error:
        return _fail(words, error.message, error.exit_code)
    except typer.TyperException as error:
        message = error.format_message().rstrip(".")
        return _fail(words, f"{message}. See {_place(words)} --help.", error.exit_code)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_FAULTS:
            return _fail(words, _disk_fault(error), 1)
        hint = "" if _verbose() else "; -v shows the traceback"
        return _fail(words, f"{type(error).__name__}: {error}{hint}", 1)
    if code == INTERRUPTED:
        again = shlex.join(["erazoo", *(word for word in words if word != "--force")])
        return _fail(words, f"interrupted; what was finished is kept. Resume with: {again}", code)
    return code


def _disk_fault(error: OSError) -> str:
    place = f" Received: {error.filename}." if error.filename else ""
    return f"{DISK_FAULTS[error.errno or 0]}.{place} What was finished is kept."


def _run(words: list[str]) -> int:
    command = typer.main.get_command(app)
    code = command.main(words, prog_name="erazoo", standalone_mode=False)
    return code if isinstance(code, int) else 0


def _load(name: str) -> TyperCommand:
    single = typer.Typer(add_completion=False)
    function = getattr(import_module(VERBS[name].module), name)
    about = _paragraphs(function.__doc__)
    single.command(name, cls=VerbCommand, help=about, context_settings=HELP)(function)
    command = typer.main.get_command(single)
    if not isinstance(command, TyperCommand):
        raise TypeError(f"the verb {name!r} is not one command")
    return command


def _common_options() -> dict[str, bool]:
    """The options of every verb: whether each is a switch, which takes no value."""
    params: list[Any] = _load("doctor").params
    return {name: bool(param.is_flag) for param in params for name in param.opts}


def _check_place(words: list[str]) -> None:
    """Refuse an option of the verbs that stands before the verb, with the order that works."""
    options = _common_options()
    if words[0].partition("=")[0] not in options:
        return
    values = {i + 1 for i, word in enumerate(words) if options.get(word) is False}
    verbs = [i for i, word in enumerate(words) if word in VERBS and i not in values]
    if verbs:
        order = [words[verbs[0]], *words[: verbs[0]], *words[verbs[0] + 1 :]]
    else:
        order = ["VERB", *words]
    raise ConfigError(
        "options come after the verb",
        received=words[0],
        hint=f"Run `{shlex.join(['erazoo', *order])}`",
    )


def _fail(words: Sequence[str], message: str, code: int) -> int:
    line = redact(f"{_place(words)}: {' '.join(message.split())}")
    _log_file(line)
    if _verbose() and sys.exc_info()[0] is not None:
        LOGGER.debug("the failure in full", exc_info=True)
    typer.echo(line, err=True)
    return code


def _log_file(line: str) -> None:
    """The log file keeps the traceback of a failure in any case."""
    failure = sys.exc_info()
    record = LOGGER.makeRecord(
        LOGGER.name, logging.ERROR, "", 0, line, (), failure if failure[0] else None
    )
    for handler in LOGGER.handlers:
        if isinstance(handler, logging.FileHandler):
            handler.handle(record)


def _verbose() -> bool:
    return LOGGER.isEnabledFor(logging.DEBUG)


def _place(words: Sequence[str]) -> str:
    verb = next((word for word in words if not word.startswith("-")), None)
    return f"erazoo {verb}" if verb in VERBS else "erazoo"


def _paragraphs(docstring: str | None) -> str:
    """A docstring's text with its lines joined, for the terminal to wrap anew."""
    paragraphs = inspect.cleandoc(docstring or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
