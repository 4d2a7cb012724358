# What all scripts share. To be sourced, by bash, at the root of the repository.

set -euo pipefail

PGRX_VERSION=$(sed -n 's/^pgrx = .*"=\([0-9.]*\)".*/\1/p' Cargo.toml)
TOOLS=${XDG_CACHE_HOME:-$HOME/.cache}/cvm_count/cargo-pgrx-$PGRX_VERSION
export PATH=$PATH:$TOOLS/bin
# pgrx keeps its settings here, so that yours stay as they are.
export PGRX_HOME=$PWD/target/pgrx
export CARGO_TERM_COLOR=${CARGO_TERM_COLOR:-auto}
PG_CONFIG=${PG_CONFIG:-$(command -v pg_config || true)}

# Servers that scripts/provision gets. The user postgres, who runs them where root may not, cannot look into root's home.
SERVERS=${XDG_CACHE_HOME:-$HOME/.cache}/cvm_count
[ "$(id -u)" != 0 ] || SERVERS=/var/cache/cvm_count

# pgrx declares a newer Rust than it needs, and so does the extension. Where cargo is older than that, and new enough for the
# core, it is told not to mind: these options are for every command of cargo's that builds pgrx, the variable for cargo-pgrx.
RUST_OPTIONS=()
RUST=$(cargo --version 2>/dev/null | cut -d ' ' -f 2 || true)
# is_older A B: whether version A is older than version B
is_older() {
    [ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -1)" = "$1" ]
}
LEAST_RUST=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | sort -V | head -1)
DECLARED_RUST=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml | sort -V | tail -1)
if is_older "$RUST" "$DECLARED_RUST"; then
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

# need_packages PACKAGE...: the Debian packages that are missing are installed, if the script is one of those that may, which
# set MAY_INSTALL; the others say what is missing.
need_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    command -v apt-get >/dev/null || fail "these are missing, and apt-get is not there to install them: ${missing[*]}"
    [ -n "${MAY_INSTALL:-}" ] || fail "Debian packages are missing. As root: apt-get install ${missing[*]}"
    say "installing Debian packages: ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update ||
        echo "apt-get update failed; going on with the package lists that are there" >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null ||
        fail "could not install ${missing[*]}: install them by hand, then run this again"
}

# need_pg_config: fails unless PG_CONFIG is a program.
need_pg_config() {
    [ -n "$PG_CONFIG" ] || fail "pg_config was not found. Set PG_CONFIG to its path; if there is no PostgreSQL yet, on Debian: make setup"
    [ -f "$PG_CONFIG" ] && [ -x "$PG_CONFIG" ] || fail "PG_CONFIG is $PG_CONFIG, and there is no such program.
On Debian, that of PostgreSQL N is /usr/lib/postgresql/N/bin/pg_config, of the package postgresql-server-dev-N"
}

# need_server: fails unless PG_CONFIG is of a server that the extension can be built for.
need_server() {
    local major
    need_pg_config
    major=$(pg_major)
    grep -q "^pg$major = " Cargo.toml ||
        fail "PG_CONFIG is of $("$PG_CONFIG" --version), for which there is no support: $(sed -n 's/^\(pg[0-9]*\) = .*/\1/p' Cargo.toml | xargs)"
    [ -f "$("$PG_CONFIG" --includedir-server)/postgres.h" ] ||
        fail "The server headers of PostgreSQL $major are missing: there is no $("$PG_CONFIG" --includedir-server)/postgres.h.
On Debian, as root: apt-get install postgresql-server-dev-$major"
}

# need_rust: fails unless there is a Rust that is new enough.
need_rust() {
    [ -n "$RUST" ] || fail "cargo was not found: install Rust from https://rustup.rs${SUDO_USER:+, or run 'make' as $SUDO_USER first}"
    ! is_older "$RUST" "$LEAST_RUST" ||
        fail "Rust $RUST is too old, $LEAST_RUST is the least: install it from https://rustup.rs, or run 'rustup update'"
}

# has_cargo_pgrx: whether cargo-pgrx is there, of the version that Cargo.toml pins.
has_cargo_pgrx() {
    [ "$(cargo pgrx --version 2>/dev/null)" = "cargo-pgrx $PGRX_VERSION" ]
}

# need_cargo_pgrx: installs it if it is not.
need_cargo_pgrx() {
    ! has_cargo_pgrx || return 0
    say "installing cargo-pgrx $PGRX_VERSION in $TOOLS (a few minutes, once)"
    cargo install "${RUST_OPTIONS[@]}" cargo-pgrx --version "$PGRX_VERSION" --locked --root "$TOOLS" ||
        fail "could not install cargo-pgrx: its own message is above. By hand: cargo install${RUST_OPTIONS[*]:+ ${RUST_OPTIONS[*]}} cargo-pgrx --version $PGRX_VERSION --locked"
    # Another version further ahead on the PATH would be found first.
    has_cargo_pgrx || fail "another version of cargo-pgrx is on the PATH: $(command -v cargo-pgrx); $PGRX_VERSION is needed"
}

# need_build_tools: fails unless all that the build takes is there.
need_build_tools() {
    local missing=()
    need_rust
    command -v cc >/dev/null || missing+=("a C compiler (Debian: gcc, libc6-dev)")
    command -v clang >/dev/null || [ -n "${LIBCLANG_PATH:-}" ] || missing+=("clang and libclang (Debian: clang, libclang-dev)")
    has_cargo_pgrx ||
        missing+=("cargo-pgrx $PGRX_VERSION (cargo install${RUST_OPTIONS[*]:+ ${RUST_OPTIONS[*]}} cargo-pgrx --version $PGRX_VERSION --locked)")
    [ ${#missing[@]} = 0 ] || fail "$(printf '%s\n' "To build the extension, these are missing:" "${missing[@]/#/- }" \
        "On Debian, 'make setup' installs all of it.")"
}

# need_cargo_tool NAME VERSION: installs a tool of cargo's of that version, once, beside cargo-pgrx, and puts it on the PATH.
need_cargo_tool() {
    local root=${TOOLS%/*}/$1-$2
    export PATH=$root/bin:$PATH
    [ ! -x "$root/bin/$1" ] || return 0
    say "installing $1 $2 (a minute or two, once)"
    cargo install "$1" --version "$2" --locked --root "$root" || fail "could not install $1"
}

# use_copy: from here on the server is a copy of that of PG_CONFIG, with the extension.
use_copy() {
    need_server
    PG_CONFIG=$(scripts/copy_server)
    export PG_CONFIG
    scripts/install
}
