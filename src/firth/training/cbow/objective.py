"""CBOW as two objectives: with negative sampling, and with hierarchical softmax."""

from firth.options import Options
from firth.text import Corpus
from firth.training.cbow.hogwild import CbowPaths, CbowSampling
from firth.training.cbow.memory import memory_needed
from firth.training.hierarchical_softmax import memory as path_memory
from firth.training.loop.engine import Kernels
from firth.training.loop.objective import Objective
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer


def make_sampling_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of negative sampling, its matrices filled with their initial values."""
    return Trainer(CbowSampling(corpus, options, kernels), options, workers, report, checkpointer)


def make_path_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of hierarchical softmax, its matrices filled with their initial values."""
    return Trainer(CbowPaths(corpus, options, kernels, workers), options, workers, report, checkpointer)


NEGATIVE_SAMPLING = Objective(state_matrices=2, memory_needed=memory_needed, make_trainer=make_sampling_trainer)
HIERARCHICAL_SOFTMAX = Objective(
    state_matrices=2, memory_needed=path_memory.memory_needed, make_trainer=make_path_trainer
)
