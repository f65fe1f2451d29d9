"""Negative sampling as an objective: what `training.registry` needs."""

from firth.options import Options
from firth.text import Corpus
from firth.training.loop.engine import Kernels
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling.blocks import Blocks
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.negative_sampling.memory import memory_needed

__all__ = ["STATE_MATRICES", "make_trainer", "memory_needed"]

STATE_MATRICES = 2  # of (V, D) floats in a checkpoint: center and outside
SCHEDULES = {"blocks": Blocks, "hogwild": Hogwild}


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer for the options, its matrices filled with their initial values."""
    engine = SCHEDULES[options.schedule](corpus, options, kernels)
    return Trainer(engine, options, workers, report, checkpointer)
