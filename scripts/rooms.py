#!/usr/bin/env python3
"""Holds the folders of both crates against the order in which lib.rs declares them: a file imports from its own folder, from those
declared above it, and from no other. Tests may look at anything."""

import os
import re
import sys

from tree import source


def code_of(path):
    with open(path) as file:
        return re.sub(r"//[^\n]*", "", file.read().partition("#[cfg(test)]\nmod tests {")[0])


def main():
    wrong = 0
    for crate in ("sketch/src", "src"):
        with open(f"{crate}/lib.rs") as file:
            rooms = re.findall(r"^(?:pub )?mod (\w+);", file.read(), re.M)
        for path in source(".rs"):
            if not path.startswith(f"{crate}/"):
                continue
            room = os.path.relpath(path, crate).split("/")[0].removesuffix(".rs")
            if room not in rooms:
                continue
            code = code_of(path)
            for unclear in re.findall(r"\bsuper::super\b|\bcrate::\{", code):
                print(f"{path} imports by {unclear}: write crate::FOLDER")
                wrong += 1
            for other in sorted(set(re.findall(r"\bcrate::(\w+)", code))):
                if other in rooms and rooms.index(other) > rooms.index(room):
                    print(f"{path} imports from {other}, which {crate}/lib.rs declares below {room}")
                    wrong += 1
        print(f"{crate}: {', '.join(rooms)}")
    sys.exit(wrong > 0)


main()
