#!/usr/bin/env python3
"""Holds docs/unsafe.md against the code: a file with unsafe code is listed there, with the reason, and no other is.

The glue calls functions of PostgreSQL that may raise an ERROR by src/pg/pg_sys.rs, not behind pgrx's guard: that copies what the
ERROR says, which may be longer than memory lasts."""

import re
import sys

from tree import source

# The functions that raise no ERROR, so that a guard has nothing to copy. CacheRegisterSyscacheCallback ends the process where
# it fails; MemoryContextRegisterResetCallback puts what it is given in front of a list; MemoryContextSwitchTo is pgrx's.
RAISE_NOTHING = {"AggGetAggref", "EOH_init_header", "CacheRegisterSyscacheCallback", "MemoryContextRegisterResetCallback", "MemoryContextSwitchTo",
                 "pfree", "pg_get_timezone_name"}
# Files that declare by themselves what they call.
DECLARE_THEIR_OWN = {"src/pg/unguarded.rs"}


def code_of(path):
    with open(path) as file:
        return re.sub(r"//[^\n]*", "", file.read())


def behind_pgrx(files):
    """Calls of functions that may raise an ERROR, and that src/pg/pg_sys.rs does not declare."""
    declared = set(re.findall(r"^    fn (\w+)\(", code_of("src/pg/pg_sys.rs"), re.M))
    for path in files:
        if not path.startswith("src/") or path.startswith("src/tests/") or path in {*DECLARE_THEIR_OWN, "src/pg/pg_sys.rs"}:
            continue
        code = code_of(path)
        called = set(re.findall(r"\bpg_sys::([A-Za-z_]\w*)\(", code)) - RAISE_NOTHING - {"caught", "raise"}
        if called and re.search(r"\bpgrx::pg_sys(?:;|::\{\s*self\b)", code):
            yield path, "pgrx::pg_sys"
        yield from ((path, name) for name in sorted(called - declared))


def main():
    files = source(".rs")
    found = {path for path in files if re.search(r"\bunsafe\b", code_of(path))}
    with open("docs/unsafe.md") as file:
        listed = set(re.findall(r"^\| `([^`]+\.rs)` \| \S", file.read(), re.M))
    for path in sorted(found - listed):
        print(f"{path}: has unsafe code, and docs/unsafe.md does not say what for")
    for path in sorted(listed - found):
        print(f"{path}: has no unsafe code, and docs/unsafe.md says that it has")
    guarded = list(behind_pgrx(files))
    for path, name in guarded:
        print(f"{path}: {name} is called behind pgrx's guard, not by src/pg/pg_sys.rs")
    print(f"{len(found)} files with unsafe code")
    sys.exit(bool(found ^ listed or guarded))


main()
