"""Subwords as objectives: negative sampling, hierarchical softmax and both at once, each for skip-gram and CBOW."""

from firth.options import Options
from firth.text import Corpus
from firth.training.loop.engine import Kernels
from firth.training.loop.objective import Objective
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import Trainer
from firth.training.subwords.hogwild import (
    SubwordCbow,
    SubwordCbowPaths,
    SubwordJoint,
    SubwordJointCbow,
    SubwordPaths,
    SubwordSampling,
)
from firth.training.subwords.memory import joint_memory_needed, memory_needed, path_memory_needed
from firth.training.subwords.rows import list_rows


def make_sampling_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of negative sampling, its matrices filled with their initial values."""
    engine = SubwordCbow if options.architecture == "cbow" else SubwordSampling
    return Trainer(engine(corpus, options, kernels), options, workers, report, checkpointer)


def make_path_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of hierarchical softmax, likewise."""
    engine = SubwordCbowPaths if options.architecture == "cbow" else SubwordPaths
    return Trainer(engine(corpus, options, kernels, workers), options, workers, report, checkpointer)


def make_joint_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Trainer:
    """Return the trainer of both at once, likewise."""
    engine = SubwordJointCbow if options.architecture == "cbow" else SubwordJoint
    return Trainer(engine(corpus, options, kernels, workers), options, workers, report, checkpointer)


def state_rows(corpus: Corpus, options: Options) -> int:
    """Return the number of rows of n-grams in a checkpoint; those of words are one of its matrices."""
    return list_rows(corpus.vocabulary, options).n_rows - len(corpus.vocabulary)


NEGATIVE_SAMPLING = Objective(2, memory_needed, make_sampling_trainer, state_rows)
HIERARCHICAL_SOFTMAX = Objective(2, path_memory_needed, make_path_trainer, state_rows)
BOTH_AT_ONCE = Objective(3, joint_memory_needed, make_joint_trainer, state_rows)
