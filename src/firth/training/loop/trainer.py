"""Trainer: runs an engine's tasks on threads, epoch by epoch, and records, reports and saves the results."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field, fields
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from firth.compiling.kernel import Kernel
from firth.errors import DivergenceError, FormatError, NothingToTrainError
from firth.messages import counted, option
from firth.options import Options, shortened
from firth.training.loop.engine import Engine, TaskQueue, TaskResult
from firth.training.loop.progress import Reporter
from firth.training.loop.signals import Compiling, Deferred
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer, State

POLL_SECONDS = 0.1  # between two updates of the progress, which also check for interrupts
GRACE_SECONDS = 1.0  # for tasks under way to end after an interrupt
_SETTLED_SECONDS = 0.5  # of training, before its speed is shown: the first tasks only make pairs, or wait for memory
_LARGEST_EXPONENT = 700  # exp of more overflows float64
_POSITION = ("epoch", "done", "pairs", "seconds", "progress")
_MOST_PAIRS = 2**63 - 1


@dataclass(frozen=True)
class EpochRecord:
    """One epoch in a model's history.

    epoch    1, 2, ...; pairs, words: pairs and raw words trained on. A pair is (center, outside) for skip-gram and
             (context, target) for CBOW, which has one for each position with a context
    loss     mean loss of a pair, in nats. Negative sampling and hierarchical softmax: the running loss, of each pair
             before its own step. Softmax: the exact loss of all pairs, after the epoch
    alpha    learning rate at the end of the epoch
    end_loss mean loss, in nats, of a fixed sample of pairs and noise words, computed after the epoch with the matrices
             fixed; None for the softmax, and if the sample has no pairs
    seconds  wall time of training; None in a loaded model, because equal training runs write equal files
    validation_loss  mean -log P(o | c) of a held-out pair, in nats, if there is a validation text: by the exact
             softmax, or by the tree for hierarchical softmax; for CBOW, of at most 20,000 pairs, spread evenly

    Compare epochs by `end_loss`. The running loss often rises in the last epochs although the vectors improve: text
    repeats its words within a few sentences, and at a high learning rate the vectors fit the words just seen, which
    lowers the loss of the next pairs. As the rate falls, that gain disappears. A rise does not mean divergence.

    Raises `TypeError` for a value that is not a number.
    """

    epoch: int
    loss: float
    pairs: int
    words: int
    alpha: float
    seconds: float | None = None
    validation_loss: float | None = None
    end_loss: float | None = None

    def __post_init__(self) -> None:
        for field_ in fields(self):
            value = getattr(self, field_.name)
            if not isinstance(value, Real) and not (value is None is field_.default):
                raise TypeError(f"{field_.name} is {shortened(value)}")

    def to_dict(self) -> dict[str, float | None]:
        """Return names and values, ready for JSON."""
        return asdict(self)


def records(history: list[Any], origin: str) -> list[EpochRecord]:
    """Return records from names and values; raise `FormatError`, naming `origin`, if they are not records."""
    try:
        return [EpochRecord(**record) for record in history]
    except TypeError as error:
        raise FormatError(f"the history of epochs in {origin} is not one that firth wrote: {error}") from error


@dataclass
class Tally:
    """The sums of an epoch's results so far; workers add to it under a lock."""

    epoch: int
    done: list[int] | None = None  # as `TaskQueue.done` returns it; None before the first task
    pairs: int = 0
    seconds: float = 0.0
    progress: float = 0.0  # share of the epoch that is done
    losses: list[float] = field(default_factory=list)  # each task's sum of losses, in nats

    def add(self, result: TaskResult) -> None:
        self.progress += result.share
        self.pairs += result.pairs
        self.losses += result.losses or (result.loss,)

    @property
    def mean_loss(self) -> float:
        """The mean loss of a pair, in nats; NaN before the first pair. It does not depend on the order of tasks."""
        return math.fsum(self.losses) / self.pairs if self.pairs else math.nan

    def to_state(self) -> State:
        position = {name: getattr(self, name) for name in _POSITION}
        return State(position, {"losses": np.array(self.losses)})

    @classmethod
    def from_state(cls, state: State, epochs: int, all_done: Callable[[int], list[int]]) -> Self:
        """Return the tally that `to_state` saved; raise `CheckpointError` if it does not fit these epochs and tasks."""
        losses, epoch = state.arrays.get("losses", np.zeros(0)), state.whole("epoch", epochs - 1)
        return cls(
            epoch=epoch,
            done=state.wholes("done", all_done(epoch)),
            pairs=state.whole("pairs", _MOST_PAIRS),
            seconds=state.number("seconds", math.inf),
            progress=state.number("progress", 2.0),
            losses=state.array("losses", (losses.size,), np.dtype("<f8")).tolist(),
        )


class Trainer:
    """Runs `options.epochs` epochs of an engine's tasks on `workers` threads, from the state that is resumed, if any.

    While no task is under way, the engine's state and the tally are passed to `checkpointer`: when a checkpoint is
    due, at the end of each epoch, and on an interrupt.
    """

    def __init__(
        self,
        engine: Engine[Any, Any],
        options: Options,
        workers: int,
        reporter: Reporter,
        checkpointer: Checkpointer | None = None,
    ):
        self._engine, self._options, self._reporter = engine, options, reporter
        self.center, self.outside, self.nodes = engine.center, engine.outside, engine.nodes
        self.subwords = engine.subwords
        self._checkpointer = checkpointer or Checkpointer()
        self._workspaces = [engine.workspace() for _ in range(workers)]
        self._lock, self._paused = threading.Lock(), threading.Event()
        self._tally = Tally(0)
        self._previous: EpochRecord | None = None
        self._explained = False
        if self._checkpointer.resumed is not None:
            self._tally = Tally.from_state(self._checkpointer.resumed, options.epochs, engine.all_done)
            engine.restore(self._checkpointer.resumed)
            self._checkpointer.resumed = None
        self._position_before = self._tally.epoch + self._tally.progress  # where this run starts
        self._seconds_of_epochs = -self._tally.seconds  # this run's seconds in the epochs that are done

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values of the matrices, before `epochs`."""
        self._engine.start_from(rows)

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        """Keep rows of `center` as they are: those where `frozen`, (V,), is True."""
        self._engine.freeze(frozen)

    def stop(self) -> None:
        """Make all workers stop in the middle of their tasks; the state can then be saved only if those are undone."""
        self._engine.halt[0] = True

    def epochs(self) -> Iterator[EpochRecord]:
        """Train, yielding a record after each epoch.

        On an interrupt the workers stop and are joined: after their tasks, if those end within `GRACE_SECONDS`, or
        else in the middle of them. Raises `DivergenceError` as soon as the loss of a task is not finite,
        `NothingToTrainError` if an epoch has no pairs, and any exception of a worker.
        """
        self._compile()
        self._reporter.stage("training", self._options.epochs * self._engine.n_words)
        for epoch in range(self._tally.epoch, self._options.epochs):
            try:
                self._run_epoch()
            finally:
                self._engine.refresh()
            if self._engine.halt[0]:
                return
            record = self._record()
            self._reporter.show(summary(record, self._options.epochs, exact=self._engine.exact))
            self._explain(record)
            self._seconds_of_epochs += self._tally.seconds
            self._tally = Tally(epoch + 1)
            yield record

    def _compile(self) -> None:
        """Load or compile the kernels; if any was compiled, report the time, which is not part of the training time."""
        self._reporter.stage("compiling", None)
        started, compiled_before = time.perf_counter(), Kernel.ever_compiled
        with Compiling():
            self._engine.compile()
        if Kernel.ever_compiled > compiled_before:
            self._reporter.show(f"compiled in {time.perf_counter() - started:.1f} s")

    def _run_epoch(self) -> None:
        """Do the rest of an epoch's tasks, pausing whenever a checkpoint is due; raise the first error of a worker."""
        tasks = self._engine.tasks(self._tally.epoch, self._tally.done, self._paused)
        threads = len(self._workspaces) + 1  # one more than needed, for the check in `_wait`
        with Deferred(self.stop) as signals, ThreadPoolExecutor(threads, thread_name_prefix="firth") as pool:
            while self._run_until_due(pool, tasks, signals):
                pass
        if not self._engine.halt[0]:
            self._tally.progress = 1.0
            self._show()

    def _run_until_due(self, pool: ThreadPoolExecutor, tasks: TaskQueue[Any], signals: Deferred) -> bool:
        """Let every worker take tasks until none is left or a checkpoint is due; return whether one was due."""
        self._paused.clear()
        futures: list[Future[None]] = []
        began = time.perf_counter() - self._tally.seconds  # workers start while others are still being submitted
        try:
            for work in self._workspaces:
                futures.append(pool.submit(self._work, tasks, work))
            self._wait(pool, futures, signals, began)
        except BaseException:
            self._end_early(futures, tasks)
            raise
        if self._engine.halt[0]:
            return False
        self._save(tasks)
        signals.check()
        return self._paused.is_set()

    def _wait(self, pool: ThreadPoolExecutor, futures: list[Future[None]], signals: Deferred, began: float) -> None:
        """Wait for all workers, showing progress; raise the first error or interrupt as soon as there is one.

        The end of the program counts as an interrupt, because Python then waits for the workers even if this thread
        is a daemon.
        """
        waiting, tasks_before = set(futures), len(self._tally.losses)
        while waiting:
            done, waiting = wait(waiting, POLL_SECONDS, FIRST_EXCEPTION)
            pool.submit(int)  # raises when the program ends; comes first, because workers may then fail for that reason
            for future in done:
                future.result()
            self._tally.seconds = time.perf_counter() - began
            self._show()
            signals.check()
            if len(self._tally.losses) > tasks_before and self._checkpointer.due():  # no pause without progress
                self._paused.set()

    def _end_early(self, futures: list[Future[None]], tasks: TaskQueue[Any]) -> None:
        """Let the tasks under way end and save the state; if one fails or takes too long, save nothing."""
        halted = self._engine.halt[0]
        self._paused.set()
        try:
            _, late = wait(futures, GRACE_SECONDS, FIRST_EXCEPTION)
        finally:
            self.stop()
        failed = any(future.exception() for future in futures)
        if not failed and (not (late or halted) or self._engine.undone_when_halted):
            self._save(tasks, last=True)

    def _save(self, tasks: TaskQueue[Any], *, last: bool = False) -> None:
        self._tally.done = tasks.done()
        own, engine = self._tally.to_state(), self._engine.state()
        self._checkpointer.save(State(own.position | engine.position, own.arrays | engine.arrays), last=last)

    def _work(self, tasks: TaskQueue[Any], work: Any) -> None:
        """Take and do tasks until there are none; each worker runs this."""
        while (task := tasks.take()) is not None:
            rate = self._rate(task.progress)
            result = self._engine.train(task, rate, work)
            if self._engine.halt[0]:
                return
            self._check_loss(result.loss, f"{task.progress:.0%} of it done", rate)
            with self._lock:
                self._tally.add(result)

    def _rate(self, progress: float) -> float:
        return self._engine.rate((self._tally.epoch + progress) / self._options.epochs)

    def _show(self) -> None:
        """Report speed, loss and learning rate, once there are pairs."""
        engine = self._engine
        with self._lock:  # pairs and losses of the same tasks
            epoch, progress = self._tally.epoch, min(1.0, self._tally.progress)
            loss = f"loss {self._tally.mean_loss:.4f}  alpha {self._rate(progress):.4f}" if self._tally.pairs else ""
        note = f"{self._speed(epoch + progress)}{loss}"
        self._reporter.advance(round((epoch + progress) * engine.n_words), note=note if loss else "")

    def _speed(self, position: float) -> str:
        """Return the mean speed of this run up to a position, in epochs; nothing before it can be measured."""
        words = (position - self._position_before) * self._engine.raw_words
        seconds = self._seconds_of_epochs + self._tally.seconds
        return f"{rate_of(words, seconds)}  " if seconds >= _SETTLED_SECONDS and words > 0 else ""

    def _record(self) -> EpochRecord:
        tally, rate, started = self._tally, self._rate(1.0), time.perf_counter()
        loss, pairs = self._engine.epoch_loss(tally.mean_loss, tally.pairs)
        if not pairs:
            raise NothingToTrainError(
                f"the corpus has {counted(self._engine.n_words, 'word')} in the vocabulary and no two of them in one "
                f"sentence after subsampling: give longer sentences, a smaller {option('min_count')}, or a larger "
                f"{option('sample')} (0 keeps every word)"
            )
        end_loss = self._engine.end_loss(self._workspaces[0])
        for each in (loss, end_loss):
            if each is not None:
                self._check_loss(each, "all of it done", rate)
        seconds = tally.seconds + time.perf_counter() - started
        return EpochRecord(tally.epoch + 1, loss, pairs, self._engine.raw_words, rate, seconds, end_loss=end_loss)

    def _explain(self, record: EpochRecord) -> None:
        """Explain, once, a running loss that rises while the end loss falls."""
        before, self._previous = self._previous, record
        if before is None or before.end_loss is None or record.end_loss is None or self._explained:
            return
        if record.loss > before.loss and record.end_loss <= before.end_loss:
            self._explained = True
            self._reporter.show(
                "the loss rose because a lower learning rate fits the words just seen less closely: compare epochs by "
                "the end loss, of a fixed sample of pairs after each epoch"
            )

    def _check_loss(self, loss: float, where: str, rate: float) -> None:
        if not math.isfinite(loss):
            raise DivergenceError(
                f"the loss became {loss} in epoch {self._tally.epoch + 1}, {where}, at learning rate {rate:.4g}: "
                f"training has diverged and its vectors are of no use; {self._engine.advice}"
            )


def rate_of(words: float, seconds: float) -> str:
    """Return words per second as text: in millions from 100,000 on."""
    speed = words / seconds
    return f"{speed / 1e6:.2f} M words/s" if speed >= 1e5 else f"{speed:,.0f} words/s"


def summary(record: EpochRecord, epochs: int, *, exact: bool) -> str:
    """Return the line that reports an epoch that was just trained."""
    seconds = record.seconds or math.nan
    perplexity = f"  perplexity {math.exp(record.loss):,.1f}" if exact and record.loss < _LARGEST_EXPONENT else ""
    end = f"  end loss {record.end_loss:.4f}" if record.end_loss is not None else ""
    speed = f"{rate_of(record.words, seconds)}  {seconds:.1f} s"
    pairs = f"{counted(record.pairs, 'pair')}  alpha {record.alpha:.4f}"
    return f"epoch {record.epoch}/{epochs}  loss {record.loss:.4f}{end}{perplexity}  {speed}  {pairs}"
