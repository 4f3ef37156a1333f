#!/usr/bin/env bash
# From nothing: the data, the shards and every model of the catalogue on the same folds.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/compare.sh [CONFIG.toml] [OPTIONS] [ERAZOO FLAGS]

Sets up the environment, then runs: erazoo compare, which brings the data and writes the shards too.
What is done already is skipped. Without CONFIG.toml the experiment is conf/demo.toml.

  --models NAMES       names or families, separated by commas (all)
  --skip NAMES         names or families to leave out, such as h2o,keras
  --model-budget TIME  for each model: 300s, 20m, 2h
  --model-memory MB    for each model
  --jobs N             models at a time
  --quick TIME         a useful answer in that time
  --skip-processing    use the shards that are there
  --force              train finished models again
  ERAZOO FLAGS         --env --set --run-dir --json --dry-run -v --log-file

--json prints one JSON object."

own=()
arguments=()
while (($#)); do
    case "$1" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        --models | --skip | --model-budget | --model-memory | --jobs | --quick)
            (($# > 1)) || fail "$1 needs a value" 2
            own+=("$1" "$2")
            shift
            ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
resumable "${own[@]}" "${arguments[@]}"
read_arguments "${arguments[@]}"
take_experiment
set_up requirements.txt

step compare "${own[@]}" "${flags[@]}"
say_done
