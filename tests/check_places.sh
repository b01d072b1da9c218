#!/usr/bin/env bash
# No committed file names a place that only one machine has: the folder that
# this checkout lies in, a home or work folder, or a registry's address. The
# examples in texts are those of a user called "me".
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
parent=$(dirname "$PWD")
found=$(
    git grep -nIE \
        -e '(^|[^[:alnum:]_./~-])/(home|root|srv|work|workspace|builds|Users)/[[:alnum:]]' \
        -e '"resolved": *"https?://' \
        -e '^deb(-src)? +https?://' \
        -e 'https?://[a-z.]*(registry|npmjs|pypi|deb\.)' -- . |
        grep -v "[^[:alnum:]]home/me/" || true
    # A checkout at the top or directly in /tmp has no name worth a search.
    case $parent in
    / | /tmp) ;;
    *) git grep -nIF -e "$parent/" -- . || true ;;
    esac
)
if [ -n "$found" ]; then
    printf 'these lines name a place of one machine:\n%s\n' "$found"
    exit 1
fi
echo "no file names a place of one machine"
