"""The same columns sketched here and by the server: equal to the last byte."""

from __future__ import annotations

import datetime
import json
import struct
from collections import Counter, defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import cvm_count
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import hashes
from columns import FIRST_DAY, FORMS, LAST_DAY, LAST_SECOND, Column, Family, drawn_column

BATCH = 500


def send(connection: psycopg.Connection, table: str, family: Family, rows: list[tuple[int, Any]]) -> None:
    """Rows of a number and a value, by binary COPY, whose bytes are written here."""
    data = bytearray(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    for number, value in rows:
        data += struct.pack(">hii", 2, 4, number)
        encoded = None if value is None else family.encode(value)
        data += struct.pack(">i", -1) if encoded is None else struct.pack(">i", len(encoded)) + encoded
    data += struct.pack(">h", -1)
    connection.execute(f"CREATE TEMPORARY TABLE {table} (n integer, v {family.sent_as}) ON COMMIT DROP")
    with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)") as copy:
        copy.write(data)


def sketched_there(connection: psycopg.Connection, columns: list[Column]) -> list[cvm_count.Sketch]:
    """The sketches that the server makes of the columns."""
    connection.execute(
        "CREATE TEMPORARY TABLE asked (n integer, sql text, epsilon double precision, delta double precision, seed bigint) ON COMMIT DROP"
    )
    with connection.cursor().copy("COPY asked FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "text", "float8", "float8", "int8"])
        for n, column in enumerate(columns):
            copy.write_row((n, column.form.sql, column.epsilon, column.delta, column.seed))
    by_family = defaultdict(list)
    for n, column in enumerate(columns):
        by_family[column.form.family].append(n)
    queries = []
    for number, (family, numbers) in enumerate(by_family.items()):
        rows = [(n, value) for n in numbers for value in columns[n].values]
        send(connection, f"sent{number}", family, rows)
        for sql in sorted({columns[n].form.sql for n in numbers}):
            # Of a column without rows there is one with NULL.
            queries.append(
                f"SELECT n, cvm_sketch_agg({sql}, epsilon, delta, seed) FROM asked LEFT JOIN sent{number} USING (n) "
                f"WHERE asked.sql = '{sql}' AND n = ANY ('{{{','.join(map(str, numbers))}}}') GROUP BY n"
            )
    found = {}
    with connection.cursor().copy(f"COPY ({' UNION ALL '.join(queries)}) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int4", "cvm_sketch"])
        found.update(copy.rows())
    assert len(found) == len(columns)
    return [found[n] for n in range(len(columns))]


def described(column: Column) -> str:
    return f"{column.form.name}, epsilon {column.epsilon}, delta {column.delta}, seed {column.seed}: {column.values[:20]!r}"[:1000]


def sketched_here(column: Column, threads: int | None = None) -> cvm_count.Sketch:
    try:
        return cvm_count.sketch(
            column.items, epsilon=column.epsilon, delta=column.delta, seed=column.seed, kind=column.form.kind, threads=threads
        )
    except Exception as error:
        error.add_note(described(column))
        raise


def different(here: list[cvm_count.Sketch], there: list[cvm_count.Sketch], columns: list[Column]) -> list[str]:
    return [
        f"{one!r} here, {other!r} there: {described(column)}"
        for one, other, column in zip(here, there, columns, strict=True)
        if bytes(one) != bytes(other)
    ]


def test_random_columns(connection: psycopg.Connection, compared: Counter[str], pytestconfig: pytest.Config) -> None:
    """Also sent to the server, which finds them equal to its own, and in the forms that it shows."""
    number, forms = pytestconfig.getoption("columns"), Counter[str]()
    r = Random(pytestconfig.getoption("seed"))
    for start in range(0, number, BATCH):
        columns = [drawn_column(r, FORMS[n % len(FORMS)]) for n in range(start, min(start + BATCH, number))]
        forms.update(column.form.name for column in columns)
        here = [sketched_here(column, r.choice([None, 1, 2, 5])) for column in columns]
        there = sketched_there(connection, columns)
        assert different(here, there, columns) == []
        connection.execute("CREATE TEMPORARY TABLE came (n integer, sketch cvm_sketch) ON COMMIT DROP")
        with connection.cursor().copy("COPY came FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "cvm_sketch"])
            for row in enumerate(here):
                copy.write_row(row)
        rows = connection.execute(
            "SELECT sketch::text, sketch = other, # sketch, (cvm_sketch_info(sketch)).* "
            "FROM came JOIN unnest(%s) WITH ORDINALITY made (other, number) ON number = n + 1 ORDER BY n",
            (there,),
        ).fetchall()
        for sketch, (text, equal, estimate, _version, seed, capacity, level, retained, is_exact, size, kind, is_derived) in zip(here, rows, strict=True):
            assert (equal, text) == (True, str(sketch))
            assert cvm_count.Sketch.from_str(text) == sketch and hash(cvm_count.Sketch.from_str(text)) == hash(sketch)
            assert (sketch.estimate(), sketch.seed, sketch.capacity, sketch.level, sketch.retained) == (estimate, seed, capacity, level, retained)
            assert (sketch.is_exact, len(bytes(sketch)), sketch.kind, sketch.is_derived) == (is_exact, size, kind, is_derived)
        connection.rollback()
        compared["columns"] += len(columns)
        compared["of them sampled"] += sum(not sketch.is_exact for sketch in here)
    assert len(forms) == min(len(FORMS), number)
    compared["forms of a column"] = len(forms)


def test_batches(connection: psycopg.Connection, compared: Counter[str], pytestconfig: pytest.Config) -> None:
    """A Builder that is given a column piece by piece makes what the server makes of the whole."""
    r = Random(pytestconfig.getoption("seed"))
    columns, built = [], []
    for form in FORMS * 2:
        column = drawn_column(r, form)
        builder = cvm_count.Builder(epsilon=column.epsilon, delta=column.delta, seed=column.seed, kind=form.kind)
        cuts = [0, *sorted(r.randrange(len(column.values) + 1) for _ in range(r.choice([0, 1, 9]))), len(column.values)]
        for low, high in zip(cuts, cuts[1:]):
            try:
                builder.update(form.make(column.values[low:high], r, lambda: form.value(r)))
            except Exception as error:
                error.add_note(described(column._replace(values=column.values[low:high])))
                raise
            if r.random() < 0.2:
                builder.sketch()
        columns.append(column)
        built.append(builder.sketch())
    assert different(built, sketched_there(connection, columns), columns) == []
    compared["columns in batches"] += len(columns)


A_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NEAR = {"min_value": datetime.datetime(2, 1, 1), "max_value": datetime.datetime(9998, 12, 31)}
PYTHON_TYPES = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "double precision": st.floats(),
    "numeric": st.decimals(-(10**40), 10**40) | st.sampled_from([Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity"), Decimal("-0.0")]),
    "text": A_TEXT,
    "bytea": st.binary(),
    "boolean": st.booleans(),
    "uuid": st.uuids(),
    "date": st.dates(),
    "timestamp": st.datetimes(),
    "timestamptz": st.datetimes(**NEAR, timezones=st.timezones() | st.just(datetime.timezone(datetime.timedelta(hours=-5, minutes=7, seconds=11)))),
    "time": st.times(),
    "interval": st.timedeltas(),
}


@pytest.mark.parametrize("name", PYTHON_TYPES)
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_python_objects(connection: psycopg.Connection, compared: Counter[str], name: str, data: st.DataObject) -> None:
    """Lists of what Python has, which psycopg hands to the server."""
    items = data.draw(st.lists(st.none() | PYTHON_TYPES[name], max_size=40))
    epsilon = data.draw(st.sampled_from([0.5, 0.1, 0.03]))
    seed = data.draw(st.sampled_from([0, -1, 2**63 - 1]))
    query = f"SELECT cvm_sketch_agg(x, %s, 0.1, %s), array_agg(cvm_hash(x, %s)) FROM unnest(%s::{name}[]) x"
    there, hashed = connection.execute(query, (epsilon, seed, seed, items), binary=True).fetchone()
    here = cvm_count.sketch(items, epsilon=epsilon, delta=0.1, seed=seed)
    assert bytes(here) == bytes(there)
    assert [None if item is None else cvm_count.hash(item, seed) for item in items] == (hashed or [])
    compared["columns that hypothesis draws"] += 1


def test_hashes(connection: psycopg.Connection, compared: Counter[str], pytestconfig: pytest.Config) -> None:
    """`cvm_count.hash` of each value is the server's, and that of docs/hashes.md, written down in tests/hardening."""
    r = Random(pytestconfig.getoption("seed"))
    each = max(20, pytestconfig.getoption("columns") // 40)
    for number, form in enumerate(FORMS):
        family = form.family
        if form.kind is not None:
            continue
        values = [value for value in (form.value(r) for _ in range(each)) if family.object_of(value) is not None]
        send(connection, f"hashed{number}", family, list(enumerate(values)))
        for seed in (0, r.choice([1, -1, 2**63 - 1, -(2**63), r.randrange(2**63)])):
            there = dict(connection.execute(f"SELECT n, cvm_hash({form.sql}, %s) FROM hashed{number}", (seed,)).fetchall())
            for n, value in enumerate(values):
                here = cvm_count.hash(family.object_of(value), seed)
                modelled = hashes.hashed(family.hashed(value), seed)
                assert (here, here % 2**64) == (there[n], modelled), f"{form.name}: {value!r} under seed {seed}"
            compared["hashes"] += len(values)
    connection.rollback()


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | A_TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(A_TEXT, inner, max_size=5),
    max_leaves=20,
)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(DOCUMENTS.filter(lambda document: isinstance(document, (list, dict))), max_size=20))
def test_documents(connection: psycopg.Connection, compared: Counter[str], documents: list[object]) -> None:
    """What Python writes as JSON, the server reads as the same: floats by their shortest decimal."""
    texts = [json.dumps(document) for document in documents]
    there = connection.execute("SELECT cvm_sketch_agg(x::jsonb) FROM unnest(%s::text[]) x", (texts,)).fetchone()[0]
    assert cvm_count.sketch(documents, kind="jsonb") == cvm_count.sketch(texts, kind="jsonb") == there
    compared["columns that hypothesis draws"] += 1


# The first value that the server has, or the last, and the one beyond.
ENDS = [
    (pa.date32(), FIRST_DAY, "date '4714-11-24 BC'", FIRST_DAY - 1, "date '4714-11-23 BC'"),
    (pa.date32(), LAST_DAY, "date '5874897-12-31'", LAST_DAY + 1, "date '5874898-01-01'"),
    (pa.timestamp("s"), FIRST_DAY * 86_400, "timestamp '4714-11-24 BC'", FIRST_DAY * 86_400 - 1, "timestamp '4714-11-23 23:59:59 BC'"),
    (pa.timestamp("s"), LAST_SECOND, "timestamp '294276-12-31 23:59:59'", LAST_SECOND + 1, "timestamp '294277-01-01'"),
    (pa.timestamp("ms", "UTC"), FIRST_DAY * 86_400_000, "timestamptz '4714-11-24 00:00+00 BC'", FIRST_DAY * 86_400_000 - 1, "timestamptz '4714-11-23 23:59+00 BC'"),
    (pa.uint64(), 2**63 - 1, "9223372036854775807", 2**63, "9223372036854775808::bigint"),
]


@pytest.mark.parametrize(("type_", "within", "as_sql", "beyond", "beyond_as_sql"), ENDS)
def test_the_ends_of_a_type(
    connection: psycopg.Connection, type_: pa.DataType, within: int, as_sql: str, beyond: int, beyond_as_sql: str
) -> None:
    """What the server has no value for is refused here as well."""
    there = connection.execute(f"SELECT cvm_sketch_agg({as_sql})").fetchone()[0]
    assert cvm_count.sketch(pa.array([within], type_)) == there
    with pytest.raises(psycopg.DataError):
        connection.execute(f"SELECT cvm_sketch_agg({beyond_as_sql})")
    with pytest.raises((OverflowError, ValueError)):
        cvm_count.sketch(pa.array([beyond], type_))


def test_the_servers_empty_sketch(connection: psycopg.Connection, compared: Counter[str]) -> None:
    """Whatever the type, the accuracy and the seed."""
    empty = connection.execute("SELECT cvm_sketch_agg(NULL::text, 0.2, 0.1, 7)").fetchone()[0]
    r = Random(0)
    for form in FORMS:
        for values in ([], [None], [None] * 100):
            if values and getattr(form.make, "no_nulls", False):
                continue
            column = Column(form, values, form.make(values, r, lambda: form.value(r)), 0.2, 0.1, 7)
            assert bytes(sketched_here(column)) == bytes(empty), form.name
            compared["empty columns"] += 1
    assert cvm_count.Builder(epsilon=0.2, seed=7).sketch() == empty == cvm_count.sketch([], epsilon=0.2, seed=7)
