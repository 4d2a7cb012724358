"""Calls every function and aggregate of the extension, as the catalog lists them, in sessions whose memory is limited: from
nothing but what they have to what the call needs. Each call must end in its answer, its own ERROR, or an ERROR with SQLSTATE
53200, and the server must live.

Then the same with what may be long in an ERROR: messages that a user's function raises as a query is planned, as a value is
hashed or read, and arguments of any length; in a database in UTF-8 and in one in SQL_ASCII."""

import os
import resource

import psycopg2

from common import Report, Session, options
from memory_limits import own_limit, set_limit, virtual_memory

MB = 1 << 20

SETUP = """
DROP SCHEMA IF EXISTS memory CASCADE;
CREATE SCHEMA memory;
SET search_path = memory, public;
CREATE TABLE sketches AS SELECT cvm_sketch_agg(i, 0.1) AS s, cvm_sketch_agg(i, 0.4) AS coarse FROM generate_series(1, 5000) i;
CREATE TABLE samples AS SELECT cvm_sample_agg_measured('text ' || i, i) AS p FROM generate_series(1, 200) i;
CREATE TYPE pair AS (i integer, t text);
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE TABLE points (i integer, t text, b bytea, n numeric, d timestamptz, v interval, e mood, r pair, a integer[], g int4range,
    m int4multirange, j jsonb) PARTITION BY HASH (i);
CREATE TABLE points_0 PARTITION OF points FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE points_1 PARTITION OF points FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO points SELECT i, 'text ' || i, 'bytes'::bytea, i / 7.0, 'epoch'::timestamptz + i * interval '1 s', i * interval '1 day',
    (ARRAY['sad', 'ok'])[1 + i % 2]::mood, ROW(i, 'x'::text)::pair, ARRAY[i, NULL], int4range(i, i + 3), int4multirange(int4range(i, i + 3)), jsonb_build_array(i, 'x')
    FROM generate_series(1, 400) i;
ANALYZE points;
"""

# Something for each type of argument that there is.
ARGUMENTS = {"double precision": "0.1::float8", "bigint": "7::bigint", "integer": "100", "text": "'text'::text", "bytea": "s::bytea",
             "cvm_sketch": "s", "cvm_sample": "p", "cvm_sketch[]": "ARRAY[s, NULL, coarse]",
             "cvm_sample[]": "ARRAY[p, NULL, p]"}
# Those of functions that would refuse these.
OF_FUNCTIONS = {"cvm_sample": "p::bytea", "cvm_sketch_in": "cvm_sketch_out(s)", "cvm_sample_in": "cvm_sample_out(p)", "cvm_sketch_of_kind": "s, 'integer'",
                "cvm_sketch_downsample": "s, 0.3, 0.1", "cvm_sample_values": "p, NULL::text"}
COLUMNS = ["i", "t", "b", "n", "d", "v", "e", "r", "a", "g", "m", "j", "ROW(i, t)", "i::float8"]

# Mistakes, of which the messages are ours.
MISTAKES = ["SELECT approx_count_distinct_cvm(i, 7) FROM points", "SELECT approx_count_distinct_cvm(i, 0.1 + i) FROM points", "SELECT cvm_hash('{}'::json)",
            "SELECT cvm_hash(j::json) FROM points", "SELECT cvm_sketch_downsample(coarse, 0.01, 0.01) FROM sketches", "SELECT cvm_sketch_of_kind(s, 'no kind') FROM sketches",
            "SELECT s || cvm_sketch_empty(0.03, 0.01, 5) FROM sketches", "SELECT 'no sketch'::cvm_sketch", "SELECT '\\x01'::cvm_sample", "SELECT '\\x01'::bytea::cvm_sketch",
            "SELECT cvm_sample_values(p, 1) FROM samples", "SELECT cvm_sample_bounds(p, -1) FROM samples", "SELECT cvm_sample_agg(i, 1, 3) FROM points",
            "SELECT cvm_sketch_bounds(s, 7) FROM sketches"]

# Windows in which rows leave frames; in which frames shrink, so that they begin anew; and in which the parameters change.
FRAMES = [
    "SELECT sum(n), hashtextextended(string_agg(s::text, ''), 0) FROM (SELECT approx_count_distinct_cvm(t, 0.5, 0.1) OVER w AS n, cvm_sketch_agg_hashed(i, 0.5, 0.1) OVER w AS s "
    "FROM points WHERE i <= 150 WINDOW w AS (ORDER BY i ROWS 60 PRECEDING)) q",
    "SELECT hashtextextended(string_agg(s::text, ''), 0), sum(n) FROM (SELECT cvm_sketch_agg(r, 0.5, 0.1, 7) OVER w AS s, approx_count_distinct_cvm(a, 0.5) OVER w AS n "
    "FROM points WINDOW w AS (ORDER BY i / 100 * 3 + least(i % 100, 2) GROUPS 1 PRECEDING)) q",
    "SELECT max(# u), max(# v) FROM (SELECT cvm_sketch_union_agg(s) OVER w AS u, cvm_sketch_union_agg(CASE i % 3 WHEN 0 THEN coarse WHEN 1 THEN s - coarse ELSE s END) OVER w AS v "
    "FROM sketches, generate_series(1, 12) i WINDOW w AS (ORDER BY i ROWS 3 PRECEDING)) q",
    "SELECT approx_count_distinct_cvm(i, CASE WHEN i < 100 THEN 0.5 ELSE 0.1 END) OVER (ORDER BY i ROWS 30 PRECEDING) FROM points",
]

# What raises messages as long as its author likes.
RAISING = """
CREATE FUNCTION refuse(length integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
    $$ BEGIN RAISE EXCEPTION '%', repeat('x', length) USING ERRCODE = 'CV001', DETAIL = repeat('y', length), HINT = repeat('z', length); END $$;
CREATE FUNCTION refuses() RETURNS SETOF boolean LANGUAGE sql STABLE AS 'SELECT memory.refuse({length})';
CREATE DOMAIN refused AS text CHECK (VALUE IS NULL OR memory.refuse({length}));
CREATE DOMAIN refuseds AS refused[];
CREATE TABLE kept AS SELECT cvm_sample_agg('x'::text) AS p, cvm_sample_agg(ARRAY['x'::text]) AS a;
CREATE TYPE own;
CREATE FUNCTION own_in(cstring) RETURNS own LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION own_out(own) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE TYPE own (INPUT = own_in, OUTPUT = own_out, LIKE = text);
CREATE FUNCTION own_eq(own, own) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'texteq';
CREATE OPERATOR = (FUNCTION = own_eq, LEFTARG = own, RIGHTARG = own, HASHES);
CREATE FUNCTION own_hash(own) RETURNS integer LANGUAGE plpgsql IMMUTABLE STRICT AS
    $$ BEGIN IF length($1::text) = 1 THEN PERFORM memory.refuse({length}); END IF; RETURN 1; END $$;
CREATE OPERATOR CLASS own_ops DEFAULT FOR TYPE own USING hash AS OPERATOR 1 =, FUNCTION 1 own_hash(own);
CREATE TYPE own_pair AS (i integer, o own);
"""
# The outcome of each, and the query. `{length}` is how long messages and arguments are.
PLANNED = [
    ("CV001", "SELECT memory.refuse({length})"),
    ("CV001", "SELECT count(DISTINCT memory.refuse({length})) FROM points"),
    ("CV001", "SELECT * FROM refuses()"),
    ("CV001", "SELECT count(DISTINCT r) FROM refuses() r"),
    ("CV001", "SELECT approx_count_distinct_cvm(memory.refuse({length})) FROM points"),
]
LONG = [
    ("CV001", "SELECT cvm_sample_values(p, NULL::refused) FROM kept"),
    ("CV001", "SELECT count(*) FROM kept, cvm_sample_values(a, NULL::refuseds)"),
    ("CV001", "SELECT cvm_hash('x'::own)"),
    ("CV001", "SELECT cvm_hash(ARRAY['x'::own])"),
    ("CV001", "SELECT cvm_hash(ROW(1, 'x'::own)::own_pair)"),
    ("CV001", "SELECT cvm_sketch_add(s, 'x'::own) FROM sketches"),
    ("CV001", "SELECT approx_count_distinct_cvm((ARRAY['long', 'x'])[1 + i / 300]::own) FROM points"),
    ("CV001", "SELECT cvm_sketch_agg(ROW((ARRAY['long', 'x'])[1 + i / 300]::own)) FROM points"),
    ("CV001", "SELECT cvm_sample_agg((ARRAY['long', 'x'])[1 + i / 300]::own) FROM points"),
    ("22P02", "SELECT cvm_sample_values((SELECT cvm_sample_agg(repeat('x', 1000000)::own) OFFSET 0), NULL::uuid)"),
    ("22023", "SELECT cvm_sketch_of_kind(s, repeat('x', {length})) FROM sketches"),
    ("22023", "SELECT cvm_sketch_of_kind(s, repeat({letter}, {length} / 2)) FROM sketches"),
    ("22P02", "SELECT repeat('x', {length})::cvm_sketch"),
    ("22P02", "SELECT repeat({letter}, {length} / 2)::cvm_sample"),
    ("22P02", "SELECT ('\\x' || repeat('01', {length}))::cvm_sketch"),
    ("22P03", "SELECT decode(repeat('01', {length}), 'hex')::cvm_sketch"),
    ("22P03", "SELECT decode(repeat('01', {length}), 'hex')::cvm_sample"),
    (None, "SELECT cvm_hash(repeat({letter}, {length} / 2))"),
    (None, "SELECT cvm_hash(ROW(repeat({letter}, {length} / 2), ARRAY[repeat('x', {length})]))"),
    (None, "SELECT cvm_hash(jsonb_build_array(repeat('x', {length})))"),
    (None, "SELECT # cvm_sketch_add(cvm_sketch_empty(), repeat({letter}, {length} / 2))"),
    ("54000", "SELECT # cvm_sample_agg(repeat('x', 2 * {length})) FROM generate_series(1, 3)"),
    (None, "SELECT # cvm_sample_agg(repeat('x', 1000000 + i)) FROM generate_series(1, 3) i"),
    (None, "SELECT occurrences FROM cvm_sample_values((SELECT cvm_sample_agg(repeat('x', 1000000)) OFFSET 0), NULL::text)"),
]
# What a session has loaded before its memory ends: that of a library which is not there is an ERROR of another class, and after
# the first use of its cache of types has failed, PostgreSQL 18 does not survive the second. Nor does 17 with assertions survive that
# memory ends as it opens a table of long values: it then counts the reads of the table twice.
LOADING = ["SELECT cvm_hash(1)", "DO 'BEGIN END'", "SELECT ARRAY[1] < ARRAY[2]",
           "SELECT count(cvm_sample_hash(p)), count(cvm_sketch_hash(s)), count(cvm_sketch_hash(coarse)) FROM memory.samples, memory.sketches"]
SETTINGS = ["RESET cvm_count.count_distinct_epsilon", "SET cvm_count.count_distinct_epsilon = 0.1"]


def is_exhausted(outcome):
    """Whether memory has run out. Of a setting that it has no memory for, PostgreSQL 15 says that its value is invalid."""
    return outcome.state == "53200" or outcome.file == "guc.c" and outcome.message.startswith("invalid value for parameter")


class Limited:
    """A session that has loaded what it needs, and has all the stack that it may use: memory for the stack that is refused
    is no ERROR, but the end of the process."""

    def __init__(self, report, *settings):
        self.report, self.session = report, Session()
        # What is logged is as long as the message.
        for setting in ("SET search_path = memory, public", "SET log_min_messages = fatal", "SET jit = off", *LOADING, *settings):
            self.session.all(setting)
        assert self.session.attempt("SELECT repeat('[', 1000000)::json").state == "54001"

    def limit(self, room):
        self.set(virtual_memory(self.session.pid) + room)

    def set(self, limit):
        try:
            resource.prlimit(self.session.pid, resource.RLIMIT_AS, (limit, resource.prlimit(self.session.pid, resource.RLIMIT_AS)[1]))
        except PermissionError:
            set_limit(self.report.session, self.session.pid, limit)


class Runner:
    def __init__(self, report):
        self.report, self.exhausted, self.queries = report, 0, 0
        self.unlimited = own_limit(report.session.pid)
        self.kept = {}

    def before(self, *settings):
        """A session without a limit of its own."""
        key = os.environ["PGDATABASE"], settings
        if key not in self.kept:
            self.kept[key] = Limited(self.report, *settings).session
        return self.kept[key]

    def run(self, query, rooms, *settings, expected=None):
        """Runs a query under limits of so much more than a session has, until it ends as it does without a limit."""
        wanted = self.before(*settings).attempt(query)
        shown = f"{' '.join(settings)} {query}"
        if expected is not None:
            self.report.check(wanted.state == expected[0], lambda: f"{shown}: {wanted.state} {wanted.message[:200]}, not {expected[0]}")
        limited = Limited(self.report, *settings)
        self.queries += 1
        for room in rooms:
            limited.limit(room)
            try:
                outcome = limited.session.attempt(query)
            except psycopg2.Error as error:
                # A session may end for want of memory, by an ERROR of its protocol; that no process died is checked below.
                self.report.check(False, f"{shown} with {room:,} bytes: {error}"[:500])
                return
            self.report.check(is_exhausted(outcome) or (outcome.rows, outcome.state, outcome.message) == (wanted.rows, wanted.state, wanted.message),
                              lambda: f"{shown} with {room:,} bytes: {str(outcome)[:300]}, not {str(wanted)[:300]}")
            self.exhausted += is_exhausted(outcome)
            if outcome.state == wanted.state and room > rooms[0]:
                break
        else:
            self.report.check(False, f"{shown} never has enough memory")
        limited.set(self.unlimited or resource.RLIM_INFINITY)
        after = limited.session.attempt(query)
        self.report.check((after.rows, after.state) == (wanted.rows, wanted.state), lambda: f"{shown}: afterwards {str(after)[:300]}")
        limited.session.close()


def calls(session):
    """A query for each function and aggregate, with each number of arguments; of those that take any value, for each type."""
    functions = session.all("""
        SELECT proname, prokind, ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY u (t, n) ORDER BY n), pronargdefaults
        FROM pg_proc JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
        JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid WHERE extname = 'cvm_count'
        ORDER BY proname COLLATE "C", pronargs, proargtypes::text""")
    for name, kind, types, defaults in functions:
        if "internal" in types:
            # What only PostgreSQL calls. The partitions of the table make the aggregates of points combine.
            continue
        if (name, types) == ("cvm_sample_values", ["cvm_sample"]):
            columns = "value text, occurrences bigint, total float8, least float8, greatest float8, weight float8"
            yield f"SELECT v FROM samples, cvm_sample_values(p) AS v ({columns})"
            continue
        if name in OF_FUNCTIONS:
            yield f"SELECT {name}({OF_FUNCTIONS[name]}) FROM sketches, samples"
            continue
        values = COLUMNS if "anyelement" in types else [None]
        for count in range(len(types) - defaults, len(types) + 1):
            # The value may be of any type in the shortest call, and is an integer in the others.
            for value in values if count == len(types) - defaults else values[:1]:
                arguments = ", ".join(value if of == "anyelement" else ARGUMENTS[of] for of in types[:count])
                # Random numbers are not the same again.
                call = f"{name}({arguments})" if name != "cvm_random_seed" else f"{name}() IS NULL"
                others = [table for table, of in (("sketches", "cvm_sketch"), ("samples", "cvm_sample")) if any(of in other for other in types)]
                tables = ", ".join((["points"] if value else []) + others)
                yield f"SELECT {call}{' FROM ' + tables if tables else ''}{' LIMIT 3' if kind == 'f' and value else ''}"


def main():
    arguments = options(__doc__)
    report = Report("memory_errors")
    report.session.all("SET client_min_messages = warning")
    runner = Runner(report)
    if runner.unlimited is None:
        raise SystemExit("memory_errors: the server runs without a limit of its memory")
    is_short = arguments.form == "short"
    report.session.all(SETUP)
    report.session.all("SET search_path = memory, public")
    # Pages of 4 kB are the steps in which a process gets memory.
    rooms = [0]
    while rooms[-1] < 64 * MB:
        rooms.append(max(rooms[-1] + 4096, round(rooms[-1] * (1.5 if is_short else 1.03)) >> 12 << 12))
    length = (1 if is_short else 40) * MB
    report.session.all(RAISING.replace("{length}", str(length)))
    for query in [*calls(report.session), *MISTAKES, *FRAMES]:
        runner.run(query, rooms, "SET enable_partitionwise_aggregate = on")

    long_rooms = [0]
    while long_rooms[-1] < 300 * MB:
        long_rooms.append(max(long_rooms[-1] + length // 4, round(long_rooms[-1] * (1.3 if is_short else 1.02))))
    encoding = "UTF8"
    for database in ("postgres", "memory_ascii"):
        os.environ["PGDATABASE"] = database
        if database != "postgres":
            encoding = "SQL_ASCII"
            report.session.all(f"DROP DATABASE IF EXISTS {database}")
            report.session.all(f"CREATE DATABASE {database} TEMPLATE template0 ENCODING SQL_ASCII LOCALE 'C'")
            setup = Session()
            setup.all("SET client_min_messages = warning; CREATE EXTENSION cvm_count")
            setup.all(SETUP)
            setup.all(RAISING.replace("{length}", str(length)))
            setup.close()
        for settings in (SETTINGS if encoding == "UTF8" else SETTINGS[:1]):
            for state, query in (PLANNED if encoding == "UTF8" else []) + (LONG if settings == SETTINGS[0] else []):
                # A letter of two bytes in UTF-8, and a byte that is none in it in SQL_ASCII.
                query = query.replace("{length}", str(length)).replace("{letter}", "chr(200)")
                runner.run(query, long_rooms, settings, expected=(state,))
    for session in runner.kept.values():
        session.close()
    os.environ["PGDATABASE"] = "postgres"
    report.session.all("DROP DATABASE memory_ascii WITH (FORCE)")
    report.session.all("DROP SCHEMA memory CASCADE")
    report.server_lived()
    report.check(runner.exhausted > 3 * runner.queries, f"memory ran out only {runner.exhausted} times")
    report.finish(f"{runner.queries} queries, memory ran out {runner.exhausted:,} times")


if __name__ == "__main__":
    main()
