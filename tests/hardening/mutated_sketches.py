"""Sends broken and half-broken sketches through all ways into the type, and what gets in through all functions.

What is a sketch, and what each operation makes of it, is computed by model.py. So every mutation must either come out as
the same bytes, or be refused with SQLSTATE 22P02 or 22P03 and a message that names cvm_sketch, and rightly so. That holds for
sketches of both format versions, one beside the other. Many of their hashes share what a sketch keeps of them."""

import glob
import io
import os
import random
import struct

import psycopg2

import model
from common import Report, Session, drawn_hashes, options

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sketch/tests/golden")
ALL_BITS = (1 << 64) - 1
TEXT = model.KINDS.index("text")
# The fields of the header: offset, length.
FIELDS = [(0, 1), (1, 1), (2, 2), (4, 4), (8, 4), (12, 8)]
EXTREMES = [0, 1, 2, 3, 7, 8, 9, 193, 194, 280, 281, 8517, 1 << 26, (1 << 26) + 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 63, ALL_BITS]


def bases(session, chance):
    """Valid sketches: of every release, of this one through SQL, and of every level by the model."""
    for path in sorted(glob.glob(f"{GOLDEN}/*.bin")):
        if os.path.getsize(path) < 10_000:
            with open(path, "rb") as file:
                yield file.read()
    for seed in (0, 1, -1, -(1 << 63)):
        for n in (0, 1, 2, 8, 30, 100, 1000, 20_000):
            built = f"cvm_sketch_agg(i, 0.5, 0.1, {seed}) FROM generate_series(1, {n}) i"
            other = f"cvm_sketch_agg(i, 0.4, 0.1, {seed}) FROM generate_series({n} / 2, {2 * n}) i"
            for operator in ("||", "&", "-"):
                yield bytes(session.one(f"SELECT ((SELECT {built}) {operator} (SELECT {other}))::bytea"))
            yield bytes(session.one(f"SELECT (SELECT {built})::bytea"))
        yield bytes(session.one(f"SELECT cvm_sketch_empty(0.001, 0.000000001, {seed})::bytea"))
        yield bytes(session.one(f"SELECT (SELECT cvm_sketch_agg(i, 0.1, 0.01, {seed}) FROM generate_series(1, 5000) i)::bytea"))
    for version, last in model.LAST_LEVELS.items():
        for level in [0] * 20 + list(range(0, last, 3)) + [last - 1, last]:
            bound = model.threshold(level, version)
            count = min(bound, chance.choice([0, 1, 2, 3, 7, 7, 20, 60]))
            hashes = chance.sample(range(bound), count) if bound < 1000 else {chance.randrange(bound) for _ in range(count)}
            capacity = max(8, len(hashes) + chance.choice([1, 1, 2, 100, 60_000_000]))
            seed = chance.choice([0, 1, ALL_BITS, chance.getrandbits(64)])
            kind = chance.choice([0, 0, 1, 4, chance.randrange(len(model.KINDS))])
            yield model.encode(model.Sketch(level, capacity, seed, level > 0 and chance.random() < 0.5, tuple(sorted(hashes)), kind, version))
    for _ in range(30):
        yield from relatives(session, chance)


def relatives(session, chance):
    """Sketches of one seed in both versions, of sets that overlap, at the level of their sets or above. Some have what is kept of the
    hash of a value that is added later."""
    seed = chance.choice([0, 1])
    hashes = drawn_hashes(chance, chance.choice([10, 30, 100, 300]), chance.choice([0, 0, 0, 1, 3, 10, 20, 36]))
    if chance.random() < 0.5:
        added = session.one("SELECT cvm_hash('a value'::text, %s)", [seed]) & ALL_BITS
        hashes += [added ^ chance.getrandbits(below) for below in chance.sample([0, 4, 12, 20, 28], 3)]
    for version in (1, 1, 2, 2):
        part = chance.sample(hashes, chance.choice([len(hashes), len(hashes) // 2, len(hashes) // 5]))
        sketch = model.of_hashes(part, chance.choice([8, 24, 24, 100, 1000]), seed, chance.choice([0, 0, 4]), version)
        level = min(sketch.level + chance.choice([0, 0, 1, 10]), model.LAST_LEVEL)
        if level > sketch.level:
            sketch = sketch._replace(level=level, derived=True, hashes=tuple(sorted(sketch.cells(level))))
        yield model.encode(sketch)


def flip_bits(data, chance, low=0):
    if len(data) > low:
        for _ in range(chance.choice([1, 1, 2, 3])):
            bit = chance.randrange(8 * low, 8 * len(data))
            data[bit // 8] ^= 1 << bit % 8


def flip_bits_of_the_hashes(data, chance):
    flip_bits(data, chance, model.HEADER.size)


def change_bytes(data, chance):
    for _ in range(chance.choice([1, 1, 2, 5])):
        if data:
            data[chance.randrange(len(data))] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])


def truncate(data, chance):
    del data[chance.randrange(len(data) + 1):]


def extend(data, chance):
    data += chance.choice([b"\0", b"\xff", bytes(8), bytes(data), chance.randbytes(chance.randrange(1, 40))])


def move_bytes(data, chance):
    start, end = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    piece = data[start:end]
    del data[start:end]
    if chance.random() < 0.7:
        place = chance.randrange(len(data) + 1)
        data[place:place] = piece


def swap_neighbouring_bits(data, chance):
    """In the bitmap this moves a hash, which often leaves the sketch valid."""
    if not data:
        return
    bit = 8 * len(data) - 2 - chance.randrange(min(8 * len(data) - 1, 200))
    one, other = (data[i // 8] >> i % 8 & 1 for i in (bit, bit + 1))
    if one != other:
        data[bit // 8] ^= 1 << bit % 8
        data[(bit + 1) // 8] ^= 1 << (bit + 1) % 8


def set_field(data, chance):
    if len(data) >= model.HEADER.size:
        offset, length = chance.choice(FIELDS)
        value = chance.choice([*EXTREMES, chance.getrandbits(8 * length)])
        if chance.random() < 0.5:
            value = int.from_bytes(data[offset:offset + length], "little") + chance.choice([-1, 1, 2, 100])
        data[offset:offset + length] = (value & (1 << 8 * length) - 1).to_bytes(length, "little")


def set_what_may_be_anything(data, chance):
    """The seed may be anything, the capacity anything above the number of hashes, the kind any there is, the flag anything
    above level 0."""
    if len(data) >= model.HEADER.size:
        field = chance.randrange(4)
        if field == 0:
            data[12:20] = struct.pack("<Q", chance.choice([0, 1, ALL_BITS, chance.getrandbits(64)]))
        elif field == 1:
            count = min(int.from_bytes(data[8:12], "little"), (1 << 26) - 1)
            data[4:8] = struct.pack("<I", chance.choice([count + 1, max(count + 1, 8), 1 << 26, chance.randint(count + 1, 1 << 26)]))
        elif field == 2:
            data[1] = data[1] & 1 | chance.choice([0, 1, 4, chance.randrange(len(model.KINDS))]) << 1
        else:
            data[1] ^= 1


def swap_fields(data, chance):
    if len(data) >= model.HEADER.size:
        (one, length), (other, _) = chance.sample(FIELDS, 2)
        piece = bytes(data[one:one + length])
        data[one:one + length] = data[other:other + length]
        data[other:other + length] = piece


MUTATORS = [flip_bits, flip_bits_of_the_hashes, flip_bits_of_the_hashes, change_bytes, truncate, extend, move_bytes,
            swap_neighbouring_bits, set_field, set_what_may_be_anything, set_what_may_be_anything, swap_fields]


def mutations(known, chance, count):
    for _ in range(count):
        kind = chance.random()
        data = bytearray(chance.choice(known))
        if kind < 0.02:
            yield chance.randbytes(chance.choice([0, 1, 19, 20, 21, chance.randrange(200)]))
            continue
        if kind < 0.05:
            # A legal header, and anything behind it.
            yield bytes(data[:model.HEADER.size]) + chance.randbytes(max(0, len(data) - model.HEADER.size))
            continue
        if kind < 0.12:
            # The head of one and the tail of another.
            other = chance.choice(known)
            at = chance.choice([1, 2, 4, 8, 12, 20, 20, 20, chance.randrange(len(data) + 1)])
            yield bytes(data[:at]) + other[at:]
            continue
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            chance.choice(MUTATORS)(data, chance)
        yield bytes(data)


def as_text(data, chance):
    """The text of a mutation, which is itself mutated now and then. Returns it, and the bytes if it is hexadecimal."""
    text = "\\x" + data.hex()
    if chance.random() < 0.8:
        return text, data
    kind = chance.randrange(7)
    if kind == 0:
        return "\\x" + data.hex().upper(), data
    if kind == 1:
        return text + chance.choice(["0", "a", " ", "\n", "\\x", "g"]), None
    if kind == 2:
        return chance.choice(["", "\\", "x", "\\X", " \\x", "0x"]) + data.hex(), None
    if kind == 3:
        return text[:-1], None
    place = chance.randrange(2, len(text) + 1)
    return text[:place] + chance.choice(["g", "z", "/", ":", "é", "\u20ac", "\x01", "\\"]) + text[place + 1:], None


def copied(value):
    """One row as COPY sends it in binary."""
    return b"PGCOPY\n\xff\r\n\0" + struct.pack("!iihi", 0, 0, 1, len(value)) + value + struct.pack("!h", -1)


def through_input(report, session, sent, texts, valid):
    """Text input and the cast, each in a subtransaction of its own."""
    for way, given, state in (("the cast", "bytes::cvm_sketch", "22P03"), ("text input", "text::cvm_sketch", "22P02")):
        expected = dict(enumerate(sent if way == "the cast" else texts))
        session.all(f"""
            CREATE OR REPLACE FUNCTION pg_temp.enter(bytes bytea, text text, OUT came bytea, OUT state text, OUT message text)
            LANGUAGE plpgsql AS $$
            BEGIN
                came := ({given})::bytea;
            EXCEPTION WHEN OTHERS THEN
                state := SQLSTATE;
                message := SQLERRM;
            END $$""")
        seen = session.all("SELECT id, came, state, message FROM mutated, pg_temp.enter(bytes, text)")
        report.check(len(seen) == len(sent), f"{way}: {len(seen)} outcomes of {len(sent)}")
        for number, came, came_state, message in seen:
            data = expected[number]
            if data in valid:
                report.check(came is not None and bytes(came) == data,
                             lambda: f"{way}: a valid sketch {data.hex()} becomes {came and bytes(came).hex()} {came_state} {message}")
            else:
                report.check(came is None and came_state == state and message.startswith("invalid cvm_sketch: "),
                             lambda: f"{way}: mutation {number}, {sent[number].hex()}: {came and bytes(came).hex()} {came_state} {message}")


def through_copy(report, session, sent, valid):
    """Binary COPY, each row by itself, since an ERROR ends a COPY."""
    session.all("CREATE TEMP TABLE received (s cvm_sketch)")
    accepted = []
    for data in sent:
        try:
            session.cursor.copy_expert("COPY received FROM STDIN (FORMAT binary)", io.BytesIO(copied(data)))
            accepted.append(data)
            report.check(data in valid, lambda: f"binary COPY takes {data.hex()}")
        except psycopg2.Error as error:
            if error.pgcode is None:
                raise
            report.check(data not in valid and error.pgcode == "22P03"
                         and error.diag.message_primary.startswith("invalid cvm_sketch: "),
                         lambda: f"binary COPY of {data.hex()}: {error.pgcode} {error.diag.message_primary}")
    out = io.BytesIO()
    session.cursor.copy_expert("COPY (SELECT s FROM received ORDER BY s) TO STDOUT (FORMAT binary)", out)
    expected = copied(b"")[:19] + b"".join(copied(data)[19:-2] for data in sorted(accepted)) + struct.pack("!h", -1)
    report.check(out.getvalue() == expected, "binary COPY returns other bytes than it took")
    return accepted


def result_of(operation, *arguments):
    """What an expression should say: its text, or its ERROR."""
    try:
        result = operation(*arguments)
    except model.Refused as refused:
        return None, "22023", str(refused)
    if isinstance(result, model.Sketch):
        result = "\\x" + model.encode(result).hex()
    return result if isinstance(result, model.Near) else str(result), None, None


def fold(operation, *sketches):
    first, *others = sketches
    for other in others:
        first = operation(first, other)
    return first


def info(a):
    kind = model.KINDS[a.kind]
    kind = f'"{kind}"' if " " in kind else kind
    return "({},{},{},{},{},{},{},{},{})".format(a.version, a.signed_seed(), a.capacity, a.level, len(a.hashes), "ft"[a.level == 0], len(model.encode(a)), kind,
                                             "ft"[a.derived])


def compare(a, b):
    a, b = model.encode(a), model.encode(b)
    return f"{(a > b) - (a < b)} " + "".join("ft"[holds] for holds in (a < b, a <= b, a == b, a != b, a >= b, a > b))


def functions(session):
    """Expressions over two stored sketches, and what the model says they are; None where only the form is checked."""
    coarse = session.one("SELECT (cvm_sketch_info(cvm_sketch_empty(0.5, 0.1))).capacity")
    yield "a || b", model.union
    yield "cvm_sketch_union(a, b)", model.union
    yield "cvm_sketch_union(ARRAY[a, b, NULL, a])", lambda a, b: fold(model.union, a, b, a)
    yield "a & b", model.intersection
    yield "a - b", model.difference
    yield "# a", model_first(model.Sketch.estimate)
    yield "cvm_sketch_info(a)", model_first(info)
    yield "cvm_sketch_downsample(a, 0.5, 0.1)", model_first(lambda a: model.downsample(a, coarse))
    yield "cvm_sketch_of_kind(a, 'text')", model_first(lambda a: model.of_kind(a, TEXT))
    yield "(SELECT cvm_sketch_union_agg(s) FROM unnest(ARRAY[a, b, NULL, a]) s)", lambda a, b: fold(model.union, a, b, a)
    yield "(SELECT cvm_sketch_intersection_agg(s) FROM unnest(ARRAY[a, b, NULL, a]) s)", lambda a, b: fold(model.intersection, a, b, a)
    yield ("concat(sign(cvm_sketch_cmp(a, b)), ' ', a < b, a <= b, a = b, a <> b, a >= b, a > b)", compare)
    yield "encode(cvm_sketch_send(a), 'hex')", model_first(lambda a: model.encode(a).hex())
    yield ("cvm_sketch_hash(a) = cvm_sketch_hash(a::text::cvm_sketch) AND "
           "cvm_sketch_hash_extended(a, 7) = cvm_sketch_hash_extended(a::bytea::cvm_sketch, 7)", lambda a, b: "true")
    # The order and the meaning of bounds; the estimate is the model's.
    yield ("(SELECT concat_ws(' ', estimate, lower <= estimate AND estimate <= upper AND lower >= (cvm_sketch_info(a)).retained, "
           "lower = upper) FROM cvm_sketch_bounds(a, 0.9))",
           lambda a, b: f"{a.estimate()} t {'ft'[a.level == 0]}")
    yield ("(SELECT concat_ws(' ', lower BETWEEN 0 AND 1, upper BETWEEN lower AND 1, estimate = 'NaN' OR estimate BETWEEN lower AND upper) "
           "FROM cvm_sketch_jaccard(a, b, 0.9))", lambda a, b: (model.jaccard(a, b), "t t t")[1])
    yield "(cvm_sketch_jaccard(a, b)).estimate", expected_jaccard
    yield "(cvm_sketch_intersection_bounds(a, b)).estimate", model.estimated_intersection
    yield "(cvm_sketch_difference_bounds(a, b)).estimate", model.estimated_difference
    # Of version 1, the union with itself is what it is read as, which may say a little more.
    for name, most in [("intersection", "least((cvm_sketch_bounds(a || a, 0.9)).upper, (cvm_sketch_bounds(b || b, 0.9)).upper)"),
                       ("difference", "(cvm_sketch_bounds(a || a, 0.9)).upper")]:
        yield (f"(SELECT concat_ws(' ', lower BETWEEN 0 AND estimate, upper BETWEEN estimate AND {most}, x.level + y.level > 0 OR lower = upper) "
               f"FROM cvm_sketch_{name}_bounds(a, b, 0.9), cvm_sketch_info(a) x, cvm_sketch_info(b) y)", lambda a, b: (model.common_hashes(a, b), "t t t")[1])
    yield ("(SELECT concat_ws(' ', lower BETWEEN 0 AND 1, upper BETWEEN lower AND 1, estimate = 'NaN' OR estimate BETWEEN lower AND upper) "
           "FROM cvm_sketch_containment(a, b, 0.9))", lambda a, b: (model.common_hashes(a, b), "t t t")[1])


def expected_jaccard(a, b):
    both, either = model.jaccard(a, b)
    a, b = a.read(), b.read()
    nobody = [sketch.level == 0 and not sketch.hashes for sketch in (a, b)]
    # A derived sketch without hashes may be that of an empty set, and may not.
    perhaps_nobody = [sketch.derived and not sketch.hashes for sketch in (a, b)]
    if any(nobody) and not any(perhaps_nobody):
        return int(all(nobody))
    if not either:
        return "NaN"
    index = model.estimated_jaccard(a, b)
    return index if isinstance(index, model.Near) else repr(index).removesuffix(".0")


def model_first(operation):
    return lambda a, b: operation(a)


def through_functions(report, session, sketches, chance):
    """Pairs of accepted sketches, mostly of the same seed, through everything that takes sketches."""
    by_seed = {}
    for data, sketch in sketches.items():
        by_seed.setdefault(sketch.seed, []).append(data)
    pairs = []
    for data, sketch in sketches.items():
        others = by_seed[sketch.seed] if chance.random() < 0.8 else list(by_seed[chance.choice([0, 1, ALL_BITS])])
        if chance.random() < 0.7:
            others = [other for other in others if sketches[other].kind in (0, sketch.kind)] or others
        pairs.append((data, chance.choice(others)))
    store(session, "CREATE TEMP TABLE pairs (id int, a cvm_sketch, b cvm_sketch)", "pairs",
          (f"{i}\t\\\\x{a.hex()}\t\\\\x{b.hex()}\n" for i, (a, b) in enumerate(pairs)))
    calls = 0
    for expression, operation in functions(session):
        session.all(f"""
            CREATE OR REPLACE FUNCTION pg_temp.compute(a cvm_sketch, b cvm_sketch, OUT result text, OUT state text, OUT message text)
            LANGUAGE plpgsql AS $$
            BEGIN
                result := {expression};
            EXCEPTION WHEN OTHERS THEN
                state := SQLSTATE;
                message := SQLERRM;
            END $$""")
        for number, *outcome in session.all("SELECT id, result, state, message FROM pairs, pg_temp.compute(a, b)"):
            a, b = pairs[number]
            expected = result_of(operation, sketches[a], sketches[b])
            report.check(tuple(outcome) == expected,
                         lambda: f"{expression}\n  a = {a.hex()}\n  b = {b.hex()}\n  is {outcome}\n  not {expected}")
            calls += 1
    # One value more: its hash is the server's.
    added = session.all("""SELECT id, cvm_hash('a value'::text, (cvm_sketch_info(a)).seed), cvm_sketch_add(a, 'a value'::text)::bytea
                           FROM pairs WHERE NOT (cvm_sketch_info(a)).is_derived AND (cvm_sketch_info(a)).kind IN ('unknown', 'text')""")
    for number, hash, sketch in added:
        expected = model.encode(model.with_hash(sketches[pairs[number][0]], TEXT, hash & ALL_BITS))
        report.check(bytes(sketch) == expected, lambda: f"cvm_sketch_add to {pairs[number][0].hex()} is {bytes(sketch).hex()}, not {expected.hex()}")
    # Sorted, grouped and joined by the operator classes; whole groups united.
    rows = session.all("SELECT a::bytea FROM pairs ORDER BY a")
    report.check([bytes(row[0]) for row in rows] == sorted(sketches), "ORDER BY is not the order of the bytes")
    for setting in ("enable_hashagg", "enable_sort"):
        session.all(f"SET {setting} = off")
        count = session.one("SELECT count(*) FROM (SELECT a FROM pairs UNION SELECT b FROM pairs) q")
        report.check(count == len(sketches), f"UNION without {setting} finds {count} of {len(sketches)} sketches")
        session.all(f"RESET {setting}")
    for setting in ("enable_hashjoin", "enable_mergejoin"):
        session.all(f"SET {setting} = off")
        count = session.one("SELECT count(*) FROM pairs p JOIN pairs q ON p.a = q.a")
        report.check(count == len(sketches), f"a join without {setting} finds {count} of {len(sketches)} sketches")
        session.all(f"RESET {setting}")
    for seed, kind, union in session.all("SELECT (cvm_sketch_info(a)).seed, (cvm_sketch_info(a)).kind, cvm_sketch_union_agg(a)::bytea FROM pairs GROUP BY 1, 2"):
        members = [member for member in by_seed[seed & ALL_BITS] if model.KINDS[sketches[member].kind] == kind]
        expected = model.encode(fold(model.union, model.NOTHING, *(sketches[member] for member in members)))
        report.check(bytes(union) == expected, f"the union of all {len(members)} sketches of seed {seed} and kind {kind} is another")
    return calls + len(added)


def through_aggregates(report, session, chance, count):
    """Hashes in groups, through the aggregate of hashes, alone, combined, and with an order; and sketches of them in both versions, in
    groups and in moving frames."""
    coarse = session.one("SELECT (cvm_sketch_info(cvm_sketch_empty(0.5, 0.1))).capacity")
    groups = [drawn_hashes(chance, chance.choice([1, 5, coarse, 2 * coarse, 100, 1_000]), chance.choice([0, 0, 2, 20, 40])) for _ in range(count)]
    # More at level 0 than the default accuracy has room for; above it, they share so many bits that there is room, and not.
    groups += [drawn_hashes(chance, size, zeros) for size in (18_000, 30_000) for zeros in (0, 20)]
    store(session, "CREATE TEMP TABLE hashed (g int, n int, h bigint)", "hashed",
          (f"{g}\t{n}\t{hash - (hash >> 63 << 64)}\n" for g, hashes in enumerate(groups) for n, hash in enumerate(hashes)))
    # Repeated, in another order, as the default accuracy, and as one of every group.
    for calls in ("cvm_sketch_agg_hashed(h, 0.5, 0.1)::bytea, cvm_sketch_agg_hashed(h)::bytea FROM hashed",
                  "cvm_sketch_agg_hashed(h, 0.5, 0.1 ORDER BY h)::bytea, cvm_sketch_agg_hashed(h ORDER BY n % 7, n)::bytea FROM hashed, generate_series(1, 2)",
                  "cvm_sketch_union_agg(s)::bytea, cvm_sketch_union_agg(t)::bytea FROM "
                  "(SELECT g, cvm_sketch_agg_hashed(h, 0.5, 0.1) AS s, cvm_sketch_agg_hashed(h) AS t FROM hashed GROUP BY g, n / 10) q"):
        for g, *sketches in session.all(f"SELECT g, {calls} GROUP BY g"):
            for sketch, capacity in zip(sketches, (coarse, model.NOTHING.capacity)):
                expected = model.encode(model.of_hashes(groups[g], capacity))
                report.check(bytes(sketch) == expected,
                             lambda: f"{calls} of {[f'{hash:x}' for hash in groups[g]]}: {bytes(sketch).hex()}, not {expected.hex()}")
    for frame in (1, 3, 20):
        for g in range(0, count, 5):
            answers = session.all(f"SELECT cvm_sketch_agg_hashed(h, 0.5, 0.1) OVER (ORDER BY n ROWS {frame * 10} PRECEDING)::bytea FROM hashed "
                                  f"WHERE g = {g} ORDER BY n")
            for n, (sketch,) in enumerate(answers):
                part = groups[g][max(n - frame * 10, 0):n + 1]
                report.check(bytes(sketch) == model.encode(model.of_hashes(part, coarse)), lambda: f"a frame of {part} is {bytes(sketch).hex()}")
    # Of a few hashes each, in either version, of two accuracies.
    drawn = lambda hashes: model.of_hashes(hashes[:chance.choice([1, 3, 30])], chance.choice([coarse, coarse, 2 * coarse]), version=chance.choice([1, 2]))
    rows = [(g, n, drawn(hashes[n:])) for g, hashes in enumerate(groups) for n in range(0, len(hashes), 5)]
    store(session, "CREATE TEMP TABLE united (g int, n int, s cvm_sketch)", "united",
          (f"{g}\t{n}\t\\\\x{model.encode(sketch).hex()}\n" for g, n, sketch in rows))
    of_group = {}
    for g, n, sketch in rows:
        of_group.setdefault(g, []).append(sketch)
    for g, sketch, ordered in session.all("SELECT g, cvm_sketch_union_agg(s)::bytea, cvm_sketch_union_agg(s ORDER BY -n)::bytea FROM united GROUP BY g"):
        expected = model.encode(fold(model.union, model.NOTHING, *of_group[g]))
        report.check(bytes(sketch) == bytes(ordered) == expected, lambda: f"the union of {of_group[g]} is {bytes(sketch).hex()}")
    for frame in (1, 4, 30):
        for g in range(0, count, 5):
            answers = session.all(f"SELECT cvm_sketch_union_agg(s) OVER (ORDER BY n ROWS {frame} PRECEDING)::bytea FROM united WHERE g = {g} ORDER BY n")
            for n, (sketch,) in enumerate(answers):
                part = of_group[g][max(n - frame, 0):n + 1]
                report.check(bytes(sketch) == model.encode(fold(model.union, model.NOTHING, *part)), lambda: f"a frame of {part} is {bytes(sketch).hex()}")
    return len(rows)


def without_last_hash(data):
    """The same bytes without the last bit of the bitmap, and so with a hash less than the header says."""
    data = bytearray(data)
    place = max(i for i, byte in enumerate(data) if byte)
    data[place] ^= 1 << data[place].bit_length() - 1
    return bytes(data)


def through_damage(report, session, known, sent):
    """Sketches that were damaged after they were checked, as by a disk: a cast that checks nothing lets them in. Functions
    that read no more than the header may answer from it; what is found broken is named with SQLSTATE XX001."""
    session.all("CREATE FUNCTION unchecked(bytea) RETURNS cvm_sketch LANGUAGE internal IMMUTABLE STRICT AS 'byteasend'")
    calls = refused = 0
    for expression, _ in [*functions(session), ("cvm_sketch_add(a, 42)", None), ("cvm_sketch_downsample(a, 0.03)", None)]:
        outcomes = session.all(f"""
            CREATE OR REPLACE FUNCTION pg_temp.compute(a cvm_sketch, b cvm_sketch, OUT result text, OUT state text, OUT message text)
            LANGUAGE plpgsql AS $$
            BEGIN
                result := {expression};
            EXCEPTION WHEN OTHERS THEN
                state := SQLSTATE;
                message := SQLERRM;
            END $$;
            SELECT id, state, message, bytes FROM mutated, pg_temp.compute(unchecked(bytes), cvm_sketch_empty()) WHERE id < {len(sent)}""")
        for number, state, message, data in outcomes:
            report.check(state in (None, "XX001", "22P02", "22P03", "22023") and (state is None or "cvm_sketch" in message),
                         lambda: f"{expression}, a = {bytes(data).hex()}: {state} {message}")
            refused += state == "XX001"
            calls += 1
    report.check(refused > 0, "no damage was found")
    for data in known:
        sketch = model.decode(data)
        count = len(sketch.hashes)
        # What has no place at the level of the present version is not read, nor what follows.
        dropped = sketch.width - sketch.read().width
        if count > 0 and all(hash >> dropped < sketch.read().threshold for hash in sketch.hashes[:-1]):
            outcome = session.attempt("SELECT cvm_sketch_union_agg(s) FROM (VALUES (cvm_sketch_empty()), (unchecked(%s))) v (s)",
                                      [psycopg2.Binary(without_last_hash(data))])
            report.check(outcome.state == "XX001" and outcome.message == f"invalid cvm_sketch: there are {count - 1} hashes, not {count}",
                         lambda: f"the union with {data.hex()} without its last hash: {outcome}")
    session.all("DROP FUNCTION unchecked(bytea)")
    return calls


def store(session, create, table, lines):
    session.all(create)
    session.cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO("".join(lines)))


def main():
    arguments = options(__doc__)
    report = Report("mutated_sketches")
    session, chance = report.session, random.Random(arguments.seed)
    known = list(bases(session, chance))
    for data in known:
        sketch = model.decode(data)
        report.check(sketch is not None and model.encode(sketch) == data, lambda: f"the model does not know {data.hex()}")
    sent = list(mutations(known, chance, 60_000 if arguments.form == "short" else 300_000))
    texts = [as_text(data, chance) for data in sent]
    escaped = str.maketrans({"\\": "\\\\", "\n": "\\n", "\t": "\\t"})
    store(session, "CREATE TEMP TABLE mutated (id int, bytes bytea, text text)", "mutated",
          (f"{i}\t\\\\x{data.hex()}\t{text.translate(escaped)}\n" for i, (data, (text, _)) in enumerate(zip(sent, texts))))
    valid = {data: sketch for data in sent if (sketch := model.decode(data))}
    through_input(report, session, sent, [data for _, data in texts], valid)
    accepted = through_copy(report, session, sent, valid)
    calls = through_functions(report, session, valid, chance)
    through_aggregates(report, session, chance, 100 if arguments.form == "short" else 1_000)
    damaged = through_damage(report, session, known, sent[:len(sent) // 20])
    report.server_lived()
    report.finish(f"{len(sent):,} mutations through the cast, text input and binary COPY, {len(accepted):,} of them valid; "
                  f"{calls:,} calls with these; {damaged:,} calls with stored damage")


if __name__ == "__main__":
    main()
