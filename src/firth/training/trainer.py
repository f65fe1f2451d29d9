"""The loop around an engine: epochs, threads, the learning rate, the loss, progress, callbacks, and stopping."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from firth.errors import CorpusError, DivergenceError
from firth.options import Options
from firth.training.hogwild import BlockResult, Hogwild
from firth.training.progress import Reporter

POLL_SECONDS = 0.1  # how often progress is shown and an interrupt is noticed


@dataclass(frozen=True)
class EpochRecord:
    """One line of a model's history.

    epoch    1, 2, ...; pairs, words: (center, outside) pairs and raw words trained on
    loss     mean negative-sampling loss of a pair in this epoch, in nats
    seconds  wall time of training; alpha: learning rate at the end
    """

    epoch: int
    loss: float
    pairs: int
    words: int
    seconds: float
    alpha: float

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        return asdict(self)


@dataclass
class Tally:
    """The sums of one epoch, added to by all workers under a lock."""

    words: int = 0
    pairs: int = 0
    loss: float = 0.0

    def add(self, result: BlockResult) -> None:
        """Add a block's sums."""
        self.words += result.words
        self.pairs += result.pairs
        self.loss += result.loss

    @property
    def mean_loss(self) -> float:
        """The mean loss of a pair, in nats; NaN before the first pair."""
        return self.loss / self.pairs if self.pairs else math.nan


class Trainer:
    """Runs `options.epochs` passes of an engine on `workers` threads.

    `stop` makes every worker end at its next slice of a block.
    """

    def __init__(self, engine: Hogwild, options: Options, workers: int, reporter: Reporter):
        self._engine, self._options, self._reporter = engine, options, reporter
        self._workspaces = [engine.workspace() for _ in range(min(workers, engine.n_blocks))]
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Ask all workers to stop; they do within a slice."""
        self._engine.halt[0] = True

    def epochs(self) -> Iterator[EpochRecord]:
        """Train, yielding a record after each epoch.

        When the caller is interrupted or closes the iterator, the workers stop within a slice and are joined.
        Raises `DivergenceError` as soon as a block's loss is not finite, `CorpusError` if an epoch has no pairs, and
        whatever a worker raises.
        """
        self._compile()
        self._reporter.stage("training", self._options.epochs * self._engine.n_words)
        for epoch in range(self._options.epochs):
            tally, started = Tally(), time.perf_counter()
            self._run_epoch(epoch, tally, partial(self._show, epoch, tally, started))
            record = self._record(epoch, tally, time.perf_counter() - started)
            if not record.pairs:
                raise _no_pairs(self._engine.n_words)
            self._reporter.say(summary(record, self._options.epochs))
            yield record

    def _compile(self) -> None:
        """Compile the kernel, and say how long it took: that is no training time."""
        self._reporter.stage("compiling", None)
        started = time.perf_counter()
        self._engine.compile()
        self._reporter.say(f"compiled in {time.perf_counter() - started:.1f} s")

    def _run_epoch(self, epoch: int, tally: Tally, show: Callable[[], None]) -> None:
        """Let every worker take blocks until none is left; the first error stops all and is raised here."""
        blocks = iter(range(self._engine.n_blocks))
        with ThreadPoolExecutor(len(self._workspaces), thread_name_prefix="firth") as pool:
            try:
                futures = [pool.submit(self._work, epoch, blocks, work, tally) for work in self._workspaces]
                _wait(futures, show)
            except BaseException:
                self.stop()
                raise

    def _work(self, epoch: int, blocks: Iterator[int], work: Any, tally: Tally) -> None:
        """One worker: train the next block that nobody has taken, until there is none."""
        for block in blocks:  # a range's iterator hands out each number once, to whichever thread asks
            rate = self._rate(epoch, block)
            result = self._engine.train_block(epoch, block, rate, work)
            if self._engine.halt[0]:
                return
            if not math.isfinite(result.loss):
                self.stop()
                raise _diverged(result.loss, epoch, block, self._engine.n_blocks, rate)
            with self._lock:
                tally.add(result)

    def _rate(self, epoch: int, block: int) -> float:
        """Return the learning rate: it falls linearly over all blocks of all epochs, by position and never by time."""
        done = (epoch * self._engine.n_blocks + block) / (self._options.epochs * self._engine.n_blocks)
        return self._options.alpha - (self._options.alpha - self._options.min_alpha) * done

    def _show(self, epoch: int, tally: Tally, started: float) -> None:
        """Report words a second, loss and learning rate."""
        engine, seconds = self._engine, time.perf_counter() - started
        words = epoch * engine.n_words + tally.words
        rate = self._rate(0, 0) + (self._options.min_alpha - self._options.alpha) * words / (
            self._options.epochs * engine.n_words
        )
        speed = tally.words * engine.raw_words / engine.n_words / seconds
        note = f"{speed / 1e6:.2f} M words/s  loss {tally.mean_loss:.4f}  alpha {rate:.4f}"
        self._reporter.advance(words, note=note)

    def _record(self, epoch: int, tally: Tally, seconds: float) -> EpochRecord:
        words = round(tally.words * self._engine.raw_words / self._engine.n_words)
        alpha = self._rate(epoch, self._engine.n_blocks)
        return EpochRecord(epoch + 1, tally.mean_loss, tally.pairs, words, seconds, alpha)


def _wait(futures: list[Future[None]], show: Callable[[], None]) -> None:
    """Wait for all workers, showing progress; raise the first error as soon as there is one."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
        for future in done:
            future.result()
        show()


def _diverged(loss: float, epoch: int, block: int, n_blocks: int, rate: float) -> DivergenceError:
    return DivergenceError(
        f"the loss became {loss} in epoch {epoch + 1}, block {block + 1} of {n_blocks}, at learning rate {rate:.4g}: "
        "training has diverged and its vectors are of no use; start again with a smaller alpha (0.025 is usual)"
    )


def _no_pairs(n_words: int) -> CorpusError:
    return CorpusError(
        f"the corpus has {n_words:,} words in the vocabulary and no two of them in one sentence after subsampling: "
        "give longer sentences, a smaller min_count, or a larger sample (0 keeps every word)"
    )


def summary(record: EpochRecord, epochs: int) -> str:
    """Return the line that reports an epoch."""
    return (
        f"epoch {record.epoch}/{epochs}  loss {record.loss:.4f}  {record.words / record.seconds / 1e6:.2f} M words/s  "
        f"{record.seconds:.1f} s  {record.pairs:,} pairs  alpha {record.alpha:.4f}"
    )
