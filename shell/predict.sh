#!/usr/bin/env bash
# Live predictions of the ensemble, and the submission file made from them and checked.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/predict.sh [CONFIG.toml] [--submit] [ERAZOO FLAGS]

Runs: erazoo predict, then erazoo submit, which checks the file and says where it is.

  --submit      upload it too; nothing is uploaded without this
  ERAZOO FLAGS  for both verbs: --env --set --run-dir --json --dry-run -v --log-file

--json prints one JSON object per verb, each on a line of its own."

submit=()
arguments=()
for argument in "$@"; do
    case "$argument" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        --submit) submit=(--submit) ;;
        *) arguments+=("$argument") ;;
    esac
done
resumable "$@"
read_arguments "${arguments[@]}"
take_experiment
set_up requirements.txt

step predict "${flags[@]}"
step submit "${submit[@]}" "${flags[@]}"
say_done
