#!/usr/bin/env python3
"""Checks the dependencies against deny.toml: licences, sources, duplicate versions, and the advisories if they can be had.

It does of cargo-deny, which takes longer to build than all tests to run, the part that needs no network, from what cargo
itself says of the lock file. Where cargo-deny is installed it checks the advisories as well."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import defaultdict

CRATES_IO = "registry+https://github.com/rust-lang/crates.io-index"


def metadata(manifest):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--all-features", "--manifest-path", manifest]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met with the allowed licences. An old form writes OR as a slash."""
    tokens = re.findall(r"[()]|[^\s()]+", expression.replace("/", " OR "))

    def alternatives():
        result = conjunction()
        while tokens and tokens[0] == "OR":
            tokens.pop(0)
            result = conjunction() or result
        return result

    def conjunction():
        result = term()
        while tokens and tokens[0] == "AND":
            tokens.pop(0)
            result = term() and result
        return result

    def term():
        token = tokens.pop(0)
        if token == "(":
            result = alternatives()
            tokens.pop(0)
            return result
        if tokens and tokens[0] == "WITH":
            token = " ".join([token, tokens.pop(0), tokens.pop(0)])
        return token in allowed

    return alternatives() and not tokens


def main():
    with open("deny.toml", "rb") as file:
        rules = tomllib.load(file)
    allowed = set(rules["licenses"]["allow"])
    exceptions = {e["crate"]: set(e["allow"]) for e in rules["licenses"].get("exceptions", [])}
    skipped = {s["crate"]: s["reason"] for s in rules["bans"]["skip"]}
    faults = []
    used_skips, used_exceptions = set(), set()
    for manifest in ["Cargo.toml", "sketch/fuzz/Cargo.toml"]:
        packages = metadata(manifest)
        versions = defaultdict(set)
        for package in packages:
            name, source = package["name"], package["source"]
            label = f"{manifest}: {name} {package['version']}"
            if source not in (None, CRATES_IO):
                faults.append(f"{label}: from {source}")
            if not is_allowed(package["license"] or "none", allowed):
                used_exceptions.add(name)
                if not is_allowed(package["license"] or "none", allowed | exceptions.get(name, set())):
                    faults.append(f"{label}: licence {package['license']}")
            versions[name].add(package["version"])
        duplicates = {name: sorted(v) for name, v in versions.items() if len(v) > 1}
        for name, which in sorted(duplicates.items()):
            used_skips |= {f"{name}@{version}" for version in which}
            if sum(f"{name}@{version}" not in skipped for version in which) > 1:
                faults.append(f"{manifest}: {name} in versions {', '.join(which)}")
        print(f"{manifest}: {len(packages)} packages: licences, sources and {len(duplicates)} duplicates checked")
    faults += [f"deny.toml: {skip} is skipped and no duplicate" for skip in skipped.keys() - used_skips]
    faults += [f"deny.toml: the exception for {name} is not needed" for name in exceptions.keys() - used_exceptions]
    if shutil.which("cargo-deny"):
        if subprocess.run(["cargo", "deny", "check", "advisories"]).returncode:
            faults.append("advisories: see above")
    else:
        print("ADVISORIES NOT CHECKED: cargo-deny is not installed (cargo install cargo-deny; cargo deny check advisories)")
    for fault in faults:
        print(fault)
    sys.exit(bool(faults))


main()
