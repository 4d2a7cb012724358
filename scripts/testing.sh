# What the test scripts share. To be sourced, by bash, after env.sh. RESULTS is the file of outcomes: lines of the version
# tested ("core" for what no server has a part in, "15 to 19" for what takes them all), of "passed", "FAILED" or "left out",
# and of the test, with tabs between.

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

# outcome VERDICT TEST
outcome() {
    printf '%s\t%s\t%s\n' "$version" "$1" "$2" >>"$RESULTS"
}

# also_into FILE: what comes goes on, and into the file. A signal to all that runs does not end it: who writes to it still has
# servers to stop.
also_into() {
    (trap '' HUP INT TERM && exec tee "$1")
}

# check TEST COMMAND...: a test passes if its command does. With the status 77 it says that it was not run, and why in its last
# line.
check() {
    local name=$1 log status=0
    shift
    phase "$name"
    log=$(mktemp)
    "$@" 2>&1 | also_into "$log" || status=$?
    case $status in
        0) outcome passed "$name" ;;
        77) outcome "left out" "$name ($(tail -1 "$log"))" ;;
        *) outcome FAILED "$name" ;;
    esac
    rm -f "$log"
}

# some_tests COMMAND...: cargo test, which by itself also passes when it finds no test.
some_tests() {
    "$@" | awk '{ print } /^test result: ok\. [1-9]/ { found = 1 } END { exit !found }'
}

# rpm_in ROOT OPTION...: rpm in a folder that has nothing of a system, a database of its own included, and so nothing that packages
# depend on. It changes its root, which takes root, or the appearance of it.
rpm_in() {
    local as=(unshare --map-root-user)
    [ "$(id -u)" != 0 ] || as=()
    "${as[@]}" rpm "--root=$1" --dbpath /var/lib/rpm --nodeps "${@:2}"
}

# add_up SERVERS RESULTS...: prints what became of the tests, and fails if one has failed, or none has passed. A test that none
# of so many servers could run was not tested at all, unless one server was all that was asked for.
add_up() {
    awk -F '\t' -v servers="$1" '
        !($1 in said) { versions[++n] = $1; said[$1] = "" }
        $2 == "left out" {
            left[$1] = left[$1] (left[$1] ? ", " : "") $3
            sub(/ .*/, "", $3)
            if (++times[$3] == servers && servers > 1) nowhere = nowhere "run on no version: " $3 "\n"
            next
        }
        { number[$2]++; said[$1] = said[$1] (said[$1] ? ", " : "") $3 ($2 == "passed" ? "" : " FAILED") }
        END {
            for (i = 1; i <= n; i++) {
                print (versions[i] == "core" ? "without a server" : "PostgreSQL " versions[i]) ": " said[versions[i]]
                if (left[versions[i]]) missing = missing "; not run on " versions[i] ": " left[versions[i]]
            }
            printf "%s", nowhere
            failed = number["FAILED"] + gsub(/\n/, "", nowhere)
            printf "%d passed, %d failed%s\n", number["passed"], failed, missing
            exit failed > 0 || !number["passed"]
        }' "${@:2}"
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
        [ "$(psql -qXAt -v ON_ERROR_STOP=1 -c "SELECT count(*) FROM pg_settings WHERE lower(name) = '$setting'")" = 1 ] ||
            { echo "no setting $setting"; return; }
    done
}

# within_bounds FILE: compares counts of instructions, which it reads as lines of a case and a count, with the bounds in the
# file, and fails if one is above its bound or missing.
within_bounds() {
    awk '
        FILENAME == "-" { count[$1] = $2; next }
        /^#/ { next }
        {
            verdict = !($1 in count) ? "NOT COUNTED" : count[$1] <= $2 ? "ok" : "ABOVE ITS BOUND"
            bad += verdict != "ok"
            printf "%-28s %8.1f instructions a row, bound %6.1f  %s\n", $1, count[$1], $2, verdict
        }
        END { exit bad > 0 || FNR == 0 }' - "$1"
}
