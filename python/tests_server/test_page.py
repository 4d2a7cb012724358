"""docs/python.md: its blocks run in order, as a reader may paste them, and print what the page shows."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import cvm_count
import psycopg
import pytest

import page

PAGE = Path(__file__).parents[2] / "docs/python.md"


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compared: Counter[str]) -> None:
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS shop WITH (FORCE)")
        connection.execute("CREATE DATABASE shop")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    for block in page.blocks(PAGE):
        printed = page.run_sql(block.code, "shop") if block.language == "sql" else page.run_python(block.code, names)
        assert block.shown is None or page.lines(printed) == page.lines(block.shown), f"the block at line {block.line} of {PAGE.name}"
        compared["blocks of the page"] += block.shown is not None
    names["connection"].close()
    assert compared["blocks of the page"] > 5


def test_spark(monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config) -> None:
    """The page's function for Spark: the union of what it makes of each part is the sketch of all."""
    if not pytestconfig.getoption("spark"):
        pytest.skip("Spark is for the long form")
    from pyspark.sql import SparkSession

    code = PAGE.read_text().split("## Spark")[1]
    names: dict[str, Any] = {}
    exec("\n".join(line[4:] for line in code.split("\n") if line.startswith("    ") or not line), names)
    # Whose Python the workers run.
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    with SparkSession.builder.master("local[2]").config("spark.ui.enabled", False).getOrCreate() as spark:
        visits = spark.range(100_000).selectExpr("id % 30000 AS visitor", "id % 3 AS day").repartition(7)
        days = names["sketches_by_day"](visits)
        assert days == {day: cvm_count.sketch(i % 30_000 for i in range(day, 100_000, 3)) for day in range(3)}
