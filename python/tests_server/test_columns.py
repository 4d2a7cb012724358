"""The same columns sketched here and by the server: equal to the last byte."""

from __future__ import annotations

import struct
from collections import Counter, defaultdict
from random import Random
from typing import Any

import cvm_count
import psycopg
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import hashes
from columns import FORMS, Column, Family, Form, drawn_column

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
    by_type = defaultdict(list)
    for n, column in enumerate(columns):
        by_type[column.form.family.sent_as].append(n)
    queries = []
    for number, numbers in enumerate(by_type.values()):
        rows = [(n, value) for n in numbers for value in columns[n].values]
        send(connection, f"sent{number}", columns[numbers[0]].form.family, rows)
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


def sketched_here(column: Column, threads: int | None = None) -> cvm_count.Sketch:
    try:
        return cvm_count.sketch(
            column.items, epsilon=column.epsilon, delta=column.delta, seed=column.seed, kind=column.form.kind, threads=threads
        )
    except Exception as error:
        error.add_note(f"{column.form.name}: {column.values[:20]!r}")
        raise


def different(here: list[cvm_count.Sketch], there: list[cvm_count.Sketch], columns: list[Column]) -> list[str]:
    return [
        f"{column.form.name}, epsilon {column.epsilon}, delta {column.delta}, seed {column.seed}: {one!r} here, {other!r} there: {column.values[:20]!r}"
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
    assert len(forms) == min(len(FORMS), number)
    compared["forms of a column"] = len(forms)


# A first value of each form is drawn at random too; hypothesis then looks for the smallest column that differs.
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
@settings(max_examples=8, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**64), batch=st.integers(1, 60))
@example(seed=0, batch=1)
def test_batches_of_a_column(connection: psycopg.Connection, compared: Counter[str], form: Form, seed: int, batch: int) -> None:
    """A Builder that is given a column piece by piece makes what the whole makes, on the server too."""
    r = Random(seed)
    column = drawn_column(r, form)
    values = column.values[: batch * 8]
    builder = cvm_count.Builder(epsilon=column.epsilon, delta=column.delta, seed=column.seed, kind=form.kind)
    for low in range(0, len(values), batch):
        builder.update(form.make(values[low : low + batch], r, lambda: form.value(r)))
    column = column._replace(values=values)
    assert different([builder.sketch()], sketched_there(connection, [column]), [column]) == []
    connection.rollback()
    compared["columns in batches"] += 1


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
