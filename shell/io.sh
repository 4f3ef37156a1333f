#!/usr/bin/env bash
# A verb in the environment of tensorflow-io, where shards in s3:// need no copy on this machine.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/io.sh [VERB] [ERAZOO FLAGS]

Sets up .venv-io (Python 3.11 or 3.12) from requirements-io.txt, then runs: erazoo VERB FLAGS.
There, shards.remote = \"s3://...\" is written to and trained from directly. Without a verb the
environment is set up and nothing is run."

case "${1:-}" in
    -h | --help) printf '%s\n' "$usage" && exit 0 ;;
esac
set_up_io
(($#)) || exit 0
cd "$caller"
erazoo "$@"
