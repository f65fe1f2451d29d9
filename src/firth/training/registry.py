"""Registry of the objectives: what each provides, and the trainer for a model's options."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numba
from numba.core.compiler_lock import global_compiler_lock

from firth.errors import OptionError
from firth.options import Options
from firth.resources import require_memory
from firth.text import Corpus
from firth.training.loop.engine import Kernels, Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord, Trainer
from firth.training.negative_sampling.blocks import Blocks
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.negative_sampling.memory import memory_needed as negative_sampling_memory
from firth.training.softmax.memory import memory_needed as softmax_memory
from firth.training.softmax.passes import SoftmaxTrainer

UNUSED = 128 * 2**20  # bytes of address space that are reserved and hardly used: stacks, heaps, compiled code

_LOCK = global_compiler_lock
# A fork while another thread compiles would otherwise leave the lock held in the child forever.
os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


class Training(Protocol):
    """A trainer: `epochs` trains, yielding a record after each epoch; `stop`, from any thread, makes it end early."""

    center: Matrix  # (V, D), trained in place
    outside: Matrix  # likewise

    def epochs(self) -> Iterator[EpochRecord]: ...

    def stop(self) -> None: ...


class Objective(NamedTuple):
    """What an objective provides.

    state_matrices  number of (V, D) float32 matrices in a checkpoint
    memory_needed   (corpus, options, workers) -> name and bytes of each part of the memory that training allocates
    make_trainer    (corpus, options, workers, reporter, checkpointer, kernels) -> the trainer, its matrices allocated
    """

    state_matrices: int
    memory_needed: Callable[[Corpus, Options, int], dict[str, int]]
    make_trainer: Callable[[Corpus, Options, int, Reporter, Checkpointer, Kernels], Training]


def _negative_sampling(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    schedule = {"blocks": Blocks, "hogwild": Hogwild}[options.schedule]
    return Trainer(schedule(corpus, options, kernels), options, workers, report, checkpointer)


OBJECTIVES = {
    "negative_sampling": Objective(2, negative_sampling_memory, _negative_sampling),
    "softmax": Objective(4, softmax_memory, SoftmaxTrainer),  # both matrices, and Adam's moments of the outside matrix
}
"""The objective for each value of the option `objective`."""


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Training:
    """Return the trainer for the options, its matrices allocated.

    `checkpointer` saves its states, and may hold a state to resume from. `kernels` "reference" trains in NumPy.

    Raises `NotEnoughMemoryError`, before anything large is allocated, if memory is too small, and `OptionError` if
    compiling is switched off in Numba.
    """
    interpreted = getattr(numba.config, "DISABLE_JIT", False)  # numba sets it at run time, without a type
    if interpreted and kernels == "compiled":
        raise OptionError('NUMBA_DISABLE_JIT is set: unset it, or give kernels="reference"')
    objective = OBJECTIVES[options.objective]
    parts = objective.memory_needed(corpus, options, workers) | checkpointer.memory_needed(len(corpus.vocabulary))
    require_memory(parts, unused=UNUSED)
    return objective.make_trainer(corpus, options, workers, report, checkpointer, kernels)
