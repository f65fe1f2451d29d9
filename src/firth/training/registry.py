"""Registry of the objectives, one line each, and the trainer for a model's options."""

from firth.compiling.kernel import is_interpreted
from firth.errors import OptionError
from firth.options import BOTH, Options
from firth.resources import require_memory
from firth.text import Corpus
from firth.training.cbow import objective as cbow_objective
from firth.training.hierarchical_softmax import objective as hierarchical_softmax_objective
from firth.training.joint import objective as joint_objective
from firth.training.loop.engine import Kernels
from firth.training.loop.objective import Objective, Training
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.negative_sampling import objective as negative_sampling_objective
from firth.training.softmax import objective as softmax_objective
from firth.training.subwords import objective as subwords_objective

UNUSED = 128 * 2**20  # bytes of address space that are reserved and hardly used: stacks, heaps, compiled code

_OBJECTIVES = {
    ("skip_gram", "negative_sampling"): negative_sampling_objective.OBJECTIVE,
    ("skip_gram", "hierarchical_softmax"): hierarchical_softmax_objective.OBJECTIVE,
    ("skip_gram", "softmax"): softmax_objective.OBJECTIVE,
    ("skip_gram", BOTH): joint_objective.OBJECTIVE,
    ("cbow", BOTH): joint_objective.OBJECTIVE,
    ("cbow", "negative_sampling"): cbow_objective.NEGATIVE_SAMPLING,
    ("cbow", "hierarchical_softmax"): cbow_objective.HIERARCHICAL_SOFTMAX,
}
_SUBWORD_OBJECTIVES = {
    "negative_sampling": subwords_objective.NEGATIVE_SAMPLING,
    "hierarchical_softmax": subwords_objective.HIERARCHICAL_SOFTMAX,
    BOTH: subwords_objective.BOTH_AT_ONCE,
}


def objective_of(options: Options) -> Objective:
    """Return the objective that trains with these options."""
    if options.subwords is not None:
        return _SUBWORD_OBJECTIVES[options.objective]
    return _OBJECTIVES[options.architecture, options.objective]


def make_trainer(
    corpus: Corpus, options: Options, workers: int, report: Reporter, checkpointer: Checkpointer, kernels: Kernels
) -> Training:
    """Return the trainer for the options, its matrices allocated.

    `checkpointer` saves its states, and may hold a state to resume from. `kernels` "reference" trains in NumPy.

    Raises `NotEnoughMemoryError`, before anything large is allocated, if memory is too small, and `OptionError` if
    compiling is switched off in Numba.
    """
    if is_interpreted() and kernels == "compiled":
        raise OptionError('NUMBA_DISABLE_JIT is set: unset it, or give kernels="reference"')
    objective = objective_of(options)
    parts = objective.memory_needed(corpus, options, workers) | checkpointer.memory_needed(len(corpus.vocabulary))
    require_memory(parts, unused=UNUSED)
    return objective.make_trainer(corpus, options, workers, report, checkpointer, kernels)
