"""The loop around an engine: epochs, threads, the learning rate, the loss, progress, callbacks, and stopping."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, DivergenceError
from firth.options import Options
from firth.training.hogwild import BlockResult
from firth.training.progress import Reporter

POLL_SECONDS = 0.1  # how often progress is shown and an interrupt is noticed


@dataclass(frozen=True)
class EpochRecord:
    """One line of a model's history.

    epoch    1, 2, ...; pairs, words: (center, outside) pairs and raw words trained on
    loss     mean loss of a pair, in nats: of negative sampling, while the epoch ran; of the softmax, after it, exactly
    seconds  wall time of training; alpha: learning rate at the end
    validation_loss  exact softmax loss of a held-out pair, in nats, if there is a validation text
    """

    epoch: int
    loss: float
    pairs: int
    words: int
    seconds: float
    alpha: float
    validation_loss: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return names and values, ready for JSON."""
        return asdict(self)


@dataclass
class Tally:
    """The sums of one epoch, added to by all workers under a lock."""

    words: int = 0
    pairs: int = 0
    losses: list[float] = field(default_factory=list)

    def add(self, result: BlockResult) -> None:
        """Add the sums of a piece of work."""
        self.words += result.words
        self.pairs += result.pairs
        self.losses.append(result.loss)

    @property
    def mean_loss(self) -> float:
        """The mean loss of a pair, in nats; NaN before the first pair. It does not depend on the order of the sums."""
        return math.fsum(self.losses) / self.pairs if self.pairs else math.nan


class Engine(Protocol):
    """What a `Trainer` drives: `hogwild.Hogwild` or `blocks.Blocks`.

    n_words, raw_words  words of an epoch: in the vocabulary, and read
    halt                (1,) bool: True makes every piece of work under way end early
    center, outside     (V, D) float32
    """

    n_words: int
    raw_words: int
    halt: NDArray[np.bool_]

    @property
    def center(self) -> NDArray[np.float32]:
        """The center matrix."""

    @property
    def outside(self) -> NDArray[np.float32]:
        """The outside matrix."""

    def workspace(self) -> Any:
        """Return scratch arrays for one thread."""

    def compile(self) -> None:
        """Compile the kernels."""

    def pieces(self, epoch: int) -> Iterator[Any]:
        """Return an epoch's pieces of work, each with its `progress`; any number of threads take from it."""

    def train(self, piece: Any, rate: float, work: Any) -> BlockResult:
        """Do a piece of work, in place."""


class Trainer:
    """Runs `options.epochs` passes of an engine on `workers` threads.

    `stop` makes every worker end at its next slice of a block.
    """

    def __init__(self, engine: Engine, options: Options, workers: int, reporter: Reporter):
        self._engine, self._options, self._reporter = engine, options, reporter
        self._workspaces = [engine.workspace() for _ in range(workers)]
        self._lock = threading.Lock()

    @property
    def center(self) -> NDArray[np.float32]:
        """The engine's center matrix."""
        return self._engine.center

    @property
    def outside(self) -> NDArray[np.float32]:
        """The engine's outside matrix."""
        return self._engine.outside

    def stop(self) -> None:
        """Ask all workers to stop; they do within a slice."""
        self._engine.halt[0] = True

    def epochs(self) -> Iterator[EpochRecord]:
        """Train, yielding a record after each epoch.

        When the caller is interrupted or closes the iterator, the workers stop within a slice and are joined.
        Raises `DivergenceError` as soon as the loss of a piece of work is not finite, `CorpusError` if an epoch has
        no pairs, and whatever a worker raises.
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
        """Let every worker take pieces of work until none is left; the first error stops all and is raised here."""
        pieces = self._engine.pieces(epoch)
        with ThreadPoolExecutor(len(self._workspaces), thread_name_prefix="firth") as pool:
            try:
                futures = [pool.submit(self._work, epoch, pieces, work, tally) for work in self._workspaces]
                _wait(futures, show)
            except BaseException:
                self.stop()
                raise

    def _work(self, epoch: int, pieces: Iterator[Any], work: Any, tally: Tally) -> None:
        """One worker: do the next piece that nobody has taken, until there is none."""
        for piece in pieces:
            rate = self._rate(epoch, piece.progress)
            result = self._engine.train(piece, rate, work)
            if self._engine.halt[0]:
                return
            if not math.isfinite(result.loss):
                raise _diverged(result.loss, epoch, piece.progress, rate)
            with self._lock:
                tally.add(result)

    def _rate(self, epoch: int, progress: float) -> float:
        """Return the learning rate: it falls linearly over all epochs, by position in the corpus and never by time."""
        done = (epoch + progress) / self._options.epochs
        return self._options.alpha - (self._options.alpha - self._options.min_alpha) * done

    def _show(self, epoch: int, tally: Tally, started: float) -> None:
        """Report words a second, loss and learning rate."""
        engine, seconds = self._engine, time.perf_counter() - started
        words = epoch * engine.n_words + tally.words
        rate = self._rate(epoch, tally.words / engine.n_words)
        speed = tally.words * engine.raw_words / engine.n_words / seconds
        note = f"{speed / 1e6:.2f} M words/s  loss {tally.mean_loss:.4f}  alpha {rate:.4f}"
        self._reporter.advance(words, note=note)

    def _record(self, epoch: int, tally: Tally, seconds: float) -> EpochRecord:
        words = round(tally.words * self._engine.raw_words / self._engine.n_words)
        return EpochRecord(epoch + 1, tally.mean_loss, tally.pairs, words, seconds, self._rate(epoch, 1.0))


def _wait(futures: list[Future[None]], show: Callable[[], None]) -> None:
    """Wait for all workers, showing progress; raise the first error as soon as there is one."""
    waiting = set(futures)
    while waiting:
        done, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
        for future in done:
            future.result()
        show()


def _diverged(loss: float, epoch: int, progress: float, rate: float) -> DivergenceError:
    return DivergenceError(
        f"the loss became {loss} in epoch {epoch + 1}, {progress:.0%} of it done, at learning rate {rate:.4g}: "
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
