"""RealMLP: `SPEC` is its entry in the catalogue.

Its parameters and presets import no keras; its network does, when it is built.
"""

from zoo.keras.realmlp.spec import SPEC

__all__ = ["SPEC"]
