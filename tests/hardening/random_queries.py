"""Queries drawn at random, with count(DISTINCT) wherever an expression may stand: what each answers, and which ERROR it is if it is
one, must be the same in a session that has never heard of the library and in one that has count(DISTINCT) replaced, at an
accuracy that is exact for as few values as there are. Some are prepared, and run while the setting goes on and off."""

import random

from common import Report, Session, options

SETUP = """
DROP SCHEMA IF EXISTS random_queries CASCADE;
CREATE SCHEMA random_queries;
SET search_path = random_queries, public;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (n numeric, w text);
CREATE DOMAIN small AS integer CHECK (value < 1000);
CREATE TABLE t AS
    SELECT nullif(i % 7, 3) AS i, ('w' || i % 5) AS w, nullif((i % 4)::numeric, 2) AS n, (i % 3)::float8 * CASE i % 2 WHEN 0 THEN -1 ELSE 1 END AS f,
           '2026-01-01'::date + i % 6 AS d, (ARRAY['sad', 'ok', 'happy'])[1 + i % 3]::mood AS m, ROW(('1.' || repeat('0', i % 3))::numeric, 'w' || i % 2)::pair AS p,
           ARRAY[i % 3, nullif(i % 2, 0)] AS a, jsonb_build_object('k', i % 4) AS j, (i % 8)::small AS s, i % 2 = 0 AS b, i % 9 + 0::bigint AS l,
           (i % 3)::text::xid AS x, point(i % 2, 0) AS o, int4range(i % 3, 5) AS r, nullif(i, 30) AS id
    FROM generate_series(1, 60) i;
CREATE TABLE u AS SELECT * FROM t WHERE id % 3 > 0 OR id IS NULL;
CREATE TABLE e AS SELECT * FROM t WHERE false;
CREATE TABLE c (LIKE t) PARTITION BY HASH (w);
CREATE TABLE c0 PARTITION OF c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE c1 PARTITION OF c FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO c SELECT * FROM t;
CREATE VIEW v AS SELECT * FROM t WHERE id > 10;
CREATE VIEW counted AS SELECT count(DISTINCT i) AS i, w, max(n) AS n, min(d) AS d, count(DISTINCT p) AS l, bool_or(b) AS b FROM t GROUP BY w;
CREATE FUNCTION count_of(text) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(DISTINCT i) FROM t WHERE w = $1';
CREATE VIEW guarded WITH (security_barrier) AS SELECT i, w, n, d, l, b, p FROM u WHERE count_of(w) > 0;
CREATE FUNCTION in_sql(least_id integer) RETURNS SETOF t LANGUAGE sql STABLE AS 'SELECT * FROM t WHERE id > least_id';
CREATE FUNCTION counted_in_sql(least_id integer DEFAULT 0) RETURNS TABLE (i bigint, w text) LANGUAGE sql STABLE
    AS 'SELECT count(DISTINCT n), w FROM t WHERE id > least_id GROUP BY w';
CREATE FUNCTION in_plpgsql(least_id integer) RETURNS SETOF t LANGUAGE plpgsql STABLE AS 'BEGIN RETURN QUERY SELECT * FROM t WHERE id > least_id; END';
CREATE FUNCTION number_in_sql(integer) RETURNS bigint LANGUAGE sql STABLE RETURN (SELECT count(DISTINCT w) FROM u WHERE i = $1);
CREATE FUNCTION number_in_plpgsql(integer) RETURNS bigint LANGUAGE plpgsql STABLE AS 'BEGIN RETURN (SELECT count(DISTINCT w) FROM u WHERE i = $1); END';
ANALYZE;
"""

TABLE = {"i": "int", "w": "text", "n": "num", "f": "float", "d": "date", "m": "enum", "p": "pair", "a": "array", "j": "json", "s": "int", "b": "bool",
         "l": "int", "x": "xid", "o": "point", "r": "range", "id": "int"}
COUNTED = {"i": "int", "w": "text", "n": "num", "d": "date", "l": "int", "b": "bool"}
SOURCES = {"t": TABLE, "u": TABLE, "e": TABLE, "c": TABLE, "v": TABLE, "counted": COUNTED, "guarded": dict(COUNTED, p="pair"), "in_sql(5)": TABLE,
           "counted_in_sql()": {"i": "int", "w": "text"}, "counted_in_sql(9)": {"i": "int", "w": "text"}, "in_plpgsql(7)": TABLE,
           "(VALUES (1, 'w1'), (2, NULL), (NULL, 'w2'), (2, 'w2'))": {"i": "int", "w": "text"}, "generate_series(1, 4)": {"g": "int"}}
OPERATORS = {"int": ["<", ">"], "float": ["<"], "text": ["<", ">", "~<~", "~>~"], "num": ["<", ">"], "date": ["<", ">"], "pair": ["<", ">", "*<", "*>"], "row": ["<", "*<", "*>"],
             "array": ["<", ">"], "enum": [">"], "range": ["<"], "bool": ["<"]}


class Draw:
    def __init__(self, chance):
        self.chance, self.names = chance, 0

    def name(self):
        self.names += 1
        return f"q{self.names}"

    def one_in(self, many):
        return self.chance.randrange(many) == 0

    def source(self, depth):
        """A FROM item under a new name, and its columns: their names, with the item's, and types."""
        name, kind = self.name(), self.chance.randrange(10 if depth else 5)
        if kind < 5:
            item, columns = self.chance.choice(list(SOURCES.items()))
            listed = "" if "(" not in item or columns in (TABLE,) or item.startswith("counted") else f" ({', '.join(columns)})"
            return f"{item} AS {name}{listed}", {f"{name}.{column}": of for column, of in columns.items()}
        if kind < 8:
            (left, left_columns), (right, right_columns) = self.source(depth - 1), self.source(depth - 1)
            condition = self.condition({**left_columns, **right_columns}, 0)
            join = self.chance.choice(["JOIN", "LEFT JOIN", "CROSS JOIN"])
            return f"({left} {join} {right}{'' if join == 'CROSS JOIN' else f' ON {condition}'})", {**left_columns, **right_columns}
        inner, columns = self.query(depth - 1)
        return f"({inner}) AS {name} ({', '.join(columns)})", {f"{name}.{column}": of for column, of in columns.items()}

    def value(self, columns, depth, of=None):
        """An expression over the columns, and its type."""
        fitting = [column for column, other in columns.items() if of in (None, other)]
        if not fitting or self.one_in(9):
            return self.chance.choice([("NULL::integer", "int"), ("1", "int"), ("'a'::text", "text"), ("2.50", "num")]) if of is None else \
                ({"int": "1", "num": "1.0", "text": "'w1'::text"}[of], of)
        column = self.chance.choice(fitting)
        kind = columns[column]
        drawn = self.chance.randrange(12)
        if kind == "int" and drawn < 4:
            return self.chance.choice([f"{column} + 1", f"{column} % 2", f"-{column}", f"number_in_sql({column}::integer)", f"number_in_plpgsql({column}::integer)"]), "int"
        if kind == "text" and drawn < 3:
            return self.chance.choice([f"{column} || 'x'", f"upper({column})", f"nullif({column}, 'w2')", f'{column} COLLATE "C"']), "text"
        if of is None and drawn == 4:
            return self.row(columns), "row"
        if of is None and drawn == 5:
            return f"ARRAY[{column}, {column}]", "array"
        if drawn == 6:
            return f"CASE WHEN {self.condition(columns, 0)} THEN {column} END", kind
        if depth and of in (None, "int") and drawn == 7:
            return self.scalar(columns, depth - 1), "int"
        return column, kind

    def row(self, columns):
        """A row, or one of some rows, which may have the same columns."""
        parts = [self.value(columns, 0)[0] for _ in range(self.chance.randint(1, 3))] + ["'literal'"] * self.one_in(6) + ["NULL"] * self.one_in(6)
        row, condition = f"ROW({', '.join(parts)})", self.condition(columns, 0)
        another = f"ROW({', '.join(reversed(parts))})" if self.one_in(3) else row
        forms = [f"CASE WHEN {condition} THEN {row} ELSE {another} END", f"CASE WHEN {condition} THEN NULL ELSE {row} END", f"coalesce({row}, {another})",
                 f"greatest({row}, {another})", f"nullif({row}, {another})", f"ROW(CASE WHEN {condition} THEN {row} ELSE {another} END)"]
        return self.chance.choice(forms) if self.one_in(3) else row

    def scalar(self, columns, depth):
        """A subquery of one number, which may look at the columns around it, and count them too."""
        source, inner = self.source(depth)
        over = {**inner, **columns} if self.one_in(2) else inner
        return f"(SELECT {self.count(over, depth)} FROM {source} WHERE {self.condition({**inner, **columns}, 0)} LIMIT 1)"

    def condition(self, columns, depth):
        number = self.value(columns, depth, "int")[0]
        return self.chance.choice([f"{number} > 0", f"{number} IS NOT NULL", f"{number} IN (1, 2, 3)", f"NOT {number} = 2", "true"])

    def count(self, columns, depth):
        value, kind = self.value(columns, depth)
        order = ""
        if kind in OPERATORS and self.one_in(4):
            order = f" ORDER BY {value} USING {self.chance.choice(OPERATORS[kind])}"
        elif self.one_in(12) and kind not in ("xid", "point"):
            order = f" ORDER BY {value} DESC NULLS LAST"
        where = f" FILTER (WHERE {self.condition(columns, depth)})" if self.one_in(5) else ""
        return f"count(DISTINCT {value}{order}){where}"

    def query(self, depth):
        """A query, and its columns, named c0 and on."""
        if depth and self.one_in(8):
            (one, columns), (another, more) = self.query(depth - 1), self.query(depth - 1)
            if list(columns.values()) == list(more.values()):
                return f"({one}) {self.chance.choice(['UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT ALL'])} ({another})", columns
        source, columns = self.source(depth)
        ctes = ""
        if self.one_in(5):
            cte, inner = self.query(max(depth - 1, 0))
            name = self.name()
            ctes = f"WITH {name} ({', '.join(inner)}) AS {self.chance.choice(['', 'MATERIALIZED ', 'NOT MATERIALIZED '])}({cte}) "
            source, columns = f"{name} CROSS JOIN {source}", {**columns, **{f"{name}.{column}": of for column, of in inner.items()}}
        # Of equal keys that are written differently, such as 0 and -0, any may be shown.
        simple = [(column, of) for column, of in columns.items() if of in ("int", "text", "date", "num", "bool")]
        keys = self.chance.sample(simple, min(len(simple), self.chance.choice([0, 0, 1, 1, 2])))
        counts = [self.count(columns, depth) for _ in range(self.chance.choice([1, 1, 2, 3]))]
        group = ""
        if keys:
            names = ", ".join(key for key, _ in keys)
            group = f" GROUP BY {self.chance.choice([names, names, names, f'ROLLUP ({names})', f'GROUPING SETS (({names}), ())'])}"
        if self.one_in(6):
            group += f" HAVING {self.count(columns, depth)} > {self.chance.randrange(3)}"
        if self.one_in(10):
            counts[0] = f"sum({counts[0]}) OVER ()"
        elif self.one_in(10):
            counts[0] = f"coalesce({counts[0]}, 0) * 2 + {self.scalar({}, 0) if depth else 1}"
        text = f"{ctes}SELECT {', '.join([key for key, _ in keys] + counts)} FROM {source} WHERE {self.condition(columns, depth)}{group}"
        return text, {f"c{number}": of for number, of in enumerate([of for _, of in keys] + ["int"] * len(counts))}


def main():
    arguments = options(__doc__)
    report = Report("random_queries")
    chance = random.Random(arguments.seed)
    most = 600 if arguments.form == "short" else 30000
    report.session.all(SETUP)
    plain, replacing = Session(), Session()
    for session in plain, replacing:
        for setting in ("search_path = random_queries, public", "statement_timeout = '20s'", "jit = off", "client_min_messages = error", "plan_cache_mode = force_generic_plan"):
            session.all(f"SET {setting}")
    replacing.all("LOAD 'cvm_count'")
    answered, errors, replaced = 0, {}, 0
    for number in range(most):
        text, columns = Draw(chance).query(chance.choice([0, 1, 1, 2, 2]))
        # NULL and the names of columns aside, a row is what it says as text.
        query = f"SELECT q::text FROM ({text}) q ({', '.join(columns)}) ORDER BY 1"
        expected = plain.attempt(query)
        if expected.state == "57014":
            continue
        answered += expected.state is None
        if expected.state:
            errors[expected.state] = errors.get(expected.state, 0) + 1
        replacing.all(f"SET cvm_count.count_distinct_epsilon = {chance.choice([0.01, 0.01, 0.02])}")
        got = replacing.attempt(query)
        report.check(got[:2] == expected[:2], lambda: f"{got[:3]} in place of {expected[:3]}: {text}")
        if expected.state is None:
            plan = str(replacing.all("EXPLAIN (VERBOSE, COSTS OFF) " + query))
            replaced += "approx_count_distinct_cvm" in plan
            if number % 4 == 0:
                replacing.all(f"PREPARE kept AS {query}")
                for epsilon in chance.choice([(0, 0.01, 0), (0.01, 0, 0.02)]):
                    replacing.all(f"SET cvm_count.count_distinct_epsilon = {epsilon}")
                    got = replacing.attempt("EXECUTE kept")
                    plan = str(replacing.all("EXPLAIN (VERBOSE, COSTS OFF) EXECUTE kept"))
                    report.check(got[:2] == expected[:2], lambda: f"prepared, at {epsilon}: {got[:3]} in place of {expected[:3]}: {text}")
                    report.check(epsilon or "approx_count_distinct_cvm" not in plan, lambda: f"replaced at epsilon 0: {text}")
                replacing.all("DEALLOCATE kept")
    report.check(answered > most // 2, f"only {answered} of {most} queries had an answer")
    report.check(replaced > most // 3, f"only {replaced} of {most} queries had a count replaced")
    report.session.all("DROP SCHEMA random_queries CASCADE")
    report.server_lived()
    report.finish(f"{most:,} queries, {answered:,} answered, {replaced:,} with a count replaced, errors {errors}")


if __name__ == "__main__":
    main()
