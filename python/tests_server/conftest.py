"""The server is the one that the environment points to, with the extension installed: tests/servers/python starts it."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tests/hardening"))

import cvm_count.psycopg  # noqa: E402
from columns import MOODS  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("fixed", derandomize=True, database=None, deadline=None, print_blob=False)
settings.load_profile("fixed")

COMPARED: Counter[str] = Counter()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--columns", type=int, default=2_000, help="how many random columns to compare with the server")
    parser.addoption("--seed", type=int, default=1, help="of what is random (default: 1)")
    parser.addoption("--spark", action="store_true", help="also run the page's function for Spark, which takes PySpark and java")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if COMPARED:
        terminalreporter.write_line("compared with the server: " + ", ".join(f"{number:,} {what}" for what, number in sorted(COMPARED.items())))


@pytest.fixture(scope="session")
def compared() -> Counter[str]:
    """Counts what has been compared with the server, by what it is."""
    return COMPARED


@pytest.fixture(scope="session")
def database() -> str:
    """The name of a database with the extension."""
    with psycopg.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS python")
        connection.execute("CREATE DATABASE python")
    with psycopg.connect(dbname="python", autocommit=True) as connection:
        connection.execute("CREATE EXTENSION cvm_count")
        connection.execute("CREATE TYPE mood AS ENUM ({})".format(", ".join(f"'{mood}'" for mood in MOODS)))
    return "python"


@pytest.fixture
def connection(database: str) -> Iterator[psycopg.Connection]:
    """A connection that knows sketches. What a test does there is rolled back."""
    with psycopg.connect(dbname=database) as connection:
        cvm_count.psycopg.register(connection)
        connection.execute("SET jit = off")
        connection.commit()
        yield connection
        connection.rollback()
