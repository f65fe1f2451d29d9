"""Which engine trains: one for each objective and schedule, all driven in the same way."""

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
from firth.training import blocks, hogwild, softmax_training
from firth.training.memory import UNUSED, memory_needed
from firth.training.progress import Reporter
from firth.training.state import Keeper
from firth.training.trainer import EpochRecord, Trainer

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


def training_of(
    corpus: Corpus, options: Options, workers: int, report: Reporter, keeper: Keeper | None = None
) -> Training:
    """Return the training that the options ask for, its matrices filled with what it starts from.

    `keeper` is given its states, and may hold the one to go on from.

    Raises `NotEnoughMemoryError`, before anything large is allocated, if it would not fit, and `OptionError` where
    Numba is told not to compile.
    """
    if getattr(numba.config, "DISABLE_JIT", False):  # set at run time, so no type is known
        raise OptionError("NUMBA_DISABLE_JIT is set, and uncompiled the kernels cannot run: unset it")
    keeper = keeper or Keeper()
    parts = memory_needed(corpus, options, workers) | keeper.memory_needed(len(corpus.vocabulary))
    require_memory(parts, unused=UNUSED)
    if options.objective == "softmax":
        return softmax_training.SoftmaxTrainer(corpus, options, workers, report, keeper)
    engine = {"hogwild": hogwild.Hogwild, "blocks": blocks.Blocks}[options.schedule](corpus, options)
    return Trainer(engine, options, workers, report, keeper)
