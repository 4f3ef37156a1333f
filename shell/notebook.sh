#!/usr/bin/env bash
# Jupyter on examples/.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/notebook.sh [ERAZOO FLAGS] [-- JUPYTER OPTIONS]

Opens Jupyter on examples/, with requirements-notebook.txt installed once before."

for argument in "$@"; do
    case "$argument" in
        --) break ;;
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    esac
done
set_up requirements-notebook.txt

erazoo notebook "$@"
