# Throw-away PostgreSQL clusters, for the demo, the tests and the benchmark. To be sourced, by bash, after env.sh.
#
# A cluster of version N lives in target/clusters/N/NAME, listens on a socket of its own and on no TCP port. initdb and postgres
# refuse to run as root; then they run as the user postgres, who must be able to reach the folder: where it cannot (a checkout
# in root's home, say), the cluster lives in the system's temporary folder. Several may run at once, of different versions;
# psql and its like talk to the one in use, and PG_BIN has its programs.

# Folder, socket folder and folder of programs of each cluster, by name.
declare -A CLUSTERS=() CLUSTER_SOCKETS=() CLUSTER_BINS=()
# How long pg_ctl waits, pg_upgrade's too: no machine is too slow for an hour.
export PGCTLTIMEOUT=3600
# For initdb, beside what all clusters have.
INITDB_OPTIONS=()

# as_server_user COMMAND...
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        (cd / && runuser -u postgres -- "$@")
    else
        "$@"
    fi
}

# cluster_start NAME [SETTING...]: makes a new cluster, starts it, and uses it.
cluster_start() {
    local name=$1 folder sockets setting
    shift
    [ -n "$PG_CONFIG" ] || fail "pg_config was not found: run 'make setup', or set PG_CONFIG to its path"
    folder=$PWD/target/clusters/$(pg_major)/$name
    PG_BIN=$("$PG_CONFIG" --bindir)
    cluster_stop_server "$folder"
    rm -rf "$folder"
    mkdir -p "$folder"
    if [ "$(id -u)" = 0 ] && ! { chown postgres "$folder" && as_server_user test -w "$folder"; }; then
        folder=$(mktemp -d)
        chown postgres "$folder"
    fi
    sockets=$(mktemp -d)
    chmod 755 "$sockets"
    [ "$(id -u)" != 0 ] || chown postgres "$sockets"
    CLUSTERS[$name]=$folder
    CLUSTER_SOCKETS[$name]=$sockets
    CLUSTER_BINS[$name]=$PG_BIN
    trap cluster_stop EXIT
    as_server_user "$PG_BIN/initdb" -D "$folder/data" -U cvm -A trust -E UTF8 --locale=C.UTF-8 -N "${INITDB_OPTIONS[@]}" \
        >"$sockets/initdb.log" 2>&1 ||
        { cat "$sockets/initdb.log" >&2; fail "initdb failed"; }
    {
        echo "listen_addresses = ''"
        echo "unix_socket_directories = '$sockets'"
        echo "fsync = off"
        echo "autovacuum = off"
        for setting in "$@"; do echo "$setting"; done
    } | as_server_user tee -a "$folder/data/postgresql.conf" >/dev/null
    cluster_resume "$name"
}

# cluster_resume NAME: starts the cluster's server, which must not run, and uses it. SERVER_PROGRAM is what to start in place
# of postgres, which may be slow.
cluster_resume() {
    cluster_use "$1"
    as_server_user "$PG_BIN/pg_ctl" -D "${CLUSTERS[$1]}/data" -l "${CLUSTERS[$1]}/log" -w -s \
        ${SERVER_PROGRAM:+-p "$SERVER_PROGRAM"} start ||
        { cat "${CLUSTERS[$1]}/log" >&2; fail "the server did not start"; }
}

# cluster_pause NAME: shuts the cluster's server down, and keeps the cluster.
cluster_pause() {
    as_server_user "${CLUSTER_BINS[$1]}/pg_ctl" -D "${CLUSTERS[$1]}/data" -m fast -w -s stop
}

# cluster_use NAME: points psql and its like to the cluster.
cluster_use() {
    PG_BIN=${CLUSTER_BINS[$1]}
    export PGHOST=${CLUSTER_SOCKETS[$1]} PGUSER=cvm PGDATABASE=postgres PGPORT=5432 PGOPTIONS= PGAPPNAME=cvm_count
}

# cluster_stop: stops all servers and removes all that cluster_start made, but for the servers' logs.
cluster_stop() {
    local name
    trap - EXIT
    for name in "${!CLUSTERS[@]}"; do
        PG_BIN=${CLUSTER_BINS[$name]}
        cluster_stop_server "${CLUSTERS[$name]}"
        rm -rf "${CLUSTERS[$name]}/data" "${CLUSTER_SOCKETS[$name]}"
    done
    CLUSTERS=()
    CLUSTER_SOCKETS=()
    CLUSTER_BINS=()
}

# cluster_stop_server FOLDER: stops the server of the folder, if one runs.
cluster_stop_server() {
    if [ -f "$1/data/postmaster.pid" ]; then
        # It fails if the file is of a server that was killed.
        as_server_user "$PG_BIN/pg_ctl" -D "$1/data" -m immediate -s stop || true
    fi
}
