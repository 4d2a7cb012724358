"""Lets every allocation of a backend fail, one after the other: those of PostgreSQL, of the extension and of the C library, each
alone or with some of those that follow. A query must end in its answer, its own ERROR, or an ERROR with SQLSTATE 53200, and the
server must live.

The server runs with the library of failing_allocations.c in front of the C library, which scripts/harden builds; its path is in
FAILING_ALLOCATIONS. Limits of memory, in memory_errors.py, seldom hit what is small."""

import os
import random

import psycopg2

from common import Report, Session, options
from memory_errors import FRAMES, LOADING, LONG, MISTAKES, PLANNED, RAISING, SETTINGS, SETUP, calls, is_exhausted

# Messages are long here by what the pieces of memory are that PostgreSQL takes.
LENGTH = 100_000
# How many allocations fail in a row.
IN_A_ROW = [1, 1, 2, 6]


class Runner:
    def __init__(self, report, chance, is_short):
        """The short form leaves some out, and the more, the more there are."""
        self.report, self.chance, self.is_short, self.queries, self.failed, self.exhausted = report, chance, is_short, 0, 0, 0

    def session(self, setting):
        session = Session()
        for statement in ("SET search_path = memory, public", "SET log_min_messages = fatal", "SET jit = off", *LOADING, setting):
            session.all(statement)
        return session

    def disarm(self, session):
        """How many allocations have failed. Those that are still to fail may be this statement's."""
        for _ in range(max(IN_A_ROW) + 1):
            outcome = session.attempt("SELECT fail_no_more()")
            if outcome.state is None:
                return outcome.rows[0][0]
        raise AssertionError(f"{outcome.state} {outcome.message}")

    def run(self, query, setting):
        session = self.session(setting)
        wanted = session.attempt(query)
        session.close()
        session = self.session(setting)
        self.queries += 1
        succeed = 0
        while True:
            session.all(f"SELECT fail_after({succeed}, {self.chance.choice(IN_A_ROW)})")
            try:
                outcome = session.attempt(query)
                failed = self.disarm(session)
            except psycopg2.Error as error:
                self.report.check(False, f"{setting}; {query}, allocation {succeed}: {error}"[:500])
                return
            self.report.check(is_exhausted(outcome) or (outcome.rows, outcome.state) == (wanted.rows, wanted.state),
                              lambda: f"{setting}; {query}, allocation {succeed}: {str(outcome)[:300]}, not {str(wanted)[:300]}")
            self.failed += failed
            self.exhausted += is_exhausted(outcome)
            # Those of many rows are alike.
            if failed == 0 or succeed > 2000:
                break
            succeed += self.chance.randint(1, 2 + succeed // 5) if self.is_short else 1
        session.close()


def main():
    arguments = options(__doc__)
    report = Report("failing_allocations")
    runner = Runner(report, random.Random(arguments.seed), arguments.form == "short")
    report.session.all("SET client_min_messages = warning")
    report.session.all(SETUP)
    report.session.all(RAISING.replace("{length}", str(LENGTH)))
    library = os.environ["FAILING_ALLOCATIONS"]
    for function in ("fail_after(integer, integer) RETURNS void", "fail_no_more() RETURNS integer"):
        report.session.all(f"CREATE OR REPLACE FUNCTION memory.{function} LANGUAGE c AS '{library}'")
    long = [query.replace("{length}", str(LENGTH)).replace("{letter}", "chr(200)") for _, query in LONG + PLANNED]
    for query in [*calls(report.session), *MISTAKES, *FRAMES, *long]:
        runner.run(query, SETTINGS[0])
    for _, query in PLANNED:
        runner.run(query.replace("{length}", str(LENGTH)), SETTINGS[1])
    report.session.all("DROP SCHEMA memory CASCADE")
    report.server_lived()
    report.check(runner.exhausted > 3 * runner.queries, f"memory ran out only {runner.exhausted} times")
    report.finish(f"{runner.queries} queries, {runner.failed:,} allocations failed, memory ran out {runner.exhausted:,} times")


if __name__ == "__main__":
    main()
