"""The kernel: types, tournament facts, configuration, errors, run directories and the client.

It knows nothing of models and imports no other room.
"""

__version__ = "0.1.0"
