"""The `tf.train.Example` message, declared here so that no TensorFlow is needed.

Source: tensorflow/core/example/{example,feature}.proto; the wire format is the same.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_REPEATED = descriptor_pb2.FieldDescriptorProto.LABEL_REPEATED
_OPTIONAL = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
_MESSAGE = descriptor_pb2.FieldDescriptorProto.TYPE_MESSAGE
_STRING = descriptor_pb2.FieldDescriptorProto.TYPE_STRING
_LISTS = {
    "BytesList": descriptor_pb2.FieldDescriptorProto.TYPE_BYTES,
    "FloatList": descriptor_pb2.FieldDescriptorProto.TYPE_FLOAT,
    "Int64List": descriptor_pb2.FieldDescriptorProto.TYPE_INT64,
}


@cache
def example_class() -> Any:
    """The message class, with the fields and numbers of `tf.train.Example`."""
    file = descriptor_pb2.FileDescriptorProto(
        name="erazoo/example.proto", package="erazoo", syntax="proto3"
    )
    for name, kind in _LISTS.items():
        message = file.message_type.add(name=name)
        message.field.add(name="value", number=1, label=_REPEATED, type=kind)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, (name, kind) in enumerate(
        (("bytes_list", "BytesList"), ("float_list", "FloatList"), ("int64_list", "Int64List")), 1
    ):
        _field(feature, name, number, _OPTIONAL, kind).oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, label=_OPTIONAL, type=_STRING)
    _field(entry, "value", 2, _OPTIONAL, "Feature")
    _field(features, "feature", 1, _REPEATED, "Features.FeatureEntry")
    example = file.message_type.add(name="Example")
    _field(example, "features", 1, _OPTIONAL, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("erazoo.Example"))


def _field(message: Any, name: str, number: int, label: int, kind: str) -> Any:
    return message.field.add(
        name=name, number=number, label=label, type=_MESSAGE, type_name=f".erazoo.{kind}"
    )
