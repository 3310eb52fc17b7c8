#!/usr/bin/env bash
# Resolves every requirements/*.in and the layer's into files with exact versions and hashes.
#
# Releases younger than seven days are not taken: most poisoned releases are found within days.
# The order matters: requirements/dev.in includes the layer's requirements, so what the tests run on
# is resolved first, and the layer is then locked to the very versions found there.
# Versions already locked stay; --upgrade moves them.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/venv.sh lock

export UV_CUSTOM_COMPILE_COMMAND="make lock"
options=(--quiet --universal --generate-hashes --no-emit-index-url --exclude-newer "7 days" "$@")
compile() { .venv-lock/bin/uv pip compile "${options[@]}" "$@"; }

compile --python-version 3.11 requirements/dev.in --output-file requirements/dev.txt
compile --python-version 3.13 --constraints requirements/dev.txt \
    layers/dependencies/requirements.in --output-file layers/dependencies/requirements.txt
compile --python-version 3.11 requirements/sam.in --output-file requirements/sam.txt
compile --python-version 3.11 requirements/lock.in --output-file requirements/lock.txt
