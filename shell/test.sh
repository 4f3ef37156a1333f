#!/usr/bin/env bash
# The tests: the fast ones, or all.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

usage="usage: bash shell/test.sh [--all] [PYTEST ARGUMENTS]

Without --all, tests marked long are left out: they take minutes or need other environments."

files=(requirements-dev.txt)
marked=(-m "not long")
arguments=()
for argument in "$@"; do
    case "$argument" in
        -h | --help) printf '%s\n' "$usage" && exit 0 ;;
        --all) files+=(requirements-notebook.txt) && marked=() ;;
        *) arguments+=("$argument") ;;
    esac
done
if ((${#marked[@]} == 0)); then
    bash shell/io.sh || say "the tests of .venv-io are left out"
    bash shell/prepare_sparkling.sh || say "the tests of .venv-sparkling are left out"
fi
set_up "${files[@]}"

workers="$(python -c 'from erazoo.machine import cores; print(min(8, cores()))')"
python -m pytest -n "$workers" --dist worksteal "${marked[@]}" "${arguments[@]}"
