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

# counted FORM KIND COMMAND...: a command that says in one of the forms of scripts/results.py what has passed and what has failed.
# Its output is in target/counted.log too. With the status 77 it says that it was not run, and why in its last line.
counted() {
    local form=$1 kind=$2 log=target/counted.log status=0 passed failed
    shift 2
    phase "$kind"
    "$@" 2>&1 | tee "$log" || status=$?
    if [ "$status" = 77 ]; then
        outcome "left out" "$kind ($(tail -1 "$log"))" 0
        return
    fi
    read -r passed failed < <(scripts/results.py count "$form" "$status" "$log")
    outcome "$kind" "$passed" "$failed"
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
