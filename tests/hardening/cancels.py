"""Interrupts queries at random moments, by statement_timeout and by pg_cancel_backend: in accumulation, in parallel workers
and their combination, in hash aggregation that spills, in functions of sketches, in windows. What hashes there are must not matter: those
that somebody chose take no longer than others. After each interruption the same session
must answer right, and have no more memory than before; no worker and no temporary file may stay behind."""

import random
import threading
import time

import psycopg2

import model
from common import Report, Session, options

SETUP = """
DROP TABLE IF EXISTS cancelled, cancelled_sketches;
CREATE TABLE cancelled AS SELECT i, 'text ' || i % 150000 AS t, i % 40000 AS g FROM generate_series(1, 300000) i;
CREATE TABLE cancelled_sketches AS SELECT k, cvm_sketch_agg(i, 0.02) AS s FROM generate_series(1, 300000) i, LATERAL (SELECT i % 30 AS k) q GROUP BY k;
ALTER TABLE cancelled SET (parallel_workers = 2);
ALTER TABLE cancelled_sketches SET (parallel_workers = 2);
ANALYZE cancelled;
ANALYZE cancelled_sketches;
"""

SERIAL = {"max_parallel_workers_per_gather": "0"}
PARALLEL = {"max_parallel_workers_per_gather": "2", "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0"}
SPILLING = {"max_parallel_workers_per_gather": "0", "enable_sort": "off", "work_mem": "1MB", "hash_mem_multiplier": "1"}

# What runs when it is interrupted: settings, query.
WORKS = {
    "accumulate": (SERIAL, "SELECT approx_count_distinct_cvm(t, 0.002), cvm_sketch_agg(i, 0.001)::bytea FROM cancelled"),
    "accumulate hashes": (SERIAL, "SELECT cvm_sketch_agg_hashed(cvm_hash(t), 0.01)::bytea, cvm_sketch_agg_hashed(cvm_hash(i), 0.002)::bytea FROM cancelled"),
    "combine": (PARALLEL, "SELECT approx_count_distinct_cvm(t, 0.002), cvm_sketch_agg(i, 0.001)::bytea FROM cancelled"),
    "combine hashed": (PARALLEL, "SELECT cvm_sketch_agg_hashed(i, 0.002)::bytea, cvm_sketch_agg_hashed(cvm_hash(t))::bytea FROM cancelled"),
    "combine unions": (PARALLEL, "SELECT cvm_sketch_union_agg(s)::bytea FROM cancelled_sketches, generate_series(1, 20)"),
    "spill": (SPILLING, "SELECT count(n), sum(n) FROM (SELECT g, approx_count_distinct_cvm(i) AS n FROM cancelled GROUP BY g) q"),
    "spill of sketches": (SPILLING, "SELECT count(s), sum(# s) FROM (SELECT g, cvm_sketch_agg_hashed(i) AS s FROM cancelled GROUP BY g) q"),
    "functions": (SERIAL, "SELECT sum((# (a.s || b.s)) + (# (a.s & b.s)) + (# (a.s - b.s))), max((cvm_sketch_bounds(a.s || b.s)).upper), sum((cvm_sketch_jaccard(a.s, b.s)).upper), "
                          "sum((cvm_sketch_intersection_bounds(a.s, b.s)).upper), sum((cvm_sketch_containment(a.s, b.s)).upper) "
                          "FROM cancelled_sketches a, cancelled_sketches b WHERE a.k < 12"),
    "add and text": (SERIAL, "SELECT sum(# cvm_sketch_add(cvm_sketch_downsample(s::text::cvm_sketch, 0.1), j)) FROM cancelled_sketches, generate_series(1, 30) j"),
    "samples": (SERIAL, "SELECT cvm_sample_agg_measured(t, i, 100000)::bytea, cvm_sample_agg_measured(ARRAY[i], i / 7.0, 5000)::bytea FROM cancelled"),
    "combine samples": (PARALLEL, "SELECT cvm_sample_agg_measured(t, i / 7.0, 100000)::bytea FROM cancelled"),
    "spill of samples": (SPILLING, "SELECT count(s), sum(# s) FROM (SELECT g, cvm_sample_agg_measured(i, i) AS s FROM cancelled GROUP BY g) q"),
    "values of samples": (SERIAL, "SELECT count(*), max(value) FROM (SELECT cvm_sample_agg(timestamptz '2026-01-01 00:00+00' + i * interval '1 second', 100000) AS s FROM cancelled) q, "
                                  "cvm_sample_values(s || s, NULL::timestamptz)"),
    "window": (SERIAL, "SELECT sum(n) FROM (SELECT approx_count_distinct_cvm(i, 0.1) OVER (ORDER BY i ROWS UNBOUNDED PRECEDING) AS n FROM cancelled WHERE i < 100000) q"),
    "moving frames": (SERIAL, "SELECT sum(n), md5(string_agg(s::text, '')) FROM (SELECT approx_count_distinct_cvm(t, 0.5, 0.1) OVER w AS n, "
                              "cvm_sketch_agg_hashed(cvm_hash(i), 0.5, 0.1) OVER w AS s FROM cancelled WHERE i < 30000 WINDOW w AS (ORDER BY i ROWS 60 PRECEDING)) q"),
    "large frames": (SERIAL, "SELECT sum(n), sum(# s) FROM (SELECT approx_count_distinct_cvm(t, 0.01) OVER w AS n, cvm_sketch_agg(i) OVER w AS s "
                             "FROM cancelled WINDOW w AS (ORDER BY i / 2000 GROUPS 20 PRECEDING)) q"),
    # A frame of 30,000 values and one of few come after each other.
    "frames that begin anew": (SERIAL, "SELECT sum(n), sum(# s) FROM (SELECT approx_count_distinct_cvm(t) OVER w AS n, cvm_sketch_agg_hashed(i, 0.1) OVER w AS s "
                                       "FROM cancelled WINDOW w AS (ORDER BY i / 30000 * 9 + least(i % 30000, 8) GROUPS 2 PRECEDING)) q"),
    "frames of sketches": (SERIAL, "SELECT sum(# u), sum(# v) FROM (SELECT cvm_sketch_union_agg(s) OVER w AS u, cvm_sketch_union_agg(CASE k % 3 WHEN 0 THEN s & s END) OVER w AS v "
                                   "FROM cancelled_sketches, generate_series(1, 10) j WINDOW w AS (ORDER BY j, k ROWS 6 PRECEDING)) q"),
}
# What it is asked afterwards: cheap, and through the same paths.
ANSWER = ("SELECT approx_count_distinct_cvm(i), approx_count_distinct_cvm(t, 0.1), md5(cvm_sketch_agg_hashed(i, 0.1)::bytea), md5(cvm_sample_agg_measured(i, i / 7.0, 100)::bytea), "
          "(SELECT # cvm_sketch_union_agg(s) FROM cancelled_sketches WHERE k < 3), "
          "(SELECT sum(n) FROM (SELECT approx_count_distinct_cvm(i, 0.5) OVER (ORDER BY i ROWS 300 PRECEDING) AS n FROM cancelled WHERE i < 1000) q) FROM cancelled WHERE i <= 10000")
# Between two looks PostgreSQL's own caches may grow by a block or two, which a leak of a state, 130 kB at the default
# accuracy and 60 MB at the finest, exceeds at once, and a small one in the course of a hundred interruptions.
TOLERANCE = 256 << 10


# Hashes that somebody chose so that a table with a known order of its keys would hold them all in one place, as sketches of either format
# version hold them. Of version 1, many share what is kept of them now.
CRAFTED = {f"multiples of 2^{shift} in version {version}": (version, range(0, 300_000 << shift, 1 << shift))
           for version, shifts in ((1, (0, 14, 30, 37)), (2, (0, 8, 22, 29))) for shift in shifts}
# A query that takes quadratic time takes minutes, and one of linear time a fraction of a second.
GENEROUS = "60s"


def crafted_hashes(report):
    """Sketches and hashes that are chosen take linear time: nothing of this reaches a limit that is a hundred times as long."""
    session = report.session
    session.all(f"DROP TABLE IF EXISTS crafted; CREATE TABLE crafted (name text, s cvm_sketch); SET statement_timeout = '{GENEROUS}'")
    distinct = {}
    for name, (version, hashes) in CRAFTED.items():
        sketch = model.Sketch(0, 1 << 20, 0, False, tuple(hashes), version=version)
        data, distinct[name] = model.encode(sketch), len(sketch.read().hashes)
        for _ in range(2):
            session.all("INSERT INTO crafted VALUES (%s, %s::bytea::cvm_sketch)", [name, psycopg2.Binary(data)])
    # In their order, and in that of another table; as many hashes as a sketch has room for, and more.
    for query in ("SELECT name, # cvm_sketch_union_agg(s) FROM crafted GROUP BY name",
                  "SELECT DISTINCT a.name, # (a.s || b.s) FROM crafted a JOIN crafted b USING (name)",
                  "SELECT name, # cvm_sketch_union_agg(cvm_sketch_downsample(s, 0.003)) FROM crafted GROUP BY name"):
        outcome = session.attempt(query)
        report.check(outcome.rows and len(outcome.rows) == len(CRAFTED), f"{query}: {outcome}")
        if outcome.rows and "downsample" not in query:
            report.check(dict(outcome.rows) == distinct, f"{query}: {outcome.rows}")
    for shift in (8, 16, 24, 38, 44):
        for epsilon in (0.001, 0.01):
            query = f"SELECT # cvm_sketch_agg_hashed(i << {shift}, {epsilon}) FROM generate_series(0::bigint, 299999) i"
            outcome = session.attempt(query)
            report.check(outcome.rows, f"{query}: {outcome}")
    session.all("RESET statement_timeout; DROP TABLE crafted")


def apply(session, settings):
    session.all("RESET ALL")
    for name, value in {"jit": "off", **settings}.items():
        session.all(f"SET {name} = '{value}'")


def main():
    arguments = options(__doc__)
    report, chance = Report("cancels"), random.Random(arguments.seed)
    wanted = 100 if arguments.form == "short" else 1000
    crafted_hashes(report)
    session, other = Session(), report.session
    session.all(SETUP)
    apply(session, SERIAL)
    right = session.all(ANSWER)
    # Everything once uninterrupted: for the time it takes, the right answers, and to fill PostgreSQL's caches.
    durations, answers = {}, {}
    for _ in range(2):
        for name, (settings, query) in WORKS.items():
            apply(session, settings)
            started = time.perf_counter()
            answers.setdefault(name, session.all(query))
            durations[name] = time.perf_counter() - started
            session.attempt("SET LOCAL statement_timeout = 1; SELECT pg_sleep(1)")
            session.attempt("SELECT pg_sleep(0)")
            report.check(session.all(ANSWER) == right, f"{name}: the answer under its settings is another")
    before = session.memory()

    interrupted, tries, most = {name: 0 for name in WORKS}, 0, 0
    while sum(interrupted.values()) < wanted:
        name = list(WORKS)[tries % len(WORKS)]
        settings, query = WORKS[name]
        apply(session, settings)
        delay = chance.uniform(0.001, durations[name])
        tries += 1
        if tries > 20 * wanted:
            report.check(False, f"only {sum(interrupted.values())} of {tries} queries could be interrupted")
            break
        if chance.random() < 0.5:
            # Statements sent together are one transaction, which takes the setting with it: nothing else can time out.
            started = time.perf_counter()
            outcome = session.attempt(f"SET LOCAL statement_timeout = {max(1, round(1000 * delay))}; {query}")
            elapsed = time.perf_counter() - started
        else:
            outcomes = []
            started = time.perf_counter()
            running = threading.Thread(target=lambda: outcomes.append((session.attempt(query), time.perf_counter() - started)))
            running.start()
            time.sleep(delay)
            other.one("SELECT pg_cancel_backend(%s)", [session.pid])
            running.join()
            report.check(len(outcomes) == 1, f"{name}: the connection is lost")
            outcome, elapsed = outcomes[0]
        # A signal that comes when the query has ended, of whichever sort, is for the next statement, which is this one.
        session.attempt("SELECT pg_sleep(0)")
        if outcome.state:
            interrupted[name] += 1
        else:
            # It was measured while the machine was busier than it is now.
            durations[name] = min(durations[name], elapsed)
        report.check(outcome.state in (None, "57014"), f"{name}: {outcome.state} {outcome.message}")
        report.check(outcome.state or outcome.rows == answers[name], f"{name}: uninterrupted, another answer than before")
        report.check(session.all(ANSWER) == right, f"{name}: another answer after the interruption")
        grown = session.memory() - before
        most = max(most, grown)
        report.check(grown <= TOLERANCE, lambda: f"{name}: {grown:,} bytes more than before, {largest(session)}")
    for name, (settings, query) in WORKS.items():
        report.check(interrupted[name] > 0, f"{name} was never interrupted")
        apply(session, settings)
        report.check(session.all(query) == answers[name], f"{name}: another answer at the end")
    left = other.one("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'")
    report.check(left == 0, f"{left} parallel workers are left")
    left = other.one("SELECT count(*) FROM pg_ls_tmpdir()")
    report.check(left == 0, f"{left} temporary files are left")
    other.all("DROP TABLE cancelled, cancelled_sketches")
    report.server_lived()
    report.finish(f"{sum(interrupted.values()):,} of {tries:,} queries interrupted, memory at most {most // 1024:,} kB more than before")


def largest(session):
    return session.all("SELECT name, ident, sum(total_bytes) FROM pg_backend_memory_contexts GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 8")


if __name__ == "__main__":
    main()
