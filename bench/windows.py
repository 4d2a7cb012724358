"""Distinct counts over windows: sliding and growing frames, beside sum(bigint) and count(x) over the same window, and beside rivals.

Within a work, the queries run interleaved, each round in a warmed session of its own. Times are medians; ratios are of medians. It
connects to the server that the environment points to (bench/run starts one). The results of other versions of PostgreSQL stay."""

import argparse
import os
import re
import statistics

from bench import HERE, Query, Server, machine, progress, recorded, without_absent

# There are about a fifth as many visitors as rows.
VISITOR = "hashint8extended(i, 1) & {population}"
AT = "'2026-01-01'::timestamptz + interval '90 days' * (i / {rows}::float8) AS at"
SERIES = "FROM generate_series(0::bigint, {rows} - 1) i"

# The tables, each with what its indexes cover. Windows read them in the order of an index, so that nothing is sorted.
TABLES = {
    "stream": (f"SELECT {AT}, ('{{{{ch,de,fr,it,at,uk,us,es}}}}'::text[])[1 + (hashint8extended(i, 2) & 7)] AS country, {VISITOR} AS visitor, "
               f"(hashint8extended(i, 3) & 1048575) % 50 AS few, hashint8extended(i, 4) AS one {SERIES}",
               ["(at) INCLUDE (visitor)", "(country, at) INCLUDE (visitor)", "(at) INCLUDE (few)", "(at) INCLUDE (one)"]),
    "of_text": (f"SELECT {AT}, n, 'visitor ' || n AS x FROM (SELECT i, {VISITOR} AS n {SERIES}) s", ["(at) INCLUDE (n, x)"]),
    "of_numeric": (f"SELECT {AT}, n, n::numeric / 100 AS x FROM (SELECT i, {VISITOR} AS n {SERIES}) s", ["(at) INCLUDE (n, x)"]),
    "of_uuid": (f"SELECT {AT}, n, md5(n::text)::uuid AS x FROM (SELECT i, {VISITOR} AS n {SERIES}) s", ["(at) INCLUDE (n, x)"]),
    "fives": (f"SELECT {AT}, i / 5 AS five, {VISITOR} AS visitor {SERIES}", ["(five, at) INCLUDE (visitor)"]),
    # 30,000 rows that are all distinct, then 30,000 of fifty values, and again.
    "bursts": (f"SELECT {AT}, CASE WHEN i / 30000 % 2 = 0 THEN hashint8extended(i, 1) ELSE i % 50 END AS visitor {SERIES}",
               ["(at) INCLUDE (visitor)"]),
    # Twenty days. Of 41 rows of a day, 40 are of its first half.
    "day_and_night": ("SELECT '2026-01-01'::timestamptz + interval '1 day' * day + interval '12 hours' * "
                      "CASE WHEN part < 40 THEN part / 40 ELSE part - 39 END AS at, visitor "
                      f"FROM (SELECT i / ({{rows}} / 20) AS day, 41 * (i % ({{rows}} / 20)) / ({{rows}} / 20)::float8 AS part, {VISITOR} AS visitor "
                      f"{SERIES}) s", ["(at) INCLUDE (visitor)"]),
    # Peers: one row, one row, and 50,000.
    "peers": (f"SELECT 3 * (i / 50002) + least(2, i % 50002) AS at, {VISITOR} AS visitor {SERIES}", ["(at) INCLUDE (visitor)"]),
    "rollup": ("SELECT page, day, (SELECT cvm_sketch_agg(hashint8extended(1000000 * (2 * day + page) + i, 1) & {population}) "
               "FROM generate_series(1::bigint, {rows} / 50) i) AS visitors FROM generate_series(0, 1) page, generate_series(0, 729) day",
               ["(page, day)"]),
}

# The names of our queries; which accuracy a name stands for.
OURS = {"cvm_count": "0.03", "cvm_count, epsilon 0.01": "0.01"}
RIVALS = ["recomputing", "hll", "exact"]

# Frames of stored sketches of days, and streams of which the state is weighed: name -> days before, name -> value.
SKETCHES = {f"daily sketches, ROWS {days} PRECEDING": days for days in (27, 89, 364)}
STATES = {"memory, RANGE 28 days of 90, visitors": "visitor", "memory, RANGE 28 days of 90, all distinct": "one"}


def sliding(name, unit, span, reach, finer=None, table="stream", value="visitor", summed=None, partition=None, rivals=False):
    """A work of raw rows. `reach` is for epsilon 0.03, `finer` for 0.01, which is left out without one."""
    wanted = {"cvm_count": reach, "cvm_count, epsilon 0.01": finer}
    return dict(name=name, unit=unit, span=span, reach={query: bound for query, bound in wanted.items() if bound}, table=table,
                value=value, summed=summed or value, partition=partition, rivals=rivals)


def works():
    """All works of raw rows. At epsilon 0.01, the sets of the longest frames are larger than the second cache of most processors."""
    for rows, finer in [(100, 1.5), (1_000, 1.5), (10_000, 1.5), (100_000, 2.0)]:
        yield sliding(f"ROWS {rows:,} PRECEDING", "ROWS", str(rows), 1.2, finer, rivals=True)
    yield sliding("RANGE 28 days of 90", "RANGE", "'28 days'", 1.2, 2.0, rivals=True)
    yield sliding("RANGE 28 days of 90, by country", "RANGE", "'28 days'", 1.2, 1.5, partition="country", rivals=True)
    yield sliding("ROWS UNBOUNDED PRECEDING", "ROWS", "UNBOUNDED", 1.2, 1.2)
    yield sliding("partitions of 5 rows, ROWS 2 PRECEDING", "ROWS", "2", 1.3, table="fives", partition="five")
    yield sliding("50 distinct values, ROWS 10,000 PRECEDING", "ROWS", "10000", 1.3, value="few")
    yield sliding("all distinct, ROWS 100,000 PRECEDING", "ROWS", "100000", 1.3, 2.0, value="one")
    for kind in ["text", "numeric", "uuid"]:
        yield sliding(f"{kind}, ROWS 10,000 PRECEDING", "ROWS", "10000", 1.3, table=f"of_{kind}", value="x", summed="n")
    yield sliding("bursts, ROWS 40,000 PRECEDING", "ROWS", "40000", 1.5, table="bursts")
    yield sliding("day and night 40 : 1, RANGE 6 hours", "RANGE", "'6 hours'", 1.5, table="day_and_night")
    yield sliding("peers of 1, 1 and 50,000, GROUPS 1 PRECEDING", "GROUPS", "1", 1.5, table="peers")


def window(work, bounds):
    partition = f"PARTITION BY {work['partition']} " if work["partition"] else ""
    return f"WINDOW w AS ({partition}ORDER BY at {work['unit']} {bounds})"


# More rows than there are, which are computed and not sent.
ALL = 1_000_000_000


def over(work, call, skipped=ALL):
    """The call over the work's window; of so many rows nothing is sent."""
    return f"SELECT {call} OVER w FROM {work['table']} {window(work, work['span'] + ' PRECEDING')} OFFSET {skipped}"


def longest_frame(server, work):
    """The rows of the longest frame."""
    return server.one(f"SELECT max(n) FROM (SELECT count(*) OVER w AS n FROM {work['table']} {window(work, work['span'] + ' PRECEDING')}) q")


def ahead(work, call, row):
    """The call for the first rows up to that one. The frame is as long as the work's, and ahead of its row, not behind it: so each of
    the first rows has a whole one."""
    bounds = f"BETWEEN CURRENT ROW AND {work['span']} FOLLOWING"
    return f"SELECT {call} OVER w FROM {work['table']} {window(work, bounds)} OFFSET {row} LIMIT 1"


def gaps_and_islands(work, value=None, table=None):
    """The exact answer, as one writes it: where a visitor's stay in the frame begins, and where it ends, and the running sum of both."""
    value, table, span = value or work["value"], table or work["table"], work["span"]
    column, among = (f"{work['partition']}, ", f"PARTITION BY {work['partition']} ") if work["partition"] else ("", "")
    if work["unit"] == "ROWS":
        table = f"(SELECT {column}{value}, row_number() OVER ({among}ORDER BY at) AS at FROM {table}) numbered"
    else:
        span = f"interval {span}"
    return f"""
        WITH visits AS (
            SELECT {column}at, lag(at) OVER stays AS before, lead(at) OVER stays AS after FROM {table}
            WINDOW stays AS (PARTITION BY {column}{value} ORDER BY at))
        SELECT {column}at, present FROM (
            SELECT {column}at, is_row, sum(change) OVER ({among}ORDER BY at, is_row DESC) AS present FROM (
                SELECT {column}at, true AS is_row, (before IS NULL OR before < at - {span})::int AS change FROM visits
                UNION ALL
                SELECT {column}at + {span}, false, -1 FROM visits WHERE after IS NULL OR after > at + {span}) changes) running
        WHERE is_row"""


def one_by_one(work, table):
    """The exact answer again, by count(DISTINCT) over each row's frame."""
    column = f"{work['partition']}, " if work["partition"] else ""
    same = f"AND f.{work['partition']} = e.{work['partition']}" if work["partition"] else ""
    span = work["span"]
    if work["unit"] == "ROWS":
        table = f"(SELECT *, row_number() OVER (ORDER BY at) AS number FROM {table})"
        return (f"SELECT e.number, present FROM {table} e, LATERAL (SELECT count(DISTINCT {work['value']}) AS present FROM {table} f "
                f"WHERE f.number BETWEEN e.number - {span} AND e.number) d")
    return (f"SELECT {column}e.at, present FROM {table} e, LATERAL (SELECT count(DISTINCT {work['value']}) AS present FROM {table} f "
            f"WHERE f.at BETWEEN e.at - interval {span} AND e.at {same}) d")


def check_exact(server):
    """Stops where gaps and islands differ from count(DISTINCT) on a small table. A rival that is wrong would be none."""
    server.all("CREATE TEMP TABLE sample AS SELECT '2026-01-01'::timestamptz + i * interval '2 hours' AS at, "
               "(hashint8extended(i, 2) & 3)::text AS country, (hashint8extended(i, 1) & 255)::bigint AS visitor FROM generate_series(1, 1000) i")
    # Several rows at a time, which are in each other's frames; of ROWS, their order would be anyone's.
    server.all("CREATE TEMP TABLE tied AS SELECT date_trunc('day', at) AS at, country, visitor FROM sample")
    for work in works():
        if work["rivals"]:
            for table in ["sample"] if work["unit"] == "ROWS" else ["sample", "tied"]:
                islands, one = sorted(server.all(gaps_and_islands(work, table=table))), sorted(server.all(one_by_one(work, table)))
                if islands != one or len(one) != 1000:
                    raise SystemExit(f"gaps and islands are wrong: {work['name']}, {table}")


def make(server, table, sizes):
    if server.one(f"SELECT to_regclass('{table}') IS NULL"):
        progress(f"{table}: making the data")
        create, indexes = TABLES[table]
        server.all(f"CREATE TABLE {table} AS {create.format(**sizes)}")
        for columns in indexes:
            server.all(f"CREATE INDEX ON {table} {columns}")
        server.all(f"VACUUM (FREEZE, ANALYZE) {table}")


def make_recomputing(server):
    """The same aggregates without what makes them moving, as they were once: PostgreSQL makes each frame anew."""
    server.all("CREATE SCHEMA IF NOT EXISTS recomputing")
    for name, arguments in [("approx_count_distinct_cvm", "anyelement"), ("cvm_sketch_union_agg", "cvm_sketch")]:
        function, state, final = server.all("SELECT aggtransfn::text, aggtranstype::regtype::text, aggfinalfn::text FROM pg_aggregate "
                                            f"WHERE aggfnoid = '{name}({arguments})'::regprocedure")[0]
        server.all(f"CREATE OR REPLACE AGGREGATE recomputing.{name}({arguments}) "
                   f"(SFUNC = {function}, STYPE = {state}, FINALFUNC = {final}, FINALFUNC_MODIFY = READ_ONLY)")


SETTINGS = {"work_mem": "512MB"}

# Rivals take many times as long as what they are measured against, and a tenth more or less says nothing of them.
RIVAL_RUNS = 2


def interleaved(name, queries, runs):
    """The times of each query; rivals take part in the first rounds only. A query is one statement, or two: then the time of the second
    is taken away from that of the first."""
    times = {query: [] for query in queries}
    for run in range(1, runs + 1):
        with Server(SETTINGS) as session:
            for statements in queries.values():
                for statement in statements:
                    session.all("EXPLAIN " + statement)
            session.all(next(iter(queries.values()))[0])
            for query, statements in queries.items():
                if query in RIVALS and run > RIVAL_RUNS:
                    continue
                progress(f"{name}: run {run} of {runs}, {query}")
                seconds = [session.timed(statement)[0] for statement in statements]
                times[query].append(seconds[0] - sum(seconds[1:]))
    return times


def result(work, query, **figures):
    """A row of results. `reach_of` says of which figure the reach is."""
    columns = ["frame_rows", "us_a_row", "min_us", "max_us", "times_sum", "bytes", "reach", "reach_of"]
    return {"work": work, "query": query, **{column: figures.get(column) for column in columns}}


def spread(times, rows):
    """Microseconds a row: median, least, most."""
    return dict(zip(["us_a_row", "min_us", "max_us"], (1e6 * of(times) / rows for of in (statistics.median, min, max))))


def measure(server, work, rows, runs):
    """A row of results for each query over raw rows."""
    frame_rows = longest_frame(server, work)
    value = work["value"]
    calls = {f"sum({work['summed']})": f"sum({work['summed']})", f"count({value})": f"count({value})",
             **{query: f"approx_count_distinct_cvm({value}, {OURS[query]})" for query in work["reach"]}}
    queries = {query: [over(work, call)] for query, call in calls.items()}
    rows_of = dict.fromkeys(queries, rows)
    if work["rivals"]:
        # Few rows are enough for what makes each frame anew. The time for the first, which reads its whole frame, is taken away.
        few = max(20, min(rows // 2, 3_000_000 // frame_rows))
        recomputed = [Query("recomputing", f"recomputing.approx_count_distinct_cvm({value})"),
                      Query("hll", f"#hll_add_agg(hll_hash_bigint({value}))")]
        for query in without_absent(server, recomputed):
            queries[query.name], rows_of[query.name] = [ahead(work, query.select, few), ahead(work, query.select, 0)], few
        queries["exact"], rows_of["exact"] = [f"{gaps_and_islands(work)} OFFSET {ALL}"], rows
    times = interleaved(work["name"], queries, runs)
    base = spread(times[next(iter(queries))], rows)["us_a_row"]
    for query in queries:
        taken = spread(times[query], rows_of[query])
        reach = work["reach"].get(query)
        yield result(work["name"], query, frame_rows=frame_rows, **taken, times_sum=taken["us_a_row"] / base, reach=reach,
                     reach_of=reach and "times_sum")


def measure_union(server, name, runs):
    """Stored sketches of days: the estimate of the union of each frame's."""
    rows, size = server.all("SELECT count(*), avg(pg_column_size(visitors))::int FROM rollup")[0]
    window = f"FROM rollup WINDOW w AS (PARTITION BY page ORDER BY day ROWS {SKETCHES[name]} PRECEDING) OFFSET {ALL}"
    times = interleaved(name, {"cvm_count": [f"SELECT # cvm_sketch_union_agg(visitors) OVER w {window}"],
                               "recomputing": [f"SELECT # recomputing.cvm_sketch_union_agg(visitors) OVER w {window}"]}, runs)
    for query in times:
        reach = dict(reach=100, reach_of="us_a_row") if query == "cvm_count" else {}
        yield result(name, query, frame_rows=SKETCHES[name] + 1, **spread(times[query], rows), bytes=size, **reach)


def state_bytes(session):
    """What PostgreSQL accounts for the aggregates of a window, in their contexts and below."""
    ours = "name LIKE 'WindowAgg%Aggregate%'"
    if session.connection.server_version < 180000:
        return session.one(f"SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE {ours} OR parent LIKE 'WindowAgg%Aggregate%'")
    return session.one("WITH contexts AS MATERIALIZED (SELECT * FROM pg_backend_memory_contexts) SELECT sum(total_bytes) FROM contexts "
                       f"WHERE path && (SELECT array_agg(path[cardinality(path)]) FROM contexts WHERE {ours})")


def measure_memory(server, name, rows):
    """The most bytes that a state has in twenty places of a stream, at which a cursor stops."""
    work = sliding(name, "RANGE", "'28 days'", 1, 8, value=STATES[name])
    frame_rows = longest_frame(server, work)
    for query, megabytes in work["reach"].items():
        progress(f"{name}: {query}")
        looks = []
        with Server(SETTINGS) as session:
            session.all("BEGIN")
            call = f"approx_count_distinct_cvm({work['value']}, {OURS[query]})"
            session.all(f"DECLARE counts CURSOR FOR {over(work, call, skipped=0)}")
            for _ in range(20):
                session.all(f"MOVE FORWARD {rows // 20 - 1} IN counts")
                looks.append(state_bytes(session))
        # A megabyte is 2^20 bytes in PostgreSQL's settings, and here.
        yield result(name, query, frame_rows=frame_rows, bytes=max(looks), reach=2**20 * megabytes, reach_of="bytes")


def show(row):
    def cell(column, form):
        return "" if row[column] is None else form.format(float(row[column]))
    print(f"{row['work']:44} {row['query']:24} {cell('us_a_row', '{:.3f}'):>10} {cell('times_sum', '{:.2f}'):>9} "
          f"{cell('bytes', '{:,.0f}'):>10} {cell('reach', '{:,.10g}'):>10}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of a table (default: 1,000,000)")
    parser.add_argument("--runs", type=int, default=5, help="counted runs of each query (default: 5)")
    parser.add_argument("--only", default="", help="only the works whose name matches this regular expression, in place of their last results")
    parser.add_argument("--out", default=os.path.join(HERE, "results"), help="folder for the CSV")
    parser.add_argument("--commit", default="unknown", help="recorded with the results")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)

    server = Server(SETTINGS)
    server.all("CREATE EXTENSION IF NOT EXISTS cvm_count")
    if server.one("SELECT count(*) FROM pg_available_extensions WHERE name = 'hll'"):
        server.all("CREATE EXTENSION IF NOT EXISTS hll")
    check_exact(server)
    make_recomputing(server)
    about = machine(server, arguments.commit)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'work':44} {'query':24} {'us a row':>10} {'times sum':>9} {'bytes':>10} {'reach':>10}")
    sizes = {"rows": arguments.rows, "population": 2 ** (arguments.rows // 5).bit_length() - 1}
    path = os.path.join(arguments.out, "windows.csv")
    order = [*(work["name"] for work in works()), *SKETCHES, *STATES]

    def measured(name, table, results):
        if not re.search(arguments.only, name):
            return
        make(server, table, sizes)
        rows = [{**row, **about} for row in results]
        for row in rows:
            show(row)
        # After each work, so that a run that is broken off leaves what it has.
        recorded(path, order, rows)

    for work in works():
        measured(work["name"], work["table"], measure(server, work, arguments.rows, arguments.runs))
    for name in SKETCHES:
        measured(name, "rollup", measure_union(server, name, arguments.runs))
    for name in STATES:
        measured(name, "stream", measure_memory(server, name, arguments.rows))


if __name__ == "__main__":
    main()
