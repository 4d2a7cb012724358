"""What SQLAlchemy sends for distinct counts, under the setting that is the argument. Run by tests/servers/tools."""

import sys

from sqlalchemy import Integer, Text, create_engine, distinct, func, select
from sqlalchemy.orm import DeclarativeBase, Session, mapped_column


class Base(DeclarativeBase):
    pass


class Visit(Base):
    __tablename__ = "visits"
    id = mapped_column(Integer, primary_key=True)
    visitor = mapped_column(Integer)
    page = mapped_column(Text)
    country = mapped_column(Text)


engine = create_engine(
    "postgresql+psycopg://", connect_args={"options": f"-c cvm_count.count_distinct_epsilon={sys.argv[1]}"}
)
with Session(engine) as session:
    print("total", session.scalar(select(func.count(Visit.visitor.distinct()))))
    visitors, pages = func.count(distinct(Visit.visitor)), func.count(distinct(Visit.page))
    groups = session.execute(select(Visit.country, visitors, pages).group_by(Visit.country).order_by(Visit.country))
    print("groups", *(value for row in groups for value in row))
    first = select(Visit.country).group_by(Visit.country).having(visitors > 9).order_by(pages.desc(), Visit.country)
    print("first", session.scalars(first).first())
    print("subquery", session.scalar(select(func.count()).select_from(select(Visit.visitor).distinct().subquery())))
