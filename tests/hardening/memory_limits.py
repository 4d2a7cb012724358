"""Lets memory run out, at many sizes of what is left: every query must end in its answer or in an ERROR with SQLSTATE 53200,
and the same session must answer right afterwards.

The server as a whole runs under a `ulimit -v` that scripts/harden sets. Under that, each query is also run with a limit of its
own, from next to nothing above what the session has to what the query needs, so that every allocation fails once."""

import os

from common import Report, Session, options

MB = 1 << 20

# Queries that need more than the server has. Hash aggregation may not spill: it believes in its work_mem.
TOO_LARGE = {
    "many values": "SELECT approx_count_distinct_cvm(i, 0.001) FROM generate_series(1, 9000000) i",
    "many values, as a sketch": "SELECT # cvm_sketch_agg(i, 0.001, 0.000000001) FROM generate_series(1, 9000000) i",
    "many values, hashed": "SELECT # cvm_sketch_agg_hashed(cvm_hash(i), 0.001) FROM generate_series(1, 9000000) i",
    "many small groups": "SELECT count(n) FROM (SELECT i / 2, approx_count_distinct_cvm(i) AS n FROM generate_series(1, 9000000) i GROUP BY 1) q",
    "many values in a sample": "SELECT # cvm_sample_agg(repeat('x', 300) || i, 1000000) FROM generate_series(1, 3000000) i",
    "many groups of samples": "SELECT count(n) FROM (SELECT i % 20000, cvm_sample_agg_measured(i, i / 7.0) AS n FROM generate_series(1, 12000000) i GROUP BY 1) q",
    "many groups of sketches": "SELECT count(n) FROM (SELECT i % 20000, cvm_sketch_agg_hashed(cvm_hash(i)) AS n FROM generate_series(1, 12000000) i GROUP BY 1) q",
    "many values in a frame": "SELECT sum(n) FROM (SELECT approx_count_distinct_cvm(i, 0.001) OVER (ORDER BY i / 2000000 GROUPS 1 PRECEDING) AS n FROM generate_series(1, 9000000) i) q",
    "many unions": "SELECT count(u) FROM (SELECT i, cvm_sketch_union_agg(s) AS u FROM fine, generate_series(1, 1000) i GROUP BY 1) q",
}
# Queries that need little: run under limits near what they need.
TIGHT = {
    "accumulate": "SELECT approx_count_distinct_cvm(i, 0.005) FROM generate_series(1, 300000) i",
    "sketch": "SELECT md5(cvm_sketch_agg(i, 0.005)::text) FROM generate_series(1, 300000) i",
    "hashed": "SELECT md5(cvm_sketch_agg_hashed(i, 0.005)::text) FROM generate_series(1, 300000) i",
    "union": "SELECT md5((a.s || b.s)::text) FROM fine a, fine b",
    "difference": "SELECT md5((a.s - b.s)::text) FROM fine a, fine b",
    "sample": "SELECT md5(cvm_sample_agg_measured('text ' || i, i / 7.0, 20000)::text) FROM generate_series(1, 300000) i",
    "union of all": "SELECT md5(cvm_sketch_union_agg(s)::text) FROM fine",
    "text": "SELECT md5(s::text::cvm_sketch::bytea) FROM fine",
    "one value more": "SELECT md5(cvm_sketch_add(s, i)::bytea) FROM fine, generate_series(1, 3) i",
    "downsample": "SELECT md5(cvm_sketch_downsample(s, 0.003)::bytea) FROM fine",
    "jaccard": "SELECT (cvm_sketch_jaccard(a.s, b.s)).estimate FROM fine a, fine b",
    "groups": "SELECT count(n), sum(n) FROM (SELECT i / 3, approx_count_distinct_cvm(i) AS n FROM generate_series(1, 100000) i GROUP BY 1) q",
    "moving frames": "SELECT sum(n), md5(string_agg(s::text, '')) FROM (SELECT approx_count_distinct_cvm(i, 0.2) OVER w AS n, cvm_sketch_agg_hashed(cvm_hash(i), 0.5) OVER w AS s "
                     "FROM generate_series(1, 2000) i WINDOW w AS (ORDER BY i ROWS 400 PRECEDING)) q",
    "large frames": "SELECT sum(n), max(# s) FROM (SELECT approx_count_distinct_cvm(i, 0.005) OVER w AS n, cvm_sketch_agg(i, 0.02) OVER w AS s "
                    "FROM generate_series(1, 60000) i WINDOW w AS (ORDER BY i / 15000 GROUPS 1 PRECEDING)) q",
    "frames that begin anew": "SELECT sum(n) FROM (SELECT approx_count_distinct_cvm(i) OVER (ORDER BY i / 20000 * 3 + least(i % 20000, 2) GROUPS 1 PRECEDING) AS n "
                              "FROM generate_series(1, 60000) i) q",
    "frames of sketches": "SELECT sum(# u) FROM (SELECT cvm_sketch_union_agg(CASE i % 3 WHEN 0 THEN s ELSE cvm_sketch_downsample(s, 0.01) END) OVER (ORDER BY i ROWS 2 PRECEDING) AS u "
                          "FROM fine, generate_series(1, 7) i) q",
}
ANSWER = "SELECT approx_count_distinct_cvm(i), # cvm_sketch_agg(i, 0.1) FROM generate_series(1, 20000) i"


def virtual_memory(pid):
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def own_limit(pid):
    with open(f"/proc/{pid}/limits") as limits:
        line = next(line for line in limits if line.startswith("Max address space"))
    return None if "unlimited" in line.split()[3] else int(line.split()[3])


def set_limit(session, pid, limit):
    """Only the server's own user may limit its processes, so a session is asked to."""
    session.all(f"COPY (SELECT) TO PROGRAM 'cat >/dev/null; prlimit --pid {pid} --as={limit}:'")


def connect():
    session = Session()
    for setting in ("work_mem = '64GB'", "hash_mem_multiplier = 1", "enable_sort = off", "jit = off", "max_parallel_workers_per_gather = 0"):
        session.all(f"SET {setting}")
    session.all(ANSWER)
    return session


def main():
    arguments = options(__doc__)
    report = Report("memory_limits")
    limit = own_limit(report.session.pid)
    if limit is None:
        raise SystemExit("memory_limits: the server runs without a limit of its memory")
    report.session.all("DROP TABLE IF EXISTS fine; CREATE TABLE fine AS SELECT cvm_sketch_agg(i, 0.002) AS s FROM generate_series(1, 200000) i")
    right = report.session.all(ANSWER)
    exhausted = 0

    session = connect()
    for name, query in TOO_LARGE.items():
        outcome = session.attempt(query)
        report.check(outcome.state == "53200", f"{name}: {outcome.rows} {outcome.state} {outcome.message} where memory ends at {limit // MB} MB")
        exhausted += outcome.state == "53200"
        report.check(session.all(ANSWER) == right, f"{name}: another answer after memory ran out")

    for name, query in TIGHT.items():
        expected = session.all(query)
        # From kilobytes to what suffices: in steps of a factor, so that small allocations have their turn as well as large.
        room, factor, suffices = 16 << 10, 1.5 if arguments.form == "short" else 1.05, False
        while not suffices:
            # A new session, whose memory is as small as it gets. No limit while it is asked afterwards.
            tight = connect()
            set_limit(report.session, tight.pid, virtual_memory(tight.pid) + room)
            outcome = tight.attempt(query)
            set_limit(report.session, tight.pid, limit)
            report.check(outcome.rows == expected or outcome.state == "53200",
                         lambda: f"{name} with {room:,} bytes: {outcome.rows} {outcome.state} {outcome.message}")
            report.check(tight.all(ANSWER) == right and tight.all(query) == expected, f"{name} with {room:,} bytes: another answer afterwards")
            tight.close()
            exhausted += outcome.state == "53200"
            suffices = outcome.state is None
            room = round(room * factor) + 1
            if room > limit:
                report.check(False, f"{name} never has enough memory")
                break
    report.session.all("DROP TABLE fine")
    report.server_lived()
    report.check(exhausted > len(TOO_LARGE) + len(TIGHT), f"memory ran out only {exhausted} times")
    report.finish(f"memory ran out {exhausted:,} times")


if __name__ == "__main__":
    main()
