#!/usr/bin/env python3
"""Compares counts of classes, functions and methods with those of Python's own `ast` module.

Usage: compare_python_ast.py HOST [DIRECTORY]

HOST is the built program, for example target/release/code-analysis-host; it indexes DIRECTORY (by default the standard
library of the Python that runs this) into a temporary database, which is then asked for the counts of each file.
A def whose nearest enclosing definition is a class is a method, any other def is a function. Files below
`site-packages` and files that `ast` cannot parse are left out, the latter are listed.

Exit status: 0 when each kind agrees within 0.5 %, summed over files so that errors cannot cancel out; 1 when one
does not, or when a file is not in the index; 2 for wrong arguments or when the program fails.
"""

import ast
import json
import os
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from pathlib import Path

KINDS = ("classes", "functions", "methods")
TOLERANCE = 0.005
SHOWN_FILES = 20


def count(tree):
    """Returns the number of entities of each kind in a module."""
    counts = dict.fromkeys(KINDS, 0)
    pending = [(tree, False)]
    while pending:
        node, in_class = pending.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                counts["classes"] += 1
                pending.append((child, True))
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                counts["methods" if in_class else "functions"] += 1
                pending.append((child, False))
            else:
                pending.append((child, in_class))
    return counts


def parse(path):
    """Returns the module's tree, or None when `ast` cannot parse it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):
        return None


def compare(found, directory):
    """Compares file by file. Returns totals, differing files, unparsable files and files that `found` lacks."""
    totals = {kind: {"ast": 0, "found": 0, "wrong": 0} for kind in KINDS}
    differing, unparsable, missing = [], [], []
    for path in sorted(directory.rglob("*.py")):
        relative = path.relative_to(directory)
        if "site-packages" in relative.parts:
            continue
        tree = parse(path)
        if tree is None:
            unparsable.append(relative)
            continue
        counts = found.get(str(path), found.get(str(relative)))
        if counts is None:
            missing.append(relative)
            continue
        expected = count(tree)
        for kind in KINDS:
            totals[kind]["ast"] += expected[kind]
            totals[kind]["found"] += counts[kind]
            totals[kind]["wrong"] += abs(expected[kind] - counts[kind])
        if any(expected[kind] != counts[kind] for kind in KINDS):
            differing.append((relative, expected, counts))
    return totals, differing, unparsable, missing


def report(totals, differing, unparsable, missing):
    """Prints the comparison. Returns whether it is good enough."""
    good = not missing
    print(f"{'kind':<10} {'ast':>8} {'found':>8} {'wrong':>8}  share")
    for kind, total in totals.items():
        share = total["wrong"] / max(total["ast"], 1)
        good = good and share <= TOLERANCE
        print(f"{kind:<10} {total['ast']:>8} {total['found']:>8} {total['wrong']:>8}  {share:.3%}")
    for path, expected, counts in differing[:SHOWN_FILES]:
        print(f"differs: {path}: " + ", ".join(f"{kind} {expected[kind]} != {counts[kind]}" for kind in KINDS))
    for path in missing[:SHOWN_FILES]:
        print(f"missing: {path}")
    print(f"{len(differing)} files differ, {len(missing)} missing, {len(unparsable)} left out, which ast cannot parse")
    for path in unparsable:
        print(f"left out: {path}")
    return good


def run(host, home, *arguments):
    """Runs the program with its state in `home`. Returns what it prints as JSON."""
    places = {"HOME": home, "XDG_DATA_HOME": home, "XDG_RUNTIME_DIR": home}
    finished = subprocess.run([host, *arguments], env={**os.environ, **places}, capture_output=True, text=True)
    # 6: indexed, but some files do not parse, which the standard library's tests contain on purpose.
    if finished.returncode not in (0, 6):
        raise OSError(f"{arguments}: {finished.stderr.strip()}")
    return json.loads(finished.stdout)


def indexed_counts(host, directory):
    """Indexes `directory`. Returns the number of entities of each kind in each file."""
    sql = """
        SELECT f.path AS path,
               (SELECT count(*) FROM classes c WHERE c.file_id = f.id) AS classes,
               (SELECT count(*) FROM functions g WHERE g.file_id = f.id) AS functions,
               (SELECT count(*) FROM methods m JOIN classes c ON c.id = m.class_id WHERE c.file_id = f.id) AS methods
        FROM files f WHERE f.deleted = 0"""
    with tempfile.TemporaryDirectory(prefix="cah") as home:
        run(host, home, "index", str(directory), "--json")
        return {row["path"]: row for row in run(host, home, "sql", sql, "--format", "json")}


def main(arguments):
    directory = Path(arguments[1] if len(arguments) > 1 else sysconfig.get_paths()["stdlib"]).resolve()
    if not 1 <= len(arguments) <= 2 or not directory.is_dir():
        print(__doc__.splitlines()[2], file=sys.stderr)
        return 2
    try:
        found = indexed_counts(arguments[0], directory)
    except (OSError, ValueError) as error:
        print(f"the index cannot be made: {error}", file=sys.stderr)
        return 2
    return 0 if report(*compare(found, directory)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
