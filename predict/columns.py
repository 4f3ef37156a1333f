"""The two columns of a submission: out of whatever holds them, and in and out of files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from erazoo.errors import ConfigError, SchemaError
from erazoo.tournament import CLASSIC, CRYPTO, Tournament

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Predictions: TypeAlias = (
    "pd.DataFrame | pd.Series[Any] | pa.Table | tuple[Sequence[str], ArrayLike]"
)
SUFFIXES = (".csv", ".parquet")
_PREDICTION_NAMES = {
    CLASSIC.name: ("prediction", "probability"),
    CRYPTO.name: ("prediction", "signal"),
}


def id_and_prediction(
    predictions: Predictions, tournament: Tournament
) -> tuple[NDArray[np.object_], NDArray[np.float64]]:
    """Ids and predictions, both of shape (rows,); float32 widens without change.

    Raises:
        SchemaError: other columns than the tournament's two, or predictions that are not numbers.
    """
    import pandas as pd

    frame = _frame(predictions, tournament)
    key, names = tournament.id_column, _names(tournament)
    given = list(frame.columns)
    name = next((n for n in names if sorted(map(str, given)) == sorted((key, n))), None)
    if name is None:
        raise SchemaError(
            "a submission has exactly two columns",
            received=", ".join(map(str, given)) or "none",
            expected=f"{key} and {' or '.join(names)}",
        )
    values = frame[name]
    numeric = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if len(frame) and not numeric:
        raise SchemaError("predictions are not numbers", received=f"a column of {values.dtype}")
    return (
        frame[key].to_numpy(dtype=object),
        values.to_numpy(dtype=np.float64, na_value=np.nan),
    )


def file_format(path: Path) -> str:
    """The suffix of a submission file, which tells its format.

    Raises:
        ConfigError: it is neither .csv nor .parquet.
    """
    if path.suffix not in SUFFIXES:
        raise ConfigError(
            "the format of a submission file is told by its suffix",
            received=path.name,
            expected=" or ".join(SUFFIXES),
        )
    return path.suffix


def read_table(path: Path, tournament: Tournament) -> pd.DataFrame:
    """A submission file as a frame, its id a column of text, its numbers exactly as written.

    Raises:
        ConfigError: the suffix is neither .csv nor .parquet.
        SchemaError: the file cannot be read as what its suffix says.
    """
    import pandas as pd
    import pyarrow as pa

    try:
        if file_format(path) == ".parquet":
            frame = pd.read_parquet(path)
            return frame.reset_index() if frame.index.name == tournament.id_column else frame
        # A symbol may read NA or NULL: only an empty prediction is missing.
        return pd.read_csv(
            path,
            dtype={tournament.id_column: str},
            keep_default_na=False,
            na_values={name: ["", "nan", "NaN"] for name in _names(tournament)},
            float_precision="round_trip",
        )
    except (pa.ArrowException, ValueError, OSError) as error:
        if isinstance(error, ConfigError):
            raise
        raise SchemaError(
            "a submission file cannot be read",
            received=f"{path} ({str(error).splitlines()[0] if str(error) else 'no reason'})",
        ) from None


def write_table(
    path: Path, tournament: Tournament, ids: NDArray[np.object_], values: NDArray[np.float64]
) -> None:
    """Write the two columns as CSV or parquet, by suffix, every digit kept.

    Raises:
        ConfigError: the suffix is neither .csv nor .parquet.
    """
    import pandas as pd

    frame = pd.DataFrame({tournament.id_column: ids, tournament.prediction_column: values})
    if file_format(path) == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False)


def _frame(predictions: Predictions, tournament: Tournament) -> pd.DataFrame:
    import pandas as pd

    key, name = tournament.id_column, tournament.prediction_column
    if isinstance(predictions, pd.DataFrame):
        indexed = key not in predictions.columns and predictions.index.name == key
        return predictions.reset_index() if indexed else predictions
    if isinstance(predictions, pd.Series):
        return pd.DataFrame({key: predictions.index, name: predictions.to_numpy()})
    if not isinstance(predictions, tuple):
        return _frame(predictions.to_pandas(), tournament)
    ids, values = predictions
    numbers = np.asarray(values)
    if numbers.ndim != 1 or len(ids) != len(numbers):
        raise SchemaError(
            "ids and predictions do not belong together",
            received=f"{len(ids)} ids, predictions of shape {numbers.shape}",
        )
    return pd.DataFrame({key: np.array(list(ids), dtype=object), name: numbers})


def _names(tournament: Tournament) -> tuple[str, ...]:
    return _PREDICTION_NAMES.get(tournament.name, (tournament.prediction_column,))
