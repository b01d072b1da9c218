#!/usr/bin/env bash
# From a fresh Debian 12 to a suite that has run: see usage() below.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$top/deploy/packages.sh"

usage() {
    cat <<TXT
usage: deploy/quickstart.sh [--build-only] [--help]

Installs the Debian packages that are missing (as root), builds fastest to
build/release/bin, and runs a real suite, networkx's own tests, on warm local
workers: twice, the second time planned by what the first one took. The suite is
copied to build/quickstart: nothing is written elsewhere.

  --build-only  stop after the build
  --help        show this text

Needs Debian 12 and npm. A second time it only does what has changed. Its exit
status is that of the run: 0 when all tests passed.
TXT
}

# Debian's networkx, beside a pytest.ini that makes the folder the root.
copy_suite() {
    local installed
    installed=$(/usr/bin/python3 -c \
        'import importlib.util as u; print(u.find_spec("networkx").submodule_search_locations[0])')
    mkdir -p "$suite"
    printf '[pytest]\n' >"$suite/pytest.ini"
    if ! diff -rq -x __pycache__ "$installed" "$suite/networkx" \
        >/dev/null 2>&1; then
        rm -rf "$suite/networkx"
        cp -R "$installed" "$suite/networkx"
    fi
}

build_only=false
for argument in "$@"; do
    case $argument in
    --build-only) build_only=true ;;
    --help | -h)
        usage
        exit 0
        ;;
    *)
        echo "quickstart.sh: unknown option '$argument' (see --help)" >&2
        exit 4
        ;;
    esac
done

groups=(build)
$build_only || groups+=(run)
fst_install "${groups[@]}"

started=$SECONDS
"$top/deploy/build.sh" release product
bin=$top/build/release/bin
echo "built in $((SECONDS - started)) s: $bin/{fastest,fastest-coord,fastest-agent}"
$build_only && exit 0

suite=$top/build/quickstart
copy_suite
cd "$suite"
rm -rf .fastest
status=0
for run in first second; do
    echo "running networkx's tests in $suite: the $run run"
    started=$SECONDS
    "$bin/fastest-coord" run --python /usr/bin/python3 networkx || status=$?
    echo "the $run run ended after $((SECONDS - started)) s"
done
echo "what takes longest, as the third run expects (fastest-coord history top):"
"$bin/fastest-coord" history top --limit 5
echo "fastest-coord run ended with exit status $status"
exit $status
