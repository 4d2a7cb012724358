#!/usr/bin/env python3
"""Puts into FOLDER the licence of the extension, and those of what is linked into its library, for packages: of each crate what it
declares and the files that it ships, and those of Rust's own library. Usage: scripts/licenses.py FOLDER N, for PostgreSQL N"""

import glob
import json
import os
import re
import shutil
import subprocess
import sys


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def linked(metadata):
    """The crates of others whose code is in the library: macros run in the compiler, and build scripts before it."""
    packages = {package["id"]: package for package in metadata["packages"]}
    dependencies = {node["id"]: node["deps"] for node in metadata["resolve"]["nodes"]}
    found, open_ends = set(), [metadata["resolve"]["root"]]
    while open_ends:
        crate = open_ends.pop()
        if crate not in found and not any("proc-macro" in target["kind"] for target in packages[crate]["targets"]):
            found.add(crate)
            open_ends += [to["pkg"] for to in dependencies[crate] if any(kind["kind"] is None for kind in to["dep_kinds"])]
    return [packages[crate] for crate in found if packages[crate]["source"]]


def put(folder, name, declared, files):
    place = os.path.join(folder, name)
    os.makedirs(place, exist_ok=True)
    with open(os.path.join(place, "declared"), "w") as file:
        file.writelines(f"{what}: {said}\n" for what, said in declared.items() if said)
    for path in files:
        shutil.copy(path, place)


def main():
    folder, major = sys.argv[1:]
    put(folder, "cvm_count", {"License": "PostgreSQL"}, ["LICENSE"])
    rustc = dict(line.split(": ", 1) for line in output("rustc", "-vV").splitlines() if ": " in line)
    documents = os.path.join(output("rustc", "--print", "sysroot").strip(), "share", "doc", "rust")
    put(folder, f"rust-{rustc['release']}", {"License": "MIT OR Apache-2.0", "Source": "https://github.com/rust-lang/rust"},
        glob.glob(os.path.join(glob.escape(documents), "COPYRIGHT-library*")))
    metadata = json.loads(output("cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", rustc["host"],
                                 "--no-default-features", "--features", f"pg{major}"))
    for crate in linked(metadata):
        source = os.path.dirname(crate["manifest_path"])
        put(folder, f"{crate['name']}-{crate['version']}",
            {"License": crate["license"], "Authors": ", ".join(crate["authors"]), "Source": crate["repository"]},
            [path for path in glob.glob(os.path.join(glob.escape(source), "*"))
             if re.match(r"licen[cs]e|unlicense|copying|copyright|notice", os.path.basename(path), re.I) and os.path.isfile(path)])


main()
