# apt with sources and lists of our own: the machine's stay as they are. To be sourced, by bash, after env.sh.

# debian_mirror: prints the address of the mirror of Debian that the machine uses.
debian_mirror() {
    local ask=(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian') found
    found=$("${ask[@]}")
    if [ -z "$found" ]; then
        as_root apt-get -qq update >&2
        found=$("${ask[@]}")
    fi
    [ -n "$found" ] && echo "${found%%$'\n'*}"
}

# private_apt FOLDER TYPE SUITE...: reads the lists of these suites of Debian, of packages (TYPE deb) or source packages (deb-src),
# from the machine's mirror, as if nothing were installed. Sets `mirror`, and `apt` to the options that apt takes to use them. Fails
# if they cannot be read.
private_apt() {
    local folder=$1 type=$2
    shift 2
    mirror=$(debian_mirror) || return 1
    mkdir -p "$folder/sources" "$folder/lists/partial" "$folder/cache/archives/partial"
    cat >"$folder/sources/debian.sources" <<END
Types: $type
URIs: $mirror
Suites: $*
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
END
    # The folder is the user's own, so apt cannot download as its user _apt.
    apt=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$folder/sources" -o "Dir::State::lists=$folder/lists"
        -o "Dir::Cache=$folder/cache" -o Dir::State::status=/dev/null -o Debug::NoLocking=true -o APT::Sandbox::User=root
        -o APT::Update::Error-Mode=any -o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false)
    apt-get -qq "${apt[@]}" update >&2
}

# download_from_pool FILE SHA256 FOLDER: a file of PostgreSQL's, known by its hash, that the mirror has and its lists do not name.
download_from_pool() {
    /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file \
        "${mirror%/}/pool/main/p/postgresql-$major/$1" "$3/$1" "SHA256:$2"
}
