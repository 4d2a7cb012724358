"""Two sets of 100 to 10,000,000 values with a given share in common, through SQL: how far cvm_sketch_intersection_bounds,
cvm_sketch_difference_bounds and cvm_sketch_containment are off, beside the estimates of `a & b` and `a - b`, and how often the
bounds miss. Usage: accuracy_between.py FOLDER, for its results.

Each seed is one independent trial of all pairs of sets. A set b is the numbers from 0 on, and a set a some of these and some
below 0, so that all sets are unions of the same ranges, each of which is read once for a seed. It connects to the server that
the environment points to (scripts/accuracy starts one)."""

import csv
import math
import os
import random
import sys
from collections import defaultdict

import psycopg2

SIZES = [10**digits for digits in range(2, 8)]
# Of the smaller set, in the larger one.
SHARES = [0.001, 0.01, 0.1, 0.5, 0.9, 1]
TRIALS = 100


def pairs():
    """(values in a, values in b, values in both) of all pairs, a being the smaller set."""
    for b in SIZES:
        for a in SIZES:
            for share in SHARES:
                if a <= b and a * share >= 1:
                    yield a, b, round(a * share)


def prefixes(cursor, lengths, sign, seed):
    """The sketches of the first so many numbers from 0 on, or of those below 0: each the union of the ranges up to there."""
    cursor.execute("""
        SELECT upto, cvm_sketch_union_agg(part) OVER (ORDER BY upto)::text
        FROM (SELECT upto, cvm_sketch_agg(CASE WHEN %(sign)s > 0 THEN i ELSE -1 - i END, 0.03, 0.01, %(seed)s) AS part
              FROM (SELECT upto, lag(upto, 1, 0) OVER (ORDER BY upto) AS after FROM unnest(%(lengths)s) upto) ranges,
                   generate_series(after, upto - 1) i
              GROUP BY upto) parts""", {"sign": sign, "seed": seed, "lengths": lengths})
    return dict(cursor.fetchall())


def trials():
    """(a, b, both), what is estimated, and (the error of the operator, that of the function, whether its bounds missed); None
    for an error where there is no estimate."""
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION IF NOT EXISTS cvm_count; SET max_parallel_workers_per_gather = 0; SET work_mem = '1GB'")
    cases = list(pairs())
    inside = sorted({both for _, _, both in cases} | set(SIZES))
    outside = sorted({a - both for a, _, both in cases if a > both})
    seeds = random.Random(2026)
    for trial in range(TRIALS):
        seed = seeds.getrandbits(64) - 2**63
        above, below = prefixes(cursor, inside, 1, seed), prefixes(cursor, outside, -1, seed)
        below[0] = None
        cursor.execute("CREATE TEMPORARY TABLE sides (a bigint, b bigint, in_both bigint, s cvm_sketch, t cvm_sketch)")
        cursor.executemany("INSERT INTO sides VALUES (%s, %s, %s, coalesce(%s::cvm_sketch || %s::cvm_sketch, %s::cvm_sketch), "
                           "%s::cvm_sketch)", [(a, b, both, below[a - both], above[both], above[both], above[b])
                                               for a, b, both in cases])
        cursor.execute("""
            SELECT a, b, in_both, # (s & t), i.*, # (s - t), d.*, # (t - s), e.*, c.*
            FROM sides, cvm_sketch_intersection_bounds(s, t) i, cvm_sketch_difference_bounds(s, t) d,
                 cvm_sketch_difference_bounds(t, s) e, cvm_sketch_containment(s, t) c""")
        for a, b, both, *found in cursor.fetchall():
            for name, truth in [("intersection", both), ("a - b", a - both), ("b - a", b - both)]:
                plain, estimate, lower, upper, *found = found
                yield (a, b, both), name, (plain - truth, estimate - truth, not lower <= truth <= upper)
            estimate, lower, upper = found
            share = both / a
            error = None if math.isnan(estimate) else estimate - share
            yield (a, b, both), "containment", (None, error, not lower - 1e-12 <= share <= upper + 1e-12)
        cursor.execute("DROP TABLE sides")
        print(f"trial {trial + 1} of {TRIALS}", file=sys.stderr)


def rms(errors):
    errors = [error for error in errors if error is not None]
    return math.sqrt(sum(error**2 for error in errors) / len(errors)) if errors else None


def main():
    folder = sys.argv[1]
    cells = defaultdict(list)
    for sides, name, errors in trials():
        cells[sides, name].append(errors)
    faults = []
    missed = total = 0
    with open(os.path.join(folder, "between.csv"), "w", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["a", "b", "both", "estimate_of", "trials", "rms_error", "rms_error_of_operator", "unknown", "missed"])
        for ((a, b, both), name), errors in cells.items():
            plain, ours, misses = zip(*errors)
            shown = [None if value is None else f"{value:.5g}" for value in (rms(ours), rms(plain))]
            rows.writerow([a, b, both, name, len(errors), *shown, sum(error is None for error in ours), sum(misses)])
            missed, total = missed + sum(misses), total + len(errors)
            # At a rate of 5 %, 19 misses in 100 trials or more have a probability of below 1 in 10^6.
            if sum(misses) > len(errors) * 0.05 + 6 * math.sqrt(len(errors) * 0.05 * 0.95):
                faults.append(f"{a} and {b} values, {both} in both: bounds of the {name} missed {sum(misses)} times")
    print(f"{total} bounds at 95 %, of which {missed} missed")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
