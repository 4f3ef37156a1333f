"""Era-tagged TFRecord shards with a manifest: naming, codec, writer and readers.

Only `to_tf` imports TensorFlow; every other reader and the writer do without it.
"""

from etl.shards.format import ShardFormat
from etl.shards.labels import Labels
from etl.shards.manifest import EraEntry, FileEntry, Manifest
from etl.shards.reader import ShardSet
from etl.shards.writer import ShardWriter

__all__ = [
    "EraEntry",
    "FileEntry",
    "Labels",
    "Manifest",
    "ShardFormat",
    "ShardSet",
    "ShardWriter",
]
