"""What a `Trainer` drives: two matrices, and the tasks that change them.

Between two tasks the state of a training is whole, and is the same however it was reached.
"""

import threading
from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from firth.messages import option
from firth.options import Options
from firth.training.loop.state import State

Matrix = NDArray[np.float32]


class TaskResult(NamedTuple):
    """What a task added: `loss` is the sum over its pairs, in nats; `share` is its share of the epoch."""

    pairs: int
    loss: float
    share: float


class TaskQueue(Protocol):
    """An epoch's tasks; any number of threads take from it."""

    def take(self) -> Any | None:
        """Return the next task, with its `progress` in the epoch; None if there is none, or while paused."""

    def done(self) -> list[int]:
        """Return which tasks are done, for `Engine.tasks` to go on from there; call it while none is under way."""


class Engine(ABC):
    """Both matrices, and the step that does a task.

    n_words, raw_words  words of an epoch: in the vocabulary, and read
    halt                (1,) bool: True makes every task under way end early
    exact               the loss of an epoch is that of all its pairs at its end, so its exponential is the perplexity
    undone_when_halted  a task that is halted leaves everything as it was before it
    """

    exact: ClassVar[bool] = False
    undone_when_halted: ClassVar[bool] = False
    n_words: int
    raw_words: int

    def __init__(self, options: Options):
        self._options = options
        self.halt = np.zeros(1, np.bool_)

    @property
    def advice(self) -> str:
        """Advice for a run that diverged."""
        return f"start again with a smaller {option('alpha')} (0.025 is usual)"

    @property
    @abstractmethod
    def center(self) -> Matrix:
        """The (V, D) center matrix, changed in place."""

    @property
    @abstractmethod
    def outside(self) -> Matrix:
        """The (V, D) outside matrix, changed in place."""

    @abstractmethod
    def workspace(self) -> Any:
        """Return scratch arrays for one thread."""

    @abstractmethod
    def compile(self) -> None:
        """Compile the kernels."""

    @abstractmethod
    def all_done(self, epoch: int) -> list[int]:
        """Return the value of `TaskQueue.done` when all tasks of the epoch are done."""

    @abstractmethod
    def tasks(self, epoch: int, done: list[int] | None, paused: threading.Event) -> TaskQueue:
        """Return an epoch's tasks, without those done; none is given out while `paused` is set."""

    @abstractmethod
    def train(self, task: Any, rate: float, work: Any) -> TaskResult:
        """Do a task, in place."""

    def rate(self, done: float) -> float:
        """Return the learning rate when the share `done` of all epochs is done: it falls linearly."""
        return self._options.alpha - (self._options.alpha - self._options.min_alpha) * done

    def epoch_loss(self, mean: float, pairs: int) -> tuple[float, int]:
        """Return the mean loss of an epoch's pairs, in nats, and how many there are; given: as met while it ran."""
        return mean, pairs

    def end_loss(self, work: Any) -> float | None:
        """Return the mean loss of a fixed sample of pairs, in nats, with both matrices as they are.

        None if `epoch_loss` already measures the final matrices, or if the sample has no pairs.
        """
        return None

    def state(self) -> State:
        """Return all that changes; the arrays are those that `train` changes in place."""
        return State({}, {"center": self.center, "outside": self.outside})

    def restore(self, state: State) -> None:
        """Take over a state, in place; raise `CheckpointError` if it does not fit."""
        for name, array in self.state().arrays.items():
            array[:] = state.array(name, array.shape, array.dtype)
