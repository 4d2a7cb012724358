# What the test scripts share. To be sourced, by bash, after env.sh. RESULTS is the file where outcomes are added up: lines
# of the version tested ("core" for what no server has a part in, "15 to 19" for what takes them all), the kind of test, how
# many passed, how many failed.

# list_for_pgrx PG_CONFIG...: these servers are the ones that `cargo test` of the extension finds.
list_for_pgrx() {
    local PG_CONFIG list=$PGRX_HOME/config.toml
    mkdir -p "$PGRX_HOME"
    {
        echo "[configs]"
        for PG_CONFIG in "$@"; do echo "pg$(pg_major) = \"$PG_CONFIG\""; done
    } >"$list.new"
    # What is built depends on the age of this file.
    if cmp -s "$list.new" "$list"; then rm "$list.new"; else mv "$list.new" "$list"; fi
}

phase() {
    say "$(date +%T) $*"
}

# outcome KIND PASSED FAILED
outcome() {
    printf '%s\t%s\t%s\t%s\n' "$version" "$1" "$2" "$3" >>"$RESULTS"
}

# check NAME COMMAND...: a command that passes or fails as a whole.
check() {
    local name=$1
    shift
    phase "$name"
    if "$@"; then outcome "$name" 1 0; else outcome "$name" 0 1; fi
}

# run_cargo_tests KIND COMMAND...: runs a test command of cargo, and adds up its result lines.
run_cargo_tests() {
    local kind=$1 log status=0 ok bad
    shift
    phase "$kind"
    log=$(mktemp)
    "$@" 2>&1 | tee "$log" || status=$?
    read -r ok bad < <(awk '/^test result:/ { ok += $4; bad += $6 } END { print ok + 0, bad + 0 }' "$log")
    rm -f "$log"
    # A build that fails runs no test, and counts as one that failed.
    [ "$status" = 0 ] || [ "$bad" -gt 0 ] || bad=1
    [ "$status" != 0 ] || [ "$ok" -gt 0 ] || bad=1
    outcome "$kind" "$ok" "$bad"
}

# run_servers_test NAME [ARGUMENT...]: a test of tests/servers. They start servers of their own, say "ok - what" and
# "FAILED - what", and end with status 77 where the server lacks what they need, their last line being the reason.
run_servers_test() {
    local test=$1 status=0 log=target/servers.log good bad
    shift
    phase "tests/servers/$test"
    "tests/servers/$test" "$@" 2>&1 | tee "$log" || status=$?
    if [ "$status" = 77 ]; then
        outcome "left out" "tests/servers/$test ($(tail -1 "$log"))" 0
        return
    fi
    read -r good bad < <(awk '/^ok - / { ok++ } /^FAILED - / { bad++ } END { print ok + 0, bad + 0 }' "$log")
    # One that breaks off, or checks nothing, has failed.
    [ "$bad" != 0 ] || { [ "$status" = 0 ] && [ "$good" != 0 ]; } || bad=1
    outcome "servers: $test" "$good" "$bad"
}

# lacks FILE: what a regression test needs and the server in use has not: an extension, ICU, errors that are not raised, or a
# setting. Found in what the test does, and in the server and its files, not in its version.
lacks() {
    local extension setting
    for extension in $(sed -n 's/^CREATE EXTENSION \(IF NOT EXISTS \)\?\([a-z_]*\).*/\2/p' "$1"); do
        [ -f "$("$PG_CONFIG" --sharedir)/extension/$extension.control" ] || { echo "no extension $extension"; return; }
    done
    if grep -q 'provider = icu' "$1" && ! grep -q '^#define USE_ICU 1' "$("$PG_CONFIG" --includedir-server)/pg_config.h"; then
        echo "no ICU"
        return
    fi
    if grep -q pg_input_is_valid "$1" && ! grep -q pg_input_is_valid "$("$PG_CONFIG" --sharedir)/postgres.bki"; then
        echo "no pg_input_is_valid"
        return
    fi
    if grep -q 'ON_ERROR ignore' "$1" && ! grep -q on_error "$("$PG_CONFIG" --includedir-server)/commands/copy.h"; then
        echo "no COPY with ON_ERROR"
        return
    fi
    for setting in $(sed -n 's/^SET \([a-z_]*\) = .*/\1/p' "$1" | sort -u); do
        [ "$(psql -qXAt -v ON_ERROR_STOP=1 -c "SELECT count(*) FROM pg_settings WHERE name = '$setting'")" = 1 ] ||
            { echo "no setting $setting"; return; }
    done
}
