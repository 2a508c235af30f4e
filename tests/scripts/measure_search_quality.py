#!/usr/bin/env python3
"""Measures how well questions find the functions that they are about, through a running server.

Usage: measure_search_quality.py HOST_PROGRAM [DIRECTORY] [QUESTIONS] [MODEL_DIRECTORY]

Copies DIRECTORY (Python's standard library if none is given) without docstrings, indexes the copy, gives it vectors, and
asks the first sentence of every so many'th docstring, in each mode of `semantic_search`. Vectors come from the model within
the program, or from the sentence-transformers model in MODEL_DIRECTORY, which computes on all processors. Everything lies in a temporary
home. Prints MRR@10 and recall@10 of the functions whose docstrings they were, and the time of the middle question.
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


def main(program, library, most, model):
    with tempfile.TemporaryDirectory(prefix="q") as home:
        os.mkdir(f"{home}/run", 0o700)
        environment = dict(os.environ, HOME=home, XDG_DATA_HOME=f"{home}/data", XDG_RUNTIME_DIR=f"{home}/run")
        copied = subprocess.run([sys.executable, STRIP, library, f"{home}/library"], capture_output=True, text=True, check=True)
        asked = [json.loads(line) for line in copied.stdout.splitlines()]
        asked = asked[:: -(-len(asked) // most)]
        embedding = {"provider": "local", "model_dir": os.path.abspath(model), "threads": os.cpu_count()} if model else {}
        # Nothing is made beside what is measured.
        workers = {"vectorization": {"enabled": False, "batch_size": 256}}
        config = f"{home}/config.json"
        pathlib.Path(config).write_text(json.dumps({"code_analysis": {"embedding": embedding, "workers": workers}}))
        host = [program, "--config", config]
        run = {"env": environment, "check": True, "stdout": subprocess.PIPE, "text": True}
        subprocess.run([*host, "index", f"{home}/library"], **run)
        made = json.loads(subprocess.run([*host, "call", "revectorize", "--json"], **run).stdout)
        print(f"{made['total_chunks_revectorized']} chunks in {made['seconds']:.1f} s", flush=True)
        server = subprocess.Popen([*host, "serve", "--port", "0"], env=environment, stdout=subprocess.PIPE, text=True)
        try:
            words = server.stdout.readline().split()
            url = next(word for word in words if word.startswith("http")).rstrip("/")
            for mode in ("words", "meaning", "hybrid"):
                measure(f"{url}/api/jsonrpc", mode, asked)
        finally:
            server.terminate()
            server.wait(30)


def measure(url, mode, asked):
    mrr, found, times = 0.0, 0, []
    for each in asked:
        params = {"query": each["query"], "mode": mode, "k": 10}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "semantic_search", "params": params}).encode()
        started = time.monotonic()
        with urllib.request.urlopen(urllib.request.Request(url, body, {"Content-Type": "application/json"})) as answer:
            results = json.load(answer)["result"]["data"]["results"]
        times.append(time.monotonic() - started)
        for place, hit in enumerate(results):
            if (hit["relative_path"], hit["entity_name"]) == (each["path"], each["name"]):
                mrr, found = mrr + 1 / (place + 1), found + 1
                break
    count, middle = len(asked), sorted(times)[len(times) // 2]
    print(f"{mode}: {count} questions, MRR@10 {mrr / count:.3f}, recall@10 {found / count:.3f}, p50 {middle * 1000:.1f} ms", flush=True)


if __name__ == "__main__":
    arguments = sys.argv[1:] + [None, None, None]
    main(arguments[0], arguments[1] or sysconfig.get_path("stdlib"), int(arguments[2] or 1500), arguments[3])
