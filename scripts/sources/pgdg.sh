# PostgreSQL from the packages of the PostgreSQL project. To be sourced, by bash, after env.sh.

# from_pgdg: installs version `major`, if the project's server answers. apt reads its packages in addition to the machine's own
# sources, from a folder of ours, so that later runs of apt do not.
from_pgdg() {
    timeout 5 bash -c ': </dev/tcp/apt.postgresql.org/443' 2>/dev/null || return 1
    need_packages ca-certificates postgresql-common
    local suite apt
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME-pgdg")
    cp -r /etc/apt/sources.list.d "$work/pgdg"
    cat >"$work/pgdg/pgdg.sources" <<END
Types: deb
URIs: https://apt.postgresql.org/pub/repos/apt
Suites: $suite
Components: main
Signed-By: /usr/share/postgresql-common/pgdg/apt.postgresql.org.asc
END
    apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -o "Dir::Etc::sourceparts=$work/pgdg")
    say "PostgreSQL $major: packages of apt.postgresql.org"
    as_root "${apt[@]}" -o APT::Update::Error-Mode=any update &&
        as_root "${apt[@]}" install -y --no-install-recommends "postgresql-$major" "postgresql-server-dev-$major" >/dev/null
}
