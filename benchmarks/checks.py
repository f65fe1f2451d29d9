"""Time training with its checks, with a checkpoint at each epoch's end too, and with neither, in turn.

    python benchmarks/checks.py CORPUS [--schedule blocks hogwild] [--rounds 5] [--workers N] [--folder /tmp]

The time is from the first pair to the end of `fit`, the writing of the last checkpoint included; reading and compiling
are not. Without checks ids are not looked at when they are read, nor in the kernel of a bucket.
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

corpus, schedule, workers, mode, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], sys.argv[5]

class Clock(Reporter):
    def stage(self, name, total):
        self.started = time.perf_counter()

@njit(nogil=True)
def unlooked_at(pairs, alias):
    return 0, 0, 0

def unchecked(tokens, V, block):
    return tokens

model, clock = firth.Word2Vec(schedule=schedule, workers=workers), Clock()
if mode == "neither":
    block_kernels.greatest_numbers = unlooked_at
    blocks.checked_ids = hogwild.checked_ids = unchecked
keeper = Keeper()
if mode == "checkpoints":
    keeper = Checkpoints(folder, model.options, clock, minutes=10, resume=False)
model._fit(corpus, clock, keeper)
seconds = time.perf_counter() - clock.started
print(json.dumps(sum(record.words for record in model.history) / seconds))
"""


MODES = ("neither", "checks", "checkpoints")


def words_a_second(corpus: Path, schedule: str, workers: int, mode: str, place: Path | None) -> float:
    """Train once, in a process of its own."""
    with tempfile.TemporaryDirectory(dir=place) as folder:
        command = [sys.executable, "-c", CHILD, str(corpus), schedule, str(workers), mode, folder]
        return float(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def compare(corpus: Path, schedule: str, rounds: int, workers: int, place: Path | None) -> None:
    """Print the speeds of neighbouring runs, and how much the checks, and checkpoints too, take of the bare speed."""
    losses: dict[str, list[float]] = {mode: [] for mode in MODES[1:]}
    for number in range(rounds):
        order = MODES[number % 3 :] + MODES[: number % 3]
        speeds = {mode: words_a_second(corpus, schedule, workers, mode, place) for mode in order}
        for mode, taken in losses.items():
            taken.append(1 - speeds[mode] / speeds["neither"])
        print(f"{schedule}: " + "  ".join(f"{mode} {speeds[mode] / 1e6:.2f} M words/s" for mode in MODES), flush=True)
    for mode, taken in losses.items():
        spread = f"{min(taken):.1%} to {max(taken):.1%}"
        print(f"{schedule}: {mode} take {statistics.median(taken):.1%} (median of {rounds}; {spread})")


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
