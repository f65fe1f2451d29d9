"""Negative sampling as an objective, with its two schedules."""

from typing import Any

from firth.options import Options
from firth.text import Corpus
from firth.training.loop.engine import Engine, Kernels
from firth.training.loop.objective import Objective
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer
from firth.training.negative_sampling.blocks import Blocks
from firth.training.negative_sampling.hogwild import Hogwild
from firth.training.negative_sampling.memory import memory_needed
from firth.training.negative_sampling.pair_blocks import PairBlocks

SCHEDULES = {"blocks": Blocks, "hogwild": Hogwild}


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of the schedule in the options, its matrices filled with their initial values."""
    make_engine = SCHEDULES[options.schedule] if corpus.tokens.pairs is None else PairBlocks
    engine: Engine[Any, Any] = make_engine(corpus, options, kernels)
    return Trainer(engine, options, workers, report, checkpointer)


OBJECTIVE = Objective(state_matrices=2, memory_needed=memory_needed, make_trainer=make_trainer)
