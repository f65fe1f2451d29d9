"""The exact softmax as an objective: what `registry.Objective` requires."""

from firth.options import Options
from firth.text import Corpus
from firth.training.loop.engine import Kernels
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.softmax.memory import memory_needed
from firth.training.softmax.passes import SoftmaxTrainer

__all__ = ["STATE_MATRICES", "make_trainer", "memory_needed"]

STATE_MATRICES = 4  # of (V, D) floats in a checkpoint: center, outside, and Adam's two moments of the outside matrix


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> SoftmaxTrainer:
    """Return the trainer of the exact softmax."""
    return SoftmaxTrainer(corpus, options, workers, report, checkpointer, kernels)
