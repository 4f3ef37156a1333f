"""Programs of others that run beside this process, none of which outlives it.

A guard stands between: `python -m erazoo.guarded PARENT WORD...` starts the program, ends with its
exit code, and kills it and all that it started as soon as `PARENT` is gone, however that ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from erazoo.logs import SECRETS
from erazoo.processes import stay_with
from erazoo.publish import make_dir

SIGNALLED = 128
"""A guard whose program a signal ended says so as shells do: 128 and its number."""


class Guarded:
    """A program in a process group of its own, killed when this process ends or the block is left.

    Args:
        words: the program and its arguments.
        log: takes its output; appended to.
        variables: of its environment, beside those of this process but the keys of accounts.
        pipes: whether its input and output are this process's to write and read; only its errors
            then go to the log.
    """

    def __init__(
        self,
        words: Sequence[str | Path],
        log: Path,
        variables: Mapping[str, str] | None = None,
        *,
        pipes: bool = False,
    ) -> None:
        inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
        guard = [sys.executable, "-P", "-m", "erazoo.guarded", str(os.getpid())]
        make_dir(log.parent)
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                [*guard, *map(str, words)],
                stdin=subprocess.PIPE if pipes else subprocess.DEVNULL,
                stdout=subprocess.PIPE if pipes else stream,
                stderr=stream,
                env={**inherited, **(variables or {})},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        """The guard's process id, which is the process group's too."""
        return self._process.pid

    @property
    def input(self) -> IO[bytes]:
        """What the program reads."""
        if self._process.stdin is None:
            raise ValueError("the program was started without pipes")
        return self._process.stdin

    @property
    def output(self) -> IO[bytes]:
        """What the program writes."""
        if self._process.stdout is None:
            raise ValueError("the program was started without pipes")
        return self._process.stdout

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for the end; whether it came in time."""
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        code = self._process.poll()
        return SIGNALLED - code if code is not None and code > SIGNALLED else code

    @property
    def end(self) -> str:
        """How it ended, in words such as `was ended by SIGKILL`; empty while it runs."""
        code = self.code
        if code is None:
            return ""
        if code < 0:
            with suppress(ValueError):
                return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def kill(self) -> None:
        """End the program and all that it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()


def main() -> None:
    """Run the program of the command line and end as it does."""
    parent, *words = sys.argv[1:]
    stay_with(int(parent), lambda: os.killpg(0, signal.SIGKILL))
    code = subprocess.run(words).returncode
    os._exit(SIGNALLED - code if code < 0 else code)


if __name__ == "__main__":
    main()
