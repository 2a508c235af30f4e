#!/usr/bin/env python3
"""Indexes a directory with a release build and prints times and peak memory as a table.

    cargo build --release && python3 tests/scripts/measure_indexing.py [--runs N] [DIRECTORY]
    ... --beside 'COMMAND {tree}'     another program that indexes a copy of the tree, in the same run
    ... --served [DIRECTORY]          one changed file until it is in an answer, and a query, with a running server
    ... --small-files N               a tree of N small files: from nothing, and looked at again unchanged
    ... --lines N [DIRECTORY]         a tree of N lines, copied from source files below a directory

Without a directory it takes the standard library of the Python that runs it, without site-packages. The tree is
copied first, so that one file can be changed; the state lies in a temporary directory. Peak memory is VmHWM of every
process of the program, read every 5 ms.
"""

import argparse
import http.client
import json
import os
import re
import resource
import shlex
import shutil
import statistics
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


def run(arguments, environment, program=HOST):
    before = processor_seconds()
    started = time.monotonic()
    process = subprocess.Popen([program, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    found, stop = {}, threading.Event()
    watching = threading.Thread(target=peaks, args=(process.pid, found, stop))
    watching.start()
    output = process.communicate()[0]
    seconds = time.monotonic() - started
    stop.set()
    watching.join()
    if process.returncode not in (0, 6):
        sys.exit(f"{arguments}: exit code {process.returncode}")
    return seconds, processor_seconds() - before, found, output


def processor_seconds():
    """Of all processes that have ended below this one: unlike times they hardly change when the machine is busy."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def table(rows):
    print(f"{'':18} {'seconds':>8} {'processor':>9}  peak MB")
    for name, seconds, processor, found, _ in rows:
        print(f"{name:18} {seconds:8.3f} {processor:9.3f}  {found}")


def whole_processes(tree, environment, runs, beside):
    if beside:
        copy = tree.with_name("beside")
        shutil.copytree(tree, copy, symlinks=True)
        program, *arguments = shlex.split(beside.replace("{tree}", str(copy)))
        table([(Path(program).name, *run(arguments, environment, program))])
    for _ in range(runs):
        shutil.rmtree(environment["XDG_DATA_HOME"], ignore_errors=True)
        rows = [("from nothing", *run(["index", str(tree), "--json"], environment))]
        rows.append(("nothing changed", *run(["index", str(tree), "--json"], environment)))
        changed = max((path for path in tree.rglob("*.*") if path.suffix in (".py", ".rs", ".c")), key=lambda p: p.stat().st_size if p.stat().st_size < 100_000 else 0)
        with changed.open("a") as file:
            file.write("\n")
        rows.append(("one file changed", *run(["index", str(tree), "--json"], environment)))
        rows.append(("a query", *run(["call", "find_usages", "target_name=open", "--json"], environment)))
        first = json.loads(rows[0][4])
        print({key: value for key, value in first.items() if isinstance(value, (int, float))})
        table(rows)


def small_files(place, environment, count):
    tree = Path(place) / "small"
    for number in range(count):
        directory = tree / f"package_{number // 100}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"module_{number}.py").write_text(f"def function_{number}(x):\n    return x + {number}\n")
    time.sleep(1)
    rows = [("from nothing", *run(["index", str(tree), "--json"], environment))]
    rows += [("nothing changed", *run(["index", str(tree), "--json"], environment)) for _ in range(3)]
    table(rows)


def many_lines(source, place, environment, wanted):
    tree, lines = Path(place) / "lines", 0
    suffixes = (".rs", ".py", ".c", ".h", ".js", ".ts", ".go", ".java", ".cc", ".cpp")
    copies = 0
    while lines < wanted:
        before = lines
        for path in sorted(source.rglob("*")):
            if lines >= wanted or not path.is_file() or path.suffix not in suffixes or path.stat().st_size > 2 * 1024 * 1024:
                continue
            target = tree / f"copy_{copies}" / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            lines += path.read_bytes().count(b"\n")
        copies += 1
        if lines == before:
            sys.exit(f"{source} holds no source files")
    print(f"{lines} lines in {copies} copies of {source}")
    rows = [("from nothing", *run(["index", str(tree), "--json"], environment))]
    rows.append(("nothing changed", *run(["index", str(tree), "--json"], environment)))
    table(rows)


def served(tree, environment):
    """Milliseconds from the end of a write to the first answer that shows it, and of whole processes that ask."""
    server = subprocess.Popen([HOST, "serve", "--port", "0", "--watch", str(tree)], env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        address = re.search(r"http://([\d.:]+)", server.stdout.readline()).group(1)
        connection = http.client.HTTPConnection(address)

        def ask(method, **params):
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            connection.request("POST", "/api/jsonrpc", body, {"Content-Type": "application/json"})
            return json.loads(connection.getresponse().read())["result"]

        def watches():
            status = ask("get_worker_status", worker_type="file_watcher")["data"]["processes"]
            return status and (status[0].get("heartbeat") or {}).get("activity") == "watching"

        while not watches():
            time.sleep(0.1)
        waits, file = [], tree / "measured.py"
        for number in range(40):
            file.write_text(f"def measured_{number}():\n    return {number}\n")
            written = time.monotonic()
            while not ask("get_code_entity_info", entity_type="function", entity_name=f"measured_{number}")["success"]:
                pass
            waits.append((time.monotonic() - written) * 1000)
            time.sleep(0.1)
        queries = []
        for _ in range(40):
            started = time.monotonic()
            subprocess.run([HOST, "call", "find_usages", "target_name=open", "--json"], env=environment, stdout=subprocess.DEVNULL, check=True)
            queries.append((time.monotonic() - started) * 1000)
        print(f"{'':34} {'median':>7} {'worst':>7}  milliseconds")
        for name, times in (("a write until it is in an answer", waits), ("`call find_usages`", queries)):
            print(f"{name:34} {statistics.median(times):7.1f} {max(times):7.1f}")
    finally:
        server.terminate()
        server.wait()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", default=sysconfig.get_paths()["stdlib"])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--beside")
    parser.add_argument("--served", action="store_true")
    parser.add_argument("--small-files", type=int)
    parser.add_argument("--lines", type=int)
    arguments = parser.parse_args()
    source = Path(arguments.directory)
    with tempfile.TemporaryDirectory(prefix="cah") as place:
        environment = dict(os.environ, XDG_DATA_HOME=f"{place}/data", XDG_RUNTIME_DIR=place, HOME=place)
        if arguments.small_files:
            return small_files(place, environment, arguments.small_files)
        if arguments.lines:
            return many_lines(source, place, environment, arguments.lines)
        tree = Path(place) / "tree"
        shutil.copytree(source, tree, symlinks=True, ignore=shutil.ignore_patterns("site-packages", "__pycache__"))
        if arguments.served:
            return served(tree, environment)
        whole_processes(tree, environment, arguments.runs, arguments.beside)


main()
