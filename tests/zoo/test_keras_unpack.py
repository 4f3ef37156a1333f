from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from erazoo.panel import OWN_CODE, FeatureSpec
from etl.shards.packed import pack, packed_width, unpack
from zoo.keras.unpack import Unpack


def every_byte(width: int) -> np.ndarray:
    return np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), (width, 1)).T)


@settings(max_examples=20, deadline=None)
@given(
    features=st.integers(1, 12),
    base=st.sampled_from([5, 6]),
    output=st.sampled_from(["int8", "float32"]),
)
def test_bytes_mean_the_same_as_elsewhere(features: int, base: int, output: str) -> None:
    packed = every_byte(packed_width(features))
    codes = np.asarray(Unpack(features, base, output)(packed))
    assert codes.dtype == output
    np.testing.assert_array_equal(codes, unpack(packed, features, base))


@pytest.mark.parametrize("missing", [2, OWN_CODE])
def test_the_features_of_a_panel_come_back(missing: int) -> None:
    spec = FeatureSpec(tuple("abcdefgh"), missing=missing)
    base = 6 if missing == OWN_CODE else 5
    codes = np.random.default_rng(1).integers(0, base, (30, 8)).astype(np.int8)
    np.testing.assert_array_equal(np.asarray(Unpack.of(spec)(pack(codes, base))), codes)


@pytest.mark.parametrize("output", ["int8", "float32"])
def test_it_is_saved_with_a_network_and_knows_its_shape(tmp_path: Path, output: str) -> None:
    rows = keras.Input((3,), dtype="uint8")
    model = keras.Model(rows, Unpack(7, 5, output, name="unpack")(rows))
    assert (model.output_shape, model.outputs[0].dtype) == ((None, 7), output)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    assert again.get_layer("unpack").get_config() == model.get_layer("unpack").get_config()
    packed = every_byte(3)
    np.testing.assert_array_equal(np.asarray(again(packed)), unpack(packed, 7, 5))


def runs_on_gpu(operation: tf.Operation) -> bool:
    """Whether a kernel of TensorFlow for these types keeps the result on a GPU."""
    from tensorflow.python.framework import kernels

    return any(
        kernel.device_type == "GPU"
        and not {"output", "z"} & set(kernel.host_memory_arg)
        and all(
            tf.as_dtype(operation.get_attr(constraint.name)).as_datatype_enum
            in constraint.allowed_values.list.type
            for constraint in kernel.constraint
        )
        for kernel in kernels.get_registered_kernels_for_op(operation.type).kernel
    )


@pytest.mark.skipif(not tf.test.is_built_with_cuda(), reason="TensorFlow knows no GPU")
def test_no_row_goes_back_from_a_gpu_to_the_host() -> None:
    """Where it would with a table of int8 or with arithmetic of int32."""
    forward = tf.function(Unpack(7, 5), input_signature=[tf.TensorSpec((None, 3), tf.uint8)])
    graph = forward.get_concrete_function().graph
    outputs = [output for operation in graph.get_operations() for output in operation.outputs]
    work = [out.op for out in outputs if None in out.shape.as_list() and out.op.inputs]
    assert {"Cast", "GatherV2", "Reshape", "StridedSlice"} <= {one.type for one in work}
    assert [one.type for one in work if not runs_on_gpu(one)] == []


@pytest.mark.gpu
def test_a_gpu_decodes_the_same() -> None:
    if not tf.config.list_physical_devices("GPU"):
        pytest.skip("there is no GPU that TensorFlow can use")
    packed = every_byte(3)
    with tf.device("/GPU:0"):
        codes = Unpack(7, 5)(tf.constant(packed))
    assert "GPU" in codes.device
    np.testing.assert_array_equal(codes.numpy(), unpack(packed, 7, 5))
