"""Time training with every check on and a checkpoint at each epoch's end, against the same code with both off, in turn.

    python benchmarks/checks.py CORPUS [--schedule blocks hogwild] [--rounds 5] [--workers N] [--folder /tmp]

The time is from the first pair to the end of `fit`, the writing of the last checkpoint included; reading and compiling
are not. Off means: ids are not looked at when they are read, nor in the kernel of a bucket, and there is no checkpoint.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import json, sys, time
from numba import njit
import firth
from firth.training import block_kernels, blocks, hogwild
from firth.training.checkpoint import Checkpoints
from firth.training.progress import Reporter
from firth.training.state import Keeper

corpus, schedule, workers, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]

class Clock(Reporter):
    def stage(self, name, total):
        self.started = time.perf_counter()

@njit(nogil=True)
def unlooked_at(pairs, alias):
    return 0, 0, 0

def unchecked(tokens, V, block):
    return tokens

model, clock = firth.Word2Vec(schedule=schedule, workers=workers), Clock()
if folder:
    keeper = Checkpoints(folder, model.options, clock, minutes=10, resume=False)
else:
    block_kernels.greatest_numbers = unlooked_at
    blocks.checked_ids = hogwild.checked_ids = unchecked
    keeper = Keeper()
model._fit(corpus, clock, keeper)
seconds = time.perf_counter() - clock.started
print(json.dumps(sum(record.words for record in model.history) / seconds))
"""


def words_a_second(corpus: Path, schedule: str, workers: int, folder: str) -> float:
    """Train once, in a process of its own; with checks and checkpoints if there is a folder."""
    command = [sys.executable, "-c", CHILD, str(corpus), schedule, str(workers), folder]
    return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def compare(corpus: Path, schedule: str, rounds: int, workers: int, place: Path | None) -> None:
    """Print the speeds of neighbouring runs, and how much the checks take."""
    losses = []
    for number in range(rounds):
        speeds = {}
        for checks in (True, False) if number % 2 else (False, True):
            with tempfile.TemporaryDirectory(dir=place) as folder:
                speeds[checks] = words_a_second(corpus, schedule, workers, folder if checks else "")
        losses.append(1 - speeds[True] / speeds[False])
        print(
            f"{schedule}: {speeds[True] / 1e6:.2f} M words/s with, {speeds[False] / 1e6:.2f} without: {losses[-1]:.1%}"
        )
    print(f"{schedule}: checks and checkpoints take {statistics.median(losses):.1%} (median of {rounds} pairs)")


def main() -> int:
    """Compare every schedule asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="a text file")
    parser.add_argument("--schedule", nargs="+", default=["blocks", "hogwild"], help="default: both")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs (default: 5)")
    parser.add_argument("--workers", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--folder", type=Path, help="where checkpoints go (default: the system's temporary folder)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error(f"--rounds {options.rounds}: give a whole number of at least 1")
    for schedule in options.schedule:
        compare(options.corpus, schedule, options.rounds, options.workers, options.folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
