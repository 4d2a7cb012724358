# What all scripts share. To be sourced, by bash, at the root of the repository.

set -euo pipefail

PGRX_VERSION=$(sed -n 's/^pgrx = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)
TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/cvm_count/cargo-pgrx-$PGRX_VERSION
export PATH=$PATH:$TOOLS/bin
# pgrx keeps its settings here, so that yours stay as they are; scripts/setup makes them.
export PGRX_HOME=$PWD/target/pgrx
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
PG_CONFIG=${PG_CONFIG:-$(command -v pg_config || true)}

# pgrx declares a newer Rust than it needs, and so does the extension. Where cargo is older than that, and new enough for the
# core, it is told not to mind: these options are for every command of cargo's that builds pgrx, the variable for cargo-pgrx.
RUST_OPTIONS=()
rust_versions=$(cargo --version 2>/dev/null | cut -d ' ' -f 2 || true; sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
if [ "$(sort -V <<<"$rust_versions" | tail -1)" != "${rust_versions%%$'\n'*}" ]; then
    RUST_OPTIONS=(--ignore-rust-version)
    export PGRX_BUILD_FLAGS=--ignore-rust-version
fi

say() {
    printf '\n== %s\n' "$*"
}

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

# The server's major version.
pg_major() {
    "$PG_CONFIG" --version | sed -n 's/^PostgreSQL \([0-9]*\).*/\1/p'
}

# Whether the server tells valgrind what is allocated in memory contexts.
tells_valgrind() {
    [[ " $("$PG_CONFIG" --cppflags) " == *" -DUSE_VALGRIND "* ]]
}

# as_root COMMAND...
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        command -v sudo >/dev/null || fail "not root, and sudo is not installed: as root, run: $*"
        sudo "$@"
    fi
}

# need_packages PACKAGE...: installs the Debian packages that are missing.
need_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "these are missing, and apt-get is not there to install them: ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update ||
        echo "apt-get update failed; going on with the package lists that are there" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "could not install ${missing[*]}: install them by hand, then run this again"
}

# need_cargo_tool NAME VERSION: installs a tool of cargo's of that version, once, beside cargo-pgrx, and puts it on the PATH.
need_cargo_tool() {
    local root=${TOOLS%/*}/$1-$2
    export PATH=$root/bin:$PATH
    [ ! -x "$root/bin/$1" ] || return 0
    say "installing $1 $2 (a minute or two, once)"
    cargo install "$1" --version "$2" --locked --root "$root" || fail "could not install $1"
}
