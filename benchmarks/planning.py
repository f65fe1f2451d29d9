"""Compares what `firth plan` predicts for runs on this machine with what the runs need.

    python benchmarks/planning.py wiki.txt [--workers 2] [--epochs 3]

The speeds are measured for each line, right after the run, because those of a shared machine drift. Each run has a
process of its own; the time is that of its fastest epoch but the first, and the memory is its peak resident
set. It needs Linux.
"""

import argparse
import json
import os
import subprocess
import sys
from typing import Any

from firth.options import Options
from firth.planning import Machines, NodesForecast, plan
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
words = model.history[0].words
print(json.dumps({"words": words, "vocabulary": len(model.wv), "seconds": seconds, "memory": peak}))
"""


def measured(corpus: str, options: dict[str, Any]) -> dict[str, Any]:
    """Train in a new process, without kernels on disk for the peak of compiling, and return what it needed."""
    environment = os.environ | {"FIRTH_CACHE_DIR": ""}
    arguments = [sys.executable, "-c", RUN, json.dumps([corpus, options])]
    done = subprocess.run(arguments, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def predicted(run: dict[str, Any], options: Options, workers: int) -> NodesForecast:
    """Measure this machine, and return the forecast for a corpus of the size of the one that was trained on."""
    return plan(run["words"], run["vocabulary"], options, Machines(cores=workers)).on(1)


def main() -> None:
    """Print a table of predictions and measurements."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus")
    parser.add_argument("--workers", type=int, default=available_cores())
    parser.add_argument("--epochs", type=int, default=3)
    given = parser.parse_args()
    print("| run | epoch, predicted | measured | memory, predicted | measured |\n|---|---|---|---|---|")
    for name, options in RUNS.items():
        run = measured(given.corpus, options | {"workers": given.workers, "epochs": given.epochs})
        row = predicted(run, Options(**options), given.workers)
        times = f"{row.seconds.epoch:.2f} s | {run['seconds']:.2f} s"
        memory = f"{row.memory_bytes / 1e6:.0f} MB | {run['memory'] / 1e6:.0f} MB"
        print(f"| {name} | {times} | {memory} |", flush=True)


if __name__ == "__main__":
    main()
