"""Columns drawn at random, each as something that `cvm_count.sketch` takes, and as rows for PostgreSQL, written without its help."""

from __future__ import annotations

import datetime
import decimal
import functools
import json
import struct
import uuid
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa

import hashes

EPOCH = datetime.datetime(1970, 1, 1)
# From 1970 to 2000, where PostgreSQL counts from.
DAYS = (datetime.date(2000, 1, 1) - datetime.date(1970, 1, 1)).days
MICROSECONDS = DAYS * 86_400_000_000
# The first day and the first microsecond that PostgreSQL has, and the last day, counted from 1970.
FIRST_DAY, LAST_DAY = -2_440_588, 2_145_042_905
FIRST_MICROSECOND = FIRST_DAY * 86_400_000_000
# The last second of a timestamp, that of the year 294276.
LAST_SECOND = 9_224_318_015_999
# What Python's datetime has.
PYTHON_DAYS = (-719_162, 2_932_896)
TICKS = {"s": 1_000_000, "ms": 1_000, "us": 1}


# What holds values in some way, of which the third argument draws such as do not belong to the column.
Make = Callable[[list[Any], Random, Callable[[], Any]], Any]


class Family(NamedTuple):
    """A type of PostgreSQL. A drawn value is what `object_of` makes a Python object of, or None where Python has none for it."""

    sent_as: str
    encode: Callable[[Any], bytes]
    hashed: Callable[[Any], bytes]
    object_of: Callable[[Any], Any]


class Form(NamedTuple):
    """A way to hold a column. `sql` is an expression over what was sent, v."""

    name: str
    family: Family
    sql: str
    value: Callable[[Random], Any]
    make: Make
    kind: str | None = None


class Column(NamedTuple):
    form: Form
    values: list[Any]
    items: Any
    epsilon: float
    delta: float
    seed: int


def double_data(number: float) -> bytes:
    return struct.pack("<Q", 0x7FF8000000000000) if number != number else struct.pack("<d", number + 0.0)


def in_python(microseconds: int) -> bool:
    return PYTHON_DAYS[0] <= microseconds // 86_400_000_000 <= PYTHON_DAYS[1]


def moment(microseconds: int, zone: datetime.tzinfo | None = None) -> datetime.datetime | None:
    if not in_python(microseconds):
        return None
    return (EPOCH + datetime.timedelta(microseconds=microseconds)).replace(tzinfo=zone)


def time_of_day(microseconds: int) -> datetime.time:
    return (EPOCH + datetime.timedelta(microseconds=microseconds)).time()


def time_with_zone(parts: tuple[int, int]) -> datetime.time:
    """Of microseconds, and of seconds west of Greenwich."""
    return time_of_day(parts[0]).replace(tzinfo=datetime.timezone(datetime.timedelta(seconds=-parts[1])))


def day(days: int) -> datetime.date | None:
    if not PYTHON_DAYS[0] <= days <= PYTHON_DAYS[1]:
        return None
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=days)


def duration(microseconds: int) -> datetime.timedelta | None:
    whole_days = microseconds // 86_400_000_000
    return datetime.timedelta(microseconds=microseconds) if abs(whole_days) < 999_999_999 else None


def same(value: Any) -> Any:
    return value


INTEGER = Family("bigint", struct.Struct(">q").pack, hashes.int64, same)
DOUBLE = Family("double precision", struct.Struct(">d").pack, double_data, same)
NUMERIC = Family("text", lambda v: str(v).encode(), lambda v: hashes.numeric(str(v)), same)
TEXT = Family("text", str.encode, str.encode, same)
BYTES = Family("bytea", same, same, same)
UUID = Family("uuid", lambda v: v.bytes, lambda v: v.bytes, same)
BOOLEAN = Family("boolean", lambda v: bytes([v]), lambda v: hashes.int64(int(v)), same)
DATE = Family("date", lambda v: struct.pack(">i", v - DAYS), lambda v: hashes.int64(v - DAYS), day)
TIMESTAMP = Family("timestamp", lambda v: struct.pack(">q", v - MICROSECONDS), lambda v: hashes.int64(v - MICROSECONDS), moment)
TIMESTAMPTZ = TIMESTAMP._replace(sent_as="timestamptz", object_of=lambda v: moment(v, datetime.timezone.utc))
TIMETZ = Family("timetz", lambda v: struct.pack(">qi", *v), lambda v: struct.pack("<qi", *v), time_with_zone)
TIME = Family("time", struct.Struct(">q").pack, hashes.int64, time_of_day)
INTERVAL = Family("interval", lambda v: struct.pack(">qii", v, 0, 0), lambda v: v.to_bytes(16, "little", signed=True), duration)


def near_the_ends(low: int, high: int) -> Callable[[Random], int]:
    def draw(r: Random) -> int:
        near = r.random()
        if near < 0.3:
            return max(low, min(high, r.randrange(-5, 300)))
        if near < 0.4:
            return r.choice([low, high, low + 1, high - 1, max(low, -1), 0])
        return r.randrange(low, high + 1) >> r.choice([0, 0, 20, 40]) if near < 0.7 else r.randrange(low, high + 1)

    return draw


def a_double(r: Random) -> float:
    return r.choice(
        [0.0, -0.0, 1.0, -1.5, 0.1, float("inf"), float("-inf"), float("nan"), 5e-324, 1e308, float(r.randrange(1000))]
        + [r.uniform(-1, 1), r.gauss(0, 1e9), float(r.getrandbits(64))]
    )


def rounded(code: str, draw: Callable[[Random], float]) -> Callable[[Random], float]:
    largest = float(np.finfo(code).max)

    def narrow(r: Random) -> float:
        number = draw(r)
        while largest < abs(number) < float("inf"):
            number /= 1e10
        return float(np.dtype(code).type(number))

    return narrow


def a_text(r: Random) -> str:
    return r.choice(
        [lambda: str(r.randrange(10**6)), lambda: "word %d" % r.randrange(300), lambda: r.choice(hashes.TEXTS)]
        + [lambda: "".join(chr(r.choice([r.randrange(1, 128), r.randrange(1, 0xD800), r.randrange(0x10000, 0x110000)])) for _ in range(r.randrange(20)))]
        + [lambda: "\t %d \n" % r.randrange(50), lambda: "é" * r.randrange(1, 200)]
    )()


def some_bytes(r: Random) -> bytes:
    return r.randbytes(r.choice([0, 1, 2, 5, 16, 16, 17, r.randrange(300)]))


def a_decimal(r: Random) -> decimal.Decimal:
    if r.random() < 0.03:
        return decimal.Decimal(r.choice(["NaN", "Infinity", "-Infinity", "-0.00", "1e300", "1.0", "1.00", "1e-200"]))
    return decimal.Decimal(r.choice([r.randrange(1000), r.getrandbits(120)]) * r.choice([1, -1])).scaleb(r.randrange(-12, 6), EXACT)


# The labels of an enum that the database has.
MOODS = ["sad", "ok", "happy", "é", "x" * 63]
EXACT = decimal.Context(prec=200)


def listed(family: Family) -> Make:
    """As a list, a tuple or a generator of Python objects."""

    def make(values: list[Any], r: Random, _junk: Callable[[], Any]) -> Any:
        objects = [None if value is None else family.object_of(value) for value in values]
        return r.choice([lambda: objects, lambda: tuple(objects), lambda: (item for item in objects), lambda: np.array(objects, object)])()

    return make


def arrow(type_: pa.DataType, convert: Callable[[Any], Any] = same) -> Make:
    """As an Arrow array: whole, a slice of a longer one, in chunks, of which some are empty, or dictionary-encoded."""

    def array(values: list[Any]) -> pa.Array:
        converted = [None if value is None else convert(value) for value in values]
        if type_ == pa.uuid():
            return pa.ExtensionArray.from_storage(type_, pa.array(converted, pa.binary(16)))
        return pa.array(converted, type_)

    def make(values: list[Any], r: Random, junk: Callable[[], Any]) -> Any:
        before, after = ([junk() for _ in range(r.choice([0, 0, 1, 3, 8, 70]))] for _ in range(2))
        whole = array(before + values + after)
        if r.random() < 0.15 and can_be_encoded(type_):
            # The dictionary has what the slice has not.
            whole = whole.dictionary_encode()
        if r.random() < 0.6:
            return whole.slice(len(before), len(values))
        cuts = sorted(r.randrange(len(values) + 1) for _ in range(r.randrange(4)))
        bounds = zip([0, *cuts], [*cuts, len(values)])
        return pa.chunked_array([whole.slice(len(before) + low, high - low) for low, high in bounds], whole.type)

    return make


def can_be_encoded(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)


def numpy(code: str) -> Make:
    """As an array of NumPy: whole, or of every second or every third item, or backwards. It has no nulls but NaT."""

    def make(values: list[Any], r: Random, junk: Callable[[], Any]) -> Any:
        held = np.array(["NaT" if value is None else value for value in values], code)
        step = r.choice([1, 1, 2, 3, -1, -2])
        if step == 1:
            return held
        spread = np.full(len(values) * abs(step), junk(), code)
        spread[::step] = held
        return spread[::step]

    return make


def pandas(dtype: str, convert: Callable[[Any], Any] = same) -> Make:
    return lambda values, r, junk: pd.Series([None if value is None else convert(value) for value in values], dtype=dtype)


def polars(dtype: Any) -> Make:
    def make(values: list[Any], r: Random, junk: Callable[[], Any]) -> Any:
        if dtype is pl.Enum:
            return pl.Series(values, dtype=pl.Enum(sorted({value for value in values if value is not None} | {"one that does not occur"})))
        whole = pl.Series([junk(), *values], dtype=dtype)
        return whole[1:] if r.random() < 0.5 else pl.concat([whole[1:2], whole[2:]], rechunk=False)

    return make


def wrapped(make: Make, wrap: Callable[[Any], Any]) -> Make:
    return lambda values, r, junk: wrap(make(values, r, junk))


def table(array: Any) -> pa.Table:
    return pa.table({"one": array})


def relation(array: Any) -> duckdb.DuckDBPyRelation:
    """Of a connection of its own, which it keeps."""
    return duckdb.connect().from_arrow(table(array)).project("one")


def no_nulls(make: Make) -> Make:
    make.no_nulls = True  # type: ignore[attr-defined]
    return make


def fixed(width: int) -> Callable[[Random], bytes]:
    return lambda r: r.randbytes(width) if r.random() < 0.9 else bytes(width)


def scaled(precision: int, scale: int) -> Callable[[Random], decimal.Decimal]:
    def draw(r: Random) -> decimal.Decimal:
        digits = r.randrange(10 ** r.randrange(1, precision + 1))
        return decimal.Decimal(digits * r.choice([1, -1])).scaleb(-scale, EXACT)

    return draw


def ticking(unit: str, low: int, high: int) -> Callable[[Random], int]:
    """Microseconds that are whole units, and fit into 64 bits both in that unit and in nanoseconds, if these are the unit."""
    if unit == "ns":
        return near_the_ends(max(low, -(2**63) // 1000 + 1), min(high, (2**63 - 1) // 1000))
    draw = near_the_ends(-(-low // TICKS[unit]), high // TICKS[unit])
    return lambda r: draw(r) * TICKS[unit]


def in_unit(unit: str) -> Callable[[int], int]:
    return (lambda v: v * 1000) if unit == "ns" else (lambda v: v // TICKS[unit])


def number_forms() -> list[Form]:
    forms = []
    for bits in (8, 16, 32, 64):
        for name, low, high in ((f"int{bits}", -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), (f"uint{bits}", 0, min(2**bits, 2**63) - 1)):
            sql = "v::smallint" if high < 2**15 else "v::integer" if high < 2**31 else "v"
            draw = near_the_ends(low, high)
            forms.append(Form(f"arrow {name}", INTEGER, sql, draw, arrow(getattr(pa, name)())))
            forms.append(Form(f"numpy {name}", INTEGER, "v", draw, no_nulls(numpy(name))))
            forms.append(Form(f"pandas {name}", INTEGER, sql, draw, pandas(name.replace("i", "I").replace("uI", "UI"))))
            forms.append(Form(f"polars {name}", INTEGER, "v", draw, polars(getattr(pl, name.replace("i", "I").replace("uI", "UI")))))
    for name in ("float16", "float32", "float64"):
        draw = rounded(name, a_double)
        sql = "v" if name == "float64" else "v::real"
        forms.append(Form(f"arrow {name}", DOUBLE, sql, draw, arrow(getattr(pa, name)(), np.float16 if name == "float16" else same)))
        forms.append(Form(f"numpy {name}", DOUBLE, sql, draw, no_nulls(numpy(name))))
    forms.append(Form("polars Float64", DOUBLE, "v", a_double, polars(pl.Float64)))
    forms.append(Form("list of int", INTEGER, "v", near_the_ends(-(2**63), 2**63 - 1), listed(INTEGER)))
    forms.append(Form("list of float", DOUBLE, "v", a_double, listed(DOUBLE)))
    forms.append(Form("list of Decimal", NUMERIC, "v::numeric", a_decimal, listed(NUMERIC)))
    for precision, scale in [(38, 0), (38, 38), (38, 10), (18, 2), (5, 4), (9, 3), (1, 0), (20, -3), (6, -9)]:
        draw_decimal = scaled(precision, scale)
        forms.append(Form(f"arrow decimal128({precision}, {scale})", NUMERIC, "v::numeric", draw_decimal, arrow(pa.decimal128(precision, scale))))
    forms.append(Form("polars Decimal", NUMERIC, "v::numeric", scaled(30, 4), polars(pl.Decimal(38, 4))))
    return forms


def text_forms() -> list[Form]:
    forms = [
        Form(f"arrow {type_}", TEXT, sql, a_text, arrow(type_))
        for type_, sql in ((pa.string(), "v"), (pa.large_string(), "v::varchar"), (pa.string_view(), "v"))
    ]
    forms += [
        Form("list of str", TEXT, "v", a_text, listed(TEXT)),
        Form("pandas str", TEXT, "v", a_text, pandas("str")),
        Form("pandas category", TEXT, "v", a_text, pandas("category")),
        Form("polars String", TEXT, "v", a_text, polars(pl.String)),
        Form("polars Categorical", TEXT, "v", a_text, polars(pl.Categorical)),
        Form("polars Enum", TEXT, "v", a_text, polars(pl.Enum)),
        Form("list of bytes", BYTES, "v", some_bytes, listed(BYTES)),
        Form("polars Binary", BYTES, "v", some_bytes, polars(pl.Binary)),
        Form("list of UUID", UUID, "v", lambda r: uuid.UUID(int=r.getrandbits(128)), listed(UUID)),
        Form("arrow uuid", UUID, "v", lambda r: uuid.UUID(int=r.getrandbits(128)), arrow(pa.uuid(), lambda v: v.bytes)),
        Form("list of bool", BOOLEAN, "v", lambda r: r.random() < 0.5, listed(BOOLEAN)),
        Form("arrow bool", BOOLEAN, "v", lambda r: r.random() < 0.5, arrow(pa.bool_())),
        Form("numpy bool", BOOLEAN, "v", lambda r: r.random() < 0.5, no_nulls(numpy("bool"))),
        Form("polars Boolean", BOOLEAN, "v", lambda r: r.random() < 0.5, polars(pl.Boolean)),
    ]
    for binary in (pa.binary(), pa.large_binary(), pa.binary_view()):
        forms.append(Form(f"arrow {binary}", BYTES, "v", some_bytes, arrow(binary)))
    for width in (1, 3, 16):
        forms.append(Form(f"arrow {pa.binary(width)}", BYTES, "v", fixed(width), arrow(pa.binary(width))))
    return forms


def time_forms() -> list[Form]:
    days = near_the_ends(FIRST_DAY, LAST_DAY)
    forms = [
        Form("arrow date32", DATE, "v", days, arrow(pa.date32())),
        Form("arrow date64", DATE, "v", days, arrow(pa.date64(), lambda v: v * 86_400_000)),
        Form("numpy datetime64[D]", DATE, "v", days, numpy("datetime64[D]")),
        Form("list of date", DATE, "v", near_the_ends(*PYTHON_DAYS), listed(DATE)),
        Form("polars Date", DATE, "v", near_the_ends(-50_000, 50_000), polars(pl.Date)),
    ]
    in_python_range = (PYTHON_DAYS[0] * 86_400_000_000, (PYTHON_DAYS[1] + 1) * 86_400_000_000 - 1)
    forms.append(Form("list of datetime", TIMESTAMP, "v", near_the_ends(*in_python_range), listed(TIMESTAMP)))
    forms.append(Form("list of datetime with zone", TIMESTAMPTZ, "v", near_the_ends(*in_python_range), listed(TIMESTAMPTZ)))
    forms.append(Form("list of time", TIME, "v", near_the_ends(0, 86_399_999_999), listed(TIME)))
    forms.append(Form("list of time with zone", TIMETZ, "v", lambda r: (r.randrange(86_400_000_000), r.choice([0, r.randrange(-86_399 // 2, 43_200)])), listed(TIMETZ)))
    forms.append(Form("list of timedelta", INTERVAL, "v", near_the_ends(-(2**62), 2**62), listed(INTERVAL)))
    for unit in ("s", "ms", "us", "ns"):
        # The last number of 64 bits is DuckDB's infinity, and refused.
        moments = ticking(unit, FIRST_MICROSECOND, 2**63 - 2)
        forms.append(Form(f"arrow timestamp[{unit}]", TIMESTAMP, "v", moments, arrow(pa.timestamp(unit), in_unit(unit))))
        forms.append(Form(f"arrow timestamp[{unit}, tz]", TIMESTAMPTZ, "v", moments, arrow(pa.timestamp(unit, "Europe/Zurich"), in_unit(unit))))
        forms.append(Form(f"numpy datetime64[{unit}]", TIMESTAMP, "v", moments, numpy_in(unit, "datetime64")))
        lengths = ticking(unit, -(2**63) + 1, 2**63 - 1)
        forms.append(Form(f"arrow duration[{unit}]", INTERVAL, "v", lengths, arrow(pa.duration(unit), in_unit(unit))))
        forms.append(Form(f"numpy timedelta64[{unit}]", INTERVAL, "v", lengths, numpy_in(unit, "timedelta64")))
        times = ticking(unit, 0, 86_399_999_999)
        forms.append(Form(f"arrow time[{unit}]", TIME, "v", times, arrow(pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit), in_unit(unit))))
    for polars_unit in ("ms", "us", "ns"):
        moments = ticking(polars_unit, -(10**15), 10**15)
        forms.append(Form(f"polars Datetime({polars_unit})", TIMESTAMP, "v", moments, polars_in(polars_unit, pl.Datetime(polars_unit))))
        forms.append(Form(f"polars Duration({polars_unit})", INTERVAL, "v", moments, polars_in(polars_unit, pl.Duration(polars_unit))))
    forms.append(Form("pandas datetime64[ns]", TIMESTAMP, "v", ticking("ns", FIRST_MICROSECOND, 2**62), pandas("datetime64[ns]", in_unit("ns"))))
    return forms


def numpy_in(unit: str, code: str) -> Make:
    convert, make = in_unit(unit), numpy(f"{code}[{unit}]")
    return lambda values, r, junk: make([None if v is None else convert(v) for v in values], r, lambda: convert(junk()))


def polars_in(unit: str, dtype: Any) -> Make:
    convert, make = in_unit(unit), polars(pl.Int64)
    return lambda values, r, junk: make([None if v is None else convert(v) for v in values], r, lambda: convert(junk())).cast(dtype)


def documents(values: list[Any], _r: Random, _junk: Callable[[], Any]) -> list[Any]:
    """As objects of Python, numbers with a point among them as Decimal."""
    return [None if value is None else json.loads(value, parse_float=decimal.Decimal) for value in values]


def kind_forms() -> list[Form]:
    """Items that the column has as another type in PostgreSQL."""
    small = near_the_ends(-(2**53), 2**53)
    return [
        Form("int as floating point", DOUBLE, "v", lambda r: float(small(r)), lambda values, r, junk: [v if v is None else int(v) for v in values], "floating point"),
        Form("int as numeric", NUMERIC, "v::numeric", near_the_ends(-(2**63), 2**63 - 1), arrow(pa.int64()), "numeric"),
        Form("float as integer", INTEGER, "v", small, arrow(pa.float64(), float), "integer"),
        Form("pandas float64 with nulls as integer", INTEGER, "v", small, pandas("float64"), "integer"),
        Form("JSON text as jsonb", JSON, "v::jsonb", a_document, listed(TEXT), "jsonb"),
        Form("arrow JSON text as jsonb", JSON, "v::jsonb", a_document, arrow(pa.string()), "jsonb"),
        Form("arrow json", JSON, "v::jsonb", a_document, arrow(pa.json_()), "jsonb"),
        Form("dict as jsonb", JSON, "v::jsonb", a_container, documents, "jsonb"),
        Form("str as enum", TEXT, "v::mood", lambda r: r.choice(MOODS), listed(TEXT), "enum"),
        Form("dictionary as enum", TEXT, "v::mood", lambda r: r.choice(MOODS), arrow(pa.string()), "enum"),
    ]


@functools.cache
def many_documents() -> list[str]:
    r = Random(0)
    return [new_document(r) for _ in range(1000)]


def a_document(r: Random) -> str:
    return r.choice(many_documents())


def new_document(r: Random) -> str:
    """The text of a document, not null, which is a value of jsonb, but in a list of Python nothing."""
    while True:
        text, _ = hashes.json(r, r.choice([0, 1, 2]))
        other, _ = hashes.json(r, 1)
        if text[0] == other[0] == "{" and min(len(text), len(other)) > 2:
            # With some keys twice.
            text = f"{text[:-1]}, {other[1:]}"
        if text != "null" and len(text) < 3000:
            return text.replace("é", r.choice(["é", "\\u00e9"])).replace(": ", r.choice([": ", ":", "\n:\t"]))


def a_container(r: Random) -> str:
    """An object or an array, which Python can have as such. Of a scalar it cannot be told from text or from a number."""
    while (text := a_document(r))[0] not in "{[":
        pass
    return text


JSON = Family("text", str.encode, str.encode, lambda v: None)


def held_forms() -> list[Form]:
    """Columns of tables and of queries."""
    integers, texts = near_the_ends(-(2**63), 2**63 - 1), arrow(pa.string())
    return [
        Form("arrow table", INTEGER, "v", integers, wrapped(arrow(pa.int64()), table)),
        Form("arrow reader", TEXT, "v", a_text, wrapped(texts, lambda array: table(array).to_reader(7))),
        Form("polars frame", INTEGER, "v", integers, wrapped(polars(pl.Int64), lambda series: series.to_frame("one"))),
        Form("pandas frame", TEXT, "v", a_text, wrapped(pandas("str"), lambda series: series.to_frame("one"))),
        Form("duckdb bigint", INTEGER, "v", integers, wrapped(arrow(pa.int64()), relation)),
        Form("duckdb varchar", TEXT, "v", a_text, wrapped(texts, relation)),
        Form("duckdb decimal", NUMERIC, "v::numeric", scaled(18, 3), wrapped(arrow(pa.decimal128(18, 3)), relation)),
        Form("duckdb timestamp", TIMESTAMP, "v", ticking("us", -(10**16), 10**16), wrapped(arrow(pa.timestamp("us")), relation)),
        Form("duckdb date", DATE, "v", near_the_ends(-50_000, 50_000), wrapped(arrow(pa.date32()), relation)),
    ]


FORMS = number_forms() + text_forms() + time_forms() + kind_forms() + held_forms()


def drawn_column(r: Random, form: Form) -> Column:
    length = r.choice([0, 1, r.randrange(20), r.randrange(300)] + [int(10 ** r.uniform(1.5, 3.3))] * 4)
    if r.random() < 0.01:
        length = int(10 ** r.uniform(3.3, 4.7))
    if r.random() < 0.5:
        values = [form.value(r) for _ in range(length)]
    else:
        pool = [form.value(r) for _ in range(r.choice([1, 3, 100, 1000]))]
        values = r.choices(pool, k=length)
    if not getattr(form.make, "no_nulls", False):
        share = r.choice([0, 0, 0, 0.05, 0.5, 0.5, 1])
        values = [None if r.random() < share else value for value in values]
    epsilon = r.choice([0.5, 0.5, 0.45, 0.4, 0.3, 0.1, 0.03, 0.01, 10 ** r.uniform(-2, -0.31)])
    delta = r.choice([0.1, 0.01, 0.001, 10 ** r.uniform(-9, -1)])
    seed = r.choice([0, 0, 1, -1, 2**63 - 1, -(2**63), r.randrange(-(2**63), 2**63)])
    return Column(form, values, form.make(values, r, lambda: form.value(r)), epsilon, delta, seed)
