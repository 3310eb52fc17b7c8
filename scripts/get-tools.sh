#!/bin/sh
# Prepares what the interop suite runs: builds step, step-ca and the Go interop program into .tools/bin with the
# ordinary Go client, installs the OpenID provider into .tools/oidc with npm, and nginx, curl, openssl and chromium where
# they are missing and the system allows it.
# Safe to repeat: what is there already is left alone. Exits 1, naming each thing that could not be prepared.
set -u

STEP_VERSION=v0.30.6
STEP_CA_VERSION=v0.30.2

root=$(cd "$(dirname "$0")/.." && pwd) || exit 1
tools=$root/.tools
bin=$tools/bin
golib=$root/tests/interop/golib
oidc=$root/tests/interop/oidc
mkdir -p "$bin" || exit 1

# Only one at a time: two test workers may ask for the tools together.
if command -v flock >/dev/null 2>&1; then
    exec 9>"$tools/lock"
    flock 9
fi

# Some systems keep servers out of an ordinary user's PATH.
PATH=$PATH:/usr/sbin:/usr/local/sbin
missing=

failed() {
    echo "get-tools: failed to prepare $1" >&2
    missing="$missing $1"
}

# build NAME STAMP COMMAND...: runs COMMAND unless .tools/bin/NAME was already built from STAMP.
build() {
    name=$1 stamp=$2
    shift 2
    if [ -x "$bin/$name" ] && [ "$(cat "$tools/$name.stamp" 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    if ! command -v go >/dev/null 2>&1; then
        failed "$name (Go is missing: see https://go.dev/doc/install)"
        return 0
    fi
    echo "get-tools: building $name" >&2
    if "$@" && [ -x "$bin/$name" ]; then
        echo "$stamp" >"$tools/$name.stamp"
    else
        failed "$name"
    fi
}

install_module() {
    GOBIN=$bin CGO_ENABLED=0 go install "$1"
}

build_golib() {
    (cd "$golib" && CGO_ENABLED=0 go build -mod=readonly -buildvcs=false -o "$bin/golib" .)
}

# The OpenID provider and the packages that it stands on, as its lock has them.
install_oidc() {
    files='package.json package-lock.json .npmrc provider.js browser.js'
    stamp=$(cd "$oidc" 2>/dev/null && cat $files | cksum)
    if [ -d "$tools/oidc/node_modules" ] && [ "$(cat "$tools/oidc.stamp" 2>/dev/null)" = "$stamp" ]; then
        return 0
    fi
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        failed "oidc (Node.js with npm is missing: see https://nodejs.org)"
        return 0
    fi
    echo "get-tools: installing oidc" >&2
    mkdir -p "$tools/oidc"
    # shellcheck disable=SC2086 # a list of names
    if (cd "$oidc" && cp $files "$tools/oidc") && (cd "$tools/oidc" && npm ci >&2); then
        echo "$stamp" >"$tools/oidc.stamp"
    else
        failed oidc
    fi
}

# packages NAME...: asks apt-get for the programs that are missing.
packages() {
    wanted=
    for name in "$@"; do
        command -v "$name" >/dev/null 2>&1 || wanted="$wanted $name"
    done
    [ -n "$wanted" ] || return 0
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        as_root='sudo -n'
        sudo -n true >/dev/null 2>&1 || as_root=none
    fi
    if command -v apt-get >/dev/null 2>&1 && [ "$as_root" != none ]; then
        echo "get-tools: installing$wanted" >&2
        # Split on purpose: an optional prefix and a list of package names.
        # shellcheck disable=SC2086
        $as_root apt-get update -qq >&2 &&
            $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted >&2
    fi
    for name in $wanted; do
        command -v "$name" >/dev/null 2>&1 || failed "$name (install it with the system's package manager)"
    done
}

packages nginx curl openssl chromium
install_oidc
build step "$STEP_VERSION" install_module "github.com/smallstep/cli/cmd/step@$STEP_VERSION"
build step-ca "$STEP_CA_VERSION" install_module "github.com/smallstep/certificates/cmd/step-ca@$STEP_CA_VERSION"
build golib "$(cat "$golib/main.go" "$golib/go.mod" "$golib/go.sum" | cksum)" build_golib

[ -z "$missing" ]
