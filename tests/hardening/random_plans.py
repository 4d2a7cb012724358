"""Every aggregate under plans drawn at random: settings of the planner and of memory are drawn, and with them queries of every
form: plain, grouped, with grouping sets, in windows, with FILTER, over partitions and more. All answers must be those of one
reference setting, to the byte. EXPLAIN says which kinds of plans there were; each has to have occurred."""

import hashlib
import random
import re
from collections import Counter

from common import Report, Session, options

BOTH = ["on", "off"]

# What is drawn: the values of each setting. What is given more than once is drawn more often.
SETTINGS = {
    "enable_hashagg": ["on", "on", "off"],
    "enable_sort": BOTH,
    "enable_incremental_sort": BOTH,
    "enable_gathermerge": BOTH,
    "enable_parallel_append": BOTH,
    "enable_parallel_hash": BOTH,
    "enable_partitionwise_aggregate": BOTH,
    "enable_partitionwise_join": BOTH,
    "enable_hashjoin": BOTH,
    "enable_mergejoin": BOTH,
    "enable_nestloop": BOTH,
    "enable_memoize": BOTH,
    "enable_material": BOTH,
    "enable_indexscan": BOTH,
    "enable_bitmapscan": BOTH,
    "enable_seqscan": ["on", "on", "on", "off"],
    "max_parallel_workers_per_gather": [0, 1, 2, 2, 3],
    "parallel_leader_participation": BOTH,
    "parallel_setup_cost": [0, 0, 0, 1000],
    "parallel_tuple_cost": [0, 0, 0, 0.1],
    "min_parallel_table_scan_size": [0, 0, "8MB"],
    "min_parallel_index_scan_size": [0, "512kB"],
    "work_mem": ["64kB", "64kB", "256kB", "4MB"],
    "hash_mem_multiplier": [1, 1, 2],
    "jit": ["on"] + 11 * ["off"],
    "jit_above_cost": [0],
    "jit_inline_above_cost": [0, -1],
    "jit_optimize_above_cost": [0, -1],
    "cursor_tuple_fraction": [0.1, 1],
    "random_page_cost": [1, 4, 40],
    "cpu_operator_cost": [0.0025, 0.1],
    # Exact for as many values as there are, so that count(DISTINCT) answers the same whether it is replaced or not.
    "cvm_count.count_distinct_epsilon": [0, 0.01, 0.01],
}

# Settings that not every version has, under each of their names.
NEWER_SETTINGS = {
    "enable_presorted_aggregate": BOTH,
    "enable_group_by_reordering": BOTH,
    "enable_distinct_reordering": BOTH,
    "enable_eager_aggregate": BOTH,
    "min_eager_agg_group_size": [0, 8],
    "force_parallel_mode": ["on"] + 5 * ["off"],
    "debug_parallel_query": ["on"] + 5 * ["off"],
}

# What all answers are compared with: a plan without workers, hashing, or sorts that spill.
REFERENCE = {"enable_hashagg": "off", "enable_incremental_sort": "off", "enable_memoize": "off", "max_parallel_workers_per_gather": 0,
             "work_mem": "64MB", "jit": "off"}

SETUP = """
DROP SCHEMA IF EXISTS random_plans CASCADE;
CREATE SCHEMA random_plans;
SET search_path = random_plans, public;
-- Aggregates of a user's own, without a final function: their answer is the state itself.
CREATE AGGREGATE raw_union(cvm_sketch) (SFUNC = cvm_merge, STYPE = cvm_sketch, COMBINEFUNC = cvm_merge, PARALLEL = SAFE);
CREATE AGGREGATE raw_hashed(bigint) (SFUNC = cvm_accumulate_hashed, STYPE = cvm_sketch, COMBINEFUNC = cvm_combine_hashed, PARALLEL = SAFE);
-- Ten groups g of different sizes, and 2,500 groups k of a few values.
CREATE TABLE facts AS
    SELECT i AS id, (sqrt(i) / 11)::int AS g, i % 2500 AS k, i * 7919 % 9000 AS v, nullif('value ' || i * 7919 % 5000, 'value 7') AS t,
           -- some that differ in nothing that a sketch keeps, at level 0 or above
           CASE WHEN i % 10 < 4 THEN cvm_hash(i / 40) # (ARRAY[0, 4096, 1048576, 1052672])[1 + i % 10] ELSE cvm_hash(i * 7919 % 9000) END AS h,
           -- measures whose sum depends on their order, unless it is exact
           (CASE i % 5 WHEN 0 THEN 1e300 WHEN 1 THEN -1e300 WHEN 2 THEN NULL ELSE i / 7.0 END)::float8 AS x
    FROM generate_series(1, 10000) i;
CREATE TABLE facts_by_k (LIKE facts) PARTITION BY HASH (k);
CREATE TABLE facts_by_g (LIKE facts) PARTITION BY RANGE (g);
-- Of values whose hashes share nothing: where they do, intersections depend on the order.
CREATE TABLE sketches AS
    SELECT row_number() OVER (ORDER BY g, k) AS id, g, k, k AS v, cvm_sketch_agg_hashed(cvm_hash(v), 0.1) AS s, cvm_sample_agg_measured(t, x, 100) AS p
    FROM facts WHERE k < 1000 GROUP BY g, k
    UNION ALL SELECT 10000 + g, g, g, g, cvm_sketch_agg_hashed(cvm_hash(v), 0.1), cvm_sample_agg_measured(t, x, 150) FROM facts GROUP BY g
    UNION ALL SELECT 20000 + g, g, g, g, NULL, NULL FROM generate_series(0, 5) g;
CREATE TABLE sketches_by_k (LIKE sketches) PARTITION BY HASH (k);
CREATE TABLE sketches_by_g (LIKE sketches) PARTITION BY RANGE (g);
CREATE TABLE dims AS SELECT g, g / 3 AS name FROM generate_series(0, 12) g;
CREATE TABLE asked AS SELECT i % 11 AS g FROM generate_series(1, 60) i;
DO $$
DECLARE
    name text;
    part int;
BEGIN
    FOREACH name IN ARRAY ARRAY['facts', 'sketches'] LOOP
        FOR part IN 0..2 LOOP
            EXECUTE format('CREATE TABLE %1$s_k%2$s PARTITION OF %1$s_by_k FOR VALUES WITH (MODULUS 3, REMAINDER %2$s)', name, part);
            EXECUTE format('CREATE TABLE %1$s_g%2$s PARTITION OF %1$s_by_g FOR VALUES FROM (%3$s) TO (%4$s)', name, part, part * 4, part * 4 + 4);
        END LOOP;
        EXECUTE format('INSERT INTO %1$s_by_k SELECT * FROM %1$s; INSERT INTO %1$s_by_g SELECT * FROM %1$s', name);
    END LOOP;
    FOR name IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace = 'random_plans'::regnamespace LOOP
        EXECUTE format('ALTER TABLE %s SET (parallel_workers = 3)', name);
        EXECUTE format('CREATE INDEX ON %s (g)', name);
    END LOOP;
END $$;
ANALYZE;
"""

VALUE_CALLS = ["approx_count_distinct_cvm(v)", "approx_count_distinct_cvm(t, 0.1)", "approx_count_distinct_cvm(v, 0.2, 0.05)", "cvm_sketch_agg(v)",
               "cvm_sketch_agg(t, 0.1)", "cvm_sketch_agg(v, 0.2, 0.05)", "cvm_sketch_agg(t, 0.1, 0.01, 7)", "cvm_sketch_agg_hashed(h)",
               "cvm_sketch_agg_hashed(h, 0.1)", "cvm_sketch_agg_hashed(h, 0.2, 0.05)", "cvm_sketch_agg_hashed(h, 0.1, 0.01, 7)", "raw_hashed(h)",
               "cvm_sample_agg(v)", "cvm_sample_agg(v, 60)", "cvm_sample_agg_measured(t, x)", "cvm_sample_agg_measured(v, x, 50)", "cvm_sample_agg(t, 200, 7)",
               # parameters of a column, which each row says again
               "approx_count_distinct_cvm(t, 0.1 + 0 * v, 0.05)", "cvm_sketch_agg(v, 0.1, 0.01, 7 + 0 * v)", "cvm_sketch_agg_hashed(h, 0.1 + 0 * v)",
               "cvm_sample_agg(t, 60 + 0 * v)", "cvm_sample_agg_measured(v, x, 50 + 0 * v, 7)", "count(DISTINCT v)", "count(DISTINCT t)"]
SKETCH_CALLS = ["cvm_sketch_union_agg(s)", "cvm_sketch_intersection_agg(s)", "raw_union(s)", "cvm_sample_union_agg(p)"]


class Form:
    """A form of query: columns before the calls are its keys, by which answers are told apart. `call` says how a call is
    written in it."""

    def __init__(self, query, keys=1, call="{name}({arguments})", most=4):
        self.query, self.keys, self.call, self.most = query, keys, call, most

    def text(self, calls, table):
        written = []
        for number, call in enumerate(calls):
            name, arguments = call[:-1].split("(", 1)
            written.append(f"{self.call.format(name=name, arguments=arguments)} AS c{number}")
        return self.query.format(calls=", ".join(written), table=table)


FORMS = {
    "plain": Form("SELECT {calls} FROM {table}", keys=0),
    "grouped": Form("SELECT g, {calls} FROM {table} GROUP BY g"),
    # Of these, rows wait for the states of their groups.
    "many groups": Form("SELECT k, {calls} FROM {table} GROUP BY k"),
    "many grouping sets": Form("SELECT k, id % 2477 AS m, {calls} FROM {table} GROUP BY GROUPING SETS ((k), (id % 2477))", keys=2),
    "many groups again and again": Form("SELECT asked.g, q.* FROM asked, LATERAL (SELECT k, {calls} FROM {table} f WHERE f.g <> asked.g GROUP BY k) q WHERE asked.g < 2", keys=2),
    "by text": Form("SELECT g || 'th' AS key, {calls} FROM {table} GROUP BY key"),
    "by two": Form("SELECT g, k % 50 AS m, {calls} FROM {table} GROUP BY g, m ORDER BY g, m", keys=2),
    "grouping sets": Form("SELECT g, k % 50 AS m, grouping(g, k % 50), {calls} FROM {table} GROUP BY GROUPING SETS ((g), (k % 50), (g, k % 50), ())", keys=3),
    "grouping sets of one": Form("SELECT g, k % 5 AS m, {calls} FROM {table} GROUP BY GROUPING SETS ((g), (k % 5))", keys=2),
    "rollup": Form("SELECT g, k % 50 AS m, grouping(g, k % 50), {calls} FROM {table} GROUP BY ROLLUP (g, k % 50)", keys=3),
    "cube": Form("SELECT g, k % 9 AS m, grouping(g, k % 9), {calls} FROM {table} GROUP BY CUBE (g, k % 9)", keys=3),
    "filter": Form("SELECT g, {calls} FROM {table} GROUP BY g", call="{name}({arguments}) FILTER (WHERE v % 3 = 1)"),
    "empty": Form("SELECT {calls} FROM {table} WHERE id < 0", keys=0),
    "distinct": Form("SELECT g, {calls} FROM {table} GROUP BY g", call="{name}(DISTINCT {arguments})"),
    "ordered": Form("SELECT g, {calls} FROM {table} GROUP BY g", call="{name}({arguments} ORDER BY id DESC)"),
    "window": Form("SELECT id, {calls} FROM {table} WHERE id < 300", call="{name}({arguments}) OVER (PARTITION BY g ORDER BY id)"),
    "frame": Form("SELECT id, {calls} FROM {table} WHERE id < 300", call="{name}({arguments}) OVER (ORDER BY id ROWS BETWEEN 9 PRECEDING AND 3 FOLLOWING)"),
    "whole window": Form("SELECT DISTINCT g, {calls} FROM {table} WHERE id < 900", call="{name}({arguments}) OVER (PARTITION BY g)"),
    "join": Form("SELECT name, {calls} FROM {table} JOIN dims USING (g) GROUP BY name"),
    "lateral": Form("SELECT asked.g, q.* FROM asked, LATERAL (SELECT {calls} FROM {table} f WHERE f.g = asked.g AND f.k < 40) q"),
    "first": Form("SELECT g, {calls} FROM {table} GROUP BY g HAVING count(*) > 3 ORDER BY g DESC LIMIT 4"),
    "as keys": Form("SELECT count(*), c0 FROM (SELECT k, {calls} FROM {table} GROUP BY k) q GROUP BY c0", most=1),
    "sorted": Form("SELECT g, c0 FROM (SELECT g, {calls} FROM {table} GROUP BY g) q ORDER BY c0, g", most=1),
    "smallest": Form("SELECT k, c0 FROM (SELECT k, {calls} FROM {table} GROUP BY k) q ORDER BY c0, k LIMIT 7", most=1),
    "set operation": Form("SELECT c0 FROM (SELECT g, {calls} FROM {table} GROUP BY g) q EXCEPT SELECT c0 FROM (SELECT {calls} FROM {table} WHERE g = 3) p",
                          keys=0, most=1),
    "kept": Form("WITH kept AS MATERIALIZED (SELECT g, {calls} FROM {table} GROUP BY g) SELECT a.g, a.c0 FROM kept a JOIN kept b ON a.c0 = b.c0", most=1),
}

# Kinds of plans, by what EXPLAIN says of them.
KINDS = {
    "workers": r"Workers Planned",
    "sorted states of workers that hash": r"Finalize GroupAggregate(.*\n)+? *-> +Gather Merge(.*\n)+? *-> +Sort(.*\n)+? *-> +Partial HashAggregate",
    "states of workers that sort": r"Partial GroupAggregate",
    "hashed states of workers": r"Finalize HashAggregate",
    "incremental sort": r"Incremental Sort",
    "sorted groups": r"(?<!Finalize )(?<!Partial )GroupAggregate",
    "hashed groups": r"(?<!Finalize )(?<!Partial )HashAggregate",
    "grouping sets hashed and sorted": r"MixedAggregate",
    "grouping sets by hashing alone": r"(?m)(^| )HashAggregate.*\n +Hash Key:.*\n +Hash Key:",
    "windows": r"WindowAgg",
    "aggregation partition by partition": r"Append.*\n +-> +(Hash|Group)Aggregate",
    "partial aggregation partition by partition": r"Append.*\n( .*\n)*? +-> +Partial (Hash|Group)?Aggregate",
    "states kept by Memoize": r"Memoize",
    "hashed set operation": r"HashSetOp",
    "JIT": r"JIT:",
}

# And what EXPLAIN ANALYZE says of some of them, since it runs them once more.
ANALYZED_KINDS = {
    "launched workers": r"Workers Launched: [1-9]",
    "hash aggregation that spilled": r"HashAggregate(.*\n)+?.*Batches: ([2-9]|\d\d)",
    "sort that spilled": r"Sort Method: external merge",
    "sort in memory": r"Sort Method: quicksort",
    "sort for the first rows": r"Sort Method: top-N heapsort",
}


def setting(session, values):
    session.all("RESET ALL; SET search_path = random_plans, public; " + "; ".join(f"SET {name} = '{value}'" for name, value in values.items()))


def answers(form, calls, rows):
    """For each call, the answers with their keys, as a hash, and how many rows there are."""
    digests = []
    for column in range(form.keys, form.keys + len(calls)):
        lines = sorted(repr((row[:form.keys], row[column])) for row in rows)
        digests.append((len(rows), hashlib.sha256("\n".join(lines).encode()).hexdigest()))
    return digests


def main():
    arguments = options(__doc__)
    report = Report("random_plans")
    report.session.all(SETUP)
    chance, session, reference, known = random.Random(arguments.seed), Session(), Session(), {}
    present = {name for (name,) in report.session.all("SELECT name FROM pg_settings")}
    for name in SETTINGS:
        report.check(name in present, f"there is no setting {name}")
    settings = {name: values for name, values in {**SETTINGS, **NEWER_SETTINGS}.items() if name in present}
    kinds = dict(KINDS)
    # It is not available where it is off.
    report.session.all("SET jit = on")
    if not report.session.one("SELECT pg_jit_available()"):
        report.left_out("JIT (the server has none)")
        del kinds["JIT"], settings["jit"]
    report.session.all("RESET jit")
    setting(reference, REFERENCE)

    most = 160 if arguments.form == "short" else 5_000
    drawn, queries, compared, used = 0, 0, 0, Counter()
    seen = Counter({kind: 0 for kind in [*kinds, *ANALYZED_KINDS]})
    # What is rare may take a few more.
    while drawn < most or drawn < 3 * most and not all(seen.values()):
        drawn += 1
        values = {name: chance.choice(choices) for name, choices in settings.items()}
        setting(session, values)
        for name in chance.sample(sorted(FORMS), 4):
            form = FORMS[name]
            pool, relation = (VALUE_CALLS, "facts") if chance.random() < 0.7 else (SKETCH_CALLS, "sketches")
            if re.search("DISTINCT|ORDER|OVER", form.call):
                pool = [call for call in pool if "DISTINCT" not in call]
            calls = chance.sample(pool, chance.randint(1, min(form.most, len(pool))))
            table = relation + chance.choice(["", "_by_k", "_by_g"])
            missing = [call for call in calls if (name, call) not in known]
            for call in missing:
                known[name, call] = answers(form, [call], reference.all(form.text([call], relation)))[0]
            query = form.text(calls, table)
            settings_said = "; ".join(f"SET {setting} = {value!r}" for setting, value in values.items())
            outcome = session.attempt(query)
            queries += 1
            report.check(outcome.state is None, f"{outcome.state} {outcome.message}: {query}; {settings_said}")
            if outcome.state is not None:
                continue
            for call, got in zip(calls, answers(form, calls, outcome.rows)):
                compared += 1
                used[name, call] += 1
                report.check(got == known[name, call], f"{call} of form {name!r}: {got[0]} rows, another answer: {query}; {settings_said}")
            for explain, patterns in [("EXPLAIN ", kinds)] + [("EXPLAIN (ANALYZE, TIMING OFF, BUFFERS OFF) ", ANALYZED_KINDS)] * (queries % 4 == 0):
                plan = "\n".join(line for (line,) in session.all(explain + query))
                for kind, pattern in patterns.items():
                    seen[kind] += re.search(pattern, plan) is not None
    setting(session, {"cvm_count.count_distinct_epsilon": 0.01})
    plan = session.all("EXPLAIN (VERBOSE) SELECT count(DISTINCT v) FROM facts")
    report.check("approx_count_distinct_cvm" in str(plan), "count(DISTINCT) was never replaced")
    for kind, count in seen.items():
        report.check(count > 0, f"no plan had: {kind}")
    for name in FORMS:
        report.check(any(rows > 0 for (form, _), (rows, _) in known.items() if form == name), f"the form {name!r} never gave a row")
        for pool in (VALUE_CALLS, SKETCH_CALLS):
            report.check(any(used[name, call] for call in pool), f"the form {name!r} was never tried with any of {pool}")
    for call in VALUE_CALLS + SKETCH_CALLS:
        report.check(sum(used[name, call] > 0 for name in FORMS) > len(FORMS) // 2, f"{call} was tried in too few forms")
    report.session.all("DROP SCHEMA random_plans CASCADE")
    report.server_lived()
    rarest = ", ".join(f"{kind} {count}" for kind, count in sorted(seen.items(), key=lambda item: item[1]))
    report.finish(f"{drawn:,} settings, {queries:,} queries, {compared:,} answers compared; plans: {rarest}")


if __name__ == "__main__":
    main()
