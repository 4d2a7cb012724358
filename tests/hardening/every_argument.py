"""Calls every function, aggregate and operator of the extensions, as the catalog lists them, with arguments of every kind:
NULLs, extremes, values of every type of the server, wrong types. A call has a result or a clean ERROR: not of class XX, which
is internal errors, and never a lost connection."""

import itertools
import random

from common import Report, options

NUMBERS = ["NULL::float8", "0.03::float8", "0.5::float8", "0.001::float8", "0::float8", "'-0'::float8", "-1::float8", "2::float8",
           "'NaN'::float8", "'Infinity'::float8", "'-Infinity'::float8", "5e-324::float8", "1.7976931348623157e308::float8",
           "0.1::float8", "0.000000001::float8", "0.95::float8", "0.9999999999999999::float8", "1::float8", "0.0009999999999999999::float8"]
BIGINTS = ["NULL::bigint", "0::bigint", "1::bigint", "(-1)::bigint", "9223372036854775807", "'-9223372036854775808'::bigint", "42::bigint"]
SKETCHES = ["NULL::cvm_sketch", "cvm_sketch_empty()", "cvm_sketch_empty(0.5, 0.1, -1)", "cvm_sketch_empty(0.001, 0.000000001)",
            "(SELECT s FROM sketches WHERE name = 'small')", "(SELECT s FROM sketches WHERE name = 'large')",
            "(SELECT s FROM sketches WHERE name = 'seeded')", "(SELECT s FROM sketches WHERE name = 'derived')",
            "(SELECT s FROM sketches WHERE name = 'nothing derived')", "(SELECT s FROM sketches WHERE name = 'last level')",
            "(SELECT s FROM sketches WHERE name = 'last level of version 1')", "(SELECT s FROM sketches WHERE name = 'other')",
            "(SELECT s FROM sketches WHERE name = 'compressed')"]
SAMPLES = ["NULL::cvm_sample", "(SELECT cvm_sample_agg(1) WHERE false)", "(SELECT p FROM samples WHERE name = 'small')", "(SELECT p FROM samples WHERE name = 'large')",
           "(SELECT p FROM samples WHERE name = 'texts')", "(SELECT p FROM samples WHERE name = 'seeded')", "(SELECT p FROM samples WHERE name = 'not finite')",
           "(SELECT p FROM samples WHERE name = 'derived')", "(SELECT p FROM samples WHERE name = 'overflows')", "(SELECT p FROM samples WHERE name = 'most occurrences')", "(SELECT p FROM samples WHERE name = 'last level')"]
INTEGERS = ["NULL::integer", "0", "7", "8", "1000", "1000000", "1000001", "(-1)", "2147483647", "'-2147483648'::integer"]
SKETCH_ARRAYS = ["NULL::cvm_sketch[]", "'{}'::cvm_sketch[]", "ARRAY[NULL::cvm_sketch]", "ARRAY[cvm_sketch_empty(), NULL]",
                 "array_fill(cvm_sketch_empty(), ARRAY[2, 3], ARRAY[-1, 5])", "(SELECT array_agg(s) FROM sketches)",
                 "(SELECT array_agg(s) FROM sketches WHERE name IN ('small', 'large', 'derived'))", "array_fill(NULL::cvm_sketch, ARRAY[100000])"]
SAMPLE_ARRAYS = ["NULL::cvm_sample[]", "'{}'::cvm_sample[]", "ARRAY[NULL::cvm_sample]", "ARRAY[cvm_sample_empty(), NULL]",
                 "array_fill(cvm_sample_empty(9, 3), ARRAY[2, 3], ARRAY[-1, 5])", "(SELECT array_agg(p) FROM samples)",
                 "(SELECT array_agg(p) FROM samples WHERE name IN ('small', 'large', 'derived'))", "array_fill(NULL::cvm_sample, ARRAY[100000])"]
BYTES = ["NULL::bytea", "''::bytea", "'\\x01'::bytea", "cvm_sketch_empty()::bytea", "decode(repeat('00', 20), 'hex')",
         "decode(repeat('01', 1000000), 'hex')", "(SELECT p::bytea FROM samples WHERE name = 'large')", "(SELECT s::bytea FROM sketches WHERE name = 'large')"]
TEXTS = ["NULL::text", "''::text", "'Integer'::text", "repeat('x', 10000000)", "'unknown'::text", "'jsonb'::text", "'integer'::text"]
STRINGS = ["NULL::cstring", "''::cstring", "'\\x'::cstring", "'\\x0'::cstring", "'x'::cstring", "textout('\\x' || repeat('0', 1000000))",
           "cvm_sketch_out(cvm_sketch_empty())", "(SELECT cvm_sample_out(p) FROM samples WHERE name = 'large')"]
# PostgreSQL lets nobody write another value of type internal.
INTERNALS = ["NULL"]
WRONG = ["'text'::text", "1.5::numeric", "ARRAY[1]", "ROW(1)", "true", "'{}'::json", "now()", "'a'::\"char\""]

# Text forms of values of each type; of types that are not here, NULL. Arrays, domains and ranges follow from these.
LITERALS = {
    "bool": ["t", "f"], "bytea": ["", "\\x00ff"], "char": ["", "a", "\\377"], "name": ["", "a name"], "int8": ["0", "-9223372036854775808", "9223372036854775807"],
    "int2": ["-32768", "32767"], "int4": ["-2147483648", "2147483647", "0"], "text": ["", "a", "é€𝄞"], "oid": ["0", "4294967295"],
    "float4": ["0", "-0", "NaN", "Infinity", "-Infinity", "1e-45"], "float8": ["0", "-0", "NaN", "Infinity", "-Infinity", "5e-324", "1.7976931348623157e308"],
    "bpchar": ["", "a  ", "   "], "varchar": ["", "a "], "date": ["-infinity", "infinity", "4713-01-01 BC", "5874897-12-31"],
    "time": ["00:00", "24:00"], "timestamp": ["-infinity", "infinity", "4713-01-01 BC", "294276-12-31"],
    "timestamptz": ["-infinity", "infinity", "4713-01-02 BC", "294276-12-30"],
    "interval": ["0", "178000000 years", "-178000000 years", "1 mon -30 days", "2562047788:00:54.775807"],
    "timetz": ["00:00+15:59", "24:00-15:59"], "bit": ["0", "1"], "varbit": ["", "101", "0" * 100],
    "numeric": ["0", "1.0", "1.000", "NaN", "Infinity", "-Infinity", "1e1000", "1e-1000", "-1e5"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"], "money": ["0", "-92233720368547758.08"],
    "macaddr": ["00:00:00:00:00:00"], "macaddr8": ["ff:ff:ff:ff:ff:ff:ff:ff"], "inet": ["0.0.0.0/0", "::1", "10.0.0.1/8"], "cidr": ["10.0.0.0/8"],
    "json": ["{}", "1"], "jsonb": ["{}", "[]", "null", "1.0", '{"a": [1, {"b": null}]}'], "jsonpath": ["$.a"], "xml": ["<a/>", ""],
    "point": ["(0,0)", "(NaN,Infinity)"], "lseg": ["[(0,0),(1,1)]"], "path": ["((0,0),(1,1))"], "box": ["(1,1),(0,0)"], "polygon": ["((0,0),(1,1))"],
    "line": ["{1,1,1}"], "circle": ["<(0,0),1>"], "tid": ["(0,1)"], "xid": ["3"], "cid": ["0"], "xid8": ["18446744073709551615"],
    "pg_lsn": ["0/0", "FFFFFFFF/FFFFFFFF"], "tsvector": ["", "a:1A b"], "tsquery": ["a & b"], "gtsvector": [], "oidvector": ["", "1 2"], "int2vector": ["1 2"],
    "regclass": ["pg_class"], "regtype": ["integer"], "regproc": ["now"], "regprocedure": ["now()"], "regoper": ["||/"], "regoperator": ["+(int4,int4)"],
    "regrole": ["cvm"], "regnamespace": ["public"], "regconfig": ["simple"], "regdictionary": ["simple"], "regcollation": ["\"C\""],
    "refcursor": ["a"], "aclitem": ["cvm=r/cvm"], "txid_snapshot": ["1:2:"], "pg_snapshot": ["1:2:"], "cstring": ["a"],
}

BOOLEANS = ["NULL::boolean", "true", "false"]
SMALLINTS = ["NULL::smallint", "0::smallint", "32767::smallint", "'-32768'::smallint"]
HASHVALS = ["NULL::hll_hashval", "'0'::hll_hashval", "'-1'::hll_hashval", "9223372036854775807::hll_hashval", "hll_hash_any(42)"]
EXTENSIONS = "('cvm_count', 'cvm_count_hll', 'cvm_count_aliases')"

SETUP = """
CREATE EXTENSION cvm_count_hll SCHEMA arguments;
CREATE EXTENSION cvm_count_aliases SCHEMA arguments;
CREATE TABLE sketches (name text, s cvm_sketch);
ALTER TABLE sketches ALTER s SET STORAGE extended;
INSERT INTO sketches
    SELECT 'small', cvm_sketch_agg(i) FROM generate_series(1, 3) i UNION ALL
    SELECT 'large', cvm_sketch_agg(i, 0.01) FROM generate_series(1, 200000) i UNION ALL
    SELECT 'other', cvm_sketch_agg(i, 0.1) FROM generate_series(100000, 300000) i UNION ALL
    SELECT 'compressed', cvm_sketch_agg(i) FROM generate_series(1, 8000) i UNION ALL
    SELECT 'seeded', cvm_sketch_agg(i, 0.5, 0.1, 77) FROM generate_series(1, 1000) i UNION ALL
    SELECT 'last level', '\\x0200c100080000000700000007000000000000005515' UNION ALL
    SELECT 'last level of version 1', '\\x01001801080000000700000000000000000000005515';
INSERT INTO sketches
    SELECT 'derived', l.s & o.s FROM sketches l, sketches o WHERE l.name = 'large' AND o.name = 'other' UNION ALL
    SELECT 'nothing derived', s - s FROM sketches WHERE name = 'large';
CREATE TABLE samples (name text, p cvm_sample);
INSERT INTO samples
    SELECT 'small', cvm_sample_agg_measured(i, i) FROM generate_series(1, 3) i UNION ALL
    SELECT 'large', cvm_sample_agg_measured(i % 10000, i / 7.0, 5000) FROM generate_series(1, 100000) i UNION ALL
    SELECT 'texts', cvm_sample_agg_measured('text ' || i, i) FROM generate_series(1, 100000) i UNION ALL
    SELECT 'seeded', cvm_sample_agg(i, 100, 77) FROM generate_series(1, 100000) i UNION ALL
    SELECT 'derived', cvm_sample_agg_measured(i, i / 7.0) & cvm_sketch_agg(i % 5000) FROM generate_series(1, 100000) i UNION ALL
    SELECT 'not finite', cvm_sample_agg_measured(i, (ARRAY['NaN', 'Infinity', '-Infinity', '-0', '5e-324']::float8[])[i]) FROM generate_series(1, 5) i UNION ALL
    SELECT 'overflows', cvm_sample_agg_measured(1, 1.7976931348623157e308) FROM generate_series(1, 5) i UNION ALL
    SELECT 'most occurrences', '\\x0101020000080000000100000000000000000000000100000000000001ffffffffffffffff7f0231' UNION ALL
    SELECT 'last level', '\\x010102180108000000000000000000000000000000';
CREATE TYPE mood AS ENUM ('sad', 'ok', 'a label as long as a label may be, which is sixty-three bytes..');
CREATE TYPE no_mood AS ENUM ();
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN twice AS positive;
CREATE DOMAIN texts AS text[] CHECK (cardinality(VALUE) < 9);
CREATE DOMAIN documents AS json;
CREATE TYPE pair AS (a int, b text);
CREATE TYPE documented AS (a int, document json);
CREATE TYPE nested AS (p pair, m mood[], d twice);
CREATE TYPE empty_row AS ();
CREATE DOMAIN pairs AS pair;
CREATE TYPE float_range AS RANGE (subtype = float8);
-- types of one's own: without a hash class, with one of 32 bits, and with one that fails
CREATE TYPE plain;
CREATE FUNCTION plain_in(cstring) RETURNS plain LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION plain_out(plain) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE plain (INPUT = plain_in, OUTPUT = plain_out, LIKE = int4);
CREATE TYPE hashed;
CREATE FUNCTION hashed_in(cstring) RETURNS hashed LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION hashed_out(hashed) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE hashed (INPUT = hashed_in, OUTPUT = hashed_out, LIKE = int4);
CREATE FUNCTION hashed_eq(hashed, hashed) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE OPERATOR = (FUNCTION = hashed_eq, LEFTARG = hashed, RIGHTARG = hashed, HASHES);
CREATE FUNCTION hashed_hash(hashed) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'hashint4';
CREATE OPERATOR CLASS hashed_ops DEFAULT FOR TYPE hashed USING hash AS OPERATOR 1 =, FUNCTION 1 hashed_hash(hashed);
CREATE TYPE failing;
CREATE FUNCTION failing_in(cstring) RETURNS failing LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION failing_out(failing) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE failing (INPUT = failing_in, OUTPUT = failing_out, LIKE = int4);
CREATE FUNCTION failing_eq(failing, failing) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE OPERATOR = (FUNCTION = failing_eq, LEFTARG = failing, RIGHTARG = failing, HASHES);
CREATE FUNCTION failing_hash(failing) RETURNS int LANGUAGE plpgsql IMMUTABLE STRICT AS $$ BEGIN RETURN 1 / ($1::text::int % 2); END $$;
CREATE OPERATOR CLASS failing_ops DEFAULT FOR TYPE failing USING hash AS OPERATOR 1 =, FUNCTION 1 failing_hash(failing);
"""

# What a server built without ICU cannot have.
ICU_SETUP = "CREATE COLLATION nobody_knows (provider = icu, locale = 'und', deterministic = false)"
ICU = ["'a' COLLATE nobody_knows", "'a'::name COLLATE nobody_knows", "'a '::bpchar COLLATE nobody_knows", "ARRAY['a'::text] COLLATE nobody_knows"]

OWN = ["'sad'::mood", "'a label as long as a label may be, which is sixty-three bytes..'::mood", "NULL::no_mood", "NULL::mood",
       "1::positive", "1::twice", "ARRAY['a']::texts", "'{}'::documents", "ROW(1, 'a')::pair", "ROW(NULL, NULL)::pair", "NULL::pair",
       "ROW(1, 'a')::pairs", "ROW(1, '{}')::documented", "ROW(1, NULL)::documented", "ROW(ROW(1, 'a')::pair, '{sad,ok}', 3)::nested", "ROW()::empty_row",
       "ROW()", "ROW(1)", "ROW(1, NULL, 'a'::text)", "ROW(ROW(ROW(1)))", "ROW('{}'::json)", "ROW(point '(0,0)')", "ARRAY[ROW(1), ROW(2)]",
       "ARRAY[ROW('{}'::json)]", "ARRAY[ROW(1, 'a')::pair]", "ARRAY['{}'::json]", "ARRAY[point '(0,0)']", "'{}'::int[]", "'{{1,2},{3,4}}'::int[]",
       "'[-5:-4]={1,NULL}'::int[]", "array_fill(1, ARRAY[100000])", "ARRAY[ARRAY['']]", "ARRAY['sad'::mood]", "'{NULL}'::text[]", "'empty'::int4range", "'(,)'::int8range",
       "'[1,2]'::numrange", "'{[1,2),[5,)}'::int4multirange", "'{}'::datemultirange", "'[NaN,Infinity]'::float_range", "ARRAY['[1,2]'::int4range]",
       "'1'::plain", "ARRAY['1'::plain]", "ROW('1'::plain)", "'1'::hashed", "ARRAY['1'::hashed]", "ROW('1'::hashed)", "'1'::failing", "'2'::failing", "ARRAY['2'::failing]",
       "'a' COLLATE \"C\"",
       "repeat('x', 10000000)", "repeat(' ', 1000000)::bpchar", "decode(repeat('00', 5000000), 'hex')", "(SELECT string_agg(md5(i::text), '') FROM generate_series(1, 5000) i)",
       "jsonb_build_object('a', repeat('x', 100000))", "(repeat('9', 100000) || '.5')::numeric", "'unknown'", "NULL", "pg_sleep(0)", "1 + 1", "'1'::text::int",
       "cvm_sketch_empty()", "ARRAY[cvm_sketch_empty()]", "ROW(cvm_sketch_empty())", "(SELECT c FROM pg_class c LIMIT 1)", "(SELECT s FROM sketches s WHERE name = 'large')",
       "(SELECT p FROM pg_proc p WHERE proname = 'cvm_hash')", "(SELECT ev_action FROM pg_rewrite LIMIT 1)", "(SELECT stxdependencies FROM pg_statistic_ext_data LIMIT 1)",
       "(SELECT relacl FROM pg_class WHERE relacl IS NOT NULL LIMIT 1)", "(SELECT array_agg(p) FROM pg_namespace p)"]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def values_of_every_type(session):
    """For each type that a column may have: NULL, its literals, and an array of them."""
    for name, literals, array in session.all("""
            SELECT t.oid::regtype::text, t.typname, a.oid::regtype::text FROM pg_type t LEFT JOIN pg_type a ON a.oid = t.typarray
            WHERE t.typtype IN ('b', 'd', 'e', 'r', 'm') AND t.typelem = 0 OR t.typname IN ('oidvector', 'int2vector', 'point', 'name', 'box', 'lseg', 'cstring')
            ORDER BY t.oid"""):
        yield f"NULL::{name}"
        known = LITERALS.get(literals, [])
        for literal in known:
            yield f"{quoted(literal)}::{name}"
        if array:
            yield f"NULL::{array}"
            yield f"'{{}}'::{array}"
            if known:
                yield f"ARRAY[{', '.join(quoted(literal) + '::' + name for literal in known)}, NULL]::{array}"
    for (name,) in session.all("SELECT oid::regtype::text FROM pg_type WHERE typtype IN ('r', 'm') ORDER BY oid"):
        yield f"'{{}}'::{name}" if "multirange" in name else f"'empty'::{name}"


def pools(session, own):
    """Expressions for each type of argument."""
    anything = list(dict.fromkeys([*own, *values_of_every_type(session), *NUMBERS, *BIGINTS]))
    return {"anyelement": anything, "double precision": NUMBERS, "bigint": BIGINTS, "integer": INTEGERS, "cvm_sample": SAMPLES, "cvm_sketch": SKETCHES, "hll": [*SKETCHES, "hll_empty(11)"], "hll_hashval": HASHVALS, "cvm_sketch[]": SKETCH_ARRAYS,
            "cvm_sample[]": SAMPLE_ARRAYS, "bytea": BYTES, "boolean": BOOLEANS, "smallint": SMALLINTS, "cstring": STRINGS, "internal": INTERNALS, "text": TEXTS}


def argument_lists(types, pool, chance, most):
    """All lists of arguments, if they are few; else each argument at least once, and others by chance."""
    choices = [pool[name] for name in types]
    total = 1
    for choice in choices:
        total *= len(choice)
    if total <= most:
        yield from itertools.product(*choices)
        return
    # A list that is fine but for one argument says most about that argument.
    fine = {"double precision": "0.1::float8", "anyelement": "42", "cvm_sketch": "(SELECT s FROM sketches WHERE name = 'large')",
            "cvm_sample": "(SELECT p FROM samples WHERE name = 'large')", "integer": "100"}
    for place, choice in enumerate(choices):
        for value in choice:
            yield tuple(value if i == place else fine.get(name, pool[name][-1]) for i, name in enumerate(types))
    for _ in range(most):
        yield tuple(chance.choice(choice) for choice in choices)


FORMS = {
    "f": ["SELECT {call}", "SELECT {call} FROM generate_series(1, 2)", "SELECT count({call}) FROM (SELECT random() FROM generate_series(1, 3) OFFSET 0) q",
          "SELECT (SELECT {call} OFFSET 0) IS NULL"],
    "a": ["SELECT {call} FROM generate_series(1, 3) i", "SELECT {call} FROM generate_series(1, 0) i", "SELECT i % 2, {call} FROM generate_series(1, 5) i GROUP BY 1",
          "SELECT {call} OVER (ORDER BY i ROWS 1 PRECEDING) FROM generate_series(1, 4) i",
          "SELECT {call} FILTER (WHERE i > 1) FROM generate_series(1, 3) i", "SELECT i, {call} FROM generate_series(1, 3) i GROUP BY CUBE (i)"],
}


class Calls:
    def __init__(self, report):
        self.report, self.made, self.answered, self.states, self.files = report, 0, 0, {}, set()

    def call(self, query, must_fail=False):
        outcome = self.report.session.attempt(query)
        self.made += 1
        self.answered += outcome.state is None
        self.states[outcome.state] = self.states.get(outcome.state, 0) + 1
        self.report.check(outcome.state is not None if must_fail else outcome.state is None or not outcome.state.startswith("XX"),
                          lambda: f"{query}: {outcome.rows if outcome.rows else ''} {outcome.state} {outcome.message}")
        if outcome.file and outcome.file.endswith(".rs"):
            self.files.add(outcome.file)
            # Whoever looks for the place of an ERROR is not sent to where all of them pass.
            self.report.check(outcome.file != "error.rs", lambda: f"{query}: raised in {outcome.file}")
        return outcome


def main():
    arguments = options(__doc__)
    report = Report("every_argument")
    session, chance, calls = report.session, random.Random(arguments.seed), Calls(report)
    session.all("DROP SCHEMA IF EXISTS arguments CASCADE; CREATE SCHEMA arguments; SET search_path = arguments, public; SET jit = off")
    session.all(SETUP)
    icu = session.attempt(ICU_SETUP)
    if icu.message == "ICU is not supported in this build":
        report.left_out("nondeterministic collations (no ICU)")
    else:
        report.check(icu.state is None, lambda: f"{ICU_SETUP}: {icu.message}")
    pool = pools(session, [*OWN, *(ICU if icu.state is None else [])])
    most = 300 if arguments.form == "short" else 10_000
    functions = session.all(f"""
        SELECT proname, prokind, ARRAY(SELECT format_type(t, NULL) FROM unnest(proargtypes) WITH ORDINALITY u (t, n) ORDER BY n), pronargdefaults
        FROM pg_proc JOIN pg_depend ON classid = 'pg_proc'::regclass AND objid = pg_proc.oid AND deptype = 'e'
        JOIN pg_extension e ON refclassid = 'pg_extension'::regclass AND refobjid = e.oid WHERE extname IN {EXTENSIONS}
        ORDER BY proname COLLATE "C", pronargs, proargtypes::text""")
    for name, kind, types, defaults in functions:
        # A support function must refuse to be called by itself, whatever its arguments are.
        is_support = kind == "f" and session.one("""
            SELECT count(*) FROM pg_aggregate, pg_proc p WHERE proname = %s AND NOT proisstrict
            AND p.oid IN (aggtransfn, aggcombinefn, aggserialfn, aggdeserialfn, aggfinalfn)""", [name]) > 0
        for count in range(len(types) - defaults, len(types) + 1):
            for values in argument_lists(types[:count], pool, chance, most):
                call = f"{name}({', '.join(values)})"
                calls.call(chance.choice(FORMS[kind]).format(call=call), must_fail=is_support)
        # Wrong types, and arguments too few and too many.
        for place in range(len(types)):
            for wrong in WRONG:
                values = [pool[other][-1] for other in types]
                values[place] = wrong
                calls.call(FORMS[kind][0].format(call=f"{name}({', '.join(values)})"))
        values = [pool[other][-1] for other in types]
        for values in (values[:-1], [*values, "1"], [*values, "NULL", "NULL", "NULL"], ["VARIADIC ARRAY[1]"], ["*"], ["DISTINCT 1"]):
            calls.call(FORMS[kind][0].format(call=f"{name}({', '.join(values)})"))
    for operator, left, right in session.all("""
            SELECT oprname, nullif(oprleft, 0)::regtype::text, oprright::regtype::text FROM pg_operator
            WHERE '{cvm_sketch, cvm_sample, hll, hll_hashval}'::regtype[] && ARRAY[oprleft, oprright]::regtype[] ORDER BY oprname COLLATE "C" """):
        for values in itertools.product(*(pool[side] for side in (left, right) if side)):
            calls.call(f"SELECT {f' {operator} '.join(values) if left else f'{operator} {values[0]}'}")
    # All rows of a column, so that one call site sees many values, some of them NULL; casts of all to and from the type.
    for value in pool["anyelement"]:
        for call in ("approx_count_distinct_cvm(x)", "cvm_sketch_agg(x, 0.1, 0.1, 5)", "count(cvm_hash(x, 3))", "count(DISTINCT cvm_hash(x))",
                     "cvm_sample_agg(x)", "cvm_sample_agg(x, 9, 3)", "cvm_sample_agg_measured(x, 1)", "cvm_sample_agg_measured(x, 1, 8, 5)"):
            calls.call(f"SELECT {call} FROM (SELECT CASE WHEN i % 3 > 0 THEN {value} END AS x FROM generate_series(1, 9) i OFFSET 0) q")
        calls.call(f"SELECT ({value})::cvm_sketch")
        calls.call(f"SELECT ({value})::cvm_sample")
        calls.call(f"SELECT CAST(({value}) AS text)::cvm_sketch")
        # What is in a sample comes back, as what it was written as.
        outcome = calls.call(f"SELECT v.value::text, x::text, v.occurrences FROM (SELECT {value} AS x OFFSET 0) q, "
                             f"LATERAL (SELECT cvm_sample_agg(x) AS p FROM generate_series(1, 3)) r, cvm_sample_values(p, x) v")
        for back, before, occurrences in outcome.rows or []:
            report.check(occurrences == 3 and (back == before or back.rstrip() == before.rstrip() or float(back) == float(before)),
                         lambda: f"{value}: {before[:100]} came back as {back[:100]}, {occurrences} times")
        # Where there is a hash, equal values are one value.
        outcome = calls.call(f"SELECT approx_count_distinct_cvm(x), count(x) FROM (SELECT {value} AS x FROM generate_series(1, 3) OFFSET 0) q")
        if outcome.state is None:
            report.check(outcome.rows[0][0] == min(outcome.rows[0][1], 1), lambda: f"{outcome.rows} of three times {value}")
    session.all("DROP SCHEMA arguments CASCADE")
    report.check(calls.answered > calls.made // 10, f"only {calls.answered} of {calls.made} calls had a result")
    report.check(len(calls.files) > 3, f"errors come from {calls.files}")
    report.server_lived()
    errors = ", ".join(f"{state}: {count:,}" for state, count in sorted(calls.states.items(), key=str) if state)
    report.finish(f"{calls.made:,} calls of {len(functions)} functions, {calls.answered:,} with a result; errors {errors}")


if __name__ == "__main__":
    main()
