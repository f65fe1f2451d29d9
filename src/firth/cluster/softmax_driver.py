"""The driver of a cluster that trains the exact softmax: counts of pairs, a warm start, and passes over the centers."""

import dataclasses
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.cluster.driver import ClusterEngine, RowFolders
from firth.cluster.handles import Handle, Polled, call_all, halt_all
from firth.cluster.row_files import saved_rows
from firth.cluster.setup import Setup
from firth.cluster.softmax_member import PairSummary
from firth.cluster.tiles import TileShares, saved_shapes
from firth.cluster.warm_share import TRAINER, cut_blocks
from firth.messages import counted
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, Trainer
from firth.training.softmax import batches
from firth.training.softmax.batches import outside_rate
from firth.training.softmax.cooccurrence import no_pairs_error
from firth.training.softmax.passes import ADVICE
from firth.training.softmax.stages import PASSES, WARM, StagedTrainer, first_stage, warm_options


class WarmEngine(ClusterEngine):
    """The engine of the warm start: a task is some token blocks."""

    def _owners(self) -> NDArray[np.intp]:
        return np.full(self._setup.vocabulary_size, TRAINER, np.intp)

    def _sizes(self, epoch: int) -> list[int]:
        return list(map(len, cut_blocks(self._setup.extent.n_blocks)))


class PassesEngine(ClusterEngine):
    """The engine of the passes: a task is a batch of centers. `centers` is the number of those with a pair."""

    exact = True
    advice = ADVICE

    def __init__(self, handles: Sequence[Handle], setup: Setup, folders: RowFolders | None, centers: int):
        super().__init__(handles, setup, folders)
        self._centers = centers

    def _owners(self) -> NDArray[np.intp]:
        return TileShares(self._setup).owners(np.arange(self._setup.vocabulary_size))

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


class SoftmaxClusterTrainer(StagedTrainer):
    """Trains on the members behind `handles`; the arguments are those of `ClusterTrainer`.

    `center` and `outside` have no rows here.
    """

    def __init__(
        self, handles: Sequence[Handle], setup: Setup, reporter: Reporter, checkpointer: Checkpointer | None = None
    ):
        super().__init__(reporter, checkpointer)
        self._handles, self._setup = handles, setup
        self._folders = cast(RowFolders | None, checkpointer)
        self.center = self.outside = np.zeros((0, setup.options.vector_size), np.float32)

    @property
    def sent_bytes(self) -> dict[str, int]:
        """Bytes that members sent to each other, by lane."""
        return dict(sum((Counter(sent) for sent in call_all(self._handles, "sent_bytes")), Counter()))

    def epochs(self) -> Iterator[EpochRecord]:
        """Count pairs and train; yield a record after each pass, with the exact loss in nats per pair."""
        options, has_outside = self._setup.options, self._starts_with_outside
        stage = first_stage(self._checkpointer, options, has_outside=has_outside)
        self._check_rows(stage)
        centers = self._count()
        if stage == WARM and not self._stopped:
            self._reporter.show("warm start: negative sampling, on one thread of one node")
            setup = dataclasses.replace(self._setup, options=warm_options(options))
            for _ in self._trainer(WARM, WarmEngine, setup, starts=True).epochs():
                pass
        if not self._stopped:
            yield from self._trainer(PASSES, PassesEngine, self._setup, centers, starts=has_outside).epochs()

    def _check_rows(self, stage: str) -> None:
        """Raise `CheckpointError` unless the rows of the state to resume from are there, before pairs are counted."""
        resumed, setup = self._checkpointer.resumed, self._setup
        if resumed is None:
            return
        assert self._folders is not None
        shapes = saved_shapes(setup, stage, range(setup.vocabulary_size))
        for _ in saved_rows(self._folders.rows_folder(resumed), shapes, check=False):
            pass  # the members compare the checksums

    def _count(self) -> int:
        """Let the members count the pairs; return the number of centers with a pair."""
        report, started = self._reporter, time.perf_counter()
        report.stage("counting pairs", self._setup.n_words)

        def report_words(words: list[int]) -> None:
            report.advance(sum(words))
            if self._stopped:
                halt_all(self._handles)

        counts: list[PairSummary] = call_all(
            self._handles, "count", meanwhile=Polled(self._handles, "counted_words", report_words)
        )
        if not counts[0].centers:
            raise no_pairs_error()
        report.show(
            f"counted {counted(round(counts[0].pairs), 'pair')}, {sum(each.distinct for each in counts):,} of them "
            f"distinct, in {time.perf_counter() - started:.1f} s"
        )
        return counts[0].centers

    def _trainer(self, stage: str, make_engine: Any, setup: Setup, *more: Any, starts: bool) -> Trainer:
        """Let the members enter a stage, and return its trainer; `starts` if it gets the vectors to start from."""
        call_all(self._handles, "enter", stage)
        engine = make_engine(self._handles, setup, self._folders, *more)
        return self._stage_trainer(stage, engine, setup.options, self._start if starts else None)
