#!/usr/bin/env python3
"""Times full-text searches of a running `code-analysis-host serve`, call by call over JSON-RPC.

    python3 tests/scripts/measure_search.py http://127.0.0.1:15000 [WORD ...]
"""

import json
import statistics
import sys
import time
import urllib.request

CALLS = 30
WORDS = ["socket", "connection timeout", "error handler", "class", "self"]


def search(url: str, words: str) -> dict:
    """The answer to one search for these words."""
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "fulltext_search",
        "params": {"query": words, "limit": 20},
    }
    request = urllib.request.Request(
        url + "/api/jsonrpc",
        json.dumps(call).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())["result"]["data"]


def main() -> None:
    url, *words = sys.argv[1:]
    for each in words or WORDS:
        hits = search(url, each)["total"]
        times = []
        for _ in range(CALLS):
            began = time.perf_counter()
            search(url, each)
            times.append((time.perf_counter() - began) * 1e3)
        half = statistics.median(times)
        print(f"{each}: {hits} hits, p50 {half:.1f} ms, longest {max(times):.1f} ms")


if __name__ == "__main__":
    main()
