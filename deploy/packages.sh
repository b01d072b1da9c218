# shellcheck shell=bash disable=SC2034
# Debian packages that fastest needs, in this one place, and how they get here.
# Sourced by quickstart.sh, tests/run.sh and .ci/run.

# build: compile the programs. run: a Python with pytest, the set-up script's
# suite. test: what the end-to-end tests meet. ci: what only .ci/run calls.
# fuzz: libFuzzer, for tests/long.sh.
# plugins: pytest's plugins that tests/e2e/plugins meets one by one, with what
# they import. They are unpacked, not installed: an installed plugin is loaded
# into every pytest of the machine, and pytest-order even orders it.
fst_packages_build=(
    gcc libc6-dev cmake ninja-build pkgconf
    libnng-dev libcjson-dev libuv1-dev uthash-dev libcmocka-dev
    libsqlite3-dev libmbedtls-dev scdoc
)
fst_packages_run=(python3 python3-pytest python3-networkx)
fst_packages_test=(
    python3 python3-pytest python3-pytest-xdist python3-pytest-cov
    python3-pytest-timeout python3-pytest-rerunfailures python3-pytest-asyncio
    python3-pytest-mock python3-hypothesis python3-pyte python3-jsonschema
    python3-lxml python3-cryptography iproute2 nftables
)
fst_packages_plugins=(
    python3-pytest-django python3-django python3-sqlparse python3-asgiref
    python3-pytest-order python3-pytest-subtests python3-pytest-repeat
    python3-pytest-forked python3-py python3-pytest-benchmark python3-cpuinfo
    python3-pytest-bdd python3-glob2 python3-mako python3-parse
    python3-parse-type python3-markupsafe python3-pytest-datadir
)
fst_packages_fuzz=(clang libclang-rt-14-dev)
fst_packages_ci=(black clang clang-format git shellcheck)

# fst_install GROUP...: installs what is missing of the groups. Says one line
# when there is something to install and shows apt's output only if it fails.
# npm may come from anywhere, so it is asked for as a command.
fst_install() {
    local group wanted=() missing=() installed package log
    for group in "$@"; do
        local -n packages="fst_packages_$group"
        wanted+=("${packages[@]}")
    done
    # It fails where it has never heard of one of them.
    installed=$({ dpkg-query -W -f='${db:Status-Abbrev} ${Package}\n' \
        "${wanted[@]}" 2>/dev/null || true; } | awk '$1 == "ii" { print $2 }')
    for package in "${wanted[@]}"; do
        grep -qxF -e "$package" <<<"$installed" || missing+=("$package")
    done
    command -v npm >/dev/null || missing+=(npm)
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        echo "missing packages; as root: apt-get install ${missing[*]}" >&2
        return 1
    fi
    echo "installing: ${missing[*]}"
    log=$(mktemp)
    # A fresh system has no package lists, or lists that have aged.
    if ! fst_apt "$log" install "${missing[@]}" &&
        ! { fst_apt "$log" update && fst_apt "$log" install "${missing[@]}"; }
    then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# fst_unpack GROUP DIR: each package of the group that is not there yet, into
# DIR/PACKAGE. One that can't be had is left out with a line: its tests skip.
fst_unpack() {
    local -n packages="fst_packages_$1"
    local dir=$2 package scratch
    for package in "${packages[@]}"; do
        [ ! -d "$dir/$package" ] || continue
        scratch=$(mktemp -d)
        if (cd "$scratch" && apt-get download -q "$package") >/dev/null 2>&1 &&
            dpkg -x "$scratch/$package"_*.deb "$scratch/files"; then
            mkdir -p "$dir"
            mv "$scratch/files" "$dir/$package"
        else
            echo "no package $package: its tests are skipped" >&2
        fi
        rm -rf "$scratch"
    done
}

# fst_apt LOG VERB [PACKAGE...]
fst_apt() {
    local log=$1 verb=$2
    shift 2
    DEBIAN_FRONTEND=noninteractive apt-get "$verb" -y -q \
        -o DPkg::Lock::Timeout=300 \
        -o APT::Install-Recommends=false "$@" >"$log" 2>&1 </dev/null
}
