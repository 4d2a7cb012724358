#!/usr/bin/env python3
"""Holds docs/unsafe.md against the code: each file with unsafe code is listed, with the number of its unsafe blocks,
functions, implementations and extern blocks. New unsafe code has to be written down, and so read again.

The glue calls functions of PostgreSQL that may raise an ERROR by src/pg_sys.rs, not behind pgrx's guard: that copies what the
ERROR says, which may be longer than memory lasts."""

import re
import subprocess
import sys

KINDS = {
    "blocks": r"\bunsafe\s*\{",
    "functions": r"\bunsafe\s+(?:extern\s+\"[^\"]*\"\s+)?fn\s+\w",
    "implementations": r"\bunsafe\s+impl\b",
    "extern": r"\bunsafe\s+extern\s+\"[^\"]*\"\s*\{",
}

# The functions that raise no ERROR, so that a guard has nothing to copy. CacheRegisterSyscacheCallback ends the process where
# it fails; MemoryContextSwitchTo is pgrx's.
RAISE_NOTHING = {"AggGetAggref", "EOH_init_header", "CacheRegisterSyscacheCallback", "MemoryContextSwitchTo", "pfree", "pg_get_timezone_name"}
# Files that declare by themselves what they call.
DECLARE_THEIR_OWN = {"src/raising.rs"}


def code_of(path):
    with open(path) as file:
        return re.sub(r"//[^\n]*", "", file.read())


def behind_pgrx(files):
    """Calls of functions that may raise an ERROR, and that src/pg_sys.rs does not declare."""
    declared = set(re.findall(r"^    fn (\w+)\(", code_of("src/pg_sys.rs"), re.M))
    for path in files:
        if not re.fullmatch(r"src/\w+\.rs", path) or path in DECLARE_THEIR_OWN or path == "src/pg_sys.rs":
            continue
        code = code_of(path)
        called = set(re.findall(r"\bpg_sys::([A-Za-z_]\w*)\(", code)) - RAISE_NOTHING - {"caught", "raise"}
        if called and re.search(r"\bpgrx::pg_sys(?:;|::\{\s*self\b)", code):
            yield path, "pgrx::pg_sys"
        yield from ((path, name) for name in sorted(called - declared))


def counts(path):
    code = code_of(path)
    return tuple(len(re.findall(pattern, code)) for pattern in KINDS.values())


def main():
    files = subprocess.run(["git", "ls-files", "*.rs"], check=True, stdout=subprocess.PIPE, text=True).stdout.split()
    found = {path: counted for path in files if any(counted := counts(path))}
    listed = {}
    with open("docs/unsafe.md") as file:
        for row in re.findall(r"^\| `([^`]+\.rs)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \| \S", file.read(), re.M):
            listed[row[0]] = tuple(map(int, row[1:]))
    wrong = [path for path in sorted(found.keys() | listed.keys()) if found.get(path) != listed.get(path)]
    for path in wrong:
        print(f"{path}: {found.get(path, 'no unsafe code')}, listed {listed.get(path, 'not at all')} ({', '.join(KINDS)})")
    guarded = list(behind_pgrx(files))
    for path, name in guarded:
        print(f"{path}: {name} is called behind pgrx's guard, not by src/pg_sys.rs")
    total = [sum(column) for column in zip(*found.values())]
    print(", ".join(f"{number} {kind}" for number, kind in zip(total, KINDS)), f"in {len(found)} files")
    sys.exit(bool(wrong or guarded))


main()
