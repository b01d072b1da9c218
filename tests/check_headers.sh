#!/usr/bin/env bash
# Compiles each header alone, with the warnings of CMakeLists.txt, by ${CC:-gcc}.
# Needs a configured build, for tree-sitter's own header.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
read -ra warnings <<<"$(sed -n '/^target_compile_options(fst_warnings/,/)/p' \
    CMakeLists.txt | grep -o -e '-W[a-z-]*' | tr '\n' ' ')"
[ ${#warnings[@]} -gt 5 ] || {
    echo "no warning flags found in CMakeLists.txt" >&2
    exit 1
}
read -ra libraries <<<"$(pkg-config --cflags libuv libcjson)"

status=0
count=0
while read -r header; do
    count=$((count + 1))
    "${CC:-gcc}" -std=c11 -D_GNU_SOURCE '-DFST_VERSION="0"' -fsyntax-only "${warnings[@]}" -I. \
        -isystem build/grammars/node_modules/tree-sitter/vendor/tree-sitter/lib/include \
        "${libraries[@]}" -include "$header" -x c /dev/null || {
        echo "$header: doesn't compile alone"
        status=1
    }
done < <(git ls-files '*.h')
echo "$count headers compiled alone by ${CC:-gcc}"
[ "$count" -gt 0 ] && exit $status
exit 1
