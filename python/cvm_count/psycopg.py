"""Sketches as parameters and results of psycopg 3.

    pip install cvm_count[psycopg]
"""

from __future__ import annotations

from typing import Any

from psycopg import AsyncConnection, Connection
from psycopg.abc import Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.errors import UndefinedObject
from psycopg.pq import Format
from psycopg.rows import tuple_row
from psycopg.types import TypeInfo

from . import Sketch

__all__ = ["register", "register_async"]

# The extension may be in any schema, and a type of that name in another.
_TYPE_OF_THE_EXTENSION = """
    SELECT t.oid::bigint, t.typarray::bigint, format('%I.%I', n.nspname, t.typname)
    FROM pg_catalog.pg_extension e
    JOIN pg_catalog.pg_depend d
        ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.refobjid = e.oid AND d.deptype = 'e'
    JOIN pg_catalog.pg_type t ON d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
    WHERE e.extname = 'cvm_count' AND t.typname = 'cvm_sketch'"""


def register(connection: Connection[Any]) -> None:
    """Makes the connection read columns of type ``cvm_sketch`` as :class:`cvm_count.Sketch`, and write such, in text and in binary.

    Arrays and composite types of sketches, and ``COPY``, are read and written too. In binary ``COPY`` the type is known as
    ``"cvm_sketch"``: ``copy.set_types(["date", "cvm_sketch"])``.

    The type is found where the extension is, in whatever schema. Each database has an OID of its own for it, so each
    connection is registered once; of a pool, in its ``configure``. A transaction that is open stays open, and no other is left behind.

    Raises ``psycopg.errors.UndefinedObject`` if the database has no extension cvm_count. Values that are no sketches raise
    ``ValueError`` when they are read.

    >>> connection = psycopg.connect("dbname=shop")                      # doctest: +SKIP
    >>> cvm_count.psycopg.register(connection)                           # doctest: +SKIP
    >>> connection.execute("SELECT cvm_sketch_agg(visitor) FROM visits").fetchone()[0].estimate()  # doctest: +SKIP
    30214
    """
    with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        _adapt(connection, cursor.execute(_TYPE_OF_THE_EXTENSION).fetchone())


async def register_async(connection: AsyncConnection[Any]) -> None:
    """:func:`register` for an asynchronous connection."""
    async with connection.transaction(), connection.cursor(row_factory=tuple_row) as cursor:
        await cursor.execute(_TYPE_OF_THE_EXTENSION)
        _adapt(connection, await cursor.fetchone())


def _adapt(connection: Connection[Any] | AsyncConnection[Any], found: tuple[int, int, str] | None) -> None:
    if found is None:
        raise UndefinedObject("the database has no extension cvm_count: CREATE EXTENSION cvm_count makes it part of one")
    number, array, name = found
    TypeInfo("cvm_sketch", number, array, regtype=name).register(connection)
    adapters = connection.adapters
    adapters.register_loader(number, _TextLoader)
    adapters.register_loader(number, _BinaryLoader)
    # Of two dumpers psycopg takes the last, where a query does not choose.
    for dumper in (_TextDumper, _BinaryDumper):
        adapters.register_dumper(Sketch, type(dumper.__name__, (dumper,), {"oid": number, "name": name.encode()}))


class _TextLoader(Loader):
    def load(self, data: Buffer) -> Sketch:
        return Sketch.from_str(bytes(data).decode())


class _BinaryLoader(Loader):
    format = Format.BINARY

    def load(self, data: Buffer) -> Sketch:
        return Sketch.from_bytes(bytes(data))


class _TextDumper(Dumper):
    name: bytes

    def dump(self, obj: Sketch) -> Buffer:
        return str(obj).encode()

    def quote(self, obj: Sketch) -> Buffer:
        # For cursors that put values into the text of a query, where nothing else names their type.
        return bytes(super().quote(obj)) + b"::" + self.name


class _BinaryDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Sketch) -> Buffer:
        return bytes(obj)
