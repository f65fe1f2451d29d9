"""Engine, task and task queue: the work of an objective, cut into units that threads or machines can share.

The matrices belong to an `Engine`. `Engine.tasks` returns an epoch's tasks as a `TaskQueue`; a worker takes one,
`Engine.train` does it in place and returns a `TaskResult`. `Trainer` runs the workers as threads of one process. Any
other way to run them, such as a cluster, must follow these rules.

Identity    A task's fields identify it: the epoch, and a position in it. That is a token block under the Hogwild
            schedule; a chunk and a bucket, a token block or a block of words under the block schedule; a batch of
            center words for the softmax. They do not depend on the worker, and `progress`, the share of the epoch
            before the task, decides its learning rate (`Engine.rate`).
Reads       The tokens at its position, or the pairs that earlier tasks of its chunk made from them (the engine holds
            them until the chunk is done); tables made from the vocabulary's counts and the options; the rows of both
            matrices that it trains.
Writes      Those rows, and the worker's own scratch arrays (`Engine.workspace`), which carry nothing to the next task.
            A task that only makes pairs writes no row, and is repeated after a resume.
Depends on  What it reads, the options, and random draws under a key made from the seed and its position
            (`firth.training.draws`). Not on time, nor on which worker does it.
Returns     A `TaskResult`. The sum of an epoch's results does not depend on their order (`math.fsum`).
At once     Two tasks may run at once if `take` has handed out both. The block schedule hands out a bucket when no
            bucket under way shares a row with it and those before it in its rows' order are done, so the result is
            the same on any number of workers. Under Hogwild any tasks run at once and may overwrite each other's
            updates, so only one worker is reproducible. The softmax hands out one batch at a time; threads share the
            work within it.
State       While no task is under way, `Engine.state`, `TaskQueue.done` and the sums of the results are all that
            training needs to continue: `Engine.restore`, then `Engine.tasks` with what was done. No state is saved in
            the middle of a task. After `halt` cut one short its rows are undefined, unless `undone_when_halted`.
"""

import threading
from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from firth.messages import option
from firth.options import Options
from firth.subwords import SubwordVectors
from firth.training.loop.start import StartRows
from firth.training.loop.state import State

Matrix = NDArray[np.float32]
Kernels: TypeAlias = Literal["compiled", "reference"]
"""The code that trains: the compiled kernels, or plain NumPy, which is far slower."""


class Task(Protocol):
    """A unit of work; its other fields are known to its engine alone."""

    @property
    def progress(self) -> float:
        """The share of the epoch before this task, from 0 to 1."""


class TaskResult(NamedTuple):
    """What a task adds to its epoch: pairs trained, the sum of their losses in nats, and its share of the epoch.

    losses  the parts of `loss`, if the task did the work of several
    """

    pairs: int
    loss: float
    share: float
    losses: tuple[float, ...] = ()


TaskT = TypeVar("TaskT", bound=Task)
TaskT_co = TypeVar("TaskT_co", bound=Task, covariant=True)
WorkspaceT = TypeVar("WorkspaceT")


class TaskQueue(Protocol[TaskT_co]):
    """An epoch's tasks; any number of threads take from it."""

    def take(self) -> TaskT_co | None:
        """Wait for the next task that may run at the same time as those under way, and return it, each task once.

        Return None after the last task and while paused.
        """

    def done(self) -> list[int]:
        """Return which tasks are done, as an argument for `Engine.tasks`; call it while none is under way."""


def learning_rate(options: Options, done: float) -> float:
    """Return the learning rate when the share `done` of all epochs is done: it falls linearly."""
    return options.alpha - (options.alpha - options.min_alpha) * done


class Engine(ABC, Generic[TaskT, WorkspaceT]):
    """The matrices, and the training of one task."""

    exact: ClassVar[bool] = False  # the loss of an epoch is that of all its pairs at its end: log perplexity
    undone_when_halted: ClassVar[bool] = False  # a halted task leaves everything as it was before the task
    center: Matrix  # (V, D), changed in place
    outside: Matrix  # the output matrix, likewise: (V, D), or (V - 1, D) if its rows are the nodes of a tree
    nodes: Matrix | None = None  # a second output matrix, (V - 1, D), if the objective trains words and nodes
    subwords: SubwordVectors | None = None  # the rows of n-grams, changed in place, if the objective trains them
    n_words: int  # words of an epoch that are in the vocabulary
    raw_words: int  # words of an epoch that were read

    def __init__(self, options: Options):
        self._options = options
        self.halt = np.zeros(1, np.bool_)  # True makes every task under way end early

    @property
    def advice(self) -> str:
        """Advice for a run that diverged."""
        return f"start again with a smaller {option('alpha')} (0.025 is usual)"

    @abstractmethod
    def workspace(self) -> WorkspaceT:
        """Return scratch arrays for one worker."""

    @abstractmethod
    def compile(self) -> None:
        """Compile the kernels."""

    @abstractmethod
    def all_done(self, epoch: int) -> list[int]:
        """Return the value of `TaskQueue.done` when all tasks of the epoch are done."""

    @abstractmethod
    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> TaskQueue[TaskT]:
        """Return an epoch's tasks, without those done; no task is handed out while `paused` is set."""

    @abstractmethod
    def train(self, task: TaskT, rate: float, work: WorkspaceT) -> TaskResult:
        """Do a task, in place, at a learning rate."""

    def start_from(self, rows: StartRows) -> None:
        """Replace initial values of the matrices, in place."""
        rows.copy_into(self.center, self.outside, self.nodes)

    @abstractmethod
    def freeze(self, frozen: NDArray[np.bool_]) -> None:
        """Keep rows of `center` as they are from now on: those where `frozen`, (V,), is True."""

    def refresh(self) -> None:
        """Bring `center` up to date with what was trained; no task is under way."""

    def rate(self, done: float) -> float:
        """Return the learning rate when the share `done` of all epochs is done: it falls linearly."""
        return learning_rate(self._options, done)

    def epoch_loss(self, mean: float, pairs: int) -> tuple[float, int]:
        """Return the mean loss of an epoch's pairs, in nats, and their number; the arguments are the running values."""
        return mean, pairs

    def end_loss(self, work: WorkspaceT) -> float | None:
        """Return the mean loss of a fixed sample of pairs, in nats, with both matrices as they are.

        None if `epoch_loss` already measures the final matrices, or if the sample has no pairs.
        """
        return None

    def state(self) -> State:
        """Return all that training changes; the arrays are those that `train` changes in place."""
        return State({}, {"center": self.center, **self.output_matrices()})

    def output_matrices(self) -> dict[str, Matrix]:
        """Return the output matrix, or both, by name."""
        return {"outside": self.outside} | ({} if self.nodes is None else {"nodes": self.nodes})

    def restore(self, state: State) -> None:
        """Copy a state into the matrices, in place; raise `CheckpointError` if it does not fit."""
        for name, array in self.state().arrays.items():
            array[:] = state.array(name, array.shape, array.dtype)
