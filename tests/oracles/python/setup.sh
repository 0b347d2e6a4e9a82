#!/usr/bin/env bash
# Makes the Python environment of the oracles, once: a venv in the parts cache with what
# requirements.txt pins. Prints the path of its python as the last line of standard output.
#
#   "$(tests/oracles/python/setup.sh)" tests/oracles/python/read_delta.py TABLE
#   tests/oracles/python/setup.sh replay        another one, with what requirements-replay.txt pins
#
# Guarantees: the venv is there whole or not at all, is made by one process at a time, and is made
# anew when requirements.txt or the Python that it was made with has changed. When it is there
# already this takes a few hundredths of a second and asks nobody.
# Fails with one line that says what is missing and what to do. `HANSARD_PYTHON` names another Python
# (3.10 or newer) than the first python3 in PATH.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/parts/lib.sh
. "$HERE/../../parts/lib.sh"

NAME=${1:-}
REQUIREMENTS=$HERE/requirements${NAME:+-$NAME}.txt
VENV=$PARTS/python${NAME:+-$NAME}
PYTHON=${HANSARD_PYTHON:-python3}

current() { [ -x "$VENV/bin/python" ] && cmp -s "$REQUIREMENTS" "$VENV/made-of"; }

make_venv() {
    ! current || return 0
    command -v "$PYTHON" >/dev/null || need_packages "Python 3.10 or newer" python3 python3-venv
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        die "$("$PYTHON" --version) is too old for the readers; install 3.10 or newer and name it with HANSARD_PYTHON"
    "$PYTHON" -c 'import ensurepip' 2>/dev/null || need_packages "Python's venv" python3-venv
    say "making the oracles' Python environment (600 MB, once)"
    # A venv knows its own path, so it is made in place; `made-of` is written last and says it is whole.
    rm -rf "$VENV"
    run_quiet "making a venv with $PYTHON" "try: $PYTHON -m venv $VENV" "$PYTHON" -m venv "$VENV"
    run_quiet "pip install" "check that pip reaches its package index, then run this again" \
        "$VENV/bin/pip" install -q --disable-pip-version-check --only-binary :all: -r "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$VENV/made-of"
}

current || locked "python${NAME:+-$NAME}" make_venv
echo "$VENV/bin/python"
