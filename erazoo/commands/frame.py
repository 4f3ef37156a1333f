"""What all verbs share: their common flags, and the call that these become."""

from __future__ import annotations

import functools
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from erazoo.checkout import places
from erazoo.config import Config, load
from erazoo.errors import ConfigError, DataError
from erazoo.logs import redact, set_up
from erazoo.publish import LOCK, make_dir, nothing_left
from erazoo.rundir import RunDir
from etl.files import SOURCE_RECORD
from etl.source import data_folder

DEFAULT_CONFIG = Path("conf/demo.toml")
RECORDED = "config.json"
T = TypeVar("T")


def _common(*names: str, text: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=text, metavar=metavar, rich_help_panel="Options of every verb")


@dataclass(frozen=True)
class Flags:
    """The flags of every verb as they were given; the one place that declares them."""

    config: Annotated[
        Path | None,
        _common("--config", metavar="FILE", text="The experiment (conf/demo.toml)."),
    ] = None
    env: Annotated[
        str | None, _common("--env", metavar="NAME", text="A layer of conf/env/ on top of it.")
    ] = None
    settings: Annotated[
        list[str] | None,
        _common("--set", metavar="SECTION.KEY=VALUE", text="Set an option; may be repeated."),
    ] = None
    run_dir: Annotated[
        Path | None, _common("--run-dir", metavar="DIR", text="The run directory (runs/NAME).")
    ] = None
    json: Annotated[bool, _common("--json", text="Print the result as one JSON object.")] = False
    dry_run: Annotated[
        bool, _common("--dry-run", text="Say what would be done; write nothing.")
    ] = False
    verbose: Annotated[bool, _common("--verbose", "-v", text="Log more, and show tracebacks.")] = (
        False
    )
    log_file: Annotated[
        Path | None, _common("--log-file", metavar="FILE", text="Append the log to a file too.")
    ] = None


@dataclass(frozen=True)
class Call:
    """One call of a verb: its resolved configuration, its run directory and its output.

    Attributes:
        flags: the common flags as given.
        config: the experiment that they resolve to.
    """

    flags: Flags
    config: Config

    @classmethod
    def of(cls, flags: Flags) -> Call:
        """Start the logs and resolve the configuration.

        Raises:
            ConfigError: the configuration or the log file cannot be used.
        """
        _start_logs(flags)
        return cls(flags, _resolve(flags))

    def override(self, settings: Mapping[str, object], *, below_set: bool = False) -> Call:
        """The same call with options of the verb set over everything else.

        Args:
            settings: values by `section.key`; those that are None are left alone.
            below_set: let what the user gave by `--set` win over them.
        """
        texts = [
            f"{key}={json.dumps(value)}" for key, value in settings.items() if value is not None
        ]
        given = self.flags.settings or []
        together = [*texts, *given] if below_set else [*given, *texts]
        flags = replace(self.flags, settings=together)
        return Call(flags, _resolve(flags))

    def of_run(self, root: Path) -> Call:
        """The same call on a run directory that is named, with the configuration recorded there.

        Raises:
            ConfigError: nothing is recorded there, and no other experiment was given.
        """
        flags = replace(self.flags, config=self.flags.config or root / RECORDED, run_dir=root)
        return Call(flags, _resolve(flags))

    @property
    def json(self) -> bool:
        """Whether the result is wanted as JSON."""
        return self.flags.json

    @property
    def dry_run(self) -> bool:
        """Whether the verb may only say what it would do."""
        return self.flags.dry_run

    @cached_property
    def run(self) -> RunDir:
        """The run directory, made when first asked for, and never made by a dry run.

        Raises:
            ConfigError: it cannot be made, or there is no experiment.
        """
        return self._run_dir(make=not self.dry_run)

    def look(self) -> RunDir:
        """The run directory of a verb that only looks; it is not made.

        Raises:
            ConfigError: there is no experiment.
        """
        return self._run_dir(make=False)

    def existing_run(self) -> RunDir:
        """The run directory of a verb that works on what earlier verbs left there.

        Raises:
            ConfigError: it does not exist.
        """
        root = self.look().root
        if not root.is_dir() and not self.dry_run:
            raise ConfigError(
                "there is no run directory here",
                received=str(root),
                hint="Check --run-dir and --config, or begin with: bash shell/prepare.sh",
            )
        return self.run

    @property
    def data(self) -> Path:
        """The data folder: `data.dir` of the configuration, else `data/` of the run."""
        return data_folder(self.config, self.run)

    def _run_dir(self, *, make: bool) -> RunDir:
        if _experiment(self.flags) is None:
            raise ConfigError("no experiment here: give --config FILE")
        return RunDir.of(self.config, self.flags.run_dir, make=make)

    @contextmanager
    def writing(self) -> Iterator[RunDir]:
        """Hold the run directory for a verb that writes, with the configuration recorded.

        Folders that are made for a verb which fails at once are taken away again.

        Raises:
            ConfigError: another command holds it, or it cannot be made.
        """
        look, marks = self.look(), (LOCK, SOURCE_RECORD)
        data = data_folder(self.config, look)
        with nothing_left(data, marks), nothing_left(look.root, marks), self.run.lock():
            yield self.run
            self.run.save_config(self.config)

    def plan(self, work: str, stands: Callable[[], bool], **facts: object) -> None:
        """Say what a dry run would do, or that it would be skipped.

        Args:
            work: the verb's work, as it follows "would".
            stands: whether it is done; not, where earlier verbs have yet to do theirs.
            facts: what `--json` prints beside that.
        """
        skipped = if_there(stands, otherwise=False)
        text = f"would skip what is done already: {work}" if skipped else f"would {work}"
        self.emit({**facts, "skipped": skipped, "dry_run": True}, text)

    def emit(self, result: Mapping[str, Any], lines: str | Callable[[], str]) -> None:
        """Print the result of the verb on stdout, once.

        Args:
            result: what `--json` prints, as one object.
            lines: what is printed otherwise, or the function that makes it.
        """
        if self.json:
            text = json.dumps(dict(result), allow_nan=False, default=str)
        else:
            text = lines if isinstance(lines, str) else lines()
        typer.echo(redact(text))


def if_there(look: Callable[[], T], otherwise: T) -> T:
    """What a dry run sees, or `otherwise` where earlier verbs have yet to make it."""
    try:
        return look()
    except DataError:
        return otherwise


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Give a verb the common flags; it receives them as its first argument, a `Call`.

    The other parameters of the function stay the verb's own arguments and options.
    """
    signature = inspect.signature(function, eval_str=True)
    own = list(signature.parameters.values())[1:]
    common = [
        parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for parameter in inspect.signature(Flags, eval_str=True).parameters.values()
    ]
    names = [parameter.name for parameter in common]

    @functools.wraps(function)
    def called(**given: Any) -> None:
        flags = Flags(**{name: given.pop(name) for name in names})
        function(Call.of(flags), **given)

    keyword = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    parameters = [*keyword, *common]
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    del called.__wrapped__
    return called


def _experiment(flags: Flags) -> Path | None:
    """The experiment's file: the one given, else the default one, where there is a checkout."""
    return flags.config or next(filter(Path.is_file, places(DEFAULT_CONFIG)), None)


def _resolve(flags: Flags) -> Config:
    return load(_experiment(flags), env=flags.env, overrides=flags.settings or ())


def _start_logs(flags: Flags) -> None:
    if flags.log_file is not None:
        make_dir(flags.log_file.parent)
        if flags.log_file.is_dir():
            raise ConfigError("the log file is a folder", received=str(flags.log_file))
    set_up(flags.verbose, flags.log_file)
