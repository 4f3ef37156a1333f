"""Predictions of a MOJO without a server: a Java process reads rows and answers numbers."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from erazoo.errors import ArtifactError, SchemaError, TrainingError
from erazoo.guarded import Guarded
from erazoo.java import find_java
from erazoo.panel import FeatureSpec
from erazoo.scratch import Scratch
from etl.shards.rows import as_floats
from training.estimator import check_features
from training.h2o.program import h2o_jar
from zoo.catalogue import ModelSpec, Params
from zoo.h2o.learner import H2OParams

if TYPE_CHECKING:
    from training.task import BlockPredictor

MODEL = "model.zip"
SCORER = Path(__file__).with_name("mojo_scorer.jy")
BATCH_BYTES = 1 << 23
LAST_LINES = 5


class Mojo:
    """A MOJO as a function of raw features (rows, F) -> (rows,) float32.

    Its Java process starts with the first rows and ends with this process, or with `close`.
    Memory: in Python a batch of eight MiB, in Java a heap of at most `memory_mb` for the model.

    Args:
        path: of the MOJO.
        features: that rows consist of, in their order.
        memory_mb: of the Java heap, in MiB.
    """

    def __init__(self, path: Path, features: FeatureSpec, memory_mb: int) -> None:
        self.path, self.features, self.memory_mb = path, features, memory_mb
        self._program: Guarded | None = None
        self._columns: NDArray[np.int64] = np.empty(0, np.int64)

    def __call__(self, features: NDArray[Any]) -> NDArray[np.float32]:
        """Predict rows.

        Raises:
            ArtifactError: the file is no MOJO.
            SchemaError: these are not the features that it was made for.
            TrainingError: the Java process ended.
        """
        check_features("MOJO", self.features, features)
        program = self._program or self._start()
        step = max(1, BATCH_BYTES // (8 * max(1, len(self._columns))))
        try:
            parts = [
                self._batch(program, features[low : low + step])
                for low in range(0, len(features), step)
            ]
        except (BrokenPipeError, EOFError):
            raise self._ended(program) from None
        return np.concatenate([np.empty(0, np.float32), *parts])

    def close(self) -> None:
        """End the Java process; a later call starts another."""
        program, self._program = self._program, None
        if program is not None:
            program.kill()

    def __del__(self) -> None:
        self.close()

    def _start(self) -> Guarded:
        self._folder = Scratch("mojo")
        program = self._program = Guarded(self._words(), self._log, pipes=True)
        try:
            [count] = struct.unpack(">i", _exactly(program, 4))
            self._columns = self.features.columns([_text(program) for _ in range(count)])
        except EOFError:
            error = self._ended(program)
            raise ArtifactError("a MOJO cannot be read", received=error.message) from None
        except SchemaError:
            self.close()
            raise
        return program

    @property
    def _log(self) -> Path:
        return self._folder.path / "log"

    def _words(self) -> list[str | Path]:
        return [
            find_java().path,
            f"-Xmx{self.memory_mb}m",
            f"-Djava.io.tmpdir={self._folder.name}",
            *("-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"),
            *("-Dpython.cachedir.skip=true", "-Dpython.import.site=false"),
            *("-cp", h2o_jar(), "org.python.util.jython", "-S", SCORER, self.path),
        ]

    def _batch(self, program: Guarded, rows: NDArray[Any]) -> NDArray[np.float32]:
        chosen = np.ascontiguousarray(rows[:, self._columns])
        values = as_floats(chosen, self.features, ">f8")
        program.input.write(struct.pack(">i", len(rows)))
        program.input.write(np.ascontiguousarray(values).tobytes())
        program.input.flush()
        answer = np.frombuffer(_exactly(program, 8 * len(rows)), dtype=">f8")
        return answer.astype(np.float32)

    def _ended(self, program: Guarded) -> TrainingError:
        program.wait(seconds=5)
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        said = " / ".join(line.strip() for line in lines[-LAST_LINES:])
        end = program.end
        self.close()
        return TrainingError(f"the Java process of {self.path} {end}", received=said or None)


class ServedAsMojo:
    """The half of a trainer that loads what it kept: a MOJO, for which nothing else is started."""

    def load(
        self,
        spec: ModelSpec,  # noqa: ARG002
        params: Params,
        features: FeatureSpec,
        folder: Path,
    ) -> BlockPredictor:
        """The MOJO as a function of raw features."""
        return Mojo(folder / MODEL, features, cast("H2OParams", params).memory_mb)


def _exactly(program: Guarded, size: int) -> bytes:
    found = program.output.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _text(program: Guarded) -> str:
    [size] = struct.unpack(">H", _exactly(program, 2))
    return _exactly(program, size).decode()
