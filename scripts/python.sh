#!/usr/bin/env bash
# Prints the path of the interpreter to build virtual environments with, or says what is missing.
#
# Prefers 3.13, which Lambda runs, then 3.12, 3.11 and whatever `python3` is, as long as it is one
# of the three. Each candidate is run, not just found: a version manager's shim may be on PATH for a
# version that is not switched on. Such shims are looked behind: a folder ".../shims" on PATH has
# its interpreters in ".../versions". PYTHON= overrides the search.
set -eu

# Exits 0 when $1 runs, is 3.11 to 3.13, and can make a virtual environment with pip in it.
usable() {
    "$1" -c 'import ensurepip, ssl, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

# Prints every candidate for version $1, best first.
candidates() {
    type -aP "python$1" || true
    local folder
    local IFS=:
    for folder in $PATH; do
        if [[ $folder == */shims ]]; then
            compgen -G "$folder/../versions/$1*/bin/python$1" | sort -rV || true
        fi
    done
}

if [[ -n ${PYTHON:-} ]]; then
    if ! usable "$PYTHON"; then
        echo "PYTHON=$PYTHON does not run, is not Python 3.11 to 3.13, or lacks ensurepip or ssl." >&2
        exit 1
    fi
    echo "$PYTHON"
    exit 0
fi

for version in 3.13 3.12 3.11 3; do
    while IFS= read -r candidate; do
        if usable "$candidate"; then
            echo "$(cd "$(dirname "$candidate")" && pwd)/${candidate##*/}"
            exit 0
        fi
    done < <(candidates "$version")
done
echo "stepless needs Python 3.11, 3.12 or 3.13 with venv and ensurepip (on Debian and Ubuntu:" \
    "apt install python3 python3-venv). None was found on PATH; PYTHON=/path/to/python names one." >&2
exit 1
