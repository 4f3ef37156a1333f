"""`python -m erazoo`: the same as the command `erazoo`."""

from __future__ import annotations

import sys

from erazoo.cli import main

if __name__ == "__main__":
    sys.exit(main())
