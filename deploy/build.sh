#!/usr/bin/env bash
# deploy/build.sh PRESET [TARGET]...: configures a preset of CMakePresets.json
# and builds it, or only the targets, in build/PRESET. Silent unless it fails.
set -euo pipefail

preset=${1:?usage: deploy/build.sh PRESET [TARGET]...}
shift
cd "$(dirname "${BASH_SOURCE[0]}")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
[ $# -gt 0 ] && set -- --target "$@"
if ! { cmake --preset "$preset" &&
    cmake --build --preset "$preset" -j "$(nproc)" "$@"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "building the preset '$preset' failed" >&2
    exit 1
fi
