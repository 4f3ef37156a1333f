"""Run directories: one folder an experiment, one record a finished stage."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from erazoo.config import Config, describe
from erazoo.errors import ConfigError, StaleDataError
from erazoo.logs import LOGGER
from erazoo.provenance import provenance
from erazoo.publish import LOCK, checksum, fingerprint, make_dir, read_json, sweep, write_json

LOOKED_AT = (0.01, 0.05, 0.2)
"""Seconds between attempts to take a lock."""


class RunDir:
    """The folder in which everything of one experiment lies.

    Paths inside records are relative, so that a moved folder still works.

    Args:
        root: the folder.
        make: whether it is made; otherwise this is a look that leaves no trace.
    """

    def __init__(self, root: Path, *, make: bool = True) -> None:
        self.root = make_dir(root) if make else root
        self._look = not make

    @classmethod
    def of(cls, config: Config, override: Path | None = None, *, make: bool = True) -> RunDir:
        """The run directory of a configuration: `--run-dir`, `run.dir` or `runs/NAME`.

        It is made unless `make` is false.
        """
        return cls(override or Path(config.run.dir or f"runs/{config.run.name}"), make=make)

    def path(self, *parts: str) -> Path:
        """A path inside the run directory."""
        return self.root.joinpath(*parts)

    def stage(
        self, name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any] | None = None
    ) -> Stage:
        """The stage `name`, whose result depends on these two alone.

        Args:
            name: of the stage.
            settings: what the configuration says of it, by topic.
            inputs: what it is made from, such as checksums of files.
        """
        return Stage(self, name, settings, inputs or {})

    def save_config(self, config: Config) -> None:
        """Record the resolved configuration."""
        write_json(self.path("config.json"), describe(config))

    def checksum(self, path: Path) -> str:
        """The checksum of a large file, computed again only when its size or time changes."""
        record = self.path(".checksums.json")
        try:
            known = dict(read_json(record))
        except (FileNotFoundError, ValueError):
            known = {}
        facts = path.stat()
        name = str(path.resolve())
        seen = [facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns, facts.st_ino]
        if known.get(name, {}).get("seen") != seen:
            known[name] = {"seen": seen, "checksum": checksum(path)}
            if not self._look:
                write_json(record, known)
        return str(known[name]["checksum"])

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run directory for one writing command, rid of what a killed one left.

        Raises:
            ConfigError: another command holds it.
        """
        with self.path(LOCK).open("a+") as handle:
            if not _locked(handle):
                handle.seek(0)
                raise ConfigError(
                    f"the run directory {self.root} is in use by another command",
                    received=handle.read().strip() or "an unknown process",
                    hint="Wait for it to end or choose another --run-dir",
                )
            handle.truncate(0)
            handle.write(f"process {os.getpid()}")
            handle.flush()
            for folder in (self.root, *(p for p in self.root.iterdir() if p.is_dir())):
                sweep(folder)
            yield


def _locked(handle: IO[str]) -> bool:
    """Take a lock, also where somebody looks at that moment whether it is held."""
    for pause in (*LOOKED_AT, None):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if pause is not None:
                time.sleep(pause)
        else:
            return True
    return False


class Stage:
    """A piece of finished work: what it depended on, what it wrote, what it found."""

    def __init__(
        self, run: RunDir, name: str, settings: Mapping[str, Any], inputs: Mapping[str, Any]
    ) -> None:
        self.run, self.name = run, name
        self.key = fingerprint({**settings, **inputs})
        self._settings = {topic: fingerprint(value) for topic, value in settings.items()}
        self._file = run.path("stages", f"{name}.json")

    def done(self) -> bool:
        """Whether this very work is finished and its files stand with their recorded sizes."""
        record = self._read()
        if record is None or record["key"] != self.key:
            return False
        return all(
            (path := self.run.path(name)).is_file() and path.stat().st_size == size
            for name, size in record["outputs"].items()
        )

    def finish(self, outputs: Iterable[Path], summary: Mapping[str, Any], seconds: float) -> None:
        """Record the work as finished; `outputs` lie inside the run directory."""
        sizes = {str(p.relative_to(self.run.root)): p.stat().st_size for p in outputs}
        write_json(
            self._file,
            {
                "stage": self.name,
                "key": self.key,
                "settings": self._settings,
                "outputs": sizes,
                "summary": dict(summary),
                "seconds": round(seconds, 3),
                "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "provenance": provenance(),
            },
        )

    def summary(self) -> dict[str, Any]:
        """The summary of the finished stage.

        Raises:
            StaleDataError: it never finished.
        """
        record = self._read()
        if record is None:
            raise StaleDataError(
                f"the stage {self.name!r} has not run in {self.run.root}",
                hint=f"Run `erazoo {self.name}` first",
            )
        return dict(record["summary"])

    def forget(self) -> None:
        """Drop the record, so that the work is done again, and sweep half-written files.

        Where the standing results were made with other settings, the log says that they go.
        """
        if changed := self._changed():
            LOGGER.warning(
                "%s: results that other settings made (%s) are replaced in %s; "
                "another --run-dir (or data.dir) keeps both",
                self.name,
                ", ".join(changed),
                self.run.root,
            )
        self._file.unlink(missing_ok=True)
        sweep(self._file.parent)

    def _changed(self) -> list[str]:
        """The topics in which the settings of the standing record differ from these."""
        held = (self._read() or {}).get("settings", self._settings)
        topics = {**held, **self._settings}
        return [topic for topic in topics if held.get(topic) != self._settings.get(topic)]

    def _read(self) -> dict[str, Any] | None:
        try:
            return dict(read_json(self._file))
        except (FileNotFoundError, ValueError):
            return None
