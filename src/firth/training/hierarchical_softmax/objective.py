"""Hierarchical softmax as an objective, with its schedules."""

from typing import Any

from firth.options import Options
from firth.text import Corpus
from firth.training.hierarchical_softmax.blocks import PathBlocks
from firth.training.hierarchical_softmax.hogwild import HogwildPaths
from firth.training.hierarchical_softmax.memory import memory_needed
from firth.training.hierarchical_softmax.pair_blocks import PathPairBlocks
from firth.training.loop.engine import Engine, Kernels
from firth.training.loop.objective import Objective
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of the schedule in the options, its matrices filled with their initial values."""
    engine: Engine[Any, Any]
    if options.schedule == "hogwild":
        engine = HogwildPaths(corpus, options, kernels, workers)
    else:
        make_engine = PathBlocks if corpus.tokens.pairs is None else PathPairBlocks
        engine = make_engine(corpus, options, kernels)
    return Trainer(engine, options, workers, report, checkpointer)


OBJECTIVE = Objective(state_matrices=2, memory_needed=memory_needed, make_trainer=make_trainer)
