"""Compares what `firth plan` predicts for runs on this machine with what the runs need.

    python benchmarks/planning.py wiki.txt [--workers 2] [--epochs 3] [--rounds 2] [--runs "the defaults" ...]

Each run has a process of its own, without kernels on disk, so that its memory includes the compiler. Its time is that
of its fastest epoch but the first, and its memory the peak resident set. Other work on a machine makes it slower, never
faster, so of several rounds the fastest run is compared with the fastest measurement. It needs Linux.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from firth.options import Options
from firth.planning import Forecast, Machines, NodesForecast, Workload, measure
from firth.resources import available_cores

RUNS: dict[str, dict[str, Any]] = {
    "the defaults": {},
    "vector_size=300": {"vector_size": 300},
    "negative=15, window=10": {"negative": 15, "window": 10},
    "sample=1e-5": {"sample": 1e-5},
    "schedule='hogwild'": {"schedule": "hogwild"},
    "architecture='cbow'": {"architecture": "cbow"},
    "hierarchical softmax": {"objective": "hierarchical_softmax"},
}
RUN = """
import json, sys
from firth import Word2Vec
corpus, options = json.loads(sys.argv[1])
model = Word2Vec(**options).fit(corpus, progress=False)
lines = open("/proc/self/status").read().splitlines()
peak = 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))
seconds = min(record.seconds for record in model.history[1:])
words, sentences = model.history[0].words, model.corpus["sentences"]
print(json.dumps({"size": [words, len(model.wv), words // sentences], "seconds": seconds, "memory": peak}))
"""


def measured(corpus: str, options: dict[str, Any]) -> dict[str, Any]:
    """Train in a new process, without kernels on disk for the peak of compiling, and return what it needed."""
    environment = os.environ | {"FIRTH_CACHE_DIR": ""}
    arguments = [sys.executable, "-c", RUN, json.dumps([corpus, options])]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def predicted(size: list[int], options: Options, workers: int, rounds: int) -> NodesForecast:
    """Measure this machine some times, and return the forecast from the fastest for a corpus of this size."""
    words, vocabulary, sentence_words = size
    load = Workload(words, vocabulary, options, sentence_words)
    speeds = max((measure(options, load.shape) for _ in range(rounds)), key=lambda each: each.steps)
    return Forecast(load, Machines(cores=workers), speeds).on(1)


def main() -> None:
    """Print a table of predictions and measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--runs", nargs="+", choices=RUNS, default=list(RUNS))
    parser.add_argument("--rounds", type=int, default=2)
    given = parser.parse_args()
    print("| run | epoch, predicted | measured | memory, predicted | measured |\n|---|---|---|---|---|")
    for name in given.runs:
        all_options = RUNS[name] | {"workers": given.workers, "epochs": given.epochs}
        runs = [measured(given.corpus, all_options) for _ in range(given.rounds)]
        row = predicted(runs[0]["size"], Options(**RUNS[name]), given.workers, given.rounds)
        seconds, memory = (min(run[what] for run in runs) for what in ("seconds", "memory"))
        times = f"{row.seconds.epoch:.2f} s | {seconds:.2f} s"
        print(f"| {name} | {times} | {row.memory_bytes / 1e6:.0f} MB | {memory / 1e6:.0f} MB |", flush=True)


if __name__ == "__main__":
    main()
