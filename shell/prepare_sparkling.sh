#!/usr/bin/env bash
# The environment of Sparkling Water, in which sparkling_automl runs.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/prepare_sparkling.sh

Sets up .venv-sparkling (Python 3.11 or 3.12) from requirements-sparkling.txt, with Spark, H2O and
Java. erazoo runs in its own environment and starts a process in this one for each fit of
sparkling_automl."

case "${1:-}" in
    "") ;;
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
    *) fail "unexpected argument: $1" 2 ;;
esac
set_up_sparkling
say "ready: erazoo models sparkling_automl"
say_done
