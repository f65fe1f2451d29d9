"""The driver of a cluster: an engine whose tasks are chunks, each trained by all members together.

`Trainer` runs it like any engine, with its records, progress, interrupts and checkpoints. The driver holds no rows and
no text: members are called through handles, and send rows to each other.
"""

import math
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from firth.cluster.handles import Handle, call_all, halt_all
from firth.cluster.member import ChunkResult, Member
from firth.cluster.setup import Setup
from firth.training.loop.engine import Engine, TaskResult
from firth.training.loop.progress import Reporter
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer, State
from firth.training.loop.trainer import Trainer
from firth.training.windows.frozen import NONE_FROZEN


class RowFolders(Protocol):
    """Where the members' rows of checkpoints lie, in folders that all members see."""

    def rows_folder(self, state: State) -> str:
        """Return the folder of the checkpoint whose state is resumed."""

    def new_folder(self) -> str:
        """Create and return an empty folder for the next checkpoint."""


class WholeChunk(NamedTuple):
    """Train a chunk, on all members."""

    epoch: int
    number: int
    progress: float  # the share of the epoch before the chunk
    share: float  # its share of the epoch


class ChunkQueue:
    """The queue of an epoch's chunks, one at a time."""

    def __init__(self, epoch: int, sizes: list[int], done: int, paused: threading.Event):
        self._epoch, self._sizes, self._paused = epoch, sizes, paused
        self._taken = self._done = done

    def take(self) -> WholeChunk | None:
        if self._paused.is_set() or self._taken == len(self._sizes):
            return None
        self._taken += 1
        before, total = sum(self._sizes[: self._taken - 1]), sum(self._sizes)
        return WholeChunk(self._epoch, self._taken - 1, before / total, self._sizes[self._taken - 1] / total)

    def finish(self) -> None:
        """Record that the chunk taken last is done."""
        self._done = self._taken

    def done(self) -> list[int]:
        return [self._done]


class ClusterEngine(Engine[WholeChunk, None]):
    """The engine that trains on members; `center` and `outside` have no rows here.

    folders  None: states have no rows, and cannot be resumed
    """

    def __init__(self, handles: Sequence[Handle], setup: Setup, folders: RowFolders | None = None):
        super().__init__(setup.options)
        self._handles, self._setup, self._folders = handles, setup, folders
        self.center = self.outside = np.zeros((0, setup.options.vector_size), np.float32)
        self.n_words, self.raw_words = setup.n_words, setup.raw_words
        self.sent_bytes: Counter[str] = Counter()
        self._queue: ChunkQueue | None = None
        self._has_rows = False
        self._start: StartRows | None = None
        self._frozen = NONE_FROZEN

    def workspace(self) -> None:
        return None

    def compile(self) -> None:
        """Load the kernels on all members, and give all rows their initial values unless they were restored."""
        self._call("compile")
        if len(self._frozen):
            self._call("freeze", self._frozen)
        if not self._has_rows:
            self._call("start")
            self._has_rows = True
            if self._start is not None:
                self._send_start(self._start)

    def _send_start(self, start: StartRows) -> None:
        """Send the vectors to start from to the members that own their rows."""
        owners = self._owners()
        for name, words, rows in start.parts():
            matrix = "center" if name == "center" else "outside"
            for number, handle in enumerate(self._handles):
                own = owners[words] == number
                handle.submit("set_rows", matrix, words[own], rows[own].astype(np.float32)).result()

    def _owners(self) -> NDArray[np.intp]:
        """Return the member that has the rows of each word at the start, (V,)."""
        return self._setup.owners[self._setup.partition(0, 0).block_of]

    def _sizes(self, epoch: int) -> list[int]:
        """Return the size of each chunk of an epoch; their sum is the epoch."""
        return list(map(len, self._setup.chunks(epoch)))

    def all_done(self, epoch: int) -> list[int]:
        return [len(self._sizes(epoch))]

    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> ChunkQueue:
        self._queue = ChunkQueue(epoch, self._sizes(epoch), done[0] if done else 0, paused)
        return self._queue

    def train(self, task: WholeChunk, rate: float, work: None) -> TaskResult:
        assert self._queue is not None
        try:
            results: list[ChunkResult] = self._call("run_chunk", task.epoch, task.number)
        except InterruptedError:
            return TaskResult(0, 0.0, 0.0)
        self._queue.finish()
        for result in results:
            self.sent_bytes.update(result.sent_bytes)
        losses = tuple(loss for result in results for loss in result.losses.tolist())
        return TaskResult(sum(result.pairs for result in results), math.fsum(losses), task.share, losses)

    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        self._frozen = frozen

    def start_from(self, rows: StartRows) -> None:
        self._start = rows

    def end_loss(self, work: None) -> float | None:
        results: list[tuple[float, int]] = self._call("end_loss")
        pairs = sum(pairs for _, pairs in results)
        return math.fsum(loss for loss, _ in results) / pairs if pairs else None

    def state(self) -> State:
        """Let the members write their rows, if there is a folder for them; the state itself has no arrays."""
        if self._folders is not None:
            call_all(self._handles, "save", self._folders.new_folder())  # after an interrupt, too: members are at rest
        return State({}, {})

    def restore(self, state: State) -> None:
        assert self._folders is not None
        epoch = state.whole("epoch", self._setup.options.epochs - 1)
        done = state.wholes("done", self.all_done(epoch))
        self._call("load", self._folders.rows_folder(state), epoch, done[0] - 1)
        self._has_rows = True

    def _call(self, method: str, *arguments: Any) -> list[Any]:
        return call_all(self._handles, method, *arguments, meanwhile=self._pass_halt_on)

    def _pass_halt_on(self) -> None:
        """Once training is to stop, make the members stop as well, and raise an error."""
        if self.halt[0]:
            halt_all(self._handles)


class ClusterTrainer(Trainer):
    """Trains on the members behind `handles`.

    checkpointer  also has the methods of `RowFolders`; None saves nothing
    """

    def __init__(
        self, handles: Sequence[Handle], setup: Setup, reporter: Reporter, checkpointer: Checkpointer | None = None
    ):
        self.engine = ClusterEngine(handles, setup, cast(RowFolders | None, checkpointer))
        super().__init__(self.engine, setup.options, 1, reporter, checkpointer)

    @property
    def sent_bytes(self) -> dict[str, int]:
        """Bytes that members sent to each other, by lane."""
        return dict(self.engine.sent_bytes)


class ThreadHandle:
    """A member that runs in threads of this process."""

    def __init__(self, member: Member):
        self.member = member
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="firth-handle")

    def submit(self, method: str, *arguments: Any) -> "Future[Any]":
        return self._pool.submit(getattr(self.member, method), *arguments)

    def close(self) -> None:
        """Free the member's memory."""
        self.member.close()
        self._pool.shutdown()
