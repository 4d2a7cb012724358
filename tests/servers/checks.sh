# What the tests in this folder share. To be sourced, by bash, after env.sh and cluster.sh. A test ends with `totals`, and
# with the status 77 if the server lacks what it needs.

passed=0
failed=0

# expect NAME EXPECTED FOUND: both texts are the same, and there is some.
expect() {
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        passed=$((passed + 1))
        echo "ok - $1"
    else
        failed=$((failed + 1))
        echo "FAILED - $1"
        # That they differ, diff says by failing; it has been counted.
        diff <(echo "$2") <(echo "$3") | head -20 || true
    fi
}

# query SQL: runs it in the cluster in use, stops at the first error, and prints the rows alone.
query() {
    "$PG_BIN/psql" -qXAt -v ON_ERROR_STOP=1 -c "$1"
}

# needs EXTENSION: ends the test if the server has no such extension.
needs() {
    [ -f "$("$PG_CONFIG" --sharedir)/extension/$1.control" ] || {
        echo "not run: $("$PG_CONFIG" --version) has no extension $1"
        exit 77
    }
}

totals() {
    cluster_stop
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}
