#!/usr/bin/env bash
# Live predictions of both ensembles, and the submission files made from them and checked.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/predict.sh [CONFIG.toml] [--submit] [ERAZOO FLAGS]

Runs: erazoo predict, then erazoo submit, which checks the files and says where they are.
Where the unique version fails, the standard one goes on alone, and the exit code is not 0.

  --submit      upload them too; nothing is uploaded without this
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

code=0
step predict "${flags[@]}" || code=$?
((code <= 1)) || exit "$code"
step submit "${submit[@]}" "${flags[@]}"
((code == 0)) || fail "the unique version failed; the standard one was checked alone" "$code"
say_done
