# Shared by the scripts of this folder, which source it; it does nothing by itself.
# shellcheck shell=bash
set -euo pipefail
unset CDPATH

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
caller="$PWD"
script="${0##*/}"
flags=()
words=()
cd "$root"

say() { printf '%s: %s\n' "$script" "$1" >&2; }

fail() {
    say "$1"
    exit "${2:-1}"
}

# After Ctrl-C the last line says how to go on: resumable ARGUMENT... of the script itself.
resumable() {
    local word
    resume="bash $(printf '%q' "$0")"
    for word in "$@"; do
        [[ $word == --force ]] || resume+=" $(printf '%q' "$word")"
    done
    trap 'exit 130' INT
    trap '(($? != 130)) || say "interrupted; go on with: $resume"' EXIT
}

# A path as it was meant where the script was called, for use in the checkout.
from_caller() {
    if [[ $1 == /* || $caller == "$root" ]]; then
        printf '%s' "$1"
    else
        printf '%s' "$caller/$1"
    fi
}

# An experiment's file: of the caller's folder, else of the checkout.
experiment() {
    local path
    path="$(from_caller "$1")"
    if [[ -e $path ]]; then printf '%s' "$path"; else printf '%s' "$1"; fi
}

# Split the arguments into `flags`, passed on to erazoo, and the other `words`.
read_arguments() {
    while (($#)); do
        case "$1" in
            --config | --run-dir | --log-file | --env | --set)
                (($# > 1)) || fail "$1 needs a value" 2
                ;;&
            --config) flags+=("$1" "$(experiment "$2")") && shift ;;
            --run-dir | --log-file) flags+=("$1" "$(from_caller "$2")") && shift ;;
            --env | --set) flags+=("$1" "$2") && shift ;;
            --config=*) flags+=(--config "$(experiment "${1#*=}")") ;;
            --run-dir=* | --log-file=*) flags+=("${1%%=*}" "$(from_caller "${1#*=}")") ;;
            -*) flags+=("$1") ;;
            *) words+=("$1") ;;
        esac
        shift
    done
}

# The one word that may stand beside the flags is the experiment's file.
take_experiment() {
    ((${#words[@]} <= 1)) || fail "one experiment at a time; received: ${words[*]}" 2
    ((${#words[@]} == 0)) || flags+=(--config "$(experiment "${words[0]}")")
}

# An interpreter for an environment: find_python [NEWEST MINOR VERSION] [WHAT TO SAY WITHOUT ONE].
find_python() {
    local name path newest="${1:-13}"
    for name in python3 python python3.12 python3.11 python3.13; do
        path="$(command -v "$name")" || continue
        if "$path" -c 'import ensurepip, sys, venv
sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, int(sys.argv[1])))' "$newest" 2>/dev/null; then
            printf '%s' "$path"
            return
        fi
    done
    fail "${2:-no Python 3.11, 3.12 or 3.13 with venv on PATH (on Debian: apt-get install python3-venv)}"
}

# One line where the environment cannot hold erazoo.
check_environment() {
    local lack
    lack="$("$VIRTUAL_ENV/bin/python" -c 'import importlib.util, sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    print("has Python %d.%d, not 3.11, 3.12 or 3.13" % sys.version_info[:2])
elif importlib.util.find_spec("pip") is None:
    print("has no pip (the module ensurepip adds it)")' 2>/dev/null)" ||
        fail "the environment's Python does not run: $VIRTUAL_ENV"
    [[ -z $lack ]] || fail "the environment $lack: $VIRTUAL_ENV"
}

# The active environment, else .venv of the checkout; its programs come first on PATH.
use_environment() {
    local python
    if [[ -n ${VIRTUAL_ENV:-} ]]; then
        [[ -x $VIRTUAL_ENV/bin/python ]] || fail "the active environment has no Python: $VIRTUAL_ENV"
    else
        export VIRTUAL_ENV="$root/.venv"
        if ! "$VIRTUAL_ENV/bin/python" -c 'import pip' 2>/dev/null; then
            python="$(find_python)"
            say "making .venv with $python"
            "$python" -m venv "$VIRTUAL_ENV"
        fi
    fi
    check_environment
    export PATH="$VIRTUAL_ENV/bin:$PATH"
}

pip_install() {
    PIP_REQUIRE_VIRTUALENV=1 "$VIRTUAL_ENV/bin/python" -m pip install -qq --no-input \
        --disable-pip-version-check "$@"
}

# What a requirements file asks for on this machine: TensorFlow for the GPU where there is one.
requirements() {
    if nvidia-smi >/dev/null 2>&1; then
        sed -E 's/^tensorflow==/tensorflow[and-cuda]==/' "$1"
    else
        cat "$1"
    fi
}

# Install a requirements file unless this very text was installed before.
install_requirements() {
    local stamp="$VIRTUAL_ENV/.erazoo-$1" wanted
    wanted="$VIRTUAL_ENV/.wanted-$$.txt"
    requirements "$1" >"$wanted"
    if ! cmp -s "$wanted" "$stamp"; then
        say "installing $1 into $VIRTUAL_ENV (once; it takes minutes)"
        pip_install -r "$wanted" || {
            rm -f "$wanted"
            fail "pip could not install $1"
        }
    fi
    mv "$wanted" "$stamp"
}

install_erazoo() {
    local stamp="$VIRTUAL_ENV/.erazoo-editable" wanted
    wanted="$root $(cksum <pyproject.toml)"
    if [[ ! -f $stamp || $(<"$stamp") != "$wanted" ]]; then
        pip_install --no-deps -e . || fail "pip could not install erazoo from its checkout"
        printf '%s' "$wanted" >"$stamp"
    fi
}

# LightGBM asks for the system's OpenMP runtime; a bare machine has only scikit-learn's.
use_openmp() {
    local folder="$VIRTUAL_ENV/lib/openmp" bundled
    if python -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then return; fi
    for bundled in "$VIRTUAL_ENV"/lib/python3*/site-packages/scikit_learn.libs/libgomp-*; do
        [[ -f $bundled ]] || continue
        mkdir -p "$folder"
        ln -sfn "$bundled" "$folder/libgomp.so.1"
        export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
        return
    done
}

# Make the environment ready: set_up REQUIREMENTS_FILE...
set_up() {
    local file
    use_environment
    for file in "$@"; do install_requirements "$file"; done
    install_erazoo
    use_openmp
}

# The environment of tensorflow-io, beside any other that is active.
set_up_io() {
    local python
    export VIRTUAL_ENV="$root/.venv-io"
    if ! "$VIRTUAL_ENV/bin/python" -c 'import pip' 2>/dev/null; then
        python="$(find_python 12 "tensorflow-io needs Python 3.11 or 3.12, and none with venv is on PATH")"
        say "making .venv-io with $python"
        "$python" -m venv "$VIRTUAL_ENV"
    fi
    set_up requirements-io.txt
}

# Python 3.11 or 3.12 with venv: of PATH, else one that pyenv or uv keeps.
find_older_python() {
    local found version
    if (find_python 12 "none") 2>/dev/null; then return; fi
    for version in 3.12 3.11; do
        for found in "${PYENV_ROOT:-$HOME/.pyenv}/versions/$version".*/bin/python \
            "$(uv python find --no-python-downloads "$version" 2>/dev/null)"; do
            if [[ -x $found ]] && "$found" -c 'import ensurepip, venv' 2>/dev/null; then
                printf '%s' "$found"
                return
            fi
        done
    done
    fail "Sparkling Water needs Python 3.11 or 3.12, and none with venv is on PATH, in pyenv or in uv"
}

# The environment of Sparkling Water, which erazoo starts processes in and is not installed in.
set_up_sparkling() {
    local python
    export VIRTUAL_ENV="$root/.venv-sparkling"
    if ! "$VIRTUAL_ENV/bin/python" -c 'import pip' 2>/dev/null; then
        python="$(find_older_python)"
        say "making .venv-sparkling with $python"
        "$python" -m venv "$VIRTUAL_ENV"
    fi
    check_environment
    install_requirements requirements-sparkling.txt
}

erazoo() { "$VIRTUAL_ENV/bin/erazoo" "$@"; }

step() {
    say "erazoo $1"
    erazoo "$@"
}

say_done() { say "done in $((SECONDS / 60)) min $((SECONDS % 60)) s"; }
