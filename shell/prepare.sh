#!/usr/bin/env bash
# The main job: data, shards, folds, models, evaluation, ensemble and report of one experiment.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/prepare.sh [CONFIG.toml] [--skip-processing] [--force] [ERAZOO FLAGS]

Sets up the environment, then runs: erazoo download, shard, train, evaluate, ensemble, report.
Where a model fails, the others are evaluated and reported, and the exit code is not 0.
What is done already is skipped. Without CONFIG.toml the experiment is conf/demo.toml.

  --skip-processing  use the shards that are there: no download, no shard
  --force            do everything again
  ERAZOO FLAGS       for every verb: --env --set --run-dir --json --dry-run -v --log-file

--json prints one JSON object per verb, each on a line of its own."

verbs=(download shard train evaluate ensemble)
force=()
arguments=()
for argument in "$@"; do
    case "$argument" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        --skip-processing) verbs=(train evaluate ensemble) ;;
        --force) force=(--force) ;;
        *) arguments+=("$argument") ;;
    esac
done
resumable "$@"
read_arguments "${arguments[@]}"
take_experiment
set_up requirements.txt

code=0
for verb in "${verbs[@]}"; do
    if [[ $verb == train ]]; then
        step train "${force[@]}" "${flags[@]}" || code=$?
        ((code <= 1)) || exit "$code"
    elif [[ $verb != ensemble ]] || ((code == 0)); then
        step "$verb" "${force[@]}" "${flags[@]}"
    fi
done
step report "${flags[@]}"
((code == 0)) || fail "a model failed, so there is no ensemble; the report shows the others" "$code"
say_done
