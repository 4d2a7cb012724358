# Throw-away PostgreSQL clusters, for the demo, the tests and the benchmark. To be sourced, by bash, after env.sh.
#
# A cluster lives in target/clusters/NAME, listens on a socket of its own and on no TCP port. initdb and postgres refuse
# to run as root; then they run as the user postgres, who must be able to reach the folder: where it cannot (a checkout
# in root's home, say), the cluster lives in the system's temporary folder.

# as_server_user COMMAND...
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# cluster_start NAME [SETTING...]: makes a new cluster, starts it, and points psql and its like to it.
cluster_start() {
    local name=$1 setting
    shift
    [ -n "$PG_CONFIG" ] || fail "pg_config was not found: run 'make setup', or set PG_CONFIG to its path"
    PG_BIN=$("$PG_CONFIG" --bindir)
    CLUSTER=$PWD/target/clusters/$name
    cluster_stop_leftover
    rm -rf "$CLUSTER"
    mkdir -p "$CLUSTER"
    if [ "$(id -u)" = 0 ] && ! { chown postgres "$CLUSTER" && as_server_user test -w "$CLUSTER"; }; then
        CLUSTER=$(mktemp -d)
        chown postgres "$CLUSTER"
    fi
    SOCKETS=$(mktemp -d)
    chmod 755 "$SOCKETS"
    [ "$(id -u)" != 0 ] || chown postgres "$SOCKETS"
    as_server_user "$PG_BIN/initdb" -D "$CLUSTER/data" -U cvm -A trust -E UTF8 --locale=C.UTF-8 -N >"$SOCKETS/initdb.log" 2>&1 ||
        { cat "$SOCKETS/initdb.log" >&2; fail "initdb failed"; }
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$SOCKETS'"
        echo "fsync = off"
        echo "autovacuum = off"
        for setting in "$@"; do echo "$setting"; done
    } | as_server_user tee -a "$CLUSTER/data/postgresql.conf" >/dev/null
    trap cluster_stop EXIT
    as_server_user "$PG_BIN/pg_ctl" -D "$CLUSTER/data" -l "$CLUSTER/log" -w -s start ||
        { cat "$CLUSTER/log" >&2; fail "the server did not start"; }
    export PGHOST=$SOCKETS PGUSER=cvm PGDATABASE=postgres PGPORT=5432 PGOPTIONS= PGAPPNAME=cvm_count
}

# cluster_stop: stops the server and removes all that cluster_start made, but for the server's log.
cluster_stop() {
    trap - EXIT
    [ -z "${CLUSTER:-}" ] || cluster_stop_leftover
    [ -z "${CLUSTER:-}" ] || rm -rf "$CLUSTER/data"
    [ -z "${SOCKETS:-}" ] || rm -rf "$SOCKETS"
}

cluster_stop_leftover() {
    if [ -f "$CLUSTER/data/postmaster.pid" ]; then
        as_server_user "$PG_BIN/pg_ctl" -D "$CLUSTER/data" -m immediate -s stop || true
    fi
}
