#!/usr/bin/env bash
# TensorBoard on the networks of a run directory.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/tensorboard.sh RUN [--models NAME,...] [TENSORBOARD OPTIONS]

Shows the fits of the run directory RUN, named MODEL/FOLD, on http://127.0.0.1:6006. Fits that begin
meanwhile appear; Ctrl-C ends it.

  --models NAME,...  these models alone: of more than 13 fits TensorBoard shows none until they are
                     ticked on its left
  --port PORT        another port; 0 is a free one"

run=""
options=()
for argument in "$@"; do
    case "$argument" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        *) if [[ -z $run ]]; then run="$argument"; else options+=("$argument"); fi ;;
    esac
done
[[ -n $run && $run != -* ]] || fail "name a run directory first, such as runs/demo" 2
set_up requirements.txt

exec python -m training.board "$(from_caller "$run")" "${options[@]}"
