#!/usr/bin/env bash
# Builds fastest and runs its tests: see usage() below.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$top/deploy/packages.sh"

usage() {
    cat <<TXT
usage: tests/run.sh [--preset NAME] [PART]...

Installs what is missing, builds, and runs every test that needs no special
machine. Ends with the line "N passed, N failed[, N skipped]": each cmocka test,
each other CTest test and each pytest test counts as one.

  PART           c: unit tests, simulation, checks (CTest)
                 integration, e2e: pytest over the programs, also a folder or
                 file of them (e2e/hazards, e2e/test_kills.py)
                 without any: all of them
  --preset NAME  a preset of CMakePresets.json (default: dev); the reports of
                 the tests stay in build/NAME/results
  --help         show this text

The pytest tests find the programs by the environment variable FASTEST_BIN, the
folder that holds fastest, fastest-coord and fastest-agent; this script sets it.
TXT
}

preset=dev
parts=()
while [ $# -gt 0 ]; do
    case $1 in
    --preset)
        preset=${2:?--preset needs a name}
        shift
        ;;
    --help | -h)
        usage
        exit 0
        ;;
    c | integration | e2e | integration/* | e2e/*) parts+=("$1") ;;
    *)
        echo "run.sh: unknown argument '$1' (see --help)" >&2
        exit 4
        ;;
    esac
    shift
done
[ ${#parts[@]} -gt 0 ] || parts=(c integration e2e)

cd "$top"
fst_install build test
[[ " ${parts[*]} " != *" e2e "* ]] || fst_unpack plugins "$top/build/plugins"
echo "building the preset '$preset'"
deploy/build.sh "$preset" || {
    echo "0 passed, 1 failed"
    exit 1
}

build=$top/build/$preset
results=$build/results
rm -rf "$results"
mkdir -p "$results"
export FASTEST_BIN=$build/bin
export TSAN_OPTIONS=suppressions=$top/tests/support/tsan.supp
export UBSAN_OPTIONS=print_stacktrace=1

# A failure shows in the reports that are added up, so it must not end the
# script here; a report that is missing is a failure of its own.
for part in "${parts[@]}"; do
    report=$results/${part//\//-}.xml
    if [ "$part" = c ]; then
        ctest --test-dir "$build" -j "$(nproc)" --output-on-failure \
            --timeout 600 \
            --test-output-size-passed 10000000 \
            --test-output-size-failed 10000000 \
            --output-junit "$report" || true
    else
        # Two at a time: most of a test's time is waiting for processes. A shell
        # that runs this in the background has SIGINT ignored.
        env --default-signal=INT /usr/bin/python3 -m pytest -q -rs -n 2 \
            -p no:cacheprovider --timeout 600 --junitxml "$report" \
            "tests/$part" || true
    fi
    [ -s "$report" ] || : >"$report"
done
/usr/bin/python3 tests/support/tally.py "$results"/*.xml
