"""What an objective provides: its folder states it in a module `objective`, and `training.registry` lists it."""

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from firth.options import Options
from firth.subwords import SubwordVectors
from firth.text import Corpus
from firth.training.loop.engine import Kernels, Matrix
from firth.training.loop.progress import Reporter
from firth.training.loop.start import StartRows
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord


class Training(Protocol):
    """A trainer.

    `start_from` replaces the initial values of some rows, before `epochs`, in a run that is not resumed. `freeze` keeps
    rows of `center` as they are: those where a (V,) mask is True. `epochs` trains, yielding a record after each epoch;
    `stop`, from any thread, makes it end early.
    """

    center: Matrix  # (V, D), trained in place
    outside: Matrix  # the output matrix, likewise: (V, D), or (V - 1, D) if its rows are the nodes of a tree
    nodes: Matrix | None  # a second output matrix, (V - 1, D), if the objective trains words and nodes
    subwords: SubwordVectors | None  # the rows of n-grams, trained in place, or None

    def start_from(self, rows: StartRows) -> None: ...

    def freeze(self, frozen: NDArray[np.bool_]) -> None: ...

    def epochs(self) -> Iterator[EpochRecord]: ...

    def stop(self) -> None: ...


class Objective(NamedTuple):
    """What an objective provides.

    state_matrices  number of float32 matrices in a checkpoint, each (V, D) or (V - 1, D)
    memory_needed   (corpus, options, workers) -> name and bytes of each part of the memory that training allocates
    make_trainer    (corpus, options, workers, reporter, checkpointer, kernels) -> the trainer, its matrices allocated
    state_rows      (corpus, options) -> number of rows of D float32 in a checkpoint besides the matrices
    """

    state_matrices: int
    memory_needed: Callable[[Corpus, Options, int], dict[str, int]]
    make_trainer: Callable[[Corpus, Options, int, Reporter, Checkpointer, Kernels], Training]
    state_rows: Callable[[Corpus, Options], int] = lambda corpus, options: 0
