"""Shard sets in a store: published, staged here, or read and written there directly.

Nothing here imports TensorFlow but the functions of `direct.py` that use tensorflow-io.
"""
