"""The driver of a cluster: it calls all members for each chunk, and keeps the records of the epochs.

It holds no rows and no text. A member is called through a `Handle`, which may be a thread, a process or an actor on
another machine.
"""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from firth.cluster.handles import Handle, call_all
from firth.cluster.member import Member
from firth.cluster.setup import Setup
from firth.training.loop.engine import learning_rate
from firth.training.loop.progress import Reporter
from firth.training.loop.trainer import EpochRecord, Tally, summary


class ThreadHandle:
    """A member that runs in a thread of this process."""

    def __init__(self, member: Member):
        self.member = member
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="firth-handle")

    def submit(self, method: str, *arguments: Any) -> "Future[Any]":
        return self._pool.submit(getattr(self.member, method), *arguments)

    def close(self) -> None:
        """Free the member's memory."""
        self.member.close()
        self._pool.shutdown()


class ClusterTrainer:
    """Trains `options.epochs` epochs on the members behind `handles`."""

    def __init__(self, handles: Sequence[Handle], setup: Setup, reporter: Reporter):
        self._handles, self._setup, self._reporter = handles, setup, reporter
        self.sent_bytes: dict[str, int] = {}

    def epochs(self) -> Iterator[EpochRecord]:
        """Train, yielding a record after each epoch."""
        setup = self._setup
        self._all("start")
        self._reporter.stage("training", setup.options.epochs * setup.n_words)
        for epoch in range(setup.options.epochs):
            record = self._run_epoch(epoch)
            self._reporter.show(summary(record, setup.options.epochs, exact=False))
            yield record

    def _run_epoch(self, epoch: int) -> EpochRecord:
        setup, began = self._setup, time.perf_counter()
        tally = Tally(epoch)
        for chunk in range(len(setup.chunks(epoch))):
            for result in self._all("run_chunk", epoch, chunk):
                tally.pairs += result.pairs
                tally.losses += result.losses.tolist()
                for lane, sent in result.sent_bytes.items():
                    self.sent_bytes[lane] = self.sent_bytes.get(lane, 0) + sent
        results = self._all("end_loss")
        loss, pairs = sum(loss for loss, _ in results), sum(pairs for _, pairs in results)
        rate = learning_rate(setup.options, (epoch + 1.0) / setup.options.epochs)
        end_loss = loss / pairs if pairs else None
        seconds = time.perf_counter() - began
        return EpochRecord(epoch + 1, tally.mean_loss, tally.pairs, setup.raw_words, rate, seconds, end_loss=end_loss)

    def _all(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of all members at the same time, and return their results."""
        return call_all(self._handles, method, *arguments)
