"""Both objectives at once as an objective, for skip-gram and for CBOW."""

from typing import Any

from firth.options import Options
from firth.text import Corpus
from firth.training.joint.hogwild import JointCbow, JointWindows
from firth.training.joint.memory import memory_needed
from firth.training.loop.engine import Engine, Kernels
from firth.training.loop.objective import Objective
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of the architecture in the options, its matrices filled with their initial values."""
    make_engine = JointCbow if options.architecture == "cbow" else JointWindows
    engine: Engine[Any, Any] = make_engine(corpus, options, kernels, workers)
    return Trainer(engine, options, workers, report, checkpointer)


OBJECTIVE = Objective(state_matrices=3, memory_needed=memory_needed, make_trainer=make_trainer)
