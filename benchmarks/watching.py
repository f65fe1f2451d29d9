"""Measures what watching a training run costs: pairs of runs, watched by two tabs and not, in turn.

    python benchmarks/watching.py corpus.txt
    python benchmarks/watching.py corpus.txt --pairs 12 --epochs 8

Each pair runs the same training twice, and which one comes first alternates, so that a machine that becomes slower or
faster shifts both. The tabs are processes of their own that read every event until the end, as a browser does. A pair
has two ratios: the wall time of `Word2Vec.fit` with the page over that without it, callbacks included, and the same of
the processor time of the whole process, all threads, which depends less on what else the machine does. The tabs are
not part of it. The median of the ratios and the interval that holds it with at least 90 % are printed. The interval
needs no assumption about the noise: it is that of the sign test. "page" is the processor time of the threads of the
server and of the callback, as a share of that of the run. The vectors must be equal. Exit status: 1 if they are not or
a tab saw no state with vectors, 2 for wrong usage.
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
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from firth import Word2Vec
from firth.explore.access import Access
from firth.explore.watching import watched

TABS = 2
CONFIDENCE = 0.9
TIMES = ("wall", "processor")


def main() -> int:
    """Run the pairs, and print a line for each and the result."""
    arguments = parser().parse_args()
    if arguments.tab:
        print(count_states(sys.stdin.readline().strip()))
        return 0
    if arguments.child:
        print(json.dumps(train(arguments)))
        return 0
    run(arguments, "plain")  # compiles, and fills the cache of files
    pairs, digests = [], set()
    for number in range(arguments.pairs):
        kinds = ["plain", "watched"] if number % 2 == 0 else ["watched", "plain"]
        runs = {kind: run(arguments, kind) for kind in kinds}
        pairs.append(runs)
        digests |= {each["digest"] for each in runs.values()}
        figures = [f"{name} {ratio(runs, name):.3f} times" for name in TIMES]
        seconds = [f"{kind} {each['wall']:.2f} s" for kind, each in sorted(runs.items())]
        figures += [f"page {page_share(runs):.2%}", f"states {runs['watched']['states']}"]
        print(f"pair {number + 1}: {', '.join(seconds + figures)}", flush=True)
    for name in TIMES:
        ratios = [ratio(runs, name) for runs in pairs]
        low, high = interval(ratios)
        print(f"{name}: median {median(ratios):.3f}, with {CONFIDENCE:.0%} confidence between {low:.3f} and {high:.3f}")
    print(f"page: median {median([page_share(runs) for runs in pairs]):.2%} of the processor time")
    print("the vectors are equal" if len(digests) == 1 else "THE VECTORS DIFFER")
    unread = any(0 in runs["watched"]["states"] for runs in pairs)
    return int(len(digests) > 1 or unread)


def ratio(runs: dict[str, Any], name: str) -> float:
    """Return how many times as long the watched run took."""
    return float(runs["watched"][name] / runs["plain"][name])


def page_share(runs: dict[str, Any]) -> float:
    """Return the share of the processor time of the watched run that the page took."""
    return float(runs["watched"]["page"] / runs["watched"]["processor"])


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    p.add_argument("corpus", type=Path, nargs="?", help="a text file")
    p.add_argument("--pairs", type=int, default=8, help="pairs of runs (8)")
    p.add_argument("--epochs", type=int, default=5, help="epochs of each run (5)")
    p.add_argument("--workers", type=int, default=2, help="threads that train (2)")
    p.add_argument("--tab", action="store_true", help=argparse.SUPPRESS)
    p.add_argument("--child", choices=["plain", "watched"], help=argparse.SUPPRESS)
    return p


def run(arguments: argparse.Namespace, kind: str) -> Any:
    """Train in a process of its own, and return what `train` returns."""
    command = [sys.executable, __file__, str(arguments.corpus), "--child", kind, "--epochs", str(arguments.epochs)]
    command += ["--workers", str(arguments.workers)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def train(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train, and return the seconds that `fit` took, the checksum of the vectors, and the states each tab has read."""
    if arguments.child == "plain":
        return fit(arguments, [])
    tabs: list[subprocess.Popen[str]] = []
    with watched(arguments.corpus.name, 0, lambda access: tabs.extend(open_tabs(access))) as feed:
        callback = Timed(feed)
        before = server_seconds()
        figures = fit(arguments, [callback])
        page = server_seconds() - before + callback.seconds
    return figures | {"page": page, "states": [int(tab.communicate()[0].split()[-1]) for tab in tabs]}


def fit(arguments: argparse.Namespace, callbacks: list[Any]) -> dict[str, Any]:
    wall, cpu = time.perf_counter(), time.process_time()
    model = Word2Vec(epochs=arguments.epochs, workers=arguments.workers)
    model.fit(arguments.corpus, progress=False, callbacks=callbacks)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall": wall, "processor": cpu, "digest": hashlib.sha256(model.wv.vectors.tobytes()).hexdigest()}


class Timed:
    """A callback, and the processor time that it takes."""

    def __init__(self, callback: Any):
        self.callback, self.seconds = callback, 0.0

    def __call__(self, model: Word2Vec) -> None:
        start = time.thread_time()
        self.callback(model)
        self.seconds += time.thread_time() - start


def server_seconds() -> float:
    """Return the processor time of the threads that serve the page, which end after `fit`."""
    idents = [thread.ident for thread in threading.enumerate() if thread.name.startswith(("training-page", "explorer"))]
    return sum(time.clock_gettime(time.pthread_getcpuclockid(ident)) for ident in idents if ident is not None)


def open_tabs(access: Access) -> Iterator[subprocess.Popen[str]]:
    """Yield processes that read all events; each has read the first."""
    for _ in range(TABS):
        command = [sys.executable, __file__, "--tab"]
        tab = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert tab.stdin is not None
        assert tab.stdout is not None
        tab.stdin.write(f"{access.address}\n")
        tab.stdin.flush()
        tab.stdout.readline()
        yield tab


def count_states(address: str) -> int:
    """Read all events, as a tab does; return in how many of them words have places."""
    parts, n_states, ended = urlsplit(address), 0, False
    connection = http.client.HTTPConnection(parts.netloc)
    connection.request("GET", f"{parts.path}?{parts.query}")
    response = connection.getresponse()
    cookie = str(response.headers["set-cookie"]).partition(";")[0]
    response.read()
    while not ended:  # a stream ends after a while, and a browser asks again
        connection.request("GET", "/api/events", headers={"Cookie": cookie})
        for line in connection.getresponse():
            if line.startswith(b"data: "):
                print("reading", flush=True)
                state = json.loads(line[6:])
                n_states, ended = n_states + bool(state["frames"]), bool(state["ended"])
    return n_states


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
