"""`cvm_count.psycopg` and `cvm_count.sqlalchemy` against a server."""

from __future__ import annotations

import asyncio
import datetime
import doctest
from collections.abc import Iterator

import cvm_count
import cvm_count.psycopg
import cvm_count.sqlalchemy
import psycopg
import pytest
import sqlalchemy as sa
from cvm_count import Sketch
from cvm_count.sqlalchemy import CvmSketch
from psycopg.pq import TransactionStatus
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

EXACT = cvm_count.sketch(["a", "b", None])
LARGE = cvm_count.sketch(range(100_000))
EMPTY = cvm_count.sketch([])
SKETCHES = [EXACT, LARGE, EMPTY]


@pytest.mark.parametrize("binary", [False, True], ids=["text", "binary"])
@pytest.mark.parametrize("placeholder", ["%s", "%t", "%b"])
@pytest.mark.parametrize("sketch", SKETCHES, ids=["exact", "sampled", "empty"])
def test_parameters_and_results(connection: psycopg.Connection, sketch: Sketch, placeholder: str, binary: bool) -> None:
    cursor = connection.cursor(binary=binary)
    # The type of the parameter is known to the server: nothing else says it.
    found = cursor.execute(f"SELECT {placeholder}, # {placeholder}, pg_typeof({placeholder})::text", [sketch] * 3).fetchone()
    assert found == (sketch, sketch.estimate(), "cvm_sketch")
    assert bytes(found[0]) == bytes(sketch)
    arrays = [[sketch, None, EXACT], [], [[sketch, EXACT], [EXACT, sketch]]]
    for array in arrays:
        assert cursor.execute(f"SELECT {placeholder}::cvm_sketch[]", [array]).fetchone() == (array,)
    assert cursor.execute("SELECT NULL::cvm_sketch, ROW(%s, 1)::text", [sketch]).fetchone()[0] is None
    # Prepared, and many at once.
    for _ in range(7):
        assert cursor.execute("SELECT # %s::cvm_sketch", [sketch], prepare=True).fetchone() == (sketch.estimate(),)
    cursor.execute("CREATE TEMPORARY TABLE many (n integer, sketch cvm_sketch)")
    cursor.executemany("INSERT INTO many VALUES (%s, %s)", list(enumerate([*SKETCHES, None])))
    assert [row[0] for row in cursor.execute("SELECT sketch FROM many ORDER BY n")] == [*SKETCHES, None]


def test_values_in_the_text_of_a_query(connection: psycopg.Connection) -> None:
    cursor = psycopg.ClientCursor(connection)
    assert cursor.execute("SELECT # %s, %s, %s", [LARGE, EXACT, [EXACT, LARGE]]).fetchone() == (LARGE.estimate(), EXACT, [EXACT, LARGE])


@pytest.mark.parametrize("form", ["text", "binary"])
def test_copy(connection: psycopg.Connection, form: str) -> None:
    connection.execute("CREATE TEMPORARY TABLE copied (day date, sketch cvm_sketch, sketches cvm_sketch[])")
    types = ["date", "cvm_sketch", "cvm_sketch[]"]
    day = datetime.date(2026, 1, 1)
    rows = [(day, sketch, [sketch, None, LARGE]) for sketch in SKETCHES] + [(day, None, None)]
    with connection.cursor().copy(f"COPY copied FROM STDIN (FORMAT {form})") as copy:
        if form == "binary":
            copy.set_types(types)
        for row in rows:
            copy.write_row(row)
    with connection.cursor().copy(f"COPY copied TO STDOUT (FORMAT {form})") as copy:
        copy.set_types(types)
        assert list(copy.rows()) == rows


def other_database(name: str, statements: list[str]) -> None:
    with psycopg.connect(autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}")
        connection.execute(f"CREATE DATABASE {name}")
    with psycopg.connect(dbname=name, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement)


def test_the_type_is_that_of_the_extension(connection: psycopg.Connection) -> None:
    """In any schema, beside others of that name, and with another number in each database."""
    other_database(
        "elsewhere",
        ["CREATE TYPE cvm_sketch AS (text text)", 'CREATE SCHEMA "Ä ""b"', 'CREATE EXTENSION cvm_count SCHEMA "Ä ""b"']
    )
    with psycopg.connect(dbname="elsewhere") as elsewhere:
        cvm_count.psycopg.register(elsewhere)
        for cursor in (elsewhere.cursor(), elsewhere.cursor(binary=True), psycopg.ClientCursor(elsewhere)):
            found = cursor.execute("SELECT %s, %s, pg_typeof(%s)::text", [LARGE, [EXACT], LARGE]).fetchone()
            assert found == (LARGE, [EXACT], '"Ä ""b".cvm_sketch')
        with cursor.copy("COPY (SELECT %s, %s) TO STDOUT (FORMAT binary)", [LARGE, [EXACT]]) as copy:
            copy.set_types(["cvm_sketch", "cvm_sketch[]"])
            assert list(copy.rows()) == [(LARGE, [EXACT])]
        # The first connection goes on as before.
        assert connection.execute("SELECT %s", [LARGE]).fetchone() == (LARGE,)


def test_registering_leaves_the_transaction_as_it_is(database: str) -> None:
    with psycopg.connect(dbname=database) as connection:
        cvm_count.psycopg.register(connection)
        assert connection.info.transaction_status == TransactionStatus.IDLE
        connection.execute("CREATE TEMPORARY TABLE kept ()")
        cvm_count.psycopg.register(connection)
        assert connection.info.transaction_status == TransactionStatus.INTRANS
        connection.rollback()
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == (None,)


def test_rows_of_any_form(database: str) -> None:
    with psycopg.connect(dbname=database, row_factory=psycopg.rows.dict_row) as connection:
        cvm_count.psycopg.register(connection)
        assert connection.execute("SELECT %s AS s", [EXACT]).fetchone() == {"s": EXACT}


def test_asynchronous_connections(database: str) -> None:
    async def run() -> None:
        async with await psycopg.AsyncConnection.connect(dbname=database) as connection:
            await cvm_count.psycopg.register_async(connection)
            assert connection.info.transaction_status == TransactionStatus.IDLE
            cursor = await connection.execute("SELECT %s, cvm_sketch_agg(i) FROM generate_series(0, 99999) i", [EXACT])
            assert await cursor.fetchone() == (EXACT, LARGE)

    asyncio.run(run())


def test_a_database_without_the_extension() -> None:
    other_database("without", [])
    with psycopg.connect(dbname="without") as connection:
        with pytest.raises(psycopg.errors.UndefinedObject, match="the database has no extension cvm_count"):
            cvm_count.psycopg.register(connection)
        assert connection.info.transaction_status == TransactionStatus.IDLE
        with pytest.raises(psycopg.ProgrammingError):
            connection.execute("SELECT %s", [EXACT])


def test_bytes_that_are_no_sketch(connection: psycopg.Connection) -> None:
    """Of a server that is not ours, say."""
    loader = connection.adapters.get_loader(connection.adapters.types["cvm_sketch"].oid, psycopg.pq.Format.BINARY)(0)
    for data in (b"", b"\2", bytes(LARGE)[:-1], bytes(LARGE) + b"\0"):
        with pytest.raises(ValueError):
            loader.load(data)
    loader = connection.adapters.get_loader(connection.adapters.types["cvm_sketch"].oid, psycopg.pq.Format.TEXT)(0)
    for data in (b"", b"\\x", b"\\xzz", str(LARGE).encode()[:-1], "é".encode()):
        with pytest.raises(ValueError):
            loader.load(data)


def test_examples() -> None:
    failed, run = doctest.testmod(cvm_count.sqlalchemy)
    assert failed == 0 and run > 3


class Base(DeclarativeBase):
    pass


class Rollup(Base):
    __tablename__ = "rollup"
    day: Mapped[int] = mapped_column(primary_key=True)
    visitors: Mapped[Sketch | None] = mapped_column(CvmSketch)


@pytest.fixture(params=["psycopg", "psycopg2", "psycopg, registered"])
def engine(request: pytest.FixtureRequest, database: str) -> Iterator[sa.Engine]:
    driver, *registered = request.param.split(", ")
    engine = sa.create_engine(f"postgresql+{driver}:///{database}")
    if registered:
        sa.event.listen(engine, "connect", lambda connection, _: cvm_count.psycopg.register(connection))
    Base.metadata.drop_all(engine)
    Base.metadata.create_all(engine)
    yield engine
    Base.metadata.drop_all(engine)
    engine.dispose()


def test_sqlalchemy(engine: sa.Engine) -> None:
    days = [EXACT, cvm_count.sketch(["b", "c"]), EMPTY, None]
    with Session(engine) as session:
        session.add_all([Rollup(day=n, visitors=sketch) for n, sketch in enumerate(days)])
        session.commit()
        session.expire_all()
        assert list(session.scalars(sa.select(Rollup.visitors).order_by(Rollup.day))) == days
        # Functions and operators.
        united = sa.func.cvm_sketch_union_agg(Rollup.visitors, type_=CvmSketch)
        assert session.scalar(sa.select(united)) == cvm_count.sketch(["a", "b", "c"])
        assert session.scalar(sa.select(sa.func.cvm_sketch_estimate(united))) == 3
        both = Rollup.visitors.op("&")(cvm_count.sketch(["b"]))
        assert session.scalars(sa.select(both).order_by(Rollup.day)).first() == cvm_count.sketch(["b"])
        assert list(session.scalars(sa.select(Rollup.day).where(Rollup.visitors == EXACT))) == [0]
        assert list(session.scalars(sa.select(Rollup.day).where(Rollup.visitors.in_([EXACT, EMPTY])).order_by(Rollup.day))) == [0, 2]
        assert list(session.scalars(sa.select(Rollup.day).where(Rollup.visitors.is_(None)))) == [3]
        # As an attribute that changes.
        row = session.get_one(Rollup, 0)
        row.visitors = row.visitors | cvm_count.sketch(["z"])
        session.commit()
        assert session.scalar(sa.select(Rollup.visitors).where(Rollup.day == 0)) == cvm_count.sketch(["a", "b", "z"])
        assert session.scalar(sa.select(sa.literal(LARGE, CvmSketch))) == LARGE
        assert session.scalar(sa.select(sa.cast(sa.literal(LARGE, CvmSketch), sa.LargeBinary))) == bytes(LARGE)
        with pytest.raises(sa.exc.StatementError, match="has to be a cvm_count.Sketch, not str"):
            session.execute(sa.insert(Rollup), [{"day": 9, "visitors": "no sketch"}])


def test_sqlalchemy_reflection_and_text(engine: sa.Engine) -> None:
    table = sa.Table("rollup", sa.MetaData(), autoload_with=engine)
    assert isinstance(table.c.visitors.type, CvmSketch) and table.c.visitors.type.python_type is Sketch
    text = str(sa.select(sa.literal(EXACT, CvmSketch)).compile(engine, compile_kwargs={"literal_binds": True}))
    with engine.begin() as connection:
        assert connection.exec_driver_sql(text.replace("%%", "%")).scalar() in (EXACT, str(EXACT))
        connection.execute(sa.insert(table), [{"day": n, "visitors": sketch} for n, sketch in enumerate(SKETCHES)])
        assert list(connection.scalars(sa.select(table.c.visitors).order_by(table.c.day))) == SKETCHES


def test_sqlalchemy_in_a_schema() -> None:
    other_database("inschema", ['CREATE SCHEMA "My sketches"', 'CREATE EXTENSION cvm_count SCHEMA "My sketches"'])
    engine = sa.create_engine("postgresql+psycopg:///inschema")
    table = sa.Table("daily", sa.MetaData(), sa.Column("visitors", CvmSketch("My sketches")))
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(sa.insert(table), {"visitors": LARGE})
        assert connection.scalar(sa.select(table.c.visitors)) == LARGE
    engine.dispose()
