"""Counts values of types that are drawn: base types, and rows, composites, domains, arrays, ranges, multiranges and jsonb of
them, to depth three. The values are such as hash functions like to drop a part of: signs, scales, halves of integers, shapes,
repeated elements, permutations, NULLs. Below the capacity the count is exact, so it must be the number of values that are
different by the type's own `=`, which tells equal values with different hashes as well as different ones with equal hashes.
And in whichever form a value lies in memory or on disk, its hash is the same."""

import io
import random
import struct

from common import Report, options

VALUES = 40

ENUM = "('sad', 'ok', 'happy', '1', 'a label of some length, so that it differs from others late')"


def packed(random_):
    """An integer of two halves, each from a small range: folding it to 32 bits loses which is which."""
    return (random_.randrange(-3, 4) << 32) | random_.choice([0, 1, 2, 3, 0xFFFFFFFF, 0x80000000])


def decimal(random_):
    """A number with few digits far apart, signed, and with zeros at its end."""
    kind = random_.randrange(12)
    if kind == 0:
        return random_.choice(["NaN", "Infinity", "-Infinity", "0", "-0.000", "0.0"])
    digits = random_.choice(["1", "2", "10", "100000000", "1000000000000", "12", "9999", "10000", "10001"])
    fraction = random_.choice(["", ".0", ".00", ".1", ".10", ".0001", ".00010000", ".00000001", ".5"])
    return random_.choice(["", "-"]) + digits + fraction + random_.choice(["", "", "", "e5", "e-7", "e12"])


def word(random_):
    return random_.choice(["", " ", "a", "A", "a ", "ab", "ba", "aa", "aaa", "é", "0", "1", "a" * 200, "b" * 3000, "ab" * 1500])


def document(random_, depth=0):
    """The text of a JSON document."""
    kind = random_.randrange(9 if depth < 3 else 6)
    if kind < 3:
        return random_.choice(["null", "true", "false", '""', '"a"', '"null"', "0", "1"])
    if kind < 5:
        number = decimal(random_)
        return number if number[-1].isdigit() else '"%s"' % number
    if kind == 5:
        return '"%s"' % word(random_)
    parts = [document(random_, depth + 1) for _ in range(random_.choice([0, 1, 1, 2, 2, 3, 4, 40]))]
    if kind < 8:
        return "[" + ", ".join(parts) + "]"
    return "{" + ", ".join('"%s": %s' % (random_.choice("abcdef") * random_.choice([1, 2]), part) for part in parts) + "}"


def question(random_, depth):
    """The text of a tsquery."""
    if depth == 0:
        return random_.choice(["a", "b", "a:*", "a:A", "b:AB*", "ab", "'a b'"])
    one, other = question(random_, depth - 1), question(random_, random_.randrange(depth))
    return random_.choice([f"!({one})", f"({one}) & {other}", f"{other} & ({one})", f"({one}) | ({other})", f"({one}) <-> ({other})", f"({one}) <2> ({other})"])


def network(random_):
    return random_.choice(["10.0.0.1", "10.0.0.1/32", "10.0.0.1/24", "10.0.0.0/8", "::1", "::a00:1", "::ffff:10.0.0.1", "0.0.0.0/0", "::/0"])


def days(random_):
    return random_.choice(["2000-01-01", "1999-12-31", "2000-01-02", "infinity", "-infinity", "4713-01-01 BC", "2026-11-25"])


# Of each base type: its name, and what draws the text of a value.
BASES = {
    "smallint": lambda r: str(r.randrange(-5, 6)),
    "integer": lambda r: str(r.choice([r.randrange(-5, 6), r.randrange(-3, 4) << 16, -2147483648, 2147483647])),
    "bigint": lambda r: str(packed(r)),
    "oid": lambda r: str(r.choice([0, 1, 2, 65536, 4294967295])),
    "numeric": decimal,
    "numeric(40,10)": lambda r: str(r.randrange(-9, 10) * 10 ** r.randrange(0, 25)),
    "real": lambda r: r.choice(["0", "-0", "1", "-1", "0.5", "NaN", "-NaN", "Infinity", "-Infinity", "1e-45"]),
    "double precision": lambda r: r.choice(["0", "-0", "1", "-1", "0.5", "NaN", "-NaN", "Infinity", "-Infinity", "5e-324"]),
    "boolean": lambda r: r.choice("tf"),
    '"char"': lambda r: r.choice(["", "a", "b", "\\377", "\\200"]),
    "text": word,
    "varchar": word,
    "varchar(2)": lambda r: word(r)[:2],
    "char(3)": lambda r: word(r)[:3],
    "name": lambda r: word(r)[:60],
    "bytea": lambda r: r.choice(["", "\\x00", "\\x0000", "\\x01", "\\x0100", "\\x0001", "\\x" + "00" * 3000, "\\x" + "01" * 300]),
    "bit varying": lambda r: r.choice(["", "0", "00", "1", "10", "100000000", "1" * 70]),
    "bit(3)": lambda r: r.choice(["000", "001", "100", "111"]),
    "uuid": lambda r: "%032x" % (r.randrange(3) << r.choice([0, 32, 64, 96])),
    "date": days,
    "time": lambda r: r.choice(["00:00", "24:00", "00:00:00.000001", "12:00"]),
    "timetz": lambda r: r.choice(["12:00+00", "13:00+01", "12:00+01", "00:00+00", "24:00+00"]),
    "timestamp": lambda r: r.choice([days(r), "2000-01-01 00:00:00.000001", "2000-01-01 01:11:34.967296", "1999-12-31 22:48:25.032704"]),
    "timestamptz": lambda r: r.choice(["infinity", "2000-01-01 00:00+00", "2000-01-01 01:00+01", "2000-01-01 01:11:34.967296+00"]),
    "interval": lambda r: r.choice(["0", "1 mon", "30 days", "720:00", "-1 day", "-24:00", "1 day", "1 mon -30 days", "1 year"]),
    "money": lambda r: str(packed(r)),
    "pg_lsn": lambda r: "%X/%X" % (r.randrange(3), r.randrange(3)),
    "xid8": lambda r: str(packed(r) % 2**64),
    "xid": lambda r: str(r.randrange(4)),
    "cid": lambda r: str(r.randrange(4)),
    "tid": lambda r: "(%d,%d)" % (r.choice([0, 1, 65536]), r.randrange(3)),
    "inet": network,
    "cidr": lambda r: r.choice(["10.0.0.0/8", "10/8", "10.0.0.0/9", "::/0", "0.0.0.0/0", "10.0.0.0/32"]),
    "macaddr": lambda r: "00:00:00:00:%02x:%02x" % (r.randrange(3), r.randrange(3)),
    "macaddr8": lambda r: "00:%02x:00:00:00:00:00:%02x" % (r.randrange(3), r.randrange(3)),
    "aclitem": lambda r: r.choice(["=r/cvm", "=w/cvm", "cvm=r/cvm", "cvm=r*/cvm", "cvm=r*w/cvm", "=X/cvm"]),
    "regclass": lambda r: r.choice(["pg_class", "pg_type", "pg_catalog.pg_class"]),
    "regtype": lambda r: r.choice(["integer", "int4", "text"]),
    "jsonb": document,
    "mood": lambda r: r.choice(["sad", "ok", "happy", "1"]),
    "tsvector": lambda r: " ".join(r.choice(["a", "b", "ab", "é", "'a b'"]) + r.choice(["", "", ":1", ":2", ":1A", ":1,2", ":2B,7"]) for _ in range(r.randrange(5))),
    "tsquery": lambda r: question(r, r.randrange(4)),
    "oidvector": lambda r: r.choice(["", "1", "1 2", "2 1", "1 1", "1 2 3"]),
    "int2vector": lambda r: r.choice(["", "1", "1 2", "2 1", "1 1", "1 2 3"]),
}

# Types of extensions, and collations, that not every server has.
OPTIONAL = {
    "citext": ("CREATE EXTENSION citext", word),
    "hstore": ("CREATE EXTENSION hstore", lambda r: r.choice(["", "a=>1", "a=>1, b=>2", "b=>2, a=>1", "a=>NULL"])),
    "caseless": ("CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false); "
                 "CREATE DOMAIN caseless AS text COLLATE any_case", word),
    "oid8": ("SELECT 1::oid8", lambda r: str(packed(r) % 2**64)),
}


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Draw:
    """Types and values. A type is its name, None for anonymous rows and arrays of such, and what draws an expression of a value."""

    def __init__(self, session, random_):
        self.session, self.random, self.made = session, random_, 0
        self.bases = dict(BASES)

    def name(self):
        self.made += 1
        return f"drawn_{self.made}"

    def base(self):
        name = self.random.choice(list(self.bases))
        draw = self.bases[name]
        return name, lambda: f"{quoted(draw(self.random))}::{name}"

    def type(self, depth):
        if depth == 0:
            return self.base()
        makers = [self.row, self.composite, self.array, self.array, self.matrix, self.domain, self.range, self.multirange, self.jsonb]
        return self.random.choice(makers)(depth - 1)

    def parts(self, depth):
        """The types of columns, at least one of them of that depth."""
        count = self.random.choice([1, 2, 2, 3, 9])
        deep = self.random.randrange(count)
        return [self.type(depth if i == deep else 0) for i in range(count)]

    def values(self, parts):
        # Often of the same few, so that rows repeat, and have the same columns in another order.
        return ", ".join("NULL" if name and self.random.random() < 0.1 else draw() for name, draw in parts)

    def row(self, depth):
        parts = self.parts(depth)
        literal = self.random.random() < 0.3
        return None, lambda: f"ROW({self.values(parts)}{', ' + quoted(word(self.random)) if literal else ''})"

    def composite(self, depth):
        parts = [(name, draw) for name, draw in self.parts(depth) if name]
        if not parts:
            return self.row(depth)
        name = self.name()
        columns = ", ".join(f"c{i} {part}" for i, (part, _) in enumerate(parts))
        self.session.all(f"CREATE TYPE {name} AS ({columns})")
        if self.random.random() < 0.5:
            # A column that is dropped leaves a hole.
            self.session.all(f"ALTER TYPE {name} ADD ATTRIBUTE hole text; ALTER TYPE {name} ADD ATTRIBUTE last integer; "
                             f"ALTER TYPE {name} DROP ATTRIBUTE hole")
            parts.append(("integer", lambda: str(self.random.randrange(3))))
        return name, lambda: f"ROW({self.values(parts)})::{name}"

    def named(self, depth):
        while True:
            name, draw = self.type(depth)
            if name:
                return name, draw

    def domain(self, depth):
        base, draw = self.named(depth)
        name = self.name()
        self.session.all(f"CREATE DOMAIN {name} AS {base}")
        return name, lambda: f"({draw()})::{name}"

    def array(self, depth):
        element, draw = self.type(depth)
        if element is None:
            return None, lambda: f"ARRAY[{', '.join(draw() for _ in range(self.random.choice([1, 1, 2, 3])))}]"
        # "char"[] has no domain over it by that name, and an array of arrays is an array of more dimensions.
        if "[]" in element:
            return self.domain_array(element, draw)
        return f"{element}[]", lambda: self.elements(element, draw)

    def domain_array(self, element, draw):
        name = self.name()
        self.session.all(f"CREATE DOMAIN {name} AS {element}")
        return f"{name}[]", lambda: self.elements(name, draw)

    def elements(self, element, draw):
        count = self.random.choice([0, 1, 1, 2, 2, 3, 4, 33, 300])
        if count > 4:
            # The same element again and again, and one that differs somewhere.
            one, other, at = draw(), draw(), self.random.choice([0, 1, count - 1])
            return (f"(array_fill({one}::{element}, ARRAY[{at}]) || {other}::{element} || "
                    f"array_fill({one}::{element}, ARRAY[{count - at}]))::{element}[]")
        values = ", ".join("NULL" if self.random.random() < 0.15 else draw() for _ in range(count))
        array = f"ARRAY[{values}]::{element}[]"
        if count and self.random.random() < 0.2:
            # Other lower bounds, by assignment of a slice.
            lower = self.random.choice([-1, 0, 2])
            return f"(SELECT a FROM shifted({array}, {lower}) a)"
        return array

    def matrix(self, depth):
        element, draw = self.named(0)
        shapes = [(2, 2), (1, 4), (4, 1), (2, 1)]

        def value():
            rows, columns = self.random.choice(shapes)
            few = [draw() for _ in range(2)]
            lines = ["[" + ", ".join(self.random.choice(few) for _ in range(columns)) + "]" for _ in range(rows)]
            return f"ARRAY[{', '.join(lines)}]::{element}[]"
        return (f"{element}[]", value) if "[]" not in element else self.array(depth)

    def range(self, depth):
        subtype, draw = self.sortable(depth)
        name = self.name()
        self.session.all(f"CREATE TYPE {name} AS RANGE (subtype = {subtype}, multirange_type_name = {name}_set)")
        return name, lambda: self.bounds(name, subtype, draw)

    def sortable(self, depth):
        """A type that has an order, which ranges need."""
        while True:
            name, draw = self.named(depth)
            outcome = self.session.attempt(f"SELECT GREATEST({draw()}::{name}, {draw()}::{name}) IS NULL")
            if outcome.state is None:
                return name, draw

    def bounds(self, name, subtype, draw):
        if self.random.random() < 0.1:
            return f"'empty'::{name}"
        one, other = (f"{draw()}::{subtype}", f"{draw()}::{subtype}")
        flags = quoted(self.random.choice(["[)", "[]", "()", "(]"]))
        lower = "NULL" if self.random.random() < 0.15 else f"LEAST({one}, {other})"
        upper = "NULL" if self.random.random() < 0.15 else f"GREATEST({one}, {other})"
        return f"{name}({lower}, {upper}, {flags})"

    def multirange(self, depth):
        name, draw = self.range(depth)
        return f"{name}_set", lambda: f"{name}_set({', '.join(draw() for _ in range(self.random.choice([0, 1, 2, 3])))})"

    def jsonb(self, depth):
        if self.random.random() < 0.5:
            return "jsonb", lambda: f"{quoted(document(self.random))}::jsonb"
        parts = self.parts(depth)
        build = self.random.choice(["jsonb_build_array(%s)", "to_jsonb(ROW(%s))"])
        return "jsonb", lambda: build % self.values(parts)


SETUP = """
DROP SCHEMA IF EXISTS drawn CASCADE;
CREATE SCHEMA drawn;
SET search_path = drawn, public;
SET lc_monetary = 'C';
SET jit_above_cost = 0;
CREATE TYPE mood AS ENUM %s;
CREATE FUNCTION shifted(x anyarray, lower integer, OUT y anyarray) LANGUAGE plpgsql AS $$
BEGIN
    y[lower : lower + cardinality(x) - 1] := x;
END $$;
-- as a variable, and there in expanded form if the type has one
CREATE FUNCTION through_variable(x anyelement) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    x := x;
    RETURN cvm_hash(x);
END $$;
""" % ENUM


def counted(report, draw, depth):
    """One type: what is counted of its values, and their hashes in every form. Returns whether the type has an equality."""
    session = report.session
    name, value = draw.type(depth)
    expressions = [value() for _ in range(VALUES)]
    rows = ", ".join(f"({n}, {expression})" for n, expression in enumerate(expressions))
    # Compiled expressions come to the rule of a type by a way of their own.
    session.attempt(f"SET jit = {draw.random.choice(['on', 'off'])}")
    outcome = session.attempt(f"""
        WITH v (n, x) AS MATERIALIZED (VALUES {rows})
        SELECT approx_count_distinct_cvm(x), count(DISTINCT cvm_hash(x, 1)),
               -- an accuracy that is constant, one that is not, and a seed: each has a way of its own
               approx_count_distinct_cvm(x, 0.03), approx_count_distinct_cvm(x, 0.03, 0.01 + 0 * n), # cvm_sketch_agg(x, 0.03, 0.01, 7),
               (SELECT cvm_sketch_agg(x) = ALL (ARRAY[cvm_sketch_agg(x, 0.03), cvm_sketch_agg(x, 0.03 + 0 * n), cvm_sketch_agg(x ORDER BY n)]) FROM v),
               (SELECT count(*) FROM v a WHERE a.x IS NOT DISTINCT FROM a.x AND num_nulls(a.x) = 0
                   AND NOT EXISTS (SELECT FROM v b WHERE b.n < a.n AND b.x = a.x))
        FROM v""")
    if outcome.state is not None:
        # The drawing is at fault where PostgreSQL cannot form or compare the values.
        plain = session.attempt(f"WITH v (n, x) AS MATERIALIZED (VALUES {rows}) SELECT count(*) FROM v a JOIN v b ON a.x = b.x")
        report.check(plain.state is not None, lambda: f"{name} has = and no count: {outcome.message}: {expressions[0]}")
        return False
    *counts, same, exact = outcome.rows[0]
    report.check(same and set(counts) == {exact}, lambda: f"{name} counts {counts}, not {exact}, the same sketch: {same}: {expressions}")
    sampled = session.attempt(f"""
        WITH v (n, x) AS MATERIALIZED (VALUES {rows})
        SELECT # cvm_sample_agg(x), # cvm_sample_agg(x, 100), # cvm_sample_agg_measured(x, n), # cvm_sample_agg_measured(x, n, 100, 7) FROM v""")
    # Samples hold texts, of which the longest that are drawn are longer than theirs may be.
    report.check(set(sampled.rows[0]) == {exact} if sampled.state is None else "bytes as text" in sampled.message,
                 lambda: f"{name} samples {sampled.message or sampled.rows}, not {exact}: {expressions}")
    if name:
        in_every_form(report, name, expressions)
    return True


def in_every_form(report, name, expressions):
    """Plain, short, compressed, out of line, expanded."""
    session = report.session
    session.all(f"CREATE TABLE forms (n integer, plain {name}, short {name}, compressed {name}, external {name})")
    for column, storage in [("plain", "plain"), ("short", "extended"), ("compressed", "main"), ("external", "external")]:
        # Types of a fixed length have one storage.
        session.attempt(f"ALTER TABLE forms ALTER {column} SET STORAGE {storage}")
    for n, expression in enumerate(expressions[:12]):
        # What is too long for a page cannot be kept plain.
        stored = session.attempt(f"INSERT INTO forms SELECT {n}, x, x, x, x FROM (SELECT {expression}) v (x)")
        if stored.state is not None:
            session.all(f"INSERT INTO forms SELECT {n}, NULL, x, x, x FROM (SELECT {expression}) v (x)")
        wrong = session.all(f"""
            SELECT hash, array_agg(form) FROM (SELECT cvm_hash({expression})) computed (hash), forms,
                LATERAL (VALUES ('plain', cvm_hash(plain)), ('short', cvm_hash(short)), ('compressed', cvm_hash(compressed)),
                    ('external', cvm_hash(external)), ('variable', through_variable(external)),
                    ('in a row', cvm_hash_in_row(ROW(short, compressed), ROW(external, external)))) v (form, stored)
            WHERE n = {n} AND stored IS DISTINCT FROM CASE form WHEN 'in a row' THEN 1 ELSE hash END
                AND NOT (form = 'plain' AND plain IS NULL) GROUP BY 1""")
        report.check(not wrong, lambda: f"{name} hashes by its form: {wrong}: {expression}")
    session.all("DROP TABLE forms")


def text_search(report, random_, count):
    """tsvectors that functions make, or that a client sends with its lexemes in any order, and so with padding in other places: equal
    ones have equal hashes, and different ones others."""
    session = report.session
    session.all("CREATE TABLE searched (n integer GENERATED ALWAYS AS IDENTITY, x tsvector)")
    draw = lambda: f"{quoted(BASES['tsvector'](random_))}::tsvector"
    forms = [lambda: draw(), lambda: f"{draw()} || {draw()}", lambda: f"strip({draw()})", lambda: f"setweight({draw()}, '{random_.choice('ABCD')}')",
             lambda: f"ts_delete({draw()}, '{random_.choice(['a', 'b', 'ab'])}')", lambda: f"ts_filter({draw()}, '{{a,b}}')",
             lambda: f"ts_delete({draw()} || {draw()}, ARRAY['a', 'é'])", lambda: f"to_tsvector('simple', {quoted(word(random_))})"]
    session.all("INSERT INTO searched (x) VALUES " + ", ".join(f"({random_.choice(forms)()})" for _ in range(count)))
    sent = io.BytesIO()
    sent.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    for _ in range(count):
        lexemes = random_.sample(["a", "b", "ab", "abc", "é"], random_.randrange(5))
        data = struct.pack("!i", len(lexemes))
        for lexeme in lexemes:
            positions = random_.choice([[], [], [1], [1, 2 | 3 << 14]])
            data += lexeme.encode() + b"\0" + struct.pack(f"!{1 + len(positions)}H", len(positions), *positions)
        sent.write(struct.pack("!hi", 1, len(data)) + data)
    sent.write(struct.pack("!h", -1))
    sent.seek(0)
    session.cursor.copy_expert("COPY searched (x) FROM STDIN (FORMAT binary)", sent)
    wrong = session.all("SELECT a.x, b.x FROM searched a, searched b WHERE (a.x = b.x) <> (cvm_hash(a.x) = cvm_hash(b.x)) LIMIT 3")
    report.check(not wrong, lambda: f"tsvectors and their hashes are not equal alike: {wrong}")
    report.check(session.one("SELECT count(*) FROM searched a, searched b WHERE a.x <> b.x AND a.x::text = b.x::text") > 0,
                 "no tsvectors were drawn that differ in nothing but padding")
    report.check(session.one("SELECT approx_count_distinct_cvm(x) = count(DISTINCT x) FROM searched"), "tsvectors are not counted exactly")
    session.all("DROP TABLE searched")


def main():
    choice = options(__doc__)
    report = Report("values")
    random_ = random.Random(choice.seed)
    session = report.session
    session.all(SETUP)
    session.all("CREATE FUNCTION cvm_hash_in_row(a anyelement, b anyelement) RETURNS bigint LANGUAGE sql AS "
                "'SELECT count(DISTINCT h) FROM (VALUES (cvm_hash(a)), (cvm_hash(b))) v (h)'")
    draw, missing = Draw(session, random_), []
    for name, (setup, values) in OPTIONAL.items():
        if session.attempt(setup).state is None:
            draw.bases[name] = values
        elif name != "oid8":
            missing.append(name)
    if missing:
        report.left_out(f"{', '.join(missing)}, which the server does not have")

    compared = 0
    for base in list(draw.bases):
        one = Draw(session, random_)
        one.bases, one.made = {base: draw.bases[base]}, draw.made
        for make in [one.base, lambda: one.array(0), lambda: one.row(0), lambda: one.composite(0), lambda: one.domain(0)]:
            one.type = lambda depth, make=make: Draw.base(one) if depth == 0 else make()
            compared += counted(report, one, 1)
        draw.made = one.made
    for i in range({"short": 200, "long": 5_000}[choice.form]):
        compared += counted(report, draw, 1 + i % 3)
    text_search(report, random_, {"short": 200, "long": 2_000}[choice.form])
    report.check(compared > 300, f"only {compared} types were compared")
    session.all("DROP SCHEMA drawn CASCADE")
    report.server_lived()
    report.finish(f"{compared} types")


if __name__ == "__main__":
    main()
