"""Kills a backend with SIGKILL in the middle of writing sketches, again and again: after each recovery, all sketches of
committed transactions are there and valid, and no others are."""

import os
import random
import signal
import threading
import time

import psycopg2

from common import Report, Session, options, reconnected

# One transaction: sketches short enough for a page, and such as are stored out of line, and one of a parallel aggregate.
WRITE = """
BEGIN;
INSERT INTO written SELECT {batch}, g, cvm_sketch_agg(i, 0.05) FROM generate_series(1, 4000) i, LATERAL (SELECT i % 200 AS g) q GROUP BY g;
INSERT INTO written SELECT {batch}, -g, cvm_sketch_agg(i) FROM generate_series(1, 20000) i, LATERAL (SELECT 1 + i % 5 AS g) q GROUP BY g;
CREATE TABLE written_{batch} AS SELECT g, cvm_sketch_add(s, {batch}) AS s FROM written WHERE batch = {batch};
UPDATE written SET s = cvm_sketch_union(s, cvm_sketch_add(cvm_sketch_empty(0.05), {batch})) WHERE batch = {batch} AND g % 3 = 0;
DELETE FROM written WHERE batch = {batch} AND g = 1;
COMMIT;
"""
SUMMARY = """
SELECT count(*), count(*) FILTER (WHERE s = s::bytea::cvm_sketch), sum(# s), md5(string_agg(s::text, '' ORDER BY g))
FROM {table}
"""


def summary(session, batch):
    return (session.all(SUMMARY.format(table=f"(SELECT g, s FROM written WHERE batch = {batch}) q"))
            + session.all(SUMMARY.format(table=f"written_{batch}")))


def main():
    arguments = options(__doc__)
    report, chance = Report("killed_writers"), random.Random(arguments.seed)
    for (table,) in report.session.all("SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^written(_[0-9]+)?$'"):
        report.session.all(f"DROP TABLE {table}")
    report.session.all("CREATE TABLE written (batch int, g int, s cvm_sketch)")
    report.session.all("CREATE INDEX ON written USING hash (s)")
    kills = in_the_middle = batch = 0

    def expected(session, batch):
        """What a batch is, written anew without being killed, in a transaction that is rolled back."""
        session.all(WRITE.format(batch=batch).replace("BEGIN;", f"BEGIN; DELETE FROM written WHERE batch = {batch}; DROP TABLE written_{batch};")
                    .replace("COMMIT;", ""))
        result = summary(session, batch)
        session.all("ROLLBACK")
        return result

    committed = {}
    while in_the_middle < (4 if arguments.form == "short" else 60):
        session, done = Session(), []
        start = session.server_start()

        def write():
            nonlocal batch
            try:
                while True:
                    batch += 1
                    session.all(WRITE.format(batch=batch))
                    done.append(batch)
            except psycopg2.Error as error:
                report.check(session.connection.closed, f"writing failed: {error}")

        writer = threading.Thread(target=write)
        writer.start()
        time.sleep(chance.uniform(0.02, 0.6))
        os.kill(session.pid, signal.SIGKILL)
        writer.join()
        kills += 1
        check = reconnected(start)
        # The last batch may have been committed without the client having heard of it; no other may be there.
        found = [row[0] for row in check.all("SELECT DISTINCT batch FROM written ORDER BY 1")]
        known = [*committed, *done]
        report.check(found in (known, [*known, batch]), f"batches {found} are there after the kill, not {known}")
        in_the_middle += found == known
        tables = check.one("SELECT count(*) FROM pg_class WHERE relname ~ '^written_[0-9]+$'")
        report.check(tables == len(found), f"{tables} tables of {len(found)} batches")
        for new in found[len(committed):]:
            committed[new] = expected(check, new)
        for known_batch in found:
            is_there = summary(check, known_batch)
            for sketches, valid, *_ in is_there:
                report.check(0 < sketches == valid, f"batch {known_batch}: {valid} of {sketches} sketches are valid after the kill")
            report.check(is_there == committed[known_batch], f"batch {known_batch} is {is_there} after the kill, not {committed[known_batch]}")
        for setting in ("enable_indexscan", "enable_seqscan"):
            check.all(f"SET {setting} = off")
            lost = check.one("SELECT count(*) FROM written w WHERE NOT EXISTS (SELECT FROM written v WHERE v.s = w.s AND v.batch = w.batch AND v.g = w.g OFFSET 0)")
            report.check(lost == 0, f"{lost} sketches are not found by equality without {setting}")
            check.all(f"RESET {setting}")
        # So that a check takes no longer the more kills there were.
        if len(committed) > 20:
            check.all("TRUNCATE written")
            for old in committed:
                check.all(f"DROP TABLE written_{old}")
            committed = {}
        check.close()
    # Nothing else has ended by a signal than what was killed.
    report.log_has_no(r"terminated by signal (?!9\b)|PANIC|panicked")
    report.finish(f"{kills} kills, {in_the_middle} of them in the middle of a transaction, {batch:,} batches begun")


if __name__ == "__main__":
    main()
