"""The driver of a cluster that trains the exact softmax: counts of pairs, a warm start, and passes over the centers."""

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, cast

from firth.cluster.driver import ClusterEngine, RowFolders
from firth.cluster.handles import Handle, Polled, call_all
from firth.cluster.setup import Setup
from firth.cluster.softmax_member import PairSummary
from firth.cluster.warm_share import cut_blocks
from firth.messages import counted
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, Trainer
from firth.training.softmax import batches
from firth.training.softmax.batches import outside_rate
from firth.training.softmax.passes import ADVICE
from firth.training.softmax.stages import PASSES, WARM, StageCheckpointer, first_stage, warm_options


class WarmEngine(ClusterEngine):
    """The engine of the warm start: a task is some token blocks."""

    def _sizes(self, epoch: int) -> list[int]:
        return list(map(len, cut_blocks(self._setup.extent.n_blocks)))


class PassesEngine(ClusterEngine):
    """The engine of the passes: a task is a batch of centers. `centers` is the number of those with a pair."""

    exact = True
    advice = ADVICE

    def __init__(self, handles: Sequence[Handle], setup: Setup, folders: RowFolders | None, centers: int):
        super().__init__(handles, setup, folders)
        self._centers = centers

    def _sizes(self, epoch: int) -> list[int]:
        n = self._centers
        return [min(batches.BATCH, n - first) for first in range(0, n, batches.BATCH)]

    def rate(self, done: float) -> float:
        return outside_rate(self._options, done)

    def epoch_loss(self, mean: float, pairs: int) -> tuple[float, int]:
        nats, n = self._call("corpus_loss")[-1]  # of the root
        return nats, round(n)

    def end_loss(self, work: None) -> None:
        return None


class SoftmaxClusterTrainer:
    """Trains on the members behind `handles`; the arguments are those of `ClusterTrainer`."""

    def __init__(
        self, handles: Sequence[Handle], setup: Setup, reporter: Reporter, checkpointer: Checkpointer | None = None
    ):
        self._handles, self._setup, self._reporter = handles, setup, reporter
        self._folders = cast(RowFolders | None, checkpointer)
        self._checkpointer = checkpointer or Checkpointer()
        self._current: Trainer | None = None
        self._stopped = False

    @property
    def sent_bytes(self) -> dict[str, int]:
        """Bytes that members sent to each other, by lane."""
        return dict(sum((Counter(sent) for sent in call_all(self._handles, "sent_bytes")), Counter()))

    def stop(self) -> None:
        """Make all members stop in the middle of their tasks."""
        self._stopped = True
        if self._current is not None:
            self._current.stop()

    def epochs(self) -> Iterator[EpochRecord]:
        """Count pairs and train; yield a record after each pass, with the exact loss in nats per pair."""
        stage, options = first_stage(self._checkpointer, self._setup.options), self._setup.options
        centers = self._count()
        if stage == WARM:
            self._reporter.show("warm start: negative sampling, on one thread of one node")
            setup = dataclasses.replace(self._setup, options=warm_options(options))
            for _ in self._trainer(WARM, WarmEngine, setup).epochs():
                pass
        if not self._stopped:
            yield from self._trainer(PASSES, PassesEngine, self._setup, centers).epochs()

    def _count(self) -> int:
        """Let the members count the pairs; return the number of centers with a pair."""
        report, started = self._reporter, time.perf_counter()
        report.stage("counting pairs", self._setup.n_words)

        def report_words(words: list[int]) -> None:
            report.advance(sum(words))

        counts: list[PairSummary] = call_all(
            self._handles, "count", meanwhile=Polled(self._handles, "counted_words", report_words)
        )
        report.show(
            f"counted {counted(round(counts[0].pairs), 'pair')}, {sum(each.distinct for each in counts):,} of them "
            f"distinct, in {time.perf_counter() - started:.1f} s"
        )
        return counts[0].centers

    def _trainer(self, stage: str, make_engine: Any, setup: Setup, *more: Any) -> Trainer:
        """Return the trainer of a stage, and register it for `stop`."""
        call_all(self._handles, "enter", stage)
        engine = make_engine(self._handles, setup, self._folders, *more)
        kept = StageCheckpointer(self._checkpointer, stage)
        self._current = Trainer(engine, setup.options, 1, self._reporter, kept)
        return self._current
