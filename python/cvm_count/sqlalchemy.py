"""Sketches as columns of SQLAlchemy, over the drivers psycopg and psycopg2.

    pip install cvm_count[sqlalchemy]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Dialect, cast
from sqlalchemy.dialects.postgresql.base import ischema_names
from sqlalchemy.types import UserDefinedType

from . import Sketch

__all__ = ["CvmSketch"]


class CvmSketch(UserDefinedType[Sketch]):
    """The type ``cvm_sketch``: parameters and results are :class:`cvm_count.Sketch`.

    Functions of sketches are told to return one; operators of a column do so by themselves:

    >>> import cvm_count
    >>> import sqlalchemy as sa
    >>> from cvm_count.sqlalchemy import CvmSketch
    >>> daily = sa.Table("daily", sa.MetaData(), sa.Column("day", sa.Date), sa.Column("visitors", CvmSketch))
    >>> sa.func.cvm_sketch_union_agg(daily.c.visitors, type_=CvmSketch).type
    CvmSketch()
    >>> daily.c.visitors.op("||")(cvm_count.sketch([1, 2])).type
    CvmSketch()

    ``schema`` names the schema of the extension, where that is not in the search path. Reflected tables have this type once
    this module is imported, if the schema is in the search path. Values that are no sketches raise ``TypeError`` when they are
    bound, and ``ValueError`` when they are read.
    """

    cache_ok = True

    def __init__(self, schema: str | None = None) -> None:
        self.schema = schema

    def get_col_spec(self, **_: Any) -> str:
        if self.schema is None:
            return "cvm_sketch"
        return '"{}".cvm_sketch'.format(self.schema.replace('"', '""'))

    @property
    def python_type(self) -> type[Sketch]:
        return Sketch

    def bind_expression(self, bindvalue: BindParameter[Sketch]) -> ColumnElement[Sketch]:
        # Drivers send text, of which not every context tells the type.
        return cast(bindvalue, self)

    def bind_processor(self, dialect: Dialect) -> Callable[[Sketch | None], str | None]:
        def process(value: Sketch | None) -> str | None:
            if value is not None and not isinstance(value, Sketch):
                raise TypeError(f"a value of type cvm_sketch has to be a cvm_count.Sketch, not {type(value).__name__}")
            return None if value is None else str(value)

        return process

    def literal_processor(self, dialect: Dialect) -> Callable[[Sketch], str]:
        return lambda value: f"'{value}'"

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Sketch | None]:
        def process(value: Any) -> Sketch | None:
            # A connection that cvm_count.psycopg knows has made one already.
            return Sketch.from_str(value) if isinstance(value, str) else value

        return process


# What reflection makes of a column's type.
ischema_names["cvm_sketch"] = CvmSketch
