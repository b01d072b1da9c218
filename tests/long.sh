#!/usr/bin/env bash
# What takes too long for tests/run.sh: see usage() below.
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/packages.sh
. "$top/deploy/packages.sh"

usage() {
    cat <<TXT
usage: tests/long.sh [PART]...

Installs what is missing, builds, and runs by hand what would make CI too slow.
Ends with the line "N passed, N failed".

  PART    sim     the core's simulation with 20,000 seeds
          net     both cores' over a simulated network with 100,000 seeds
          faults  the history's file fails at every operation of a run, and the
                  coordinator is killed at every write of its journal
          kills   KILLS (default 200) kills at random moments, each gone on with
                  by --resume; SEED=N chooses the moments
          fuzz    each target of tests/fuzz for FUZZ_MINUTES (default 30), as
                  many at a time as there are CPUs
          farm    FARM_RUNS (default 300) runs of a farm on machines of their own
                  (network namespaces) with random faults, from SEED (1) on
          without any: all of them
TXT
}

case ${1:-} in
--help | -h)
    usage
    exit 0
    ;;
esac
cd "$top"
fst_install build test
deploy/build.sh release
build=$top/build/release
export FASTEST_BIN=$build/bin
passed=0 failed=0

# try NAME COMMAND...
try() {
    local name=$1
    shift
    echo "=== $name ==="
    SECONDS=0
    if "$@"; then
        passed=$((passed + 1))
        echo "--- $name: passed in $SECONDS s"
    else
        failed=$((failed + 1))
        echo "--- $name: FAILED in $SECONDS s"
    fi
}

e2e() {
    env --default-signal=INT /usr/bin/python3 -m pytest -q -s \
        -p no:cacheprovider "$@"
}

fuzz_all() {
    local targets=(tests/fuzz/corpus/*)
    targets=("${targets[@]##*/}")
    deploy/build.sh fuzz "${targets[@]/#/fuzz_}" || return 1
    printf '%s\n' "${targets[@]}" |
        xargs -P "$(nproc)" -I TARGET \
            tests/fuzz/run.sh TARGET "${FUZZ_MINUTES:-30}"
}

[ $# -gt 0 ] || set -- sim net faults kills fuzz
for part; do
    case $part in
    sim) try "simulation" "$build/bin/sim_core" --seeds 1..20000 ;;
    net)
        try "simulated network" "$build/bin/sim_net" --seeds 1..100000
        ;;
    faults)
        export FAULTS=all
        try "faults of the disk" e2e tests/e2e/test_history_faults.py
        try "kills at every write" e2e tests/e2e/test_resume_kills.py -k write
        ;;
    kills)
        export KILLS=${KILLS:-200}
        try "kills at random moments" \
            e2e tests/e2e/test_resume_kills.py -k random
        ;;
    fuzz)
        fst_install fuzz
        try "fuzzing" fuzz_all
        ;;
    farm)
        export FARM_RUNS=${FARM_RUNS:-300}
        try "faults of a farm" e2e -n 2 tests/integration/farm/test_faults.py
        ;;
    *)
        echo "long.sh: unknown part '$part' (see --help)" >&2
        exit 4
        ;;
    esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
