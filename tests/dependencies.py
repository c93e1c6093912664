#!/usr/bin/env python3
"""Holds Cargo.lock against deny.toml: licences, crates in two versions, sources. Advisories are not looked at.

usage: tests/dependencies.py [ROOT]      prints what is wrong, one line each, and ends with 1; needs no network

It reads as much of deny.toml as that file has; `cargo deny` reads the same file where it is installed. Tables and keys that
it does not know are an error, so that nothing is written there in vain.
"""

import collections
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

KNOWN = {
    "licenses": {"allow", "exceptions", "private"},
    "bans": {"multiple-versions", "wildcards", "allow-wildcard-paths", "skip"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry", "allow-git"},
}


def is_allowed(expression, allowed):
    """Whether an SPDX expression can be met with these licences. Old crates write `MIT/Apache-2.0` for OR."""
    words = re.findall(r"[()]|[^\s()]+", re.sub(r"\s*/\s*", " OR ", expression))
    at = 0

    def either():
        nonlocal at
        met = both()
        while at < len(words) and words[at] == "OR":
            at += 1
            met = both() or met
        return met

    def both():
        nonlocal at
        met = one()
        while at < len(words) and words[at] == "AND":
            at += 1
            met = one() and met
        return met

    def one():
        nonlocal at
        word = words[at] if at < len(words) else ""
        at += 1
        if word == "(":
            met = either()
            at += 1
            return met
        if at + 1 < len(words) and words[at] == "WITH":
            word, at = f"{word} WITH {words[at + 1]}", at + 2
        return word in allowed

    return either() and at == len(words)


def wrong_licences(packages, rules):
    exceptions = {entry["crate"]: set(entry["allow"]) for entry in rules["exceptions"]}
    used = set()
    for package in packages:
        name, licence = package["name"], package["license"]
        allowed = set(rules["allow"])
        if name in exceptions:
            used.add(name)
            allowed |= exceptions[name]
        if not licence or not is_allowed(licence, allowed):
            yield f"{name} {package['version']} is under {licence or 'no licence that it names'}"
    for name in sorted(set(exceptions) - used):
        yield f"deny.toml excepts {name}, which is no dependency; take the line out"


def wrong_versions(packages, rules):
    versions = collections.defaultdict(set)
    for package in packages:
        versions[package["name"]].add(package["version"])
    skipped = {entry["crate"] for entry in rules["skip"]}
    twice = {name for name, found in versions.items() if len(found) > 1}
    for name in sorted(twice - skipped):
        yield f"{name} is there as {' and '.join(sorted(versions[name]))}; make it one, or name it in deny.toml"
    for name in sorted(skipped - twice):
        yield f"deny.toml skips {name}, which is there once or not at all; take the line out"


def wrong_sources(packages, rules):
    allowed = {f"registry+{address}" for address in rules["allow-registry"]}
    allowed |= {f"git+{address}" for address in rules["allow-git"]}
    for package in packages:
        if package["source"].split("?")[0].split("#")[0] not in allowed:
            yield f"{package['name']} {package['version']} comes from {package['source']}"


def wrong_wildcards(members):
    for member in members:
        for dependency in member["dependencies"]:
            if dependency["req"] == "*" and not dependency.get("path"):
                yield f"{member['name']} takes {dependency['name']} in any version; name one"


def unknown_keys(rules):
    for table, keys in rules.items():
        for key in keys if table in KNOWN else [None]:
            if key is None or key not in KNOWN[table]:
                yield f"deny.toml: {table}{'.' + key if key else ''} is not known here"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    rules = tomllib.loads((root / "deny.toml").read_text())
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    found = json.loads(subprocess.run(command, cwd=root, check=True, stdout=subprocess.PIPE).stdout)
    packages = [package for package in found["packages"] if package["source"]]
    members = [package for package in found["packages"] if not package["source"]]
    wrong = [
        *unknown_keys(rules),
        *wrong_licences(packages, rules["licenses"]),
        *wrong_versions(packages, rules["bans"]),
        *wrong_sources(packages, rules["sources"]),
        *wrong_wildcards(members),
    ]
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
