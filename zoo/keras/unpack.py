"""Packed quintiles to one value a feature, as a layer: a third of the bytes go to the device."""

from __future__ import annotations

from typing import Any

import keras
from typing_extensions import override

from erazoo.panel import FeatureSpec
from etl.shards.packed import TRIPLE, base_of, decode_table, packed_width


@keras.saving.register_keras_serializable(package="erazoo")
class Unpack(keras.layers.Layer):  # type: ignore[misc]
    """(n, ceil(F / 3)) uint8, as packed shards hold them, to (n, F) codes by a table.

    Args:
        features: F.
        base: codes that a feature can take, see `etl.shards.packed`.
        output: `int8` as from unpacked shards, or `float32`.
        options: of every keras layer.
    """

    def __init__(self, features: int, base: int, output: str = "int8", **options: Any) -> None:
        super().__init__(**options)
        self.features, self.base, self.output_type = features, base, output

    @classmethod
    def of(cls, spec: FeatureSpec, **options: Any) -> Unpack:
        """The layer for the features of a panel."""
        return cls(len(spec.names), base_of(spec), **options)

    @override
    def call(self, packed: Any) -> Any:
        # A device has tables of floats and indices of 64 bits; others would be sent to the host.
        table = keras.ops.convert_to_tensor(decode_table(self.base), "float32")
        triples = keras.ops.take(table, keras.ops.cast(packed, "int64"), axis=0)
        width = packed_width(self.features) * TRIPLE
        codes = keras.ops.reshape(triples, (-1, width))[:, : self.features]
        return keras.ops.cast(codes, self.output_type)

    @override
    def compute_output_spec(self, packed: Any) -> Any:
        """(n, F) of the output type."""
        return keras.KerasTensor((packed.shape[0], self.features), dtype=self.output_type)

    @override
    def get_config(self) -> dict[str, Any]:
        """Its arguments."""
        own = {"features": self.features, "base": self.base, "output": self.output_type}
        return {**super().get_config(), **own}
