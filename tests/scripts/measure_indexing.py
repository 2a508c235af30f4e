#!/usr/bin/env python3
"""Indexes a directory with a release build and prints times and peak memory as a table.

    cargo build --release && python3 tests/scripts/measure_indexing.py [DIRECTORY]

Without a directory it takes the standard library of the Python that runs it, without site-packages. The tree is
copied first, so that one file can be changed; the state lies in a temporary directory. Peak memory is VmHWM of every
process of the program, read every 5 ms.
"""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from pathlib import Path

HOST = Path(__file__).resolve().parents[2] / "target/release/code-analysis-host"


def peaks(root, found, stop):
    """Keeps the largest VmHWM of the process `root` and of its children, by command line."""
    while not stop.is_set():
        pids = [root]
        for pid in pids:
            try:
                children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
                pids.extend(int(child) for child in children)
                for task in Path(f"/proc/{pid}/task").iterdir():
                    for child in (task / "children").read_text().split():
                        if int(child) not in pids:
                            pids.append(int(child))
                command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
                name = "DB worker" if "worker database" in command else "host" if pid == root else "other"
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("VmHWM"):
                        found[name] = max(found.get(name, 0), int(line.split()[1]) // 1024)
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                pass
        stop.wait(0.005)


def run(arguments, environment):
    started = time.monotonic()
    process = subprocess.Popen([HOST, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found, stop = {}, threading.Event()
    watching = threading.Thread(target=peaks, args=(process.pid, found, stop))
    watching.start()
    output = process.communicate()[0]
    seconds = time.monotonic() - started
    stop.set()
    watching.join()
    if process.returncode not in (0, 6):
        sys.exit(f"{arguments}: exit code {process.returncode}")
    return seconds, found, output


def main():
    source = Path(sys.argv[1] if len(sys.argv) > 1 else sysconfig.get_paths()["stdlib"])
    with tempfile.TemporaryDirectory(prefix="cah") as place:
        tree = Path(place) / "tree"
        shutil.copytree(source, tree, symlinks=True, ignore=shutil.ignore_patterns("site-packages", "__pycache__"))
        environment = dict(os.environ, XDG_DATA_HOME=f"{place}/data", XDG_RUNTIME_DIR=place, HOME=place)
        rows = []
        rows.append(("from nothing", *run(["index", str(tree), "--json"], environment)))
        rows.append(("nothing changed", *run(["index", str(tree), "--json"], environment)))
        changed = max((path for path in tree.rglob("*.*") if path.suffix in (".py", ".rs", ".c")), key=lambda p: p.stat().st_size if p.stat().st_size < 100_000 else 0)
        with changed.open("a") as file:
            file.write("\n")
        rows.append(("one file changed", *run(["index", str(tree), "--json"], environment)))
        rows.append(("a query", *run(["call", "find_usages", "target_name=open", "--json"], environment)))
        first = json.loads(rows[0][3])
        print({key: value for key, value in first.items() if isinstance(value, (int, float))})
        print(f"{'':18} {'seconds':>8}  peak MB")
        for name, seconds, found, _ in rows:
            print(f"{name:18} {seconds:8.3f}  {found}")


main()
