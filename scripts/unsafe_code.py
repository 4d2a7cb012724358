#!/usr/bin/env python3
"""Holds docs/unsafe.md against the code: each file with unsafe code is listed, with the number of its unsafe blocks,
functions, implementations and extern blocks. New unsafe code has to be written down, and so read again."""

import re
import subprocess
import sys

KINDS = {
    "blocks": r"\bunsafe\s*\{",
    "functions": r"\bunsafe\s+(?:extern\s+\"[^\"]*\"\s+)?fn\s+\w",
    "implementations": r"\bunsafe\s+impl\b",
    "extern": r"\bunsafe\s+extern\s+\"[^\"]*\"\s*\{",
}


def counts(path):
    with open(path) as file:
        code = re.sub(r"//[^\n]*", "", file.read())
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
    total = [sum(column) for column in zip(*found.values())]
    print(", ".join(f"{number} {kind}" for number, kind in zip(total, KINDS)), f"in {len(found)} files")
    sys.exit(bool(wrong))


main()
