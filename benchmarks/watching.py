"""Measures what watching a training run costs: pairs of runs, watched by two tabs and not, in turn.

    python benchmarks/watching.py corpus.txt
    python benchmarks/watching.py corpus.txt --pairs 12 --epochs 8

Each pair runs the same training twice, and which one comes first alternates, so that a machine that becomes slower or
faster shifts both. The tabs are connections that read every event. A pair's ratio is the time of `Word2Vec.fit` with
the page over that without it, callbacks included; the median of the ratios and the interval that holds it with at least
90 % are printed. The interval needs no assumption about the noise: it is that of the sign test. The vectors must be
equal. Exit status: 1 if they are not, 2 for wrong usage.
"""

import argparse
import hashlib
import http.client
import json
import math
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from firth import Word2Vec
from firth.explore.access import Access
from firth.explore.watching import watched

TABS = 2
CONFIDENCE = 0.9


def main() -> int:
    """Run the pairs, and print a line for each and the result."""
    arguments = parser().parse_args()
    if arguments.child:
        print(json.dumps(train(arguments)))
        return 0
    run(arguments, "plain")  # compiles, and fills the cache of files
    ratios, digests = [], set()
    for number in range(arguments.pairs):
        kinds = ["plain", "watched"] if number % 2 == 0 else ["watched", "plain"]
        runs = {kind: run(arguments, kind) for kind in kinds}
        digests |= {each["digest"] for each in runs.values()}
        ratios.append(runs["watched"]["seconds"] / runs["plain"]["seconds"])
        seconds = " s, ".join(f"{kind} {each['seconds']:.2f}" for kind, each in sorted(runs.items()))
        print(f"pair {number + 1}: {seconds} s: {ratios[-1]:.3f} times as long", flush=True)
    low, high = interval(ratios)
    print(f"median {median(ratios):.3f}, with {CONFIDENCE:.0%} confidence between {low:.3f} and {high:.3f}")
    print("the vectors are equal" if len(digests) == 1 else "THE VECTORS DIFFER")
    return int(len(digests) > 1)


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("corpus", type=Path, help="a text file")
    p.add_argument("--pairs", type=int, default=8, help="pairs of runs (8)")
    p.add_argument("--epochs", type=int, default=5, help="epochs of each run (5)")
    p.add_argument("--workers", type=int, default=2, help="threads that train (2)")
    p.add_argument("--child", choices=["plain", "watched"], help=argparse.SUPPRESS)
    return p


def run(arguments: argparse.Namespace, kind: str) -> Any:
    """Train in a process of its own, and return what `train` returns."""
    command = [sys.executable, __file__, str(arguments.corpus), "--child", kind, "--epochs", str(arguments.epochs)]
    command += ["--workers", str(arguments.workers)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, and return the seconds that `fit` took and the checksum of the vectors."""
    if arguments.child == "plain":
        return fit(arguments, [])
    with watched(arguments.corpus.name, 0, open_tabs) as feed:
        return fit(arguments, [feed])


def fit(arguments: argparse.Namespace, callbacks: list[Any]) -> dict[str, Any]:
    start = time.perf_counter()
    model = Word2Vec(epochs=arguments.epochs, workers=arguments.workers)
    model.fit(arguments.corpus, progress=False, callbacks=callbacks)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "digest": hashlib.sha256(model.wv.vectors.tobytes()).hexdigest()}


def open_tabs(access: Access) -> None:
    for _ in range(TABS):
        threading.Thread(target=read_events, args=(access.address,), daemon=True).start()


def read_events(address: str) -> None:
    """Read all events, as a tab does."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    cookie = str(response.headers["set-cookie"]).partition(";")[0]
    response.read()
    connection.request("GET", "/api/events", headers={"Cookie": cookie})
    connection.getresponse().read()


def median(values: list[float]) -> float:
    """Return the median."""
    ordered = sorted(values)
    return (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2


def interval(values: list[float]) -> tuple[float, float]:
    """Return the shortest interval from one order statistic to its mirror image that holds the median with 90 %."""
    n, ordered = len(values), sorted(values)
    for k in range(n // 2, 0, -1):
        outside = 2 * sum(math.comb(n, i) for i in range(k)) / 2**n  # fewer than k values on one side of the median
        if 1 - outside >= CONFIDENCE:
            return ordered[k - 1], ordered[n - k]
    return -math.inf, math.inf


if __name__ == "__main__":
    sys.exit(main())
