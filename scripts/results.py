#!/usr/bin/env python3
"""Reads what tests print, and adds it up.

    scripts/results.py count FORM STATUS LOG    prints how many passed and how many failed, of a command that ended with STATUS
    scripts/results.py totals SERVERS RESULTS   prints the totals of a run on so many servers, and fails if a test has
    scripts/results.py check                    tests itself

FORM is cargo, regress, lines or checks. RESULTS has lines of four columns, with tabs between: the version tested ("core" for
what no server has a part in), the kind of test, how many passed, how many failed. The kind "left out" has the test and the reason
in the third."""

import re
import sys
from collections import Counter, defaultdict


def cargo(log):
    """cargo test: a line for each program of tests."""
    found = re.findall(r"^test result: \w+\. (\d+) passed; (\d+) failed;", log, re.M)
    return sum(int(passed) for passed, _ in found), sum(int(failed) for _, failed in found)


def regress(log):
    """pg_regress: "ok 1 - name" from PostgreSQL 16 on, "test name ... ok" before."""
    passed = re.findall(r"^ok +\d+ |^test .*\.\.\. ok", log, re.M)
    failed = re.findall(r"^not ok +\d+ |^test .*\.\.\. FAILED", log, re.M)
    return len(passed), len(failed)


def lines(log):
    """tests/servers: a line for each expectation."""
    return len(re.findall(r"^ok - ", log, re.M)), len(re.findall(r"^FAILED - ", log, re.M))


def checks(log):
    """tests/hardening: the totals in the last line, without which the program broke off."""
    last = log.rstrip("\n").rpartition("\n")[2]
    found = re.search(r"(\d+) checks passed, (\d+) failed$", last)
    return (int(found[1]), int(found[2])) if found else (0, 1)


FORMS = {form.__name__: form for form in (cargo, regress, lines, checks)}


def count(form, status, log):
    """Passed and failed. A command that fails without saying of what, or checks nothing, has failed once."""
    passed, failed = FORMS[form](log)
    if failed == 0 and (status != 0 or passed == 0):
        failed = 1
    return passed, failed


def totals(servers, results):
    """The lines to print, and whether all is well. A test that no server could run was not tested at all, unless one server was
    all that was asked for."""
    ran, left, times = defaultdict(list), defaultdict(list), Counter()
    passed = failed = 0
    for row in results:
        version, kind, first, second = row.rstrip("\n").split("\t")
        ran[version]
        if kind == "left out":
            left[version].append(first)
            times[first.split(" ")[0]] += 1
            continue
        bad = int(second)
        ran[version].append(f"{kind}: {first}" + (f" and {bad} FAILED" if bad else ""))
        passed, failed = passed + int(first), failed + bad
    out = [("without a server" if version == "core" else f"PostgreSQL {version}") + " - " + ", ".join(kinds) for version, kinds in ran.items()]
    nowhere = [test for test, number in times.items() if number == servers > 1]
    out += [f"run on no version: {test}" for test in nowhere]
    failed += len(nowhere)
    missing = "".join(f"; not run on {version}: {', '.join(tests)}" for version, tests in left.items())
    out.append(f"{passed} passed, {failed} failed{missing}")
    return out, failed == 0 and passed > 0


def check():
    """What it makes of output as the programs print it."""
    two = "test result: ok. 3 passed; 0 failed; 1 ignored;\nnoise 9 passed\ntest result: FAILED. 1 passed; 2 failed; 0 ignored;\n"
    assert count("cargo", 101, two) == (4, 2)
    assert count("cargo", 101, "error: could not compile\n") == (0, 1)
    assert count("cargo", 0, "") == (0, 1)
    assert count("regress", 0, "ok 1         - setup      12 ms\nok 12        - catalog    3 ms\n1..12\n") == (2, 0)
    assert count("regress", 1, "ok 1         - setup      12 ms\nnot ok 2     - catalog    3 ms\n") == (1, 1)
    assert count("regress", 1, "test setup        ... ok           12 ms\ntest catalog      ... FAILED       3 ms\n") == (1, 1)
    assert count("regress", 2, "ok 1         - setup      12 ms\nBail out!\n") == (1, 1)
    assert count("lines", 0, "ok - a\nok - FAILED - b\n") == (2, 0)
    assert count("lines", 1, "ok - a\nFAILED - b\n1 passed, 1 failed\n") == (1, 1)
    assert count("lines", 3, "ok - a\n") == (1, 1)
    assert count("checks", 0, "1 checks passed, 1 failed\nmodel: 20 checks passed, 0 failed\n") == (20, 0)
    assert count("checks", 1, "20 checks passed, 3 failed\n") == (20, 3)
    assert count("checks", 0, "20 checks passed, 0 failed\nTraceback\n") == (0, 1)
    rows = ["core\tcore tests\t5\t0\n", "15\tregression tests\t7\t0\n", "15\tleft out\tchains (no x)\t0\n", "16\tregression tests\t6\t1\n"]
    assert totals(2, rows) == (["without a server - core tests: 5", "PostgreSQL 15 - regression tests: 7",
                                "PostgreSQL 16 - regression tests: 6 and 1 FAILED", "18 passed, 1 failed; not run on 15: chains (no x)"], False)
    assert totals(2, [*rows[:3], "16\tleft out\tchains (no y)\t0\n"])[0][-2:] == [
        "run on no version: chains", "12 passed, 1 failed; not run on 15: chains (no x); not run on 16: chains (no y)"]
    assert totals(1, rows[:3])[1] and not totals(1, [])[1]
    print("what tests print is read right")


def main():
    match sys.argv[1:]:
        case ["count", form, status, log]:
            with open(log, errors="replace") as file:
                print(*count(form, int(status), file.read()))
        case ["totals", servers, results]:
            with open(results) as file:
                out, good = totals(int(servers), file)
            print(*out, sep="\n")
            sys.exit(not good)
        case ["check"]:
            check()
        case _:
            sys.exit(__doc__)


main()
