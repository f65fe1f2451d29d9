"""Measures the cost of the checks in training, and of checkpoints, by timing epochs with and without them in turn.

    python benchmarks/checks.py CORPUS [--schedule blocks hogwild] [--rounds 15] [--workers N] [--folder /tmp]

Three training runs on one corpus take turns in one process. In each turn a run trains two epochs, of which the second
is timed, from the end of one epoch to the end of the next: with checkpoints this includes copying one state, and
writing it during the epoch. Ratios are those of neighbouring epochs, seconds apart, because the machine's speed changes
within minutes. Without checks, ids are not checked when they are read, nor in the kernel of a bucket.
"""

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from numba import njit

from firth.options import Options
from firth.text import Corpus, read_corpus
from firth.training.loop.checkpoint import FolderCheckpointer
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer, State
from firth.training.negative_sampling import block_kernels, blocks, hogwild
from firth.training.registry import make_trainer

os.environ["FIRTH_CACHE_DIR"] = ""  # a kernel whose checks are replaced must not enter the cache

MODES = ("neither", "checks", "checkpoints")


@njit(nogil=True)
def no_row_ids(pairs, noise_words, alias):  # type: ignore[no-untyped-def]  # compiled
    """Replace `max_row_ids`: no row id is out of range."""
    return 0, 0, 0, 0


UNCHECKED_BUCKET = block_kernels.compile_train_bucket.__wrapped__  # compiles another kernel than the one with checks


class Timed(Checkpointer):
    """Records when each epoch ended, and passes the state on to another checkpointer."""

    def __init__(self, checkpointer: Checkpointer):
        super().__init__()
        self.checkpointer, self.ends = checkpointer, list[float]()

    def save(self, state: State, *, last: bool) -> None:
        """Note the time before the state is saved: that is part of the next epoch's."""
        self.ends.append(time.perf_counter())
        self.checkpointer.save(state, last=last)


class TimedTraining:
    """A training run whose epochs are timed."""

    def __init__(self, mode: str, corpus: Corpus, options: Options, workers: int, checkpointer: Checkpointer):
        self._mode, self._words, self._timed = mode, corpus.raw_words, Timed(checkpointer)
        self._kernels: dict[tuple[int, ...], object] = {}
        self._epochs = make_trainer(corpus, options, workers, Reporter(), self._timed, "compiled").epochs()

    def words_a_second(self) -> float:
        """Train two epochs and return the speed of the second."""
        with self._checks():
            next(self._epochs)
            next(self._epochs)
        if isinstance(self._timed.checkpointer, FolderCheckpointer):
            self._timed.checkpointer.wait()
        before, after = self._timed.ends[-2:]
        return self._words / (after - before)

    def _unchecked_bucket(self, *shape: int) -> object:
        if shape not in self._kernels:
            self._kernels[shape] = UNCHECKED_BUCKET(*shape)
        return self._kernels[shape]

    @contextlib.contextmanager
    def _checks(self) -> Iterator[None]:
        """Disable the checks, unless this mode has them."""
        with contextlib.ExitStack() as stack:
            if self._mode == "neither":
                for module in (blocks, hogwild):
                    stack.enter_context(mock.patch.object(module, "checked_ids", lambda tokens, V, block: tokens))
                stack.enter_context(mock.patch.object(block_kernels, "max_row_ids", no_row_ids))
                stack.enter_context(mock.patch.object(block_kernels, "compile_train_bucket", self._unchecked_bucket))
            yield


def compare(corpus: Corpus, options: Options, rounds: int, workers: int, folder: Path) -> None:
    """Print the speeds of neighbouring epochs, and the share of the speed lost to checks and to checkpoints."""
    losses: dict[str, list[float]] = {mode: [] for mode in MODES[1:]}
    with FolderCheckpointer(folder, options, Reporter(), matrices=2, minutes=10, resume=False) as checkpoints:
        checkpoints.check_corpus(corpus, None)
        checkpointers = {"checkpoints": checkpoints}
        runs = {
            mode: TimedTraining(mode, corpus, options, workers, checkpointers.get(mode, Checkpointer()))
            for mode in MODES
        }
        for number in range(rounds):
            order = MODES[number % 3 :] + MODES[: number % 3]
            speeds = {mode: runs[mode].words_a_second() for mode in order}
            for mode, taken in losses.items():
                taken.append(1 - speeds[mode] / speeds["neither"])
            shown = "  ".join(f"{mode} {speeds[mode] / 1e6:.2f} M words/s" for mode in MODES)
            print(f"{options.schedule}: {shown}", flush=True)
    for mode, taken in losses.items():
        low, median, high = statistics.quantiles(taken, n=4)
        spread = f"half of {rounds} from {low:.1%} to {high:.1%}"
        print(f"{options.schedule}: {mode} take {median:.1%} (median; {spread})")


def main() -> int:
    """Measure each schedule."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("corpus", type=Path, help="a text file")
    parser.add_argument("--schedule", nargs="+", default=["blocks", "hogwild"], help="default: both")
    parser.add_argument("--rounds", type=int, default=15, help="turns of each (default: 15)")
    parser.add_argument("--workers", type=int, default=2, help="threads (default: 2)")
    parser.add_argument("--folder", type=Path, help="folder for checkpoints (default: the system's temporary folder)")
    arguments = parser.parse_args()
    if arguments.rounds < 2:
        parser.error(f"--rounds {arguments.rounds}: give an integer of at least 2")
    for schedule in arguments.schedule:
        options = Options(schedule=schedule, epochs=2 * arguments.rounds)
        corpus = read_corpus(arguments.corpus, options, workers=arguments.workers)
        with corpus.tokens, tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
            compare(corpus, options, arguments.rounds, arguments.workers, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
