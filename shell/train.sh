#!/usr/bin/env bash
# Train one or more models of an experiment.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/train.sh MODEL... [ERAZOO FLAGS]

Runs: erazoo train MODEL... on the shards that shell/prepare.sh made.

  ERAZOO FLAGS  --config --env --set --run-dir --force --json --dry-run -v --log-file

--json prints one JSON object."

for argument in "$@"; do
    [[ $argument != -h && $argument != --help ]] || { printf '%s\n' "$usage" && exit 0; }
done
resumable "$@"
read_arguments "$@"
((${#words[@]})) || fail "name at least one model; erazoo models lists them" 2
set_up requirements.txt

step train "${words[@]}" "${flags[@]}"
say_done
