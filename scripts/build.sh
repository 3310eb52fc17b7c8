#!/bin/sh
# Builds functions and layers for Lambda into .aws-sam/build, ready for `sam deploy` and `sam local`.
#
#   scripts/build.sh [options of sam build]        BUILD_DIR= moves the output
#
# After `sam build`: what no function reads is removed and everything is compiled to byte code, which
# halves a cold start (the layers are read-only on Lambda, so nothing is ever compiled there). The byte
# code is not checked against the source's date, which packing does not keep, and names the paths that
# it will have on Lambda.
set -eu
cd "$(dirname "$0")/.."

python=$(scripts/python.sh)
if ! "$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 13))'; then
    echo "Building for Lambda's python3.13 takes Python 3.13; $python is $("$python" --version)." >&2
    exit 1
fi
scripts/venv.sh sam

# sam takes the first `python3.13` on PATH, which may be a version manager's shim that does not run.
PATH=$(dirname "$python"):$PATH
export PATH SAM_CLI_TELEMETRY=0
export AWS_DEFAULT_REGION="${AWS_DEFAULT_REGION:-eu-west-1}"
build=${BUILD_DIR:-.aws-sam/build}
.venv-sam/bin/sam build --build-dir "$build" "$@"

find "$build" -depth \( -name __pycache__ -o -name tests \) -type d -exec rm -rf {} +
find "$build" \( -name '*.pyi' -o -name py.typed -o -name 'requirements.in' -o -name requirements.txt \) -type f -delete
rm -rf "$build/DependenciesLayer/python/bin"

compile() { "$python" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p "$2" "$1"; }
for folder in "$build"/*Function "$build"/*Layer; do
    case $folder in
        *Layer) compile "$folder" /opt ;;
        *) compile "$folder" /var/task ;;
    esac
done
