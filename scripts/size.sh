#!/usr/bin/env bash
# Holds what `make build` made to its size budgets: size is cold start, and Lambda stops at 250 MB unpacked.
set -euo pipefail
cd "$(dirname "$0")/../.aws-sam/build"

over=0
# budget LABEL KILOBYTES PATH...: prints the size of the paths together and remembers when it is over.
budget() {
    local label=$1 limit=$2 size
    shift 2
    size=$(du -ck --apparent-size "$@" | tail -n 1 | cut -f 1)
    printf '%-40s %7d kB of %7d\n' "$label" "$size" "$limit"
    if ((size > limit)); then over=1; fi
}

budget "dependencies layer, byte code included" 80000 DependenciesLayer
budget "core layer, byte code included" 2000 CoreLayer
for folder in *Function; do
    budget "$folder" 40 "$folder"
done
if ((over)); then
    echo "Over budget: make it smaller, or raise the budget in scripts/size.sh and say why in the commit." >&2
fi
exit "$over"
