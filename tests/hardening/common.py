"""What the programs of this folder share: sessions, the count of checks, and whether the server has lived through it all.

They connect to the server that the environment points to; scripts/harden starts one, and puts the path of its log into
HARDEN_LOG."""

import argparse
import os
import re
import sys
import time
from typing import NamedTuple

import psycopg2


class Outcome(NamedTuple):
    """What became of a statement: rows, or the SQLSTATE and the message of an ERROR, and the file that raised it."""
    rows: list
    state: str
    message: str
    file: str = None


class Session:
    def __init__(self):
        self.connection = psycopg2.connect("")
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.pid = self.connection.get_backend_pid()

    def all(self, query, values=None):
        self.cursor.execute(query, values)
        return self.cursor.fetchall() if self.cursor.description else None

    def one(self, query, values=None):
        return self.all(query, values)[0][0]

    def attempt(self, query, values=None):
        """Like all, for a statement that may be an ERROR. A lost connection is not an outcome: it raises."""
        try:
            return Outcome(self.all(query, values), None, None)
        except psycopg2.Error as error:
            if error.pgcode is None or self.connection.closed:
                raise
            return Outcome(None, error.pgcode, error.diag.message_primary, error.diag.source_file)

    def memory(self):
        """The bytes in all memory contexts of the session."""
        return self.one("SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts")

    def close(self):
        self.connection.close()


    def server_start(self):
        """When the server started, and when it last started anew: after a crash the postmaster stays, and starts all its other
        processes again. The latter is None for the moment in which they are not there."""
        return self.all("SELECT pg_postmaster_start_time(), min(backend_start) FILTER (WHERE backend_type = 'checkpointer') "
                        "FROM pg_stat_activity")[0]


def reconnected(killed=None):
    """A session of a server that may be recovering; after a process was killed, of one that has started anew since `killed`,
    its start before. It gives up after an hour, which no machine is too slow for."""
    for _ in range(36000):
        try:
            session = Session()
            if killed is None or session.server_start()[1] not in (None, killed[1]):
                return session
            session.close()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            pass
        time.sleep(0.1)
    raise SystemExit("the server does not come back")


class Report:
    """Counts checks, prints the first that fail, and ends the program with a line of totals."""

    SHOWN = 20

    def __init__(self, name):
        self.name, self.passed, self.failed = name, 0, 0
        self.session = Session()
        self.session.all("CREATE EXTENSION IF NOT EXISTS cvm_count")
        self.started = self.session.server_start()
        self.log_start = os.path.getsize(os.environ["HARDEN_LOG"])

    def check(self, holds, text):
        """`text` says what is wrong, or is a function that does, if that is costly."""
        if holds:
            self.passed += 1
            return
        self.failed += 1
        if self.failed <= self.SHOWN:
            print(f"{self.name}: FAILED: {text() if callable(text) else text}"[:2000], flush=True)
        elif self.failed == self.SHOWN + 1:
            print(f"{self.name}: further failures are only counted", flush=True)

    def left_out(self, text):
        """`text` says what the server cannot do, and why. The totals of the tests name it."""
        print(f"left out: {self.name} with {text}", flush=True)

    def server_lived(self):
        """Checks that no process of the server has ended other than by itself."""
        self.check(self.session.server_start() == self.started, "the server has started anew")
        self.log_has_no(r"terminated by signal|PANIC|panicked|stack smashing|corrupted (size|double)")

    def log_has_no(self, pattern):
        with open(os.environ["HARDEN_LOG"], errors="replace") as log:
            log.seek(self.log_start)
            # What a client sent may be in the log too, in lines that say so.
            found = [line for line in log if re.search(pattern, line) and "STATEMENT:" not in line]
        self.check(not found, lambda: f"the server's log says: {found[0]}")

    def finish(self, figures):
        print(f"{self.name}: {figures}; {self.passed} checks passed, {self.failed} failed", flush=True)
        sys.exit(self.failed > 0 or self.passed == 0)


def drawn_hashes(chance, count, zeros=0):
    """Hashes of 64 bits, the upper `zeros` of them 0. Random ones would never share what a sketch keeps of them. Of these, a share differs
    from another in no bit that it keeps at any level, in none that it keeps above level 0, or in none of the 56 that a sample keeps."""
    hashes = []
    for _ in range(count):
        below = chance.choice([64, 64, 64, 24, 24, 16, 8])
        hash = chance.choice(hashes) if hashes and below < 64 else chance.getrandbits(64) >> zeros
        hashes.append(hash if below == 64 else hash ^ chance.getrandbits(below))
    return hashes


def options(description):
    """What all programs are told: how much to do."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("form", choices=["short", "long"], nargs="?", default="short")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: 1)")
    return parser.parse_args()
