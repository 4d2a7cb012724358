"""The benchmark through SQL: what approx_count_distinct_cvm costs beside count() and beside its peers.

Within one work, the queries run interleaved, A B C A B C ..., each round in a warmed session of its own. Times are medians;
ratios are of medians. It connects to the server that the environment points to (bench/run starts one)."""

import argparse
import csv
import json
import math
import os
import platform
import re
import statistics
import sys
import time

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))

# A work is a name, the statement that makes its table, settings, and its queries. The first query is what the others are
# measured against; `exact` computes the true answer of those that count distinct values.
HLL = "#hll_add_agg(hll_hash_{type}({x}))"
THETA = "theta_sketch_get_estimate(theta_sketch_build({x}))"
TOOLKIT = "distinct_count(approx_count_distinct({x}))"

# The extension of a query, by the first word of its name. A peer that is not there is left out; one that is there and fails is an
# error.
PEERS = {"hll": "hll", "datasketches": "datasketches", "timescaledb": "timescaledb_toolkit", "count_distinct": "count_distinct"}


def without_absent(server, queries):
    """The queries, without those of peers that the server has not."""
    there = {name for name, in server.all("SELECT extname FROM pg_extension")}
    return {name: query for name, query in queries.items() if PEERS.get(re.match(r"\w*", name)[0], "plpgsql") in there}


def counting(column, hll_type=None):
    """The usual queries over one column: name -> select list."""
    queries = {f"count({column})": f"count({column})", "cvm_count": f"approx_count_distinct_cvm({column})"}
    if hll_type:
        queries["hll"] = HLL.format(type=hll_type, x=column)
    queries["datasketches theta"] = THETA.format(x=column)
    queries["timescaledb toolkit"] = TOOLKIT.format(x=column)
    return queries


def ours(column, *parameters):
    """Ours beside count alone."""
    return {f"count({column})": f"count({column})", "cvm_count": f"approx_count_distinct_cvm({', '.join([column, *parameters])})"}


# The distinct values of columns that have few, as most columns do: countries, statuses, categories.
FEW = {"integers": [1, 2, 10, 100, 1_000, 8_000], "short texts": [50, 5_000]}

# The distinct values of a group, and how often each occurs.
GROUPS = [(size, times) for times in (1, 10) for size in (5, 20, 100, 300, 1_000, 10_000)]


def works(rows):
    """All works; `rows` is the number of rows of the large ones (10,000,000 unless told)."""
    tenth, quarter, half, fiftieth = rows // 10, rows // 4, rows // 2, rows // 50
    distinct = rows // 100
    shuffled = f"generate_series(0, {rows - 1}) i ORDER BY hashint8extended(i, 42)"
    series = f"generate_series(0, {half - 1}) i"
    exact_texts = {name: name for name in ["count(DISTINCT word)", 'count(DISTINCT word COLLATE "en-x-icu")']}
    yield dict(name="short texts", table="words", reach={"cvm_count": 1.05},
               create=f"SELECT 'word' || i % {distinct} AS word, i % {distinct} AS n, (i % {distinct})::bigint AS big FROM {shuffled}",
               queries={**counting("word", "text"), **exact_texts}, exact="count(DISTINCT word)")
    yield dict(name="integers", table="words", reach={"cvm_count": 1.03},
               queries={**counting("n", "integer"), "count(DISTINCT n)": "count(DISTINCT n)"}, exact="count(DISTINCT n)")
    yield dict(name="bigints", table="words", reach={"cvm_count": 1.03},
               queries=counting("big", "bigint"), exact="count(DISTINCT big)")
    for kind, numbers in FEW.items():
        made = "'country or page ' || i % {0} AS t{0}" if kind == "short texts" else "i % {0} AS n{0}"
        columns = ", ".join(made.format(number) for number in numbers)
        for values in numbers:
            column = f"{'t' if kind == 'short texts' else 'n'}{values}"
            yield dict(name=f"{kind}, {values:,} distinct", table=f"few_{kind.replace(' ', '_')}", reach={"cvm_count": 1.05},
                       create=f"SELECT {columns} FROM {shuffled}",
                       queries={**counting(column, "text" if kind == "short texts" else "integer"),
                                f"count(DISTINCT {column})": f"count(DISTINCT {column})"}, exact=str(values))
    for kind, column in [("integers", "n"), ("short texts", "t")]:
        yield dict(name=f"{kind}, {rows:,} distinct", table="unique_values", reach={"cvm_count": 1.05},
                   create=f"SELECT i AS n, 'distinct ' || i AS t FROM {shuffled}",
                   queries={**counting(column, "text" if kind == "short texts" else "integer"),
                            f"count(DISTINCT {column})": f"count(DISTINCT {column})"}, exact=str(rows))
    # The n-th 1/n times as frequent as the first; values next to their like, in order and not.
    yield dict(name="integers, as frequent as words are", table="zipf", reach={"cvm_count": 1.05},
               create=f"SELECT floor(exp({math.log(distinct)} * (hashint8extended(i, 9) & 1048575) / 1048576))::int AS n FROM {shuffled}",
               queries=ours("n"), exact="count(DISTINCT n)")
    for name, column in [("sorted", "n"), ("clustered", "c")]:
        yield dict(name=f"integers, {name}", table="next_to_their_like", reach={"cvm_count": 1.05},
                   create=f"SELECT i / 100 AS n, (hashint8extended(i / 100, 1) & 65535)::int AS c FROM generate_series(0, {rows - 1}) i",
                   queries=ours(column), exact=f"count(DISTINCT {column})")
    for name, column, epsilon, reach in [("integers", "n", "0.03", 1.07), ("integers", "n", "0.01", 1.10),
                                         ("short texts", "word", "0.03", 1.07), ("short texts", "word", "0.01", 1.10)]:
        yield dict(name=f"{name}, epsilon {epsilon}", table="words", reach={"cvm_count": reach}, queries=ours(column, epsilon),
                   exact=f"count(DISTINCT {column})")
    for epsilon, reach in [("0.01", 1.10), ("0.001", 2.0)]:
        yield dict(name=f"distinct short texts, epsilon {epsilon}", table="unique_values", reach={"cvm_count": reach},
                   queries=ours("t", epsilon), exact=str(rows))
    for name, column in [("short texts", "word"), ("integers", "n")]:
        yield dict(name=f"{name}, by their hashes", table="words", reach={"cvm_count": 1.12}, exact=f"count(DISTINCT {column})", queries={
            f"count({column})": f"count({column})", "cvm_count": f"#cvm_sketch_agg_hashed(cvm_hash({column}))"})
        yield dict(name=f"{name}, JIT", table="words", reach={"cvm_count": 1.05}, exact=f"count(DISTINCT {column})",
                   settings={"jit": "on"}, queries=ours(column))
    yield dict(name="integers of 100 values, 2 workers", table="few_integers", reach={"cvm_count": 1.08}, settings={
        "max_parallel_workers_per_gather": "2", "min_parallel_table_scan_size": "0", "parallel_setup_cost": "0"},
        queries=ours("n100"), exact="100")
    yield dict(name="short texts, 2 workers", table="words", reach={"cvm_count": 1.08}, settings={
        "max_parallel_workers_per_gather": "2", "min_parallel_table_scan_size": "0", "parallel_setup_cost": "0"},
        queries=counting("word", "text"), exact="count(DISTINCT word)")
    yield dict(name="distinct texts of 25 bytes", table="unique_text", reach={"cvm_count": 1.08},
               create=f"SELECT lpad(i::text, 25, 'x') AS t FROM generate_series(0, {rows - 1}) i",
               queries=counting("t", "text"), exact=str(rows))
    yield dict(name="distinct uuids", table="unique_uuid", reach={"cvm_count": 1.08},
               create=f"SELECT md5(i::text)::uuid AS u FROM generate_series(0, {rows - 1}) i",
               queries={**counting("u"), "count(DISTINCT u)": "count(DISTINCT u)"}, exact=str(rows))
    # What other types take, beside the type's own hash measured by itself, where that is more than a few instructions.
    for kind, columns, value, own in [
        ("numeric", f"(i % {tenth})::numeric / 100 AS x", "x", "hash_numeric_extended"),
        ("timestamptz", f"'2020-01-01'::timestamptz + (i % {tenth}) * interval '1 second' AS x", "x", None),
        ("float8", f"(i % {tenth})::float8 / 7 AS x", "x", None),
        ("bytea", f"decode(md5((i % {tenth})::text), 'hex') AS x", "x", None),
        ("jsonb", f"jsonb_build_object('id', i % {tenth}) AS x", "x", "jsonb_hash_extended"),
        ("int[] of four", f"ARRAY[i % {tenth}, 1, 2, 3] AS x", "x", "hash_array_extended"),
        ("int8range", f"int8range(i % {tenth}, NULL) AS x", "x", "hash_range_extended"),
        ("ROW(int, int)", f"i % {tenth} AS a, 7 AS b", "ROW(a, b)", "hash_record_extended"),
    ]:
        counted, counting_ours = f"count({value})", f"approx_count_distinct_cvm({value})"
        queries = {counted: counted, "cvm_count": counting_ours}
        if kind == "numeric":
            queries["count(DISTINCT x)"] = "count(DISTINCT x)"
        reach = {"cvm_count": 1.03 if kind in ("timestamptz", "float8") else 1.05}
        if own:
            queries["count of its own hash"] = f"count({own}({value}, 0))"
        if own and kind != "numeric":
            # There is no call to make for a number, and the others have to be no slower than their own hash.
            queries = {name: queries[name] for name in ["count of its own hash", "cvm_count", counted]}
            reach = {"cvm_count": 1.00}
        yield dict(name=kind, table=f"of_{kind.split('(')[0].split('[')[0]}", reach=reach, create=f"SELECT {columns} FROM {series}",
                   queries=queries, exact=str(tenth))
    # 480 words out of a thousand, the n-th 1/n times as frequent as the first, as in prose: 3 kB, which compress to 2. And one
    # phrase repeated 94 times, 3 kB which compress to 80 bytes. Of either a tenth of the rows is distinct.
    word = "floor(exp(6.9 * (hashint8extended(i * 1000 + j, 9) & 1048575) / 1048576))::int"
    prose = (f"SELECT string_agg(substr(md5(word::text), 1, 3 + word % 7), ' ' ORDER BY j) AS t FROM (SELECT i, j, {word} AS word "
             f"FROM generate_series(1, {fiftieth // 10}) i, generate_series(1, 480) j) w GROUP BY i")
    phrase = f"SELECT repeat(md5(i::text), 94) AS t FROM generate_series(1, {fiftieth // 10}) i"
    for name, table, texts, reach in [("long texts, compressed", "prose", prose, {"cvm_count": 1.05}),
                                      ("long texts of one phrase", "phrases", phrase, {})]:
        yield dict(name=name, table=table, reach=reach, create=f"SELECT t FROM ({texts}) d, generate_series(1, 10)",
                   queries={"detoasting alone": "count(t > '' COLLATE \"C\")", "cvm_count": "approx_count_distinct_cvm(t)"},
                   exact=str(fiftieth // 10))
    # The groups' values are spread over the whole table, so that all groups grow at the same time.
    grouped = {"count(v)": "count(v)", "cvm_count": "approx_count_distinct_cvm(v)", "count(DISTINCT v)": "count(DISTINCT v)",
               "count_distinct(v)": "count_distinct(v)"}
    for size, times in GROUPS:
        groups = max(1, quarter // (size * times))
        yield dict(name=f"GROUP BY, {size:,} values, each {'once' if times == 1 else f'{times} times'}", table=f"groups_{size}_{times}",
                   group="g", groups=groups, size=size, times=times, reach={"cvm_count": 1.4}, queries=grouped,
                   settings={"work_mem": "3GB", "enable_sort": "off"},
                   create=f"SELECT (i % {groups})::int AS g, (i / {groups} % {size} * 7919 + i % {groups})::int AS v "
                          f"FROM generate_series(0, {groups * size * times - 1}) i ORDER BY hashint8extended(i, 7)")
    for size in (5, 100):
        yield dict(name=f"GROUP BY, sorted, {size} values", table=f"sorted_{size}", group="g", reach={"cvm_count": 1.3},
                   settings={"enable_hashagg": "off", "enable_seqscan": "off"}, index="g",
                   create=f"SELECT i / {size} AS g, i % {size} * 7919 AS v FROM generate_series(0, {quarter - 1}) i",
                   queries={name: query for name, query in grouped.items() if name != "count_distinct(v)"})
    # As many groups as the pages have always measured, with the peers.
    for size in (100, 5):
        groups = rows // size
        yield dict(name=f"GROUP BY, groups of {size}", table=f"groups_{size}", group="g", reach={"cvm_count": 1.25},
                   settings={"work_mem": "3GB", "enable_sort": "off"},
                   create=f"SELECT (i % {groups})::int AS g, (i / {groups} * 7919 + i % {groups})::int AS v FROM generate_series(0, {rows - 1}) i "
                          "ORDER BY hashint8extended(i, 7)",
                   queries={**(counting("v", "integer") if size > 5 else ours("v")), "count(DISTINCT v)": "count(DISTINCT v)"})
    # Full sketches, a tenth of them different: each of two phases' worth of values above the default capacity. hll at log2m 13
    # has the same error, 1.1 %.
    sketches, values = rows // 10_000, 20_000
    yield dict(name="10,000 stored sketches", table="rollup",
               create="SELECT sketch, registers FROM (SELECT cvm_sketch_agg(i) AS sketch, {hll} AS registers "
                      f"FROM generate_series(0, {sketches * values - 1}) i GROUP BY i / {values}) s, generate_series(1, 10)",
               queries={"reading alone": "count(sketch > cvm_sketch_empty())", "cvm_count": "#cvm_sketch_union_agg(sketch)",
                        "hll": "#hll_union_agg(registers)"},
               exact=str(sketches * values))


class Server:
    """A session, with settings of its own."""

    def __init__(self, settings=None):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        for name, value in (settings or {}).items():
            self.all(f"SET {name} = '{value}'")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def all(self, query):
        self.cursor.execute(query)
        return self.cursor.fetchall() if self.cursor.description else None

    def one(self, query):
        return self.all(query)[0][0]

    def timed(self, query):
        started = time.perf_counter()
        rows = self.all(query)
        return time.perf_counter() - started, rows


def statement(work, expression):
    if "group" in work:
        # The groups are counted and not sent, since sending them would cost more than counting.
        return f"SELECT count(c), sum(c) FROM (SELECT {work['group']}, {expression} AS c FROM {work['table']} GROUP BY 1) q"
    return f"SELECT {expression} FROM {work['table']}"


def peak_memory_kb(server, work, expression):
    """What EXPLAIN ANALYZE reports for the hash aggregate. A plain aggregate is run as one of a single group."""
    group = work.get("group", "1 + 0 * pg_backend_pid()")
    query = f"SELECT {expression} FROM {work['table']} GROUP BY {group}"
    plan = server.one("EXPLAIN (ANALYZE, FORMAT json, TIMING off) " + query)[0]["Plan"]
    while plan.get("Strategy") != "Hashed":
        if "Plans" not in plan:
            return None
        plan = plan["Plans"][0]
    return plan.get("Peak Memory Usage")


# Exact forms take many times as long as what they are measured against, and a hundredth more or less says nothing of them.
EXACT_RUNS = 2


def measure(server, work, runs):
    """A row of results for each query; `server` is a session with the settings of the work."""
    queries = {name: statement(work, expression) for name, expression in without_absent(server, work["queries"]).items()}
    times, answers = {name: [] for name in queries}, {}
    for run in range(1, runs + 1):
        with Server(work.get("settings")) as session:
            for query in queries.values():
                session.all("EXPLAIN " + query)
            session.all(next(iter(queries.values())))
            for name, query in queries.items():
                if name.startswith("count(DISTINCT") and run > EXACT_RUNS:
                    continue
                progress(f"{work['name']}: run {run} of {runs}, {name}")
                seconds, rows = session.timed(query)
                answers[name] = rows[0][-1]
                times[name].append(seconds)
    progress(f"{work['name']}: exact answer and memory")
    exact = None
    if "exact" in work:
        exact = int(work["exact"]) if work["exact"].isdigit() else server.one(f"SELECT {work['exact']} FROM {work['table']}")
    elif "count(DISTINCT v)" in answers:
        exact = answers["count(DISTINCT v)"]
    base = statistics.median(next(iter(times.values())))
    for name in queries:
        median = statistics.median(times[name])
        counts_rows = name.startswith("count(") and "DISTINCT" not in name or name == next(iter(queries))
        yield dict(
            work=work["name"], query=name, median_ms=1e3 * median, min_ms=1e3 * min(times[name]), max_ms=1e3 * max(times[name]),
            ratio=median / base, reach=work.get("reach", {}).get(name),
            error_percent=None if exact is None or counts_rows else 100 * (float(answers[name]) / float(exact) - 1),
            memory_kb=None if counts_rows and "group" not in work else peak_memory_kb(server, work, work["queries"][name]))


def memory_sweep(server):
    """Memory per group against the number of distinct values in it."""
    expressions = {"count(v)": "count(v)", "cvm_count": "approx_count_distinct_cvm(v)", "hll": HLL.format(type="integer", x="v"),
                   "datasketches theta": THETA.format(x="v")}
    expressions = without_absent(server, expressions)
    server.all("SET work_mem = '4GB'")
    server.all("SET enable_sort = off")
    for size in [1, 2, 5, 7, 10, 16, 20, 50, 100, 128, 200, 500, 1000, 5000, 20000]:
        # Memory comes in blocks, which weigh where groups are few and small.
        groups = min(200_000, 8_000_000 // size)
        server.all("DROP TABLE IF EXISTS sweep")
        server.all(f"CREATE TABLE sweep AS SELECT (i % {groups})::int AS g, i::int AS v FROM generate_series(0, {groups * size - 1}) i")
        server.all("ANALYZE sweep")
        for name, expression in expressions.items():
            progress(f"memory sweep: {size} values in a group, {name}")
            # The peers' states are large from the start.
            measured = groups if name in ("count(v)", "cvm_count") else min(groups, 2_000)
            kb = peak_memory_kb(server, dict(table=f"(SELECT * FROM sweep WHERE g < {measured}) s", group="g"), expression)
            yield name, size, 1024 * kb / measured


def stored_sizes(server):
    """Bytes of a stored sketch, without the four of its length, against the number of distinct values in it, at the same error of 1.1 %."""
    forms = {"cvm_count": "cvm_sketch_agg(i)", "hll, log2m 13": "hll_add_agg(hll_hash_integer(i), 13)",
             "datasketches theta, lgk 13": "theta_sketch_build(i, 13)"}
    for name, form in without_absent(server, forms).items():
        for size in [0, 1, 10, 100, 1_000, 5_000, 8_000, 10_000, 100_000, 1_000_000, 10_000_000]:
            progress(f"stored sizes: {size:,} values, {name}")
            # hll gives NULL for no values.
            yield name, size, server.one(f"SELECT coalesce(pg_column_size({form}) - 4, 0) FROM generate_series(1, {size}) i")


def progress(text):
    print(f"\r\033[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def show(row):
    memory = "" if row["memory_kb"] is None else f"{row['memory_kb']:,} kB"
    error = "" if row["error_percent"] is None else f"{row['error_percent']:+.2f} %"
    reach = "" if row["reach"] is None else f"{row['reach']:.2f}"
    progress("") if sys.stderr.isatty() else None
    print(f"{row['work']:28} {row['query']:24} {row['median_ms']:9.0f} {row['min_ms']:9.0f} {row['max_ms']:9.0f} "
          f"{row['ratio']:7.3f} {reach:>6} {error:>9} {memory:>14}", flush=True)


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def recorded(path, all_works, rows):
    """Puts rows in the place of those of the same works in the file of results, and returns all that are there, in the order of the
    works."""
    order = [work["name"] for work in all_works]
    measured = {row["work"] for row in rows}
    kept = []
    if os.path.exists(path):
        with open(path, newline="") as file:
            kept = [row for row in csv.DictReader(file) if row["work"] in set(order) - measured]
    rows = sorted(kept + rows, key=lambda row: order.index(row["work"]))
    write_csv(path, list(rows[0]), [list(row.values()) for row in rows])
    return [{**row, "ratio": float(row["ratio"])} for row in rows]


def machine(server, commit):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return {"commit": commit, "cpu": cpu, "cores": os.cpu_count(), "server": server.one("SHOW server_version"),
            "date": time.strftime("%Y-%m-%d")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the large tables (default: 10,000,000)")
    parser.add_argument("--runs", type=int, default=7, help="counted runs of each query (default: 7)")
    parser.add_argument("--only", default="", help="only the works whose name matches this regular expression, in place of their last results; no sweeps")
    parser.add_argument("--out", default=os.path.join(HERE, "results"), help="folder for CSV")
    parser.add_argument("--commit", default="unknown", help="recorded with the results")
    arguments = parser.parse_args()
    os.makedirs(arguments.out, exist_ok=True)

    server = Server()
    server.all("CREATE EXTENSION IF NOT EXISTS cvm_count")
    available = {name for name, in server.all("SELECT name FROM pg_available_extensions")}
    for peer in available & set(PEERS.values()):
        server.all(f"CREATE EXTENSION IF NOT EXISTS {peer}")
    about = machine(server, arguments.commit)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'work':28} {'query':24} {'median ms':>9} {'min':>9} {'max':>9} {'ratio':>7} {'reach':>6} {'error':>9} {'memory':>14}")
    rows = []
    for work in works(arguments.rows):
        if not re.search(arguments.only, work["name"]):
            continue
        if not server.one(f"SELECT to_regclass('{work['table']}') IS NOT NULL"):
            progress(f"{work['name']}: making the data")
            create = work.get("create") or next(w["create"] for w in works(arguments.rows) if w["table"] == work["table"])
            create = create.replace("{hll}", "hll_add_agg(hll_hash_integer(i), 13)" if "hll" in available else "NULL::bytea")
            server.all("SET work_mem = '2GB'")
            server.all(f"CREATE TABLE {work['table']} AS {create}")
            server.all("RESET work_mem")
            if "index" in work:
                server.all(f"CREATE INDEX ON {work['table']} ({work['index']})")
            server.all(f"VACUUM (FREEZE, ANALYZE) {work['table']}")
        with Server(work.get("settings")) as session:
            measured = list(measure(session, work, arguments.runs))
        for row in measured:
            show(row)
        # After each work, so that a run that is broken off leaves what it has.
        rows = recorded(os.path.join(arguments.out, "sql.csv"), works(arguments.rows), [{**row, **about} for row in measured])
    if arguments.only:
        return
    write_csv(os.path.join(arguments.out, "stored.csv"), ["sketch", "distinct", "bytes"], stored_sizes(server))
    memory = list(memory_sweep(server))
    write_csv(os.path.join(arguments.out, "memory.csv"), ["query", "values_per_group", "bytes_per_group"], memory)
    progress(f"results are in {arguments.out}\n")


if __name__ == "__main__":
    main()
