"""Configuration: the schema of an experiment, and how its layers are loaded."""

from erazoo.config.load import describe, load
from erazoo.config.schema import Config, ModelEntry

__all__ = ["Config", "ModelEntry", "describe", "load"]
