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
from firth.subwords import SubwordVectors
from firth.training.loop.engine import Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, Trainer
from firth.training.softmax import batches
from firth.training.softmax.batches import outside_rate
from firth.training.softmax.cooccurrence import no_pairs_error
from firth.training.softmax.passes import ADVICE
from firth.training.softmax.stages import PASSES, WARM, StageCheckpointer, first_stage, warm_options
from firth.training.windows.frozen import NONE_FROZEN


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


class SoftmaxClusterTrainer:
    """Trains on the members behind `handles`; the arguments are those of `ClusterTrainer`.

    `center` and `outside` have no rows here.
    """

    nodes: Matrix | None = None
    subwords: SubwordVectors | None = None

    def __init__(
        self, handles: Sequence[Handle], setup: Setup, reporter: Reporter, checkpointer: Checkpointer | None = None
    ):
        self._handles, self._setup, self._reporter = handles, setup, reporter
        self._folders = cast(RowFolders | None, checkpointer)
        self._checkpointer = checkpointer or Checkpointer()
        self.center = self.outside = np.zeros((0, setup.options.vector_size), np.float32)
        self._current: Trainer | None = None
        self._stopped = False
        self._start: StartRows | None = None
        self._frozen = NONE_FROZEN

    @property
    def sent_bytes(self) -> dict[str, int]:
        """Bytes that members sent to each other, by lane."""
        return dict(sum((Counter(sent) for sent in call_all(self._handles, "sent_bytes")), Counter()))

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values. If these include outside vectors, there is no warm start."""
        self._start = rows

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        """Keep center rows as they are: those of the words where `frozen`, (V,), is True."""
        self._frozen = frozen

    def stop(self) -> None:
        """Make all members stop in the middle of their tasks."""
        self._stopped = True
        if self._current is not None:
            self._current.stop()

    def epochs(self) -> Iterator[EpochRecord]:
        """Count pairs and train; yield a record after each pass, with the exact loss in nats per pair."""
        options, has_outside = self._setup.options, self._start is not None and self._start.outside is not None
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
        """Return the trainer of a stage, and register it for `stop`; `starts` if it gets the vectors to start from."""
        call_all(self._handles, "enter", stage)
        engine = make_engine(self._handles, setup, self._folders, *more)
        kept = StageCheckpointer(self._checkpointer, stage)
        self._current = Trainer(engine, setup.options, 1, self._reporter, kept)
        self._current.freeze(self._frozen)
        if starts and self._start is not None:
            self._current.start_from(self._start)
        if self._stopped:  # while the members entered the stage
            self._current.stop()
        return self._current
