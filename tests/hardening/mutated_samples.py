"""Sends broken and half-broken samples through all ways into the type, and what gets in through all functions.

What is a sample, and what its functions make of it, is written here a second time, from docs/format.md, on top of model.py. So
every mutation must either come out as the same bytes, or be refused with SQLSTATE 22P02 or 22P03 and a message that names
cvm_sample, and rightly so."""

import glob
import io
import math
import os
import random
import struct
from fractions import Fraction
from typing import NamedTuple

import psycopg2

import model
from common import Report, drawn_hashes, options
from mutated_sketches import change_bytes, copied, extend, flip_bits, move_bytes, store, truncate

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sketch/tests/golden_samples")
MOST_ROWS, LONGEST_TEXT, LARGEST_SIZE = (1 << 63) - 1, 1 << 20, 1_000_000
NAN = struct.pack("<Q", 0x7FF8000000000000)
# Bytes of the longest sum.
LONGEST_SUM = 272
LARGEST = Fraction(struct.unpack("<d", struct.pack("<Q", 0x7FEFFFFFFFFFFFFF))[0])


class Value(NamedTuple):
    rows: int
    text: str
    # (least, greatest, sum), the sum being a Fraction, or None if not all measures are finite; or None.
    measures: tuple = None


class Sample(NamedTuple):
    # Of format version 1, which has whole hashes.
    sketch: model.Sketch
    values: tuple

    def kept(self, sketch):
        """The sample of those values of which a sketch has what it keeps of their hashes: at its level, or where these are fewer than its
        capacity."""
        dropped = model.WHOLE - sketch.width
        hashes = tuple(hash for hash in self.sketch.hashes if hash >> dropped in sketch.hashes)
        level = max(self.sketch.level, sketch.level)
        whole = model.thinned(sketch._replace(version=1, level=level, hashes=hashes))
        return Sample(whole, tuple(value for hash, value in zip(self.sketch.hashes, self.values) if hash in whole.hashes))


NOTHING = model.NOTHING._replace(version=1)


class Reader:
    """Takes what a sample is made of from its bytes; IndexError or ValueError if it is not there."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        if count > len(self.data) - self.at:
            raise IndexError
        self.at += count
        return self.data[self.at - count:self.at]

    def integer(self):
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                if byte == 0 and shift > 0 or number >> 64:
                    raise ValueError
                return number
            shift += 7

    def number(self):
        data = self.take(8)
        number = struct.unpack("<d", data)[0]
        if number != number and data != NAN or number == 0 and data != bytes(8):
            raise ValueError
        return number


def place(number):
    """By which numbers are ordered."""
    return (number != number, number)


def shortest(total):
    """The encoded form of a sum."""
    units = total * (1 << 1074)
    if units == 0:
        return 0, b""
    units = int(units)
    start = ((units & -units).bit_length() - 1) // 8
    units >>= 8 * start
    length = 1
    while not -(1 << 8 * length - 1) <= units < 1 << 8 * length - 1:
        length += 1
    return start, units.to_bytes(length, "little", signed=True)


def read_value(reader):
    rows = reader.integer()
    length = reader.integer()
    if not 1 <= rows <= MOST_ROWS or length >> 1 > LONGEST_TEXT:
        raise ValueError
    text = bytes(reader.take(length >> 1)).decode("utf-8")
    if "\0" in text:
        raise ValueError
    if not length & 1:
        return Value(rows, text)
    least, greatest = reader.number(), reader.number()
    if place(least) > place(greatest):
        raise ValueError
    total = None
    if math.isfinite(least) and math.isfinite(greatest):
        start, length = reader.integer(), reader.integer()
        data = reader.take(length)
        if start + length > LONGEST_SUM:
            raise ValueError
        total = Fraction(int.from_bytes(data, "little", signed=True) << 8 * start, 1 << 1074)
        if shortest(total) != (start, data) or abs(total) > rows * LARGEST:
            raise ValueError
    return Value(rows, text, (least, greatest, total))


def decode(data):
    """The sample of these bytes, or None if they are none."""
    try:
        if data[0] != 1 or data[1] != 1:
            return None
        count, level = struct.unpack_from("<I", data, 9)[0], struct.unpack_from("<H", data, 3)[0]
        low, low_bytes, high_bits = model.layout(count, model.threshold(level, 1))
        end = 1 + model.HEADER.size + low_bytes + (high_bits + 7) // 8
        sketch = model.decode(data[1:end]) if end <= len(data) else None
        if sketch is None or sketch.capacity > LARGEST_SIZE:
            return None
        reader = Reader(data[end:])
        values = tuple(read_value(reader) for _ in sketch.hashes)
        return Sample(sketch, values) if reader.at == len(reader.data) else None
    except (IndexError, ValueError, struct.error):
        return None


def varint(number):
    data = bytearray()
    while number >= 0x80:
        data.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(data) + bytes([number])


def encode(sample):
    data = bytearray(b"\1" + model.encode(sample.sketch))
    for rows, text, measures in sample.values:
        text = text.encode("utf-8")
        data += varint(rows) + varint(len(text) << 1 | (measures is not None)) + text
        if measures is not None:
            for number in measures[:2]:
                data += NAN if number != number else struct.pack("<d", number)
            if measures[2] is not None:
                start, total = shortest(measures[2])
                data += varint(start) + varint(len(total)) + total
    return bytes(data)


def both(a, b):
    """What is known of a value that is in both samples."""
    if a.rows + b.rows > MOST_ROWS:
        raise model.Refused(f"a value in the sample occurs more than {MOST_ROWS} times")
    measures = a.measures or b.measures
    if a.measures and b.measures:
        least, greatest = min(a.measures[0], b.measures[0], key=place), max(a.measures[1], b.measures[1], key=place)
        totals = (a.measures[2], b.measures[2])
        measures = (least, greatest, None if None in totals else sum(totals))
    return Value(a.rows + b.rows, min(a.text, b.text, key=lambda text: text.encode("utf-8")), measures)


def union(a, b):
    if NOTHING in (a.sketch, b.sketch):
        return b if a.sketch == NOTHING else a
    try:
        sketch = model.united(a.sketch, b.sketch)
    except model.Refused as refused:
        raise model.Refused(str(refused).replace("cvm_sketch", "cvm_sample"))
    known = [dict(zip(sample.sketch.hashes, sample.values)) for sample in (a, b)]
    # Whether a value that leaves the sample in the end is counted before is a matter of the order: so are errors of its count.
    values = [both(known[0][hash], known[1][hash]) if hash in known[0] and hash in known[1] else known[hash not in known[0]][hash]
              for hash in sketch.hashes]
    return Sample(sketch, tuple(values))


def total(value):
    if value.measures is None:
        return None
    least, greatest, exact = value.measures
    if exact is None:
        return least + greatest if place(greatest) < place(math.nan) else math.nan
    try:
        return float(exact)
    except OverflowError:
        raise model.Refused("value out of range: overflow")


def mutations(known, chance, count):
    for _ in range(count):
        data = bytearray(chance.choice(known))
        if chance.random() < 0.1:
            # The head of one and the tail of another.
            other = chance.choice(known)
            data[chance.randrange(len(data) + 1):] = other[chance.randrange(len(other) + 1):]
        for _ in range(chance.choice([0, 1, 1, 1, 2, 3])):
            if chance.random() < 0.4:
                # Behind the header, where most is what may be anything.
                at = min(len(data), 21)
                tail = data[at:]
                chance.choice([flip_bits, change_bytes])(tail, chance)
                data[at:] = tail
            else:
                chance.choice([flip_bits, change_bytes, truncate, extend, move_bytes])(data, chance)
        yield bytes(data)


def crafted(session, chance):
    """Samples of hashes that share what sketches keep of them, and with them the hashes that their sketches would have."""
    for _ in range(40):
        hashes = drawn_hashes(chance, chance.choice([3, 20, 100]), chance.choice([0, 0, 1, 10, 30]))
        for _ in range(3):
            part = chance.sample(hashes, chance.choice([len(hashes), len(hashes) // 2]))
            sketch = model.of_hashes(part, chance.choice([8, 8, 50, 1000]), chance.choice([0, 0, 7]), chance.choice([0, 0, 4]), 1)
            level = min(sketch.level + chance.choice([0, 0, 0, 1, 100]), model.LAST_LEVELS[1])
            if level > sketch.level:
                sketch = sketch._replace(level=level, derived=True, hashes=tuple(sorted(sketch.cells(level))))
            yield encode(Sample(sketch, tuple(Value(chance.choice([1, 2, 1000]), chance.choice(["", "a", "b"])) for _ in sketch.hashes)))


def bases(session):
    for path in sorted(glob.glob(f"{GOLDEN}/*.bin")):
        if os.path.getsize(path) < 10_000:
            with open(path, "rb") as file:
                yield file.read()
    for call in ["cvm_sample_agg(i)", "cvm_sample_agg_measured(i, i / 7.0, 8)", "cvm_sample_agg_measured('t' || i % 10, i - 0.1)", "cvm_sample_agg(i, 20, 7)",
                 "cvm_sample_agg_measured(i, CASE i % 4 WHEN 0 THEN 1e300 WHEN 1 THEN -1e300 WHEN 2 THEN 'Infinity' ELSE i END, 12)",
                 "cvm_sample_agg_measured(i % 3, 1.7976931348623157e308)", "cvm_sample_agg_measured(i, i / 7.0, 8) & cvm_sketch_agg(i % 150, 0.5)",
                 "cvm_sample_agg_measured('t' || i, i - 0.1, 50) - cvm_sketch_agg('t' || i % 7)"]:
        for n in (0, 1, 5, 300):
            yield bytes(session.one(f"SELECT ({call})::bytea FROM generate_series(1, {n}) i"))


def trying(expression, type):
    return f"""
        DROP FUNCTION IF EXISTS pg_temp.compute;
        CREATE FUNCTION pg_temp.compute(bytes bytea, text text, a cvm_sample, b cvm_sample, c cvm_sketch, OUT result {type}, OUT state text, OUT message text)
        LANGUAGE plpgsql AS $$
        BEGIN
            result := {expression};
        EXCEPTION WHEN OTHERS THEN
            state := SQLSTATE;
            message := SQLERRM;
        END $$"""


def main():
    arguments = options(__doc__)
    report = Report("mutated_samples")
    session, chance = report.session, random.Random(arguments.seed)
    known = list(dict.fromkeys([*bases(session), *crafted(session, chance)]))
    for data in known:
        report.check((sample := decode(data)) is not None and encode(sample) == data, lambda: f"the model does not know {data.hex()}")
    sent = list(mutations(known, chance, 20_000 if arguments.form == "short" else 200_000))
    store(session, "CREATE TEMP TABLE mutated (id int, bytes bytea, text text)", "mutated",
          (f"{i}\t\\\\x{data.hex()}\t\\\\x{data.hex()}\n" for i, data in enumerate(sent)))
    valid = {data: sample for data in sent if (sample := decode(data))}

    for given, code in (("bytes::cvm_sample", "22P03"), ("text::cvm_sample", "22P02")):
        session.all(trying(f"({given})::bytea", "bytea"))
        for number, came, state, message in session.all("SELECT id, result, state, message FROM mutated, pg_temp.compute(bytes, text, NULL, NULL, NULL)"):
            data = sent[number]
            right = bytes(came) == data if came is not None and data in valid else \
                data not in valid and came is None and state == code and message.startswith("invalid cvm_sample: ")
            report.check(right, lambda: f"{given}: {data.hex()} becomes {came and bytes(came).hex()} {state} {message}, valid: {data in valid}")
    session.all("CREATE TEMP TABLE received (sample cvm_sample)")
    for data in sent[:2_000]:
        session.all("BEGIN")
        try:
            session.cursor.copy_expert("COPY received FROM STDIN (FORMAT binary)", io.BytesIO(copied(data)))
            report.check(data in valid, lambda: f"binary COPY lets {data.hex()} in")
        except psycopg2.Error as error:
            report.check(data not in valid and error.pgcode == "22P03", lambda: f"binary COPY of {data.hex()}: {error}")
        session.all("ROLLBACK")

    # What got in, through the functions, in pairs that mostly go together.
    pairs = [(data, chance.choice([other for other in valid if valid[other].sketch.seed == sample.sketch.seed and
                                   (chance.random() < 0.1 or valid[other].sketch.kind == sample.sketch.kind)] or [data]))
             for data, sample in list(valid.items())[:3_000]]
    # The sketch of the second, stored in either version.
    stored = [chance.choice([valid[b].sketch, valid[b].sketch.read()]) for _, b in pairs]
    store(session, "CREATE TEMP TABLE pairs (id int, a cvm_sample, b cvm_sample, c cvm_sketch)", "pairs",
          (f"{i}\t\\\\x{a.hex()}\t\\\\x{b.hex()}\t\\\\x{model.encode(s).hex()}\n" for i, ((a, b), s) in enumerate(zip(pairs, stored))))
    calls = 0
    for expression, type, operation in [
        ("(a || b)::bytea", "bytea", lambda a, b: encode(union(a, b))),
        ("(b || a)::bytea", "bytea", lambda a, b: encode(union(a, b))),
        ("(SELECT cvm_sample_union_agg(s) FROM (VALUES (a), (b)) v (s))::bytea", "bytea", lambda a, b: encode(union(a, b))),
        ("cvm_sample_union(ARRAY[a, NULL, b])::bytea", "bytea", lambda a, b: encode(union(a, b))),
        ("(a & b::cvm_sketch)::bytea", "bytea", lambda a, b: encode(a.kept(model.intersection(a.sketch, b.sketch)))),
        ("(a - b::cvm_sketch)::bytea", "bytea", lambda a, b: encode(a.kept(model.difference(a.sketch, b.sketch)))),
        ("(a & c)::bytea", "bytea", lambda a, b: encode(a.kept(model.intersection(a.sketch, b.sketch)))),
        ("(a - c)::bytea", "bytea", lambda a, b: encode(a.kept(model.difference(a.sketch, b.sketch)))),
        ("(a::cvm_sketch || c)::bytea", "bytea", lambda a, b: model.encode(model.union(a.sketch, b.sketch))),
        ("a::cvm_sketch::bytea", "bytea", lambda a, b: model.encode(a.sketch.read())),
        ("#a", "bigint", lambda a, b: a.sketch.estimate()),
    ]:
        session.all(trying(expression, type))
        for number, result, state, message in session.all("SELECT id, result, state, message FROM pairs, pg_temp.compute(NULL, NULL, a, b, c)"):
            a, b = (valid[data] for data in pairs[number])
            try:
                expected = operation(a, b)
                right = (bytes(result) if type == "bytea" and result is not None else result) == expected
            except model.Refused as refused:
                # Which of two is named first depends on the order.
                expected, right = refused, result is None and state in ("22023", "22003") and str(refused).split(",")[0] in message
            # A value that leaves the union may be counted before it does.
            right = right or state == "22003"
            report.check(right, lambda: f"{expression} of {pairs[number][0].hex()} and {pairs[number][1].hex()}: {result and bytes(result).hex() if type == 'bytea' else result} "
                                        f"{state} {message}, not {expected.hex() if isinstance(expected, bytes) else expected}")
            calls += 1
    text = model.KINDS.index("text")
    for number, (data, _) in enumerate(pairs):
        sample = valid[data]
        if sample.sketch.kind not in (0, text):
            continue
        outcome = session.attempt("SELECT value, occurrences, total, least, greatest FROM pairs, cvm_sample_values(a, NULL::text) WHERE id = %s", [number])
        try:
            expected = [(value.text, value.rows, total(value), *(value.measures or (None, None))[:2]) for value in sample.values]
        except model.Refused as refused:
            expected = refused
        same = lambda a, b: a == b or a != a and b != b
        right = all(same(x, y) for row, other in zip(outcome.rows, expected) for x, y in zip(row, other)) and len(outcome.rows) == len(expected) \
            if outcome.rows is not None and isinstance(expected, list) else outcome.state == "22003" and isinstance(expected, model.Refused)
        report.check(right, lambda: f"the values of {data.hex()} are {outcome}, not {expected}")
        calls += 1
    report.check(len(valid) > len(sent) // 20 and calls > 1_000, f"only {len(valid)} valid samples, and {calls} calls")
    report.server_lived()
    report.finish(f"{len(sent):,} mutations through the cast and text input, {len(valid):,} of them valid; {calls:,} calls with these")


if __name__ == "__main__":
    main()
