#!/bin/sh
# Creates the virtual environment with the pinned dependencies; says one sentence where it cannot.
set -eu

venv=$1

refuse() {
    echo "$1" >&2
    exit 1
}

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

if ! { [ -x "$venv/bin/python" ] && fits "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }; then
    python=
    for candidate in ${PYTHON:-} python3.13 python3.12 python3.11 python3; do
        if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
            python=$candidate
            break
        fi
    done
    [ -n "$python" ] || refuse "Python 3.11, 3.12 or 3.13 is needed and was not found: install one, or set PYTHON to its path."
    "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 ||
        refuse "$python cannot make virtual environments: install the package $(
            "$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])'
        ) and try again."
    echo "creating $venv with $python"
    rm -rf "$venv"
    "$python" -m venv "$venv" || refuse "$python could not create $venv: see the lines above."
fi

echo "installing the pinned dependencies"
mkdir -p .local
rm -f .local/installed
{
    "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --require-hashes \
        -r requirements/base.txt -r requirements/dev.txt 2>&1 && touch .local/installed
} | tee .local/pip.log | awk '/^ *(Collecting|Downloading|Installing)/ { printf "  %s\n", substr($0, 1, 100); fflush() }' || true
[ -e .local/installed ] || refuse "The dependencies could not be installed ($(tail -n 1 .local/pip.log)): see .local/pip.log."
rm -f .local/installed
