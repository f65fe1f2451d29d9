"""Registry of the objectives: what each must provide, and the trainer for a model's options."""

import os
import sys
from collections.abc import Iterator
from typing import Protocol

import numba
from numba.core.compiler_lock import global_compiler_lock

from firth.errors import OptionError
from firth.options import Options
from firth.resources import require_memory
from firth.text import Corpus
from firth.training.loop.engine import Kernels, Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord
from firth.training.negative_sampling import objective as negative_sampling_objective
from firth.training.softmax import objective as softmax_objective

UNUSED = 128 * 2**20  # bytes of address space that are reserved and hardly used: stacks, heaps, compiled code

if sys.platform != "win32":  # else a fork while another thread compiles leaves the lock held in the child forever
    os.register_at_fork(
        before=global_compiler_lock.acquire,
        after_in_parent=global_compiler_lock.release,
        after_in_child=global_compiler_lock.release,
    )


class Training(Protocol):
    """A trainer: `epochs` trains, yielding a record after each epoch; `stop`, from any thread, makes it end early.

    center, outside: (V, D) float32, trained in place.
    """

    center: Matrix
    outside: Matrix

    def epochs(self) -> Iterator[EpochRecord]: ...

    def stop(self) -> None: ...


class Objective(Protocol):
    """What the folder of an objective provides, in its module `objective`.

    STATE_MATRICES  number of (V, D) float32 matrices in a checkpoint
    """

    STATE_MATRICES: int

    def memory_needed(self, corpus: Corpus, options: Options, workers: int) -> dict[str, int]:
        """Return the name and the bytes of each part of the memory that training will allocate."""

    def make_trainer(
        self,
        corpus: Corpus,
        options: Options,
        workers: int,
        report: Reporter,
        checkpointer: Checkpointer,
        kernels: Kernels,
    ) -> Training:
        """Return the trainer for the options, its matrices filled with their initial values."""


OBJECTIVES: dict[str, Objective] = {
    "negative_sampling": negative_sampling_objective,
    "softmax": softmax_objective,
}
"""The objective for each value of the option `objective`."""


def make_trainer(
    corpus: Corpus,
    options: Options,
    workers: int,
    report: Reporter,
    checkpointer: Checkpointer | None = None,
    kernels: Kernels = "compiled",
) -> Training:
    """Return the trainer for the options, its matrices filled with their initial values.

    `checkpointer` saves its states, and may hold a state to resume from. `kernels` "reference" trains in NumPy.

    Raises `NotEnoughMemoryError`, before anything large is allocated, if memory is too small, and `OptionError` if
    compiling is switched off in Numba.
    """
    interpreted = getattr(numba.config, "DISABLE_JIT", False)  # numba sets it at run time, without a type
    if interpreted and kernels == "compiled":
        raise OptionError('NUMBA_DISABLE_JIT is set: unset it, or give kernels="reference"')
    objective, checkpointer = OBJECTIVES[options.objective], checkpointer or Checkpointer()
    parts = objective.memory_needed(corpus, options, workers) | checkpointer.memory_needed(len(corpus.vocabulary))
    require_memory(parts, unused=UNUSED)
    return objective.make_trainer(corpus, options, workers, report, checkpointer, kernels)
