#!/usr/bin/env bash
# Jupyter on examples/; what follows `--` goes to Jupyter.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

set_up requirements-notebook.txt
erazoo notebook "$@"
