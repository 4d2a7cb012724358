#!/usr/bin/env python3
"""Holds the links in the pages against the files: each file or folder that a page refers to exists, and each heading. A page may only
refer to what the source has, not to what a build has made. Usage: scripts/links.py"""

import os
import re
import sys
import urllib.parse

from tree import source


def prose(page):
    """The text of a page without its blocks of code and its spans of code."""
    with open(page) as file:
        text = re.sub(r"^```.*?^```$", "", file.read(), flags=re.M | re.S)
    text = re.sub(r"(?<=\n\n) {4}.*(?:\n {4}.*|\n(?=\n {4}))*", "", text)
    return re.sub(r"`[^`\n]*`", lambda code: re.sub(r"[\[\]()]", "", code[0]), text)


def anchors(page):
    """What the headings of a page are called in links: as GitHub names them, a second one of the same name with a number."""
    seen = {}
    for heading in re.findall(r"^#{1,6} +(.*?) *$", prose(page), re.M):
        name = re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading).lower()).replace(" ", "-")
        seen[name] = seen.get(name, -1) + 1
        yield f"{name}-{seen[name]}" if seen[name] else name


def main():
    files = set(source())
    folders = {folder for file in files for folder in [os.path.dirname(file)]}
    folders |= {"/".join(folder.split("/")[:depth]) for folder in folders for depth in range(1, folder.count("/") + 1)} | {"."}
    pages = sorted(file for file in files if file.endswith(".md"))
    known = {page: set(anchors(page)) for page in pages}
    wrong, links = [], 0
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
            if re.match(r"[a-z]+:", target):
                continue
            links += 1
            path, _, anchor = urllib.parse.unquote(target).partition("#")
            path = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if path not in files | folders:
                wrong.append(f"{page}: {target}: there is no {path}")
            elif anchor and anchor not in known.get(path, ()):
                wrong.append(f"{page}: {target}: {path} has no heading {anchor!r}")
    print("\n".join([*wrong, f"{links} links in {len(pages)} pages, {len(wrong)} wrong"]))
    sys.exit(bool(wrong) or not links)


main()
