"""The benchmark through SQL: what approx_count_distinct_cvm costs beside count() and beside its peers.

Within one work, the queries run interleaved, A B C A B C ..., each round in a warmed session of its own. Times are medians;
ratios are of medians. It connects to the server that the environment points to (bench/run starts one)."""

import argparse
import csv
import math
import os
import platform
import re
import statistics
import sys
import time
from contextlib import contextmanager
from typing import NamedTuple

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))

# The extension of a query, by the first word of its name. A peer that is not there is left out; one that is there and fails is an
# error.
PEERS = {"hll": "hll", "theta": "datasketches", "toolkit": "timescaledb_toolkit", "count_distinct": "count_distinct"}

# What the peers select. hll errs by 2.3 % by default; all others by 1.1 %, as ours does.
SKETCHES = {
    "hll, log2m 11": "#hll_add_agg(hll_hash_{type}({x}))",
    "hll, log2m 13": "#hll_add_agg(hll_hash_{type}({x}), 13)",
    "theta, lgk 13": "theta_sketch_get_estimate(theta_sketch_build({x}, 13))",
    "toolkit, 2^13 registers": "distinct_count(hyperloglog(8192, {x}))",
}
# Exact, of types that are passed by value.
COUNT_DISTINCT = {"count_distinct": "count_distinct({x})"}


class Query(NamedTuple):
    """One query of a work."""
    name: str
    # What is selected; or the column of which the distinct values are counted, in a subquery.
    select: str = ""
    distinct: str = ""
    settings: dict = {}
    # The first version of PostgreSQL that has it.
    since: int = 0

    def system(self):
        """Whose query it is: the first word of the name, for ours and the peers."""
        word = re.match(r"\w*", self.name)[0]
        if word == "cvm_count" or word in PEERS:
            return word
        return "exact" if "DISTINCT" in self.name else "count" if word == "count" else "other"

    def statement(self, work):
        table, group = work["table"], work.get("group")
        if not group:
            if self.distinct:
                return f"SELECT count(*) FROM (SELECT DISTINCT {self.distinct} FROM {table}) d"
            return f"SELECT {self.select} FROM {table}"
        counted = (f"SELECT {group}, count(*) AS c FROM (SELECT DISTINCT {group}, {self.distinct} FROM {table}) d GROUP BY 1"
                   if self.distinct else f"SELECT {group}, {self.select} AS c FROM {table} GROUP BY 1")
        # The groups are counted and not sent, since sending them would cost more than counting.
        return f"SELECT count(c), sum(c) FROM ({counted}) q"


def selecting(queries, **values):
    """Queries from names and what each selects."""
    return [Query(name, select.format(**values)) for name, select in queries.items()]


def without_absent(server, queries):
    """The queries, without those of peers, and of later versions, that the server has not."""
    there = {name for name, in server.all("SELECT extname FROM pg_extension")}
    return [query for query in queries if PEERS.get(query.system(), "plpgsql") in there and query.since <= server.major()]


def ours(column, *parameters):
    """Ours beside count alone."""
    return [Query(f"count({column})", f"count({column})"),
            Query("cvm_count", f"approx_count_distinct_cvm({', '.join([column, *parameters])})")]


def counting(column, hll_type):
    """Ours beside all peers."""
    return ours(column) + selecting({**SKETCHES, **(COUNT_DISTINCT if hll_type == "integer" else {})}, x=column, type=hll_type)


def counting_few(column, hll_type):
    """Ours beside sketches of the same error."""
    names = ["hll, log2m 13", "theta, lgk 13"]
    return ours(column) + selecting({name: SKETCHES[name] for name in names}, x=column, type=hll_type)


# A work_mem with which exact forms need not spill, and the server's default. Sorting may be faster in little memory, which caches hold.
MEMORIES = ("1GB", "4MB")


def in_memories(queries):
    """The exact forms, each in much memory and in little."""
    return [query._replace(settings={**query.settings, "work_mem": memory}) for memory in MEMORIES for query in queries]


def exact(column, texts=False):
    """The exact forms over a column."""
    sorting = [f"count(DISTINCT {column})", *([f'count(DISTINCT {column} COLLATE "C")'] if texts else [])]
    return in_memories([*(Query(form, form) for form in sorting), Query("SELECT DISTINCT", distinct=column)])


def exact_in_groups():
    """The exact forms in groups: sorted, all at once from 16 on or each group by itself; or hashed."""
    sort = {"enable_sort": "on"}
    apart = {**sort, "enable_presorted_aggregate": "off"}
    return in_memories([Query("count(DISTINCT v)", "count(DISTINCT v)", settings=sort),
                        Query("count(DISTINCT v), not presorted", "count(DISTINCT v)", settings=apart, since=16),
                        Query("SELECT DISTINCT", distinct="v")])


# The distinct values of columns that have few, as most columns do: countries, statuses, categories.
FEW = {"integers": [1, 10, 100, 1_000, 8_000], "short texts": [50, 5_000]}

# The distinct values of a group, and how often each occurs.
GROUPS = [(size, 1) for size in (5, 20, 100, 300, 1_000, 10_000)] + [(size, 10) for size in (5, 20, 100, 1_000, 10_000)]

WORKERS = {"max_parallel_workers_per_gather": "2", "min_parallel_table_scan_size": "0", "parallel_setup_cost": "0"}


def works(rows):
    """All works; `rows` is the number of rows of the large ones (10,000,000 unless told).

    A work is a name, the statement that makes its table, settings, and its queries. The first query is what the others are measured
    against; `exact` is the true number of distinct values, or computes it."""
    tenth, quarter, half, fiftieth = rows // 10, rows // 4, rows // 2, rows // 50
    distinct = rows // 100
    shuffled = f"generate_series(0, {rows - 1}) i ORDER BY hashint8extended(i, 42)"
    series = f"generate_series(0, {half - 1}) i"
    yield dict(name="short texts", table="words", reach={"cvm_count": 1.05},
               create=f"SELECT 'word' || i % {distinct} AS word, i % {distinct} AS n FROM {shuffled}",
               queries=counting("word", "text") + exact("word", True), exact=distinct)
    yield dict(name="integers", table="words", reach={"cvm_count": 1.03},
               queries=counting("n", "integer") + exact("n"), exact=distinct)
    # Sorting takes no workers, and is measured above.
    yield dict(name="short texts, 2 workers", table="words", reach={"cvm_count": 1.08}, settings=WORKERS,
               queries=counting("word", "text") + in_memories([Query("SELECT DISTINCT", distinct="word")]), exact=distinct)
    for kind, numbers in FEW.items():
        texts = kind == "short texts"
        made = "'country or page ' || i % {0} AS t{0}" if texts else "i % {0} AS n{0}"
        columns = ", ".join(made.format(number) for number in numbers)
        for values in numbers:
            column = f"{'t' if texts else 'n'}{values}"
            yield dict(name=f"{kind}, {values:,} distinct", table=f"few_{kind.replace(' ', '_')}", reach={"cvm_count": 1.05},
                       create=f"SELECT {columns} FROM {shuffled}",
                       queries=counting_few(column, "text" if texts else "integer") + exact(column, texts), exact=values)
    yield dict(name="integers of 100 values, 2 workers", table="few_integers", reach={"cvm_count": 1.08}, settings=WORKERS,
               queries=ours("n100") + exact("n100"), exact=100)
    for kind, column in [("integers", "n"), ("short texts", "t")]:
        texts = kind == "short texts"
        yield dict(name=f"{kind}, {rows:,} distinct", table="unique_values", reach={"cvm_count": 1.05},
                   create=f"SELECT i AS n, 'distinct ' || i AS t FROM {shuffled}",
                   queries=counting(column, "text" if texts else "integer") + exact(column, texts), exact=rows)
    # The n-th 1/n times as frequent as the first; values next to their like, in order and not.
    yield dict(name="integers, as frequent as words are", table="zipf", reach={"cvm_count": 1.05},
               create=f"SELECT floor(exp({math.log(distinct)} * (hashint8extended(i, 9) & 1048575) / 1048576))::int AS n FROM {shuffled}",
               queries=ours("n"), exact="count(DISTINCT n)")
    for name, column in [("sorted", "n"), ("clustered", "c")]:
        yield dict(name=f"integers, {name}", table="next_to_their_like", reach={"cvm_count": 1.05},
                   create=f"SELECT i / 100 AS n, (hashint8extended(i / 100, 1) & 65535)::int AS c FROM generate_series(0, {rows - 1}) i",
                   queries=ours(column), exact=f"count(DISTINCT {column})")
    for name, column in [("integers", "n"), ("short texts", "word")]:
        yield dict(name=f"{name}, epsilon 0.01", table="words", reach={"cvm_count": 1.10}, queries=ours(column, "0.01"), exact=distinct)
    for epsilon, reach in [("0.01", 1.10), ("0.001", 2.0)]:
        yield dict(name=f"distinct short texts, epsilon {epsilon}", table="unique_values", reach={"cvm_count": reach},
                   queries=ours("t", epsilon), exact=rows)
    for name, column in [("short texts", "word"), ("integers", "n")]:
        yield dict(name=f"{name}, by their hashes", table="words", reach={"cvm_count": 1.12}, exact=distinct, queries=[
            Query(f"count({column})", f"count({column})"), Query("cvm_count", f"#cvm_sketch_agg_hashed(cvm_hash({column}))")])
        yield dict(name=f"{name}, JIT", table="words", reach={"cvm_count": 1.05}, exact=distinct, settings={"jit": "on"},
                   queries=ours(column))
    yield dict(name="distinct uuids", table="unique_uuid", reach={"cvm_count": 1.08},
               create=f"SELECT md5(i::text)::uuid AS u FROM generate_series(0, {rows - 1}) i",
               queries=counting_few("u", "any") + exact("u"), exact=rows)
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
        queries = ours(value)
        reach = {"cvm_count": 1.03 if kind in ("timestamptz", "float8") else 1.05}
        if own:
            queries.append(Query("count of its own hash", f"count({own}({value}, 0))"))
        if kind == "numeric":
            queries += exact(value)
        elif own:
            # There is no call to make for a number, and the others have to be no slower than their own hash.
            queries = [queries[2], queries[1], queries[0]]
            reach = {"cvm_count": 1.00}
        yield dict(name=kind, table=f"of_{kind.split('(')[0].split('[')[0]}", reach=reach, create=f"SELECT {columns} FROM {series}",
                   queries=queries, exact=tenth)
    # 480 words out of a thousand, the n-th 1/n times as frequent as the first, as in prose: 3 kB, which compress to 2. And one
    # phrase repeated 94 times, 3 kB which compress to 80 bytes. Of either a tenth of the rows is distinct.
    word = "floor(exp(6.9 * (hashint8extended(i * 1000 + j, 9) & 1048575) / 1048576))::int"
    prose = (f"SELECT string_agg(substr(md5(word::text), 1, 3 + word % 7), ' ' ORDER BY j) AS t FROM (SELECT i, j, {word} AS word "
             f"FROM generate_series(1, {fiftieth // 10}) i, generate_series(1, 480) j) w GROUP BY i")
    phrase = f"SELECT repeat(md5(i::text), 94) AS t FROM generate_series(1, {fiftieth // 10}) i"
    for name, table, texts, reach in [("long texts, compressed", "prose", prose, {"cvm_count": 1.05}),
                                      ("long texts of one phrase", "phrases", phrase, {})]:
        yield dict(name=name, table=table, reach=reach, create=f"SELECT t FROM ({texts}) d, generate_series(1, 10)",
                   queries=[Query("detoasting alone", "count(t > '' COLLATE \"C\")"), Query("cvm_count", "approx_count_distinct_cvm(t)")],
                   exact=fiftieth // 10)
    # The groups' values are spread over the whole table, so that all groups grow at the same time. hll takes so much for each group that
    # smaller ones do not fit into memory.
    for size, times in GROUPS:
        groups = max(1, quarter // (size * times))
        peers = selecting({**{name: SKETCHES[name] for name in list(SKETCHES)[1:]}, **COUNT_DISTINCT}, x="v", type="integer")
        yield dict(name=f"GROUP BY, {size:,} values, each {'once' if times == 1 else f'{times} times'}", table=f"groups_{size}_{times}",
                   group="g", groups=groups, size=size, times=times, reach={"cvm_count": 1.4},
                   queries=ours("v") + (peers if groups <= 25_000 else []) + exact_in_groups(),
                   settings={"work_mem": "3GB", "enable_sort": "off"}, exact=groups * size,
                   create=f"SELECT (i % {groups})::int AS g, (i / {groups} % {size} * 7919 + i % {groups})::int AS v "
                          f"FROM generate_series(0, {groups * size * times - 1}) i ORDER BY hashint8extended(i, 7)")
    for size in (5, 100):
        yield dict(name=f"GROUP BY, sorted, {size} values", table=f"sorted_{size}", group="g", reach={"cvm_count": 1.3},
                   settings={"enable_hashagg": "off", "enable_seqscan": "off"}, index="g",
                   create=f"SELECT i / {size} AS g, i % {size} * 7919 AS v FROM generate_series(0, {quarter - 1}) i",
                   queries=ours("v") + in_memories([Query("count(DISTINCT v)", "count(DISTINCT v)")]),
                   exact=quarter)
    # Full sketches, a tenth of them different: each of two phases' worth of values above the default capacity. hll at log2m 13
    # has the same error, 1.1 %.
    sketches, values = rows // 10_000, 20_000
    yield dict(name="10,000 stored sketches", table="rollup",
               create="SELECT sketch, registers FROM (SELECT cvm_sketch_agg(i) AS sketch, {hll} AS registers "
                      f"FROM generate_series(0, {sketches * values - 1}) i GROUP BY i / {values}) s, generate_series(1, 10)",
               queries=[Query("reading alone", "count(sketch > cvm_sketch_empty())"), Query("cvm_count", "#cvm_sketch_union_agg(sketch)"),
                        Query("hll, log2m 13", "#hll_union_agg(registers)")],
               exact=sketches * values)


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

    def all(self, query, values=None):
        self.cursor.execute(query, values)
        return self.cursor.fetchall() if self.cursor.description else None

    def one(self, query):
        return self.all(query)[0][0]

    def timed(self, query):
        started = time.perf_counter()
        rows = self.all(query)
        return time.perf_counter() - started, rows

    def major(self):
        return self.connection.server_version // 10_000

    @contextmanager
    def having(self, settings):
        """Runs what follows with other settings."""
        self.all("BEGIN")
        for name, value in settings.items():
            self.all(f"SET LOCAL {name} = '{value}'")
        yield
        self.all("COMMIT")


def nodes(plan):
    """All nodes of a plan, from the top."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


def plan_of(server, query, options=""):
    return list(nodes(server.one(f"EXPLAIN (FORMAT json{options}) {query}")[0]["Plan"]))


def how(plan):
    """How an exact form finds distinct values. A plain aggregate sorts inside of itself where there is no node for it."""
    workers = max(node.get("Workers Planned", 0) for node in plan)
    return ("hash" if any(node.get("Strategy") == "Hashed" for node in plan) else "sort") + (f", {workers} workers" if workers else "")


def memory_of(server, query):
    """The kilobytes of memory and of disk that EXPLAIN ANALYZE reports for a hash aggregate."""
    hashed = [node for node in plan_of(server, query, ", ANALYZE, TIMING off") if node.get("Strategy") == "Hashed"]
    return (hashed[0]["Peak Memory Usage"], hashed[0].get("Disk Usage", 0)) if hashed else (None, None)


# Exact forms, and peers, take longer than what they are measured against, and a hundredth more or less says nothing of them.
RUNS = {"exact": 2, **dict.fromkeys(PEERS, 3)}


def measure(server, work, runs):
    """A row of results for each query; `server` is a session with the settings of the work."""
    queries = without_absent(server, work["queries"])
    times, answers, plans = [[] for _ in queries], {}, {}
    for run in range(1, runs + 1):
        with Server(work.get("settings")) as session:
            for number, query in enumerate(queries):
                with session.having(query.settings):
                    plans[number] = plan_of(session, query.statement(work))
            session.all(queries[0].statement(work))
            for number, query in enumerate(queries):
                if run > RUNS.get(query.system(), runs):
                    continue
                progress(f"{work['name']}: run {run} of {runs}, {query.name}")
                with session.having(query.settings):
                    seconds, rows = session.timed(query.statement(work))
                answers[number] = rows[0][-1]
                times[number].append(seconds)
    progress(f"{work['name']}: exact answer and memory")
    truth = work["exact"] if isinstance(work["exact"], int) else server.one(f"SELECT {work['exact']} FROM {work['table']}")
    base = statistics.median(times[0])
    for number, query in enumerate(queries):
        median, system = statistics.median(times[number]), query.system()
        memory = memory_of(server, query.statement(work)) if "group" in work and system != "exact" else (None, None)
        yield dict(
            work=work["name"], system=system, query=query.name, work_mem=query.settings.get("work_mem"),
            plan=how(plans[number]) if system == "exact" else None,
            median_ms=1e3 * median, min_ms=1e3 * min(times[number]), max_ms=1e3 * max(times[number]),
            ratio=median / base, reach=work.get("reach", {}).get(query.name),
            error_percent=None if system in ("count", "other") else 100 * (float(answers[number]) / truth - 1),
            memory_kb=memory[0], disk_kb=memory[1])


def memory_sweep(server):
    """Bytes of a group against the number of distinct values in it, and how often each comes."""
    server.all("SET work_mem = '4GB'")
    server.all("SET enable_sort = off")
    # PostgreSQL does not know what the toolkit's states take.
    seen = {name: select for name, select in SKETCHES.items() if not name.startswith("toolkit")}
    queries = without_absent(server, ours("v") + selecting(seen, x="v", type="integer"))
    for times in (1, 40):
        for size in [1, 2, 5, 7, 10, 16, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000]:
            # Memory comes in blocks, which weigh where groups are few and small.
            groups = max(10, min(200_000, 4_000_000 // (size * times)))
            server.all("DROP TABLE IF EXISTS sweep")
            server.all(f"CREATE TABLE sweep AS SELECT (i % {groups})::int AS g, (i / {groups} % {size})::int AS v "
                       f"FROM generate_series(0, {groups * size * times - 1}) i")
            server.all("ANALYZE sweep")
            for query in queries:
                # The peers' states are large from the start, and do not grow where values come again.
                is_peer = query.system() in PEERS
                if is_peer and times > 1:
                    continue
                progress(f"memory sweep: {size:,} values in a group, {query.name}")
                measured = min(groups, 2_000) if is_peer else groups
                memory, _ = memory_of(server, query.statement(dict(table=f"(SELECT * FROM sweep WHERE g < {measured}) s", group="g")))
                yield dict(system=query.system(), query=query.name, times=times, values_per_group=size,
                           bytes_per_group=1024 * memory / measured)


# The accuracies of which the pages say what they cost, and in how many groups that is measured.
ACCURACIES = {(0.1, 0.01): 40, (0.05, 0.01): 40, (0.03, 0.01): 20, (0.02, 0.01): 20, (0.01, 0.01): 5, (0.01, 0.001): 5, (0.001, 0.01): 1}


def accuracy_costs(server):
    """The most bytes that a group takes at an accuracy, over several sizes; where each value comes once, and again and again."""
    server.all("SET work_mem = '4MB'")
    server.all("SET enable_sort = off")
    for (epsilon, delta), groups in ACCURACIES.items():
        capacity = server.one(f"SELECT (cvm_sketch_info(cvm_sketch_agg(1, {epsilon}, {delta}))).capacity")
        for times in (1, 20):
            most = 0
            for share in (0.85, 1, 1.05, 1.1, 1.2, 1.3, 1.5, 3) if groups > 1 else (1,):
                size = round(share * (capacity - 1))
                progress(f"costs of epsilon {epsilon}, delta {delta}: {size:,} values, {times} times")
                # All groups grow at the same time. Rows that nothing keeps take no disk.
                rows = f"SELECT generate_series(0, {groups * size * times - 1}) AS i"
                counted = f"SELECT approx_count_distinct_cvm(i / {groups} % {size}, {epsilon}, {delta}) FROM ({rows}) r GROUP BY i % {groups}"
                most = max(most, 1024 * memory_of(server, counted)[0] / groups)
            yield dict(epsilon=str(epsilon), delta=str(delta), capacity=capacity, times=times, bytes_per_group=most)


def stored_sizes(server):
    """Bytes of a stored sketch, without the four of its length, against the number of distinct values in it, at the same error of 1.1 %."""
    forms = [Query("cvm_count", "cvm_sketch_agg(i)"), Query("hll, log2m 13", "hll_add_agg(hll_hash_integer(i), 13)"),
             Query("theta, lgk 13", "theta_sketch_build(i, 13)"), Query("toolkit, 2^13 registers", "hyperloglog(8192, i)")]
    for query in without_absent(server, forms):
        for size in [0, 1, 10, 100, 1_000, 5_000, 8_000, 10_000, 100_000, 1_000_000, 10_000_000]:
            progress(f"stored sizes: {size:,} values, {query.name}")
            # hll gives NULL for no values.
            yield query.name, size, server.one(f"SELECT coalesce(pg_column_size({query.select}) - 4, 0) FROM generate_series(1, {size}) i")


def progress(text):
    print(f"\r\033[K{text}" if sys.stderr.isatty() else text, end="" if sys.stderr.isatty() else "\n", file=sys.stderr, flush=True)


def show(row):
    def cell(column, form):
        return "" if row[column] is None else form.format(row[column])
    progress("") if sys.stderr.isatty() else None
    print(f"{row['work']:38} {row['query']:32} {cell('work_mem', '{}'):>4} {row['median_ms']:8.0f} {row['min_ms']:8.0f} {row['max_ms']:8.0f} "
          f"{row['ratio']:7.3f} {cell('reach', '{:.2f}'):>5} {cell('error_percent', '{:+.2f} %'):>9} {cell('memory_kb', '{:,} kB'):>14} "
          f"{cell('disk_kb', '{:,} kB'):>12} {cell('plan', '{}')}", flush=True)


def write_csv(path, header, rows):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def major(row):
    """The version of PostgreSQL of a row of results."""
    return int(re.match(r"\d+", row["server"])[0])


def recorded(path, order, rows, key="work"):
    """Puts rows in the place of those of the same works, or of another key, on the same version of PostgreSQL. The file has them by version
    and in this order."""
    measured = {(major(row), row[key]) for row in rows}
    kept = []
    if os.path.exists(path):
        with open(path, newline="") as file:
            kept = [row for row in csv.DictReader(file) if row[key] in order and (major(row), row[key]) not in measured]
    rows = sorted(kept + rows, key=lambda row: (major(row), order.index(row[key])))
    write_csv(path, list(rows[0]), [list(row.values()) for row in rows])


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
    peers = server.all("SELECT extname || ' ' || extversion FROM pg_extension WHERE extname = ANY (%s) ORDER BY 1", (list(PEERS.values()),))
    about["peers"] = ", ".join(name for name, in peers)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    print(f"{'work':38} {'query':32} {'mem':>4} {'median':>8} {'min':>8} {'max ms':>8} {'ratio':>7} {'reach':>5} {'error':>9} {'memory':>14} "
          f"{'disk':>12} plan")
    order = [work["name"] for work in works(arguments.rows)]
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
        recorded(os.path.join(arguments.out, "sql.csv"), order, [{**row, **about} for row in measured])
    if arguments.only:
        return
    write_csv(os.path.join(arguments.out, "stored.csv"), ["sketch", "distinct", "bytes"], stored_sizes(server))
    costs = [{**row, **about} for row in accuracy_costs(server)]
    recorded(os.path.join(arguments.out, "costs.csv"), [str(epsilon) for epsilon, _ in ACCURACIES], costs, "epsilon")
    memory = [{**row, **about} for row in memory_sweep(server)]
    recorded(os.path.join(arguments.out, "memory.csv"), list(dict.fromkeys(row["query"] for row in memory)), memory, "query")
    progress(f"results are in {arguments.out}\n")


if __name__ == "__main__":
    main()
