#!/usr/bin/env bash
# The best epoch of every network of a run directory, printed and copied out.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/bestepoch.sh RUN [MODEL...] [--export DIR] [ERAZOO FLAGS]

Runs: erazoo train MODEL... --best, on the run directory RUN with the configuration that it keeps.

  MODEL...      these alone; all enabled ones without
  --export DIR  copy the best epochs to DIR/MODEL/FOLD
  ERAZOO FLAGS  --env --set --json --dry-run -v --log-file

--json prints one JSON object."

export_to=()
arguments=()
while (($#)); do
    case "$1" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        --export)
            (($# > 1)) || fail "$1 needs a value" 2
            export_to=(--export "$(from_caller "$2")") && shift
            ;;
        --export=*) export_to=(--export "$(from_caller "${1#*=}")") ;;
        *) arguments+=("$1") ;;
    esac
    shift
done
read_arguments "${arguments[@]}"
((${#words[@]})) || fail "name a run directory, such as runs/demo" 2
run="$(from_caller "${words[0]}")"
[[ -f $run/config.json ]] || fail "this is no run directory: $run" 2
set_up requirements.txt

erazoo train "${words[@]:1}" --best "${export_to[@]}" \
    --config "$run/config.json" --run-dir "$run" "${flags[@]}"
