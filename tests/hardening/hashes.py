"""docs/hashes.md, written down once more, in Python with another implementation of XXH3: the hash of each value as the page says,
compared with the server's. Values are drawn, as is what holds them, to depth three."""

import random
import re
import struct
from decimal import Decimal
from pathlib import Path

import xxhash

from common import Report, options

ALL = 2**64 - 1


def mixed(seed):
    seed = (seed ^ (seed >> 33)) * 0xFF51AFD7ED558CCD & ALL
    seed = (seed ^ (seed >> 33)) * 0xC4CEB9FE1A85EC53 & ALL
    return seed ^ (seed >> 33)


def hashed(data, seed):
    return xxhash.xxh3_64_intdigest(data, mixed(seed & ALL))


def int64(number):
    return struct.pack("<q", number)


def numeric(text):
    special = {"NaN": 2, "Infinity": 3, "-Infinity": 4}
    if text in special:
        return int64(special[text])
    sign, digits, exponent = Decimal(text).as_tuple()
    number = int("".join(map(str, digits)))
    if number == 0:
        return bytes(8)
    # To a multiple of four decimal places, so that digits of base 10,000 begin at the point.
    padding = exponent % 4
    number, places = number * 10**padding, (exponent - padding) // 4
    rest = []
    while number:
        number, digit = divmod(number, 10_000)
        rest.append(digit)
    weight = len(rest) - 1 + places
    while rest[0] == 0:
        rest.pop(0)
    rest = [0] * (4 - len(rest)) + rest
    return struct.pack("<Ii", sign, weight) + b"".join(struct.pack("<H", digit) for digit in reversed(rest))


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


class Value:
    """An expression of SQL, and the bytes that are hashed of it under a seed; None for NULL."""

    def __init__(self, sql, data):
        self.sql, self.data = sql, data if callable(data) else lambda seed: data

    def hash(self, seed):
        return hashed(self.data(seed), seed)

    def inside(self, seed):
        return b"\1" + struct.pack("<Q", self.hash(seed))


class Word(Value):
    """A value of a type of which always eight bytes are hashed."""

    def inside(self, seed):
        return b"\1" + self.data(seed)


class Null:
    def __init__(self, name):
        self.sql = f"NULL::{name}"

    def inside(self, _seed):
        return b"\0"


TEXTS = ["", " ", "a", "A", "word", "é", "€", "0" * 17, "x" * 129, "y" * 300, "z" * 5000]


def integer(name, low, high):
    def draw(r):
        number = r.choice([low, high, 0, 1, r.randrange(low, high + 1)])
        return Word(f"{quoted(str(number))}::{name}", int64(number if number < 2**63 else number - 2**64))
    return draw


def double(name, code):
    def draw(r):
        number = r.choice([0.0, -0.0, 1.0, -1.5, float("inf"), float("-inf"), float("nan"), 2.0**-20, 2.0**100])
        number = struct.unpack(code, struct.pack(code, number))[0]
        data = struct.pack("<Q", 0x7FF8000000000000) if number != number else struct.pack("<d", number + 0.0)
        return Word(f"'{number}'::{name}", data)
    return draw


def decimal(r):
    text = r.choice(["NaN", "Infinity", "-Infinity", "0", "-0.00", "1", "1.00", "-1.5", "10000", "0.0001", "1e-7", "-123456.789", "1e300", "9" * 70])
    return Value(f"'{text}'::numeric", numeric(text))


def text(name, data=lambda s: s.encode()):
    def draw(r):
        chosen = r.choice(TEXTS)
        return Value(f"{quoted(chosen)}::{name}", data(chosen))
    return draw


def bits(r):
    digits = r.choice(["", "0", "1", "101", "10000000", "100000001", "1" * 65])
    whole = digits.ljust(-(-len(digits) // 8) * 8, "0")
    return Value(f"B'{digits}'::varbit", struct.pack("<i", len(digits)) + bytes(int(whole[i:i + 8], 2) for i in range(0, len(whole), 8)))


def interval(r):
    months, days, time = r.randrange(-3, 4), r.randrange(-40, 40), r.choice([0, 1, -1, 86_400_000_000])
    length = (months * 30 + days) * 86_400_000_000 + time
    return Value(f"make_interval(months => {months}, days => {days}) + {time} * interval '1 us'", length.to_bytes(16, "little", signed=True))


def timetz(r):
    hour, zone = r.randrange(25), r.randrange(-12, 13)
    return Value(f"'{hour:02}:00{zone:+03}'::timetz", struct.pack("<qi", hour * 3_600_000_000, -zone * 3600))


def inet(r):
    address, data = r.choice([("10.0.0.1", b"\2\x20\x0a\0\0\1"), ("10.0.0.1/8", b"\2\x08\x0a\0\0\1"), ("::1/64", b"\3\x40" + bytes(15) + b"\1")])
    return Value(f"'{address}'::inet", data)


LEXEMES = ["a", "b", "ab", "A", "é", "it's", "back\\slash", "two words", "word", "x" * 129, "y" * 1000]


def lexeme(text):
    return quoted(text.replace("\\", "\\\\"))


def tsvector(r):
    """With positions in some of its lexemes."""
    parts = []
    for chosen in sorted(r.sample(LEXEMES, r.choice([0, 1, 2, 3, 9])), key=lambda chosen: chosen.encode()):
        places = sorted(r.sample(range(1, 16384), r.choice([0, 0, 1, 2, 40])))
        parts.append((chosen, [(place, r.choice("ABCD")) for place in places]))
    text = " ".join(lexeme(chosen) + ":" * bool(places) + ",".join(f"{place}{weight}" for place, weight in places) for chosen, places in parts)
    stored = 0
    for chosen, places in parts:
        stored += len(chosen.encode())
        stored += stored % 2 + 2 + 2 * len(places) if places else 0

    def data(seed):
        tokens = struct.pack("<I", 4 + 4 * len(parts) + stored)
        for chosen, places in parts:
            tokens += (b"p" if places else b"l") + struct.pack("<Q", hashed(chosen.encode(), seed))
            if places:
                tokens += struct.pack("<H", len(places)) + b"".join(struct.pack("<H", place | "DCBA".index(weight) << 14) for place, weight in places)
        return tokens
    return Value(f"{quoted(text)}::tsvector", data)


def query_tree(r, depth):
    """The text of a tsquery, and its tokens under a seed."""
    if depth == 0 or r.random() < 0.2:
        word = r.choice(LEXEMES)
        return lexeme(word) + r.choice(["", "", ":*", ":A", ":BD*"]), lambda seed: b"v" + struct.pack("<Q", hashed(word.encode(), seed))
    operator = r.choice("!&|<")
    left, left_tokens = query_tree(r, depth - 1)
    if operator == "!":
        return f"!({left})", lambda seed: b"!" + left_tokens(seed)
    right, right_tokens = query_tree(r, depth - 1)
    distance = r.choice([1, 2, 16384])
    written = f"<{distance}>" if operator == "<" else operator
    token = operator.encode() + (struct.pack("<H", distance) if operator == "<" else b"")
    return f"({left}) {written} ({right})", lambda seed: token + right_tokens(seed) + left_tokens(seed)


def tsquery(r):
    text, tokens = query_tree(r, r.choice([0, 1, 2, 6]))
    return Value(f"{quoted(text)}::tsquery", tokens)


def given(name, *pairs):
    """A type of which a few values stand for all."""
    return lambda r: Value(*(lambda pair: (f"{quoted(pair[0])}::{name}", pair[1]))(r.choice(pairs)))


def word(name, *pairs):
    """Likewise, of those that are a number of eight bytes."""
    return lambda r: Word(*(lambda pair: (f"{quoted(pair[0])}::{name}", int64(pair[1])))(r.choice(pairs)))


BASES = {
    "smallint": integer("smallint", -2**15, 2**15 - 1), "integer": integer("integer", -2**31, 2**31 - 1),
    "bigint": integer("bigint", -2**63, 2**63 - 1), "oid": integer("oid", 0, 2**32 - 1), "xid8": integer("xid8", 0, 2**64 - 1),
    "xid": integer("xid", 0, 2**32 - 1), "real": double("real", "<f"), "double precision": double("float8", "<d"),
    "numeric": decimal, "text": text("text"), "varchar": text("varchar"), "name": text("name", lambda s: s.encode()[:63]),
    "char(4)": text("char(4)", lambda s: s[:4].rstrip(" ").encode()),
    "bytea": lambda r: (lambda data: Value(f"'\\x{data.hex()}'::bytea", data))(bytes(r.randrange(256) for _ in range(r.choice([0, 1, 5, 200, 3000])))),
    "bit varying": bits, "interval": interval, "timetz": timetz, "inet": inet, "tsvector": tsvector, "tsquery": tsquery,
    "boolean": word("boolean", ("t", 1), ("f", 0)), '"char"': word('"char"', ("a", 97), ("\\377", -1), ("", 0)),
    "date": word("date", ("2000-01-02", 1), ("1999-12-31", -1), ("infinity", 2**31 - 1), ("-infinity", -2**31)),
    "time": word("time", ("00:00:01", 1_000_000), ("24:00", 86_400_000_000)),
    "timestamp": word("timestamp", ("2000-01-01 00:00:00.000001", 1), ("infinity", 2**63 - 1), ("-infinity", -2**63)),
    "timestamptz": word("timestamptz", ("2000-01-01 01:00+01", 0), ("1999-12-31 23:59:59+00", -1_000_000)),
    "money": word("money", ("1.23", 123), ("-0.01", -1)), "pg_lsn": word("pg_lsn", ("1/2", 2**32 + 2), ("FFFFFFFF/FFFFFFFF", -1)),
    "uuid": given("uuid", ("00010203-0405-0607-0809-0a0b0c0d0e0f", bytes(range(16)))),
    "macaddr": given("macaddr", ("00:01:02:03:04:05", bytes(range(6)))), "macaddr8": given("macaddr8", ("00:01:02:03:04:05:06:07", bytes(range(8)))),
    "tid": given("tid", ("(65538,3)", struct.pack("<HHH", 1, 2, 3))),
    "regclass": word("regclass", ("pg_type", 1247)), "mood": given("mood", ("sad", b"sad"), ("ok", b"ok")),
    "aclitem": given("aclitem", ("=rw*/cvm", struct.pack("<IIQ", 0, 10, 2 | 4 | 4 << 32))),
}


def json(r, depth):
    """The text of a document, and its tokens under a seed."""
    kind = r.choice(["null", "true", "false", "number", "number", "string"] + ["array", "object"] * (2 if depth else 0))
    if kind in ("null", "true", "false"):
        return kind, lambda seed: kind[0].encode()
    if kind == "number":
        number = r.choice(["0", "-0.0", "1", "1.0", "-1.50", "1e7", "12345678901234567890.125"])
        return number, lambda seed: b"d" + struct.pack("<Q", hashed(numeric(number), seed))
    if kind == "string":
        string = r.choice(TEXTS)
        return f'"{string}"', lambda seed: b"s" + struct.pack("<Q", hashed(string.encode(), seed))
    parts = [json(r, depth - 1) for _ in range(r.choice([0, 1, 2, 3, 40, 70]))]
    if kind == "array":
        return "[" + ", ".join(part for part, _ in parts) + "]", lambda seed: b"[" + b"".join(tokens(seed) for _, tokens in parts) + b"]"
    keys = {r.choice("abcdeé") * r.randrange(1, 40): part for part in parts}
    order = sorted(keys, key=lambda key: (len(key.encode()), key.encode()))

    def object_tokens(seed):
        names = b"".join(b"k" + struct.pack("<Q", hashed(key.encode(), seed)) for key in order)
        return b"{" + names + b"".join(keys[key][1](seed) for key in order) + b"}"
    return "{" + ", ".join(f'"{key}": {keys[key][0]}' for key in keys) + "}", object_tokens


RANGES = {"int4range": "integer", "int8range": "bigint", "numrange": "numeric", "tsrange": "timestamp", "daterange": "date"}


def a_range(r, name):
    """A range, and its bytes under a seed. Discrete ones are kept with their lower bound inclusive and the upper one not."""
    if r.random() < 0.1:
        return f"'empty'::{name}", lambda seed: b"\1"
    subtype = RANGES[name]
    lower, upper = {
        "integer": lambda: (Word("3", int64(3)), Word("10", int64(10))), "bigint": lambda: (Word("-5000000000", int64(-5_000_000_000)), Word("7", int64(7))),
        "numeric": lambda: (Value("-1.50", numeric("-1.5")), Value("2.0", numeric("2"))),
        "timestamp": lambda: (Word("'2000-01-01'", int64(0)), Word("'2000-01-01 00:00:01'", int64(1_000_000))),
        "date": lambda: (Word("'2000-01-01'", int64(0)), Word("'2000-01-11'", int64(10))),
    }[subtype]()
    bounds = r.choice(["[)", "[)", "()", "(]", "[]"]) if subtype in ("numeric", "timestamp") else "[)"
    has_lower, has_upper = r.random() < 0.8, r.random() < 0.8
    flags = (4 * (bounds[0] == "[") if has_lower else 2) | (16 * (bounds[1] == "]") if has_upper else 8)
    sql = f"{name}({lower.sql if has_lower else 'NULL'}, {upper.sql if has_upper else 'NULL'}, '{bounds}')"
    return sql, lambda seed: bytes([flags]) + (lower.inside(seed) if has_lower else b"") + (upper.inside(seed) if has_upper else b"")


def drawn(r, depth):
    """A value, and the name of its type: of an anonymous one, None."""
    if depth == 0:
        name = r.choice(list(BASES))
        return BASES[name](r), name
    maker = r.choice(["row", "array", "array", "range", "multirange", "jsonb"])
    if maker == "row":
        columns = [drawn(r, depth - 1 if i == 0 else 0) for i in range(r.choice([1, 2, 3, 40]))]
        parts = [Null(name) if name and r.random() < 0.1 else part for part, name in columns]
        return Value(f"ROW({', '.join(part.sql for part in parts)})",
                     lambda seed: struct.pack("<I", len(parts)) + b"".join(part.inside(seed) for part in parts)), None
    if maker == "array":
        name = r.choice(list(BASES))
        rows, columns = r.choice([(0, 0), (1, 1), (1, 3), (2, 2), (2, 3), (50, 2)])
        lower = r.choice([1, 1, 0, -7])
        elements = [Null(name) if r.random() < 0.1 else BASES[name](r) for _ in range(rows * columns)]
        shape = [] if not elements else [columns] if rows == 1 else [rows, columns]
        # The bounds of a slice that is assigned; the second dimension starts at 1.
        bounds = [lower if i == 0 else 1 for i in range(len(shape))]
        lines = [f"[{', '.join(part.sql for part in elements[i * columns:(i + 1) * columns])}]" for i in range(rows)]
        sql = f"ARRAY{lines[0]}" if rows == 1 else f"ARRAY[{', '.join(lines)}]"
        sql = f"{sql}::{name}[]"
        if elements and lower != 1:
            sql = f"moved({sql}, {lower})"
        return Value(sql, lambda seed: struct.pack(f"<I{2 * len(shape)}i", len(shape), *shape, *bounds)
                     + b"".join(part.inside(seed) for part in elements)), f"{name}[]"
    if maker == "range":
        name = r.choice(list(RANGES))
        return Value(*a_range(r, name)), name
    if maker == "multirange":
        name = r.choice(list(RANGES))
        sql, data = a_range(r, name)
        multi = name.replace("range", "multirange")
        empty = "empty" in sql
        return Value(f"{multi}({sql})", lambda seed: bytes(4) if empty else struct.pack("<I", 1) + data(seed)), multi
    document, tokens = json(r, depth)
    return Value(f"{quoted(document)}::jsonb", tokens), "jsonb"


SETUP = """
DROP SCHEMA IF EXISTS modelled CASCADE;
CREATE SCHEMA modelled;
SET search_path = modelled, public;
SET lc_monetary = 'C';
CREATE TYPE mood AS ENUM ('ok', 'sad');
-- with another lower bound of the first dimension
CREATE FUNCTION moved(x anyarray, lower integer, OUT y anyarray) LANGUAGE plpgsql AS $$
BEGIN
    IF array_ndims(x) = 1 THEN
        y[lower : lower + array_length(x, 1) - 1] := x;
    ELSE
        y[lower : lower + array_length(x, 1) - 1][1 : array_length(x, 2)] := x;
    END IF;
END $$;
"""


def examples():
    """The rows of the page's last table: an expression, the bytes, the hash under seed 0."""
    page = (Path(__file__).parents[2] / "docs/hashes.md").read_text()
    return [(sql.replace("\\|", "|"), bytes.fromhex(data), int(number))
            for sql, data, number in re.findall(r"^\| `(.*)` \| `([0-9a-f ]*)` \| (-?[0-9]+) \|$", page, re.MULTILINE)]


def main():
    choice = options(__doc__)
    report = Report("hashes")
    r = random.Random(choice.seed)
    session = report.session
    session.all(SETUP)
    values = [(draw(r), name) for name, draw in BASES.items() for _ in range(12)]
    values += [drawn(r, 1 + i % 3) for i in range({"short": 1_500, "long": 50_000}[choice.form])]
    for value, name in values:
        for seed in (0, r.choice([1, -1, 2**63 - 1, r.randrange(2**63)])):
            outcome = session.attempt(f"SELECT cvm_hash({value.sql}, {seed})")
            expected = (value.hash(seed) + 2**63) % 2**64 - 2**63
            report.check(outcome.state is None and outcome.rows[0][0] == expected,
                         lambda: f"{name or 'row'} {value.sql}: {outcome.message or outcome.rows}, not {expected}")
    for sql, data, number in examples():
        report.check(session.one(f"SELECT cvm_hash({sql})") == number, lambda: f"docs/hashes.md has another hash of {sql}")
        report.check(hashed(data, 0) == number % 2**64, lambda: f"docs/hashes.md has another hash of the bytes of {sql}")
    report.check(len(examples()) >= 20, f"docs/hashes.md has {len(examples())} examples")
    session.all("DROP SCHEMA modelled CASCADE")
    report.server_lived()
    report.finish(f"{len(values)} values")


if __name__ == "__main__":
    main()
