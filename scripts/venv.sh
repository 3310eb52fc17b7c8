#!/usr/bin/env bash
# Makes or refreshes one of the project's virtual environments from its hash-locked requirements:
#
#   scripts/venv.sh dev     .venv       runs, tests and checks everything (requirements/dev.txt)
#   scripts/venv.sh sam     .venv-sam   the AWS SAM command line (requirements/sam.txt)
#   scripts/venv.sh lock    .venv-lock  the resolver behind `make lock` (requirements/lock.txt)
#
# Costs nothing when it is up to date: a stamp inside remembers the lock file and the place.
# Safe to call twice at once. When the lock file changed, the environment is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."

case ${1:-} in
    dev) venv=.venv lock=requirements/dev.txt ;;
    sam) venv=.venv-sam lock=requirements/sam.txt ;;
    lock) venv=.venv-lock lock=requirements/lock.txt ;;
    *) echo "usage: scripts/venv.sh dev|sam|lock" >&2; exit 2 ;;
esac
stamp=$venv/.stamp

# What the environment must match: this script, the lock file, and where the tree stands (an
# environment that was moved does not work).
wanted() { pwd -P; cat scripts/venv.sh "$lock"; }
fresh() { [[ -x $venv/bin/python && -f $stamp ]] && wanted | cmp -s - "$stamp"; }

if fresh; then exit 0; fi

python=$(scripts/python.sh)
if command -v flock >/dev/null; then  # not on macOS, where only simultaneous first runs would miss it
    exec 9>"$venv.lock"
    flock 9
    if fresh; then exit 0; fi
fi

echo "Installing $lock into $venv with $("$python" --version) (once, about a minute) ..." >&2
rm -rf "$venv"
"$python" -m venv "$venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
"$venv/bin/python" -m pip install --quiet --no-compile --require-hashes --requirement "$lock"
# Byte code for all of it on every core, which pip would make on one.
"$venv/bin/python" -m compileall -q -j 0 "$venv/lib"
if [[ $venv == .venv ]]; then
    # The workspace's own packages, on the path as they stand; relative to site-packages.
    printf '%s\n' ../../../../layers/core/src ../../../../dev/src \
        >"$(echo "$venv"/lib/python3.*/site-packages)/stepless.pth"
fi
wanted >"$stamp"
