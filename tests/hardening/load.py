"""Sixteen sessions at once, with parallel counts, GROUP BYs and merges of sketches in mixed order: no ERROR, every answer
equal to the serial one, and no growth of memory over time, neither in memory contexts nor in the processes. Then all of them load
batches into one rollup, by ON CONFLICT, each its own, and then again what others have loaded: the rollup has the sketches of all rows.

The long form writes both, over time, to results/load.csv, and draws results/load.svg."""

import csv
import os
import random
import statistics
import threading
import time

from common import Report, Session, options

RESULTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "results")
SESSIONS = 16

SETUP = """
DROP TABLE IF EXISTS loaded, loaded_sketches;
CREATE TABLE loaded AS SELECT i, 'text ' || i % 20000 AS t, i % 500 AS g, md5(i::text)::uuid AS u FROM generate_series(1, 60000) i;
CREATE TABLE loaded_sketches AS SELECT i % 60 AS k, cvm_sketch_agg(i, 0.05) AS s FROM loaded GROUP BY 1;
ALTER TABLE loaded SET (parallel_workers = 2);
ALTER TABLE loaded_sketches SET (parallel_workers = 2);
ANALYZE loaded;
ANALYZE loaded_sketches;
"""
WORKS = {
    "count": "SELECT approx_count_distinct_cvm(t), approx_count_distinct_cvm(i, 0.01), approx_count_distinct_cvm(u, 0.1, 0.1) FROM loaded",
    "group": "SELECT count(n), sum(n), sum(n * g) FROM (SELECT g, approx_count_distinct_cvm(i) AS n FROM loaded GROUP BY g) q",
    "group of many": "SELECT count(n), sum(n) FROM (SELECT t, approx_count_distinct_cvm(u) AS n FROM loaded GROUP BY t) q",
    "sketch": "SELECT md5(cvm_sketch_agg(t, 0.02)::text), md5(cvm_sketch_agg(u, 0.1, 0.01, 7)::text) FROM loaded",
    "hashed": "SELECT md5(cvm_sketch_agg_hashed(cvm_hash(u), 0.02)::text) FROM loaded",
    "merge": "SELECT md5(cvm_sketch_union_agg(s)::text), md5(cvm_sketch_intersection_agg(s)::text) FROM loaded_sketches",
    "merge groups": "SELECT md5(string_agg(s::text, ',' ORDER BY k)) FROM (SELECT k % 7 AS k, cvm_sketch_union_agg(s) AS s FROM loaded_sketches GROUP BY 1) q",
    "pairs": "SELECT sum(# (a.s & b.s)), sum((cvm_sketch_bounds(a.s - b.s)).upper) FROM loaded_sketches a JOIN loaded_sketches b ON b.k = a.k % 5",
    "add": "SELECT md5(string_agg(cvm_sketch_add(s, -1)::text, '' ORDER BY k)) FROM loaded_sketches",
}
ROLLUP = """
DROP TABLE IF EXISTS loaded_rollup;
CREATE TABLE loaded_rollup (k integer PRIMARY KEY, s cvm_sketch NOT NULL);
"""
BATCHES = 64
# Every batch has rows of every key, and all sessions take the keys in the same order.
LOAD = """
INSERT INTO loaded_rollup AS r SELECT mod(i / 8, 8), cvm_sketch_agg(t, 0.1) FROM loaded WHERE mod(g, 64) = %s GROUP BY 1 ORDER BY 1
ON CONFLICT (k) DO UPDATE SET s = r.s || excluded.s
"""
WRONG_IN_ROLLUP = """
SELECT k, r.s = q.s FROM loaded_rollup r FULL JOIN (SELECT mod(i / 8, 8) AS k, cvm_sketch_agg(t, 0.1) AS s FROM loaded GROUP BY 1) q USING (k)
WHERE r.s = q.s IS NOT TRUE
"""
SETTINGS = [
    {"max_parallel_workers_per_gather": "0"},
    {"max_parallel_workers_per_gather": "2", "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0"},
    {"max_parallel_workers_per_gather": "2", "parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0",
     "parallel_leader_participation": "off", "enable_sort": "off"},
    {"max_parallel_workers_per_gather": "0", "enable_sort": "off", "work_mem": "256kB", "hash_mem_multiplier": "1"},
]
# What memory may differ by between the first and the last third of the run. The contexts come back to the same; the
# C library's heap keeps what it once needed, up to its threshold for giving memory back, which grows to a few blocks of 8 MB.
CONTEXTS, RSS = 256 << 10, 24 << 20


def resident(pid):
    """Bytes of a process that it shares with nobody."""
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("RssAnon"))


def work(number, seed, count, right, started, samples, faults):
    session, chance = Session(), random.Random(f"{seed} {number}")
    session.all("SET jit = off")
    for turn in range(count):
        settings = chance.choice(SETTINGS)
        name = chance.choice(list(WORKS))
        for setting, value in settings.items():
            session.all(f"SET {setting} = '{value}'")
        outcome = session.attempt(WORKS[name])
        if outcome.rows != right[name]:
            faults.append(f"session {number}, turn {turn}, {name} with {settings}: {outcome} and not {right[name]}")
        for setting in settings:
            session.all(f"RESET {setting}")
        samples.append((number, turn, time.perf_counter() - started, session.memory(), resident(session.pid)))
    session.close()


def load(isolation, batches, faults, again):
    """Loads the batches. Under an isolation that does not see what has been committed since, a load fails and comes again."""
    session = Session()
    session.all(f"SET jit = off; SET default_transaction_isolation = '{isolation}'")
    for batch in batches:
        outcome = session.attempt(LOAD, [batch])
        while outcome.state == "40001" and isolation != "read committed":
            again.append(batch)
            outcome = session.attempt(LOAD, [batch])
        if outcome.state is not None:
            faults.append(f"batch {batch} under {isolation}: {outcome}")
    session.close()


def load_rollup(report, seed):
    """Loads all batches from all sessions at once, and then, again, batches that are drawn. Returns how many loads came again."""
    session, chance, again = report.session, random.Random(f"{seed} rollup"), []
    for isolation in ("read committed", "repeatable read"):
        session.all(ROLLUP)
        for what, batches in (("each batch once", [range(n, BATCHES, SESSIONS) for n in range(SESSIONS)]),
                              ("batches again", [chance.sample(range(BATCHES), BATCHES // SESSIONS) for _ in range(SESSIONS)])):
            faults = []
            in_parallel(load, [(isolation, part, faults, again) for part in batches], faults)
            for fault in faults:
                report.check(False, fault)
            wrong = session.all(WRONG_IN_ROLLUP)
            report.check(not wrong, f"{what}, {isolation}: wrong sketches of {wrong}")
    session.all("DROP TABLE loaded_rollup")
    return len(again)


def in_parallel(function, calls, faults):
    """Calls the function in a thread for each of the calls, all at once."""
    def one(number):
        try:
            function(*calls[number])
        except Exception as error:
            faults.append(f"session {number}: {error!r}")

    threads = [threading.Thread(target=one, args=[number]) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def plot(samples, path):
    import matplotlib
    matplotlib.use("svg")
    import matplotlib.pyplot as plt
    figure, axes = plt.subplots(2, 1, figsize=(9, 6), sharex=True)
    for number in range(SESSIONS):
        mine = [sample for sample in samples if sample[0] == number]
        axes[0].plot([s[2] for s in mine], [s[3] / (1 << 20) for s in mine], linewidth=0.6, rasterized=True)
        axes[1].plot([s[2] for s in mine], [s[4] / (1 << 20) for s in mine], linewidth=0.6, rasterized=True)
    axes[0].set_ylabel("memory contexts, MB")
    axes[1].set_ylabel("anonymous RSS, MB")
    axes[1].set_xlabel("seconds; one line for each of 16 sessions")
    for axis in axes:
        axis.set_ylim(bottom=0)
    figure.tight_layout()
    figure.savefig(path, dpi=80)


def main():
    arguments = options(__doc__)
    report = Report("load")
    count = 25 if arguments.form == "short" else 900
    session = report.session
    session.all(SETUP)
    session.all("SET jit = off; SET max_parallel_workers_per_gather = 0")
    right = {name: session.all(query) for name, query in WORKS.items()}
    samples, faults, started = [], [], time.perf_counter()
    in_parallel(work, [(number, arguments.seed, count, right, started, samples, faults) for number in range(SESSIONS)], faults)
    for fault in faults:
        report.check(False, fault)
    report.check(len(samples) == SESSIONS * count, f"{len(samples)} of {SESSIONS * count} queries were answered")
    grown = {3: 0, 4: 0}
    for number in range(SESSIONS):
        mine = [sample for sample in samples if sample[0] == number]
        for column, what, tolerance in ((3, "memory contexts", CONTEXTS), (4, "RSS", RSS)):
            values = [sample[column] for sample in mine]
            third = max(1, len(values) // 3)
            # The first queries fill caches; what came after them is the measure.
            growth = statistics.median(values[-third:]) - statistics.median(values[third:2 * third])
            grown[column] = max(grown[column], growth)
            report.check(growth <= tolerance, f"{what} of session {number} have grown by {growth:,} bytes")
    for (query,) in [(query,) for query in WORKS.values()]:
        report.check(session.attempt(query).state is None, f"{query} fails at the end")
    again = load_rollup(report, arguments.seed)
    session.all("DROP TABLE loaded, loaded_sketches")
    if arguments.form == "long":
        os.makedirs(RESULTS, exist_ok=True)
        with open(os.path.join(RESULTS, "load.csv"), "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["session", "turn", "seconds", "context_bytes", "rss_anon_bytes"])
            # Every tenth: a curve needs no more.
            writer.writerows((n, turn, f"{seconds:.1f}", contexts, rss) for n, turn, seconds, contexts, rss in sorted(samples) if turn % 10 == 0)
        plot([sample for sample in sorted(samples) if sample[1] % 10 == 0], os.path.join(RESULTS, "load.svg"))
    report.server_lived()
    report.finish(f"{SESSIONS} sessions, {len(samples):,} queries, {len(faults)} wrong; {4 * BATCHES} loads into a rollup, {again} of them again; growth at most {grown[3] / 1024:,.0f} kB of contexts, {grown[4] / 1024:,.0f} kB of RSS")


if __name__ == "__main__":
    main()
