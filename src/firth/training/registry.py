"""The objectives: what each must provide, and the trainer of a model's options."""

import os
import sys
from collections.abc import Iterator
from typing import Protocol

import numba
import numpy as np
from numba.core.compiler_lock import global_compiler_lock
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.options import Options
from firth.resources import require_memory
from firth.text import Corpus
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord
from firth.training.negative_sampling import objective as negative_sampling_objective
from firth.training.softmax import objective as softmax_objective

UNUSED = 128 * 2**20  # bytes of address space that are taken and hardly touched: stacks, heaps, code being made

if sys.platform != "win32":  # a fork while another thread compiles would leave the lock held in the child, for ever
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


class Training(Protocol):
    """Training under way: `epochs` does it, and `stop` ends it early, from any thread.

    center, outside: (V, D) float32, the same memory throughout, which training changes in place.
    """

    @property
    def center(self) -> NDArray[np.float32]:
        """The center matrix."""

    @property
    def outside(self) -> NDArray[np.float32]:
        """The outside matrix."""

    def epochs(self) -> Iterator[EpochRecord]:
        """Train, yielding a record after each epoch."""

    def stop(self) -> None:
        """Ask `epochs` to end."""


class Objective(Protocol):
    """What the folder of an objective provides, in its module `objective`.

    STATE_MATRICES  how many (V, D) matrices of float32 a checkpoint of it holds
    """

    STATE_MATRICES: int

    def memory_needed(self, corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
        """Return the name and the bytes of each part that training will allocate."""

    def make_trainer(
        self, corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer
    ) -> Training:
        """Return the trainer that the options ask for, its matrices filled with what it starts from."""


OBJECTIVES: dict[str, Objective] = {
    "negative_sampling": negative_sampling_objective,
    "softmax": softmax_objective,
}
"""Every value of the option `objective`."""


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer | None = None
) -> Training:
    """Return the trainer that the options ask for, its matrices filled with what it starts from.

    `checkpointer` receives its states, and may hold the one to resume from.

    Raises `NotEnoughMemoryError`, before anything large is allocated, if it would not fit, and `OptionError` if Numba
    is told not to compile.
    """
    if getattr(numba.config, "DISABLE_JIT", False):  # set at run time, so no type is known
        raise OptionError("NUMBA_DISABLE_JIT is set, and the kernels cannot run without compiling: unset it")
    objective, checkpointer = OBJECTIVES[options.objective], checkpointer or Checkpointer()
    parts = objective.memory_needed(corpus, options, workers) | checkpointer.memory_needed(len(corpus.vocabulary))
    require_memory(parts, unused=UNUSED)
    return objective.make_trainer(corpus, options, workers, report, checkpointer)
