#!/usr/bin/env python3
"""Measures how many of the nearest vectors the graph over very many finds, and how long both ways of searching take.

Usage: measure_vector_graph.py HOST_PROGRAM DIRECTORY [QUESTIONS]

Indexes DIRECTORY, which must have more than 200,000 chunks, gives it vectors of the model within the program, and asks a
server questions by meaning alone: first while it has no graph and compares all vectors, then when `rebuild_faiss` has made
one. The questions are first sentences of docstrings of Python's standard library. Everything lies in a temporary home.
"""
import json
import os
import pathlib
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request

STRIP = pathlib.Path(__file__).parent.parent / "benches/src/docstrings.py"


def main(program, directory, most):
    with tempfile.TemporaryDirectory(prefix="g") as home:
        os.mkdir(f"{home}/run", 0o700)
        environment = dict(os.environ, HOME=home, XDG_DATA_HOME=f"{home}/data", XDG_RUNTIME_DIR=f"{home}/run")
        copied = subprocess.run([sys.executable, STRIP, sysconfig.get_path("stdlib"), f"{home}/library"],
                                capture_output=True, text=True, check=True)
        asked = [json.loads(line)["query"] for line in copied.stdout.splitlines()]
        asked = asked[:: -(-len(asked) // most)]
        workers = {"vectorization": {"enabled": False}, "file_watcher": {"enabled": False}}
        pathlib.Path(f"{home}/config.json").write_text(json.dumps({"code_analysis": {"workers": workers}}))
        host = [program, "--config", f"{home}/config.json"]
        run = {"env": environment, "check": True, "stdout": subprocess.PIPE, "text": True}
        started = time.monotonic()
        indexed = subprocess.run([*host, "index", directory], **{**run, "check": False})
        # 6: some files were left out, which a large tree always has.
        if indexed.returncode not in (0, 6):
            raise SystemExit(indexed.returncode)
        print(f"indexed in {time.monotonic() - started:.1f} s", flush=True)
        made = json.loads(subprocess.run([*host, "call", "revectorize", "--json"], **run).stdout)
        print(f"{made['total_chunks_revectorized']} chunks embedded in {made['seconds']:.1f} s", flush=True)
        server = subprocess.Popen([*host, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            words = server.stdout.readline().split()
            url = next(word for word in words if word.startswith("http")).rstrip("/") + "/api/jsonrpc"
            exact = [nearest(url, question, "exact") for question in asked]
            built = call(url, "rebuild_faiss", {})["results"][0]
            print(f"graph of {built['vectors']} vectors ({built['index']}) in {built['seconds']:.1f} s", flush=True)
            near = [nearest(url, question, "approximate") for question in asked]
            print(f"peak of the server: {peak(server.pid)} MB")
        finally:
            server.terminate()
            server.wait(30)
        found = sum(len(a & b) for (a, _), (b, _) in zip(exact, near))
        print(f"{len(asked)} questions, recall@10 {found / sum(len(a) for a, _ in exact):.4f}")
        for name, answers in (("exact", exact), ("graph", near)):
            times = sorted(seconds for _, seconds in answers)
            print(f"{name}: p50 {times[len(times) // 2] * 1000:.1f} ms, p99 {times[len(times) * 99 // 100] * 1000:.1f} ms")


def nearest(url, question, index):
    """The ten nearest, and the seconds of the call."""
    started = time.monotonic()
    answer = call(url, "semantic_search", {"query": question, "mode": "meaning", "k": 10})
    seconds = time.monotonic() - started
    found = answer["details"]["index"]
    if found != index:
        raise SystemExit(f"the search was {found}, expected {index}: more chunks, or fewer questions")
    return {(hit["relative_path"], hit["entity_name"], hit["line"]) for hit in answer["results"]}, seconds


def call(url, method, params):
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
        return json.load(answer)["result"]["data"]


def peak(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int((sys.argv[3:] or [300])[0]))
