#!/usr/bin/env python3
"""Measures what a server and its workers cost while nobody asks: processor, and memory by process.

Usage: measure_idle.py HOST_PROGRAM DIRECTORY [SECONDS]

Indexes DIRECTORY and runs `serve` three times: with the workers that are on by default, with the vectorization worker, and
with that and the repair worker; each time it waits a quarter of a minute and then looks for SECONDS (60). Memory is told as
RSS, which counts pages of the program in each process, and PSS, which shares them out. Everything lies in a temporary home.
"""
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

SETTLES = 15


def main(program, directory, seconds):
    for on in ([], ["vectorization"], ["vectorization", "repair"]):
        with tempfile.TemporaryDirectory(prefix="i") as home:
            os.mkdir(f"{home}/run", 0o700)
            environment = dict(os.environ, HOME=home, XDG_DATA_HOME=f"{home}/data", XDG_RUNTIME_DIR=f"{home}/run")
            workers = {kind: {"enabled": kind in on} for kind in ("vectorization", "repair")}
            pathlib.Path(f"{home}/config.json").write_text(json.dumps({"code_analysis": {"workers": workers}}))
            host = [program, "--config", f"{home}/config.json"]
            quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run([*host, "index", directory], check=True, **quiet)
            server = subprocess.Popen([*host, "serve", "--port", "0"], **quiet)
            try:
                time.sleep(SETTLES)
                before = processes(server.pid)
                time.sleep(seconds)
                after = processes(server.pid)
            finally:
                server.terminate()
                server.wait(30)
        ticks = sum(used - before.get(pid, ("", 0, 0, used))[3] for pid, (_, _, _, used) in after.items())
        print(f"beside the defaults: {', '.join(on) or 'none'}")
        for name, rss, pss, _ in after.values():
            print(f"    {name}: RSS {rss:.1f} MB, PSS {pss:.1f} MB")
        total = [sum(each[column] for each in after.values()) for column in (1, 2)]
        percent = ticks / os.sysconf("SC_CLK_TCK") / seconds * 100
        print(f"    all: RSS {total[0]:.1f} MB, PSS {total[1]:.1f} MB, {percent:.2f} % of a core", flush=True)


def processes(pid):
    """Name, RSS and PSS in MB, and processor ticks of a process and all below it, by their ids."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    memory = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.endswith("kB")}
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    words = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    name = " ".join(words[1:3]) if words[1:2] == ["worker"] else "serve"
    found = {pid: (name, memory["Rss"], memory["Pss"], int(stat[11]) + int(stat[12]))}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found.update(processes(int(child)))
    return found


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int((sys.argv[3:] or [60])[0]))
