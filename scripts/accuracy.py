"""The promise, tried through SQL: P(|estimate / n - 1| > epsilon) <= delta, hardly a bias, and an RSE of 1.03 / sqrt(B).

Each seed is one independent trial; no two trials share a seed. It connects to the server that the environment points to
(scripts/accuracy starts one)."""

import argparse
import csv
import math
import os
import random
import sys
from collections import defaultdict

import psycopg2

from binomial import rate_with, tail

# Pattern -> the value of row i. Of the skewed ones, many rows have the same value: few ranks often, most rarely.
RANDOM = "((hashint8extended(i, 7) >> 11 & 9007199254740991) / 9007199254740992.0::float8)"
RANK = f"floor(power({{top}}, {RANDOM}))::bigint"
PATTERNS = {
    "integer, sequential": "i",
    "integer, sparse": "i::bigint << 20",
    "integer, high bits": "i::bigint << 40",
    "integer, Zipf": RANK,
    "text, sequential": "'word' || i",
    "text, long prefix": "repeat('https://example.org/', 10) || i",
    "text, Zipf": f"'word' || {RANK}",
    "uuid, sequential": "lpad(to_hex(i), 32, '0')::uuid",
    "uuid, random": "md5(i::text)::uuid",
}
PHASES = 8
# How far above the capacity; the spread is measured on those from FAR on, where the sample is a small part of the values.
SHORT = dict(cells=[(0.2, 0.05), (0.1, 0.1)], magnitudes=[2, 100], far=100, rows=1_500_000, most=80)
LONG = dict(cells=[(0.5, 0.001), (0.2, 0.01), (0.1, 0.05), (0.05, 0.05)], magnitudes=[2, 10, 100, 1000], far=100,
            rows=4_000_000, most=400)


def trials(cursor, plan, seeds):
    """All trials: (epsilon, delta, capacity, pattern, magnitude, truth, error)."""
    for epsilon, delta in plan["cells"]:
        cursor.execute("SELECT (cvm_sketch_info(cvm_sketch_agg(1, %s, %s))).capacity", (epsilon, delta))
        capacity = cursor.fetchone()[0]
        sizes = [(0, capacity // 2), (0, capacity - 1)] + [
            (m, round(capacity * m * (8 / 7) ** (phase / PHASES))) for m in plan["magnitudes"] for phase in range(PHASES)]
        largest = max(n for _, n in sizes)
        for pattern, expression in PATTERNS.items():
            cursor.execute("DROP TABLE IF EXISTS data")
            expression = expression.format(top=largest * 8)
            cursor.execute(f"CREATE UNLOGGED TABLE data AS SELECT i, {expression} AS x FROM generate_series(0, {largest - 1}) i")
            cursor.execute("VACUUM ANALYZE data")
            for magnitude, n in sizes:
                count = max(4, min(plan["most"], plan["rows"] // n))
                chosen = [seeds.getrandbits(64) - 2**63 for _ in range(count)]
                cursor.execute("SELECT count(DISTINCT x) FROM data WHERE i < %s", (n,))
                truth = cursor.fetchone()[0]
                cursor.execute("SELECT cvm_sketch_estimate(cvm_sketch_agg(x, %s, %s, seed)) FROM unnest(%s::bigint[]) seed, data "
                               "WHERE i < %s GROUP BY seed", (epsilon, delta, chosen, n))
                for (estimate,) in cursor.fetchall():
                    yield epsilon, delta, capacity, pattern, magnitude, truth, estimate / truth - 1
            print(f"epsilon {epsilon}, delta {delta}, capacity {capacity}: {pattern}", file=sys.stderr)


def is_biased(bias, trials, tolerance):
    """Of a mean error in its own standard errors, which are a share 1 / sqrt(trials) of the error: whether it is more than a
    twentieth of the error above zero, or below zero, by so many standard errors."""
    return not -tolerance < bias < tolerance + math.sqrt(trials) / 20


def judge(results, far):
    """Prints what was seen and returns what is wrong."""
    faults = []
    cells = defaultdict(list)
    for epsilon, delta, capacity, pattern, magnitude, truth, error in results:
        if truth < capacity:
            if error:
                faults.append(f"{pattern}: {truth} values are fewer than the capacity {capacity}, and not counted exactly")
            continue
        cells[epsilon, delta, capacity].append((pattern, magnitude, truth, error))
    print(f"{'epsilon':>7} {'delta':>6} {'capacity':>8} {'trials':>7} {'failed':>7} {'rate':>8} {'99 % bound':>10} "
          f"{'bias / s.e.':>11} {'RSE x sqrt(B)':>13}")
    for (epsilon, delta, capacity), rows in cells.items():
        def deviation(errors):
            mean = sum(errors) / len(errors)
            return mean / math.sqrt(sum((e - mean) ** 2 for e in errors) / len(errors) / len(errors))

        failed = sum(abs(error) > epsilon for *_, error in rows)
        bias = deviation([error for *_, error in rows])
        # Of n values, the share B / n is in the sample, and errs by sqrt(1 - B / n) as much as one of infinitely many.
        scaled = [error / math.sqrt(1 - capacity / truth) for _, magnitude, truth, error in rows if magnitude >= far]
        spread = math.sqrt(sum(error**2 for error in scaled) / len(scaled) * capacity)
        print(f"{epsilon:7} {delta:6} {capacity:8} {len(rows):7} {failed:7} {failed / len(rows):8.4f} "
              f"{rate_with(failed + 1, len(rows), 0.99):10.4f} {bias:11.2f} {spread:13.3f}")
        # So many failures or more have a probability of below 1 in 10,000 if the rate is delta.
        if failed and tail(failed, len(rows), delta) < 1e-4:
            faults.append(f"epsilon {epsilon}, delta {delta}: {failed} of {len(rows)} failed")
        if is_biased(bias, len(rows), 4):
            faults.append(f"epsilon {epsilon}, delta {delta}: bias of {bias:.1f} standard errors")
        # The spread of N trials has the relative standard error 1 / sqrt(2 N); where that is small enough, 3 %.
        tolerance = max(0.03, 3 / math.sqrt(2 * len(scaled)))
        if capacity >= 200 and abs(spread / 1.03 - 1) > tolerance:
            faults.append(f"epsilon {epsilon}, delta {delta}: RSE {spread:.3f} / sqrt(B), more than {tolerance:.1%} from 1.03")
        for pattern in PATTERNS:
            errors = [error for p, _, _, error in rows if p == pattern]
            failed = sum(abs(error) > epsilon for error in errors)
            if is_biased(deviation(errors), len(errors), 4.5):
                faults.append(f"epsilon {epsilon}, delta {delta}, {pattern}: biased")
            if failed and tail(failed, len(errors), delta) < 1e-5:
                faults.append(f"epsilon {epsilon}, delta {delta}, {pattern}: {failed} of {len(errors)} failed")
    return faults


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", metavar="FOLDER", help="the long form, with its results in this folder")
    folder = options.parse_args().long
    plan = LONG if folder else SHORT
    connection = psycopg2.connect("")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE EXTENSION IF NOT EXISTS cvm_count; SET max_parallel_workers_per_gather = 0; SET work_mem = '1GB'")
    results = list(trials(cursor, plan, random.Random(2026)))
    faults = judge(results, plan["far"])
    print(f"{len(results)} trials through SQL")
    if folder:
        by_size = defaultdict(list)
        for *key, error in results:
            by_size[tuple(key)].append(error)
        sizes = []
        for (epsilon, delta, capacity, pattern, _, truth), errors in by_size.items():
            failed = sum(abs(error) > epsilon for error in errors)
            mean, rms = sum(errors) / len(errors), math.sqrt(sum(e * e for e in errors) / len(errors))
            sizes.append([epsilon, delta, capacity, pattern, truth, len(errors), failed, f"{mean:.5f}", f"{rms:.5f}"])
        with open(os.path.join(folder, "failures.csv"), "w", newline="") as file:
            rows = csv.writer(file, lineterminator="\n")
            rows.writerow(["epsilon", "delta", "capacity", "pattern", "distinct", "trials", "failed", "mean_error", "rms_error"])
            rows.writerows(sizes)
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
