# PostgreSQL from Debian's packages of a version that is not released. To be sourced, by bash, after env.sh and apt.sh.

# newest_unreleased: prints the version of the packages of version `major` that Debian has now. One that is released leaves
# experimental for sid.
newest_unreleased() {
    local suite versions apt mirror
    for suite in experimental sid; do
        private_apt "$work/$suite" deb "$suite" || continue
        versions=$(apt-cache "${apt[@]}" show "postgresql-$major" 2>/dev/null | sed -n 's/^Version: //p' || true)
        if [ -n "$versions" ]; then
            echo "${versions%%$'\n'*}"
            return
        fi
    done
}

# from_packages VERSION KNOWN PACKAGE=SHA256...: these packages of Debian's experimental, which are built for newer releases than
# the machine's. They are not installed but unpacked, beside the libraries that they were built for, libc among them, and the
# programs are told to look for them there. A mirror may list what it does not have yet: then it is the version KNOWN by
# its hashes, which are for amd64; and the libraries are those of sid, or else of forky.
from_packages() {
    local version=$1 known=$2 stage=$work/packages archives=$work/debian/cache/archives package libraries library program file apt mirror
    shift 2
    need_packages patchelf tzdata
    say "PostgreSQL $major: packages of Debian's experimental, ${version:-of no version that is known}"
    [ -n "$version" ] && private_apt "$work/debian" deb experimental sid forky ||
        fail "the lists of Debian experimental, sid and forky could not be read from the machine's mirror"
    if ! (cd "$archives" && apt-get -qq "${apt[@]}" download "${@/%=*/=$version}"); then
        say "PostgreSQL $major: version $known instead"
        prefix=$unversioned-${known//\~/}
        found "$prefix/bin/pg_config"
        rm -rf "$prefix" "$archives"/*.deb
        for package in "$@"; do
            download_from_pool "${package%%=*}_${known}_amd64.deb" "${package#*=}" "$archives" ||
                fail "the packages of PostgreSQL $major could not be downloaded from Debian's experimental, nor their version $known"
        done
    fi
    mapfile -t libraries < <(printf '%s\0' "$archives"/*.deb | xargs -0 -I{} dpkg-deb --field {} Depends | tr ',' '\n' |
        sed -n 's/^ *\(lib[^ ]*\).*/\1/p' | grep -vxE 'libpq5|libpq-dev' | sort -u)
    apt=("${apt[@]}" --yes --no-install-recommends --download-only)
    apt-get -qq "${apt[@]}" install "${libraries[@]}" || apt-get -qq "${apt[@]}" -t forky install "${libraries[@]}" ||
        fail "the libraries of PostgreSQL $major could not be downloaded from Debian's sid, nor from forky"
    for package in "$archives"/{lib,postgresql-}*.deb; do
        dpkg-deb --extract "$package" "$stage"
    done
    rm -rf "$stage"/usr/share/{bash-completion,bug,doc,lintian,locale,man}
    ln -s "usr/lib/postgresql/$major/bin" "$stage/bin"

    library=$(dirname "$(find "$stage/usr/lib" -name libc.so.6)")
    library=$prefix${library#"$stage"}
    for program in "$stage/bin"/* "$stage/usr/lib/postgresql/$major/lib/pgxs/src/test/regress/pg_regress"; do
        # Scripts and links have no interpreter of this kind.
        file=$(patchelf --print-interpreter "$program" 2>/dev/null) || continue
        patchelf --set-interpreter "$library/${file##*/}" --force-rpath --set-rpath "$library" "$program"
    done
    mv "$stage" "$prefix"
}
