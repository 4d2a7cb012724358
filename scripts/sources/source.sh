# PostgreSQL built from the tarball of a source package of Debian's. To be sourced, by bash, after env.sh and apt.sh.

# from_source SUITES VERSION SHA256 OPTION...: version `major` of these suites, configured with these options. apt verifies its
# signature. A mirror lists what it does not have yet while it is brought up to date: then it is this version, known by its hash.
from_source() {
    local suites=$1 known=$2 hash=$3 tarball apt mirror
    shift 3
    need_packages gcc libc6-dev make perl bison flex bzip2 pkg-config libicu-dev zlib1g-dev
    say "PostgreSQL $major: its source package in Debian $suites"
    # shellcheck disable=SC2086 # several suites
    private_apt "$work/source" deb-src $suites || fail "the lists of Debian $suites could not be read from the machine's mirror"
    if ! (cd "$work" && apt-get -qq "${apt[@]}" source --download-only --tar-only "postgresql-$major"); then
        say "PostgreSQL $major: version $known instead"
        tarball=postgresql-${major}_$known.orig.tar.bz2
        rm -f "$work/postgresql-$major"_*
        download_from_pool "$tarball" "$hash" "$work" ||
            fail "postgresql-$major could not be downloaded from Debian $suites, nor its version $known"
    fi
    mkdir "$work/build"
    tar -xjf "$work/postgresql-$major"_*.orig.tar.bz2 --strip-components=1 -C "$work/build"

    say "PostgreSQL $major: building it (a few minutes, once)"
    build "$@" >"$work/log" 2>&1 || { tail -50 "$work/log"; fail "PostgreSQL $major could not be built"; }
    mv "$work/stage$prefix" "$prefix"
}

# build OPTION...: what the tests use of contrib included, or will use; no documentation.
build() {
    # PostgreSQL's makefiles take a make above them for one of their own, and then leave headers out.
    unset MAKELEVEL MAKEFLAGS MFLAGS
    cd "$work/build" && ./configure --quiet --prefix="$prefix" --with-icu --without-readline "$@" &&
        make -s -j"$(nproc)" -C src all && make -s -C src DESTDIR="$work/stage" install || return 1
    local module
    for module in auto_explain citext hstore pg_stat_statements pg_trgm postgres_fdw; do
        make -s -j"$(nproc)" -C "contrib/$module" DESTDIR="$work/stage" install || return 1
    done
    cd - >/dev/null
}
