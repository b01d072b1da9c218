#!/usr/bin/env bash
# tests/fuzz/run.sh TARGET MINUTES: fuzzes one target of the preset `fuzz`,
# which is built. It begins with the committed corpus and what earlier runs found
# in build/fuzz/corpus/TARGET. Prints executions and coverage in one line; what
# crashes, hangs or leaks is kept in build/fuzz/found/TARGET: exit status 1.
set -euo pipefail

target=${1:?usage: tests/fuzz/run.sh TARGET MINUTES} minutes=${2:?}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
corpus=$top/build/fuzz/corpus/$target found=$top/build/fuzz/found/$target
log=$top/build/fuzz/$target.log
mkdir -p "$corpus" "$found"
status=0
"$top/build/fuzz/bin/fuzz_$target" -max_total_time=$((minutes * 60)) \
    -max_len=4096 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$found/" "$corpus" "$top/tests/fuzz/corpus/$target" \
    >"$log" 2>&1 || status=1
runs=$(awk '/^stat::number_of_executed_units/ { print $2 }' "$log")
echo "$target: ${runs:-?} executions, $(grep -oE 'cov: [0-9]+ ft: [0-9]+' \
    "$log" | tail -n 1), $(find "$found" -type f | wc -l) findings"
[ $status -eq 0 ] || grep -m 3 -E 'internal error|ERROR|runtime error' "$log" ||
    tail -n 5 "$log"
exit $status
