"""gensim's arguments as options of firth, and the checks that gensim makes of them."""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import FirthError, NotAvailableError, OptionError
from firth.gensim.keyedvectors import KeyedVectors
from firth.model import Word2Vec as Model
from firth.options import BOTH
from firth.training.hierarchical_softmax.tree import make_tree
from firth.training.sampling import noise_distribution

logger = logging.getLogger(__name__)

NOT_KEPT = frozenset({"self", "__class__", "sentences", "corpus_file", "trim_rule", "callbacks"})
"""Local variables of the constructor that do not become attributes."""

_SAME = ("vector_size", "window", "ns_exponent", "sample", "seed", "alpha", "min_alpha", "shrink_windows")
_OWN = (
    "sg", "hs", "negative", "cbow_mean", "min_count", "max_vocab_size", "max_final_vocab", "workers", "epochs",
    "null_word", "sorted_vocab", "batch_words", "compute_loss", "comment",
)  # fmt: skip
ARGUMENTS = frozenset({*_SAME, *_OWN})
"""Arguments of the constructor that a file holds."""

SAVED = ARGUMENTS | {
    "corpus_count", "corpus_total_words", "train_count", "total_train_time", "running_training_loss",
    "min_alpha_yet_reached", "effective_min_count",
}  # fmt: skip
"""Attributes that a file holds."""

_NOISE_SCALE = 2**31 - 1


class NotReadyError(FirthError, RuntimeError):
    """The model has no words, or no output matrix, yet."""


def check(model: Any) -> None:
    """Convert arguments as gensim does; raise `NotAvailableError` for those that have no equivalent."""
    for name, kind in {"vector_size": int, "alpha": float, "min_alpha": float, "sg": int, "hs": int}.items():
        setattr(model, name, kind(getattr(model, name)))
    if model.null_word:
        raise NotAvailableError("null_word=1 is not available: leave it out")
    if model.sample and model.sample >= 1:
        raise NotAvailableError(f"sample={model.sample} as a count is not available: give a frequency, such as 1e-3")


def check_call(model: Any, total_examples: int | None, total_words: int | None, epochs: int | None) -> None:
    """Raise the errors and log the warnings of gensim's `train`."""
    options_of(model)
    if model.hs and model.negative:
        logger.warning(BOTH_ARE_ACTIVE)
    if model.alpha > model.min_alpha_yet_reached:
        logger.warning(RISING_ALPHA)
    if not len(model.wv):
        raise NotReadyError("the model has no words: call build_vocab before train")
    if total_examples is None and total_words is None:
        raise OptionError("give total_examples=model.corpus_count or total_words=model.corpus_total_words")
    if not epochs or epochs < 0:
        raise OptionError(f"epochs={epochs} is not allowed: give a number of at least 1, such as model.epochs")
    for name in ("vectors_vocab_lockf", "vectors_ngrams_lockf"):
        if (np.asarray(getattr(model.wv, name, 1)) != 1).any():
            raise NotAvailableError(
                f"{name} is not available: leave it at 1, and set vectors_lockf to 0 to freeze words and their n-grams"
            )
    frozen_words(model.wv)


def frozen_words(wv: KeyedVectors) -> list[Any]:
    """Return the words that training does not change, whose `vectors_lockf` is 0; an array of one number is for all.

    Raises `OptionError` for another length, and `NotAvailableError` for factors other than 0 and 1.
    """
    lock = np.asarray(getattr(wv, "vectors_lockf", np.ones(1)))
    if lock.shape not in {(1,), (len(wv),)}:
        raise OptionError(f"vectors_lockf has the shape {lock.shape}: give {(len(wv),)}, with 0 for a frozen vector")
    if not np.isin(lock, (0, 1)).all():
        raise NotAvailableError("vectors_lockf scales updates by other factors than 0 and 1: give only these two")
    rows = np.flatnonzero(np.broadcast_to(lock, len(wv)) == 0).tolist()
    return [wv.index_to_key[row] for row in rows]


BOTH_ARE_ACTIVE = (
    "Both hierarchical softmax and negative sampling are activated. The model learns the sum of both losses: give "
    "negative=0 or hs=0 for one of them"
)
RISING_ALPHA = "Effective 'alpha' higher than previous training cycles"
"""Warnings that begin as those of gensim do, because scripts look for them."""


def warn_unused(trim_rule: Any, callbacks: Iterable[Any]) -> None:
    """Log that arguments for training have no effect on a model without sentences."""
    for name, given in {"trim_rule": trim_rule, "callbacks": callbacks}.items():
        if given:
            logger.warning("%s has no effect without sentences: give it to build_vocab or train", name)


def options_of(model: Any) -> dict[str, Any]:
    """Return firth's options for a model; raise `OptionError` if there are none."""
    if not model.hs and not model.negative:
        raise OptionError("hs=0 with negative=0 trains nothing: give negative=5, or hs=1")
    options = {name: getattr(model, name) for name in _SAME}
    options |= {"min_count": max(1, model.min_count), "epochs": model.epochs, "sample": model.sample or 0.0}
    options["negative"] = model.negative
    if model.hs:
        options["objective"] = BOTH if model.negative else "hierarchical_softmax"
    if not model.sg:
        options |= {"architecture": "cbow", "cbow_mean": bool(model.cbow_mean)}
    return options | {"shrink_windows": bool(model.shrink_windows)}


def output_names(model: Any) -> list[str]:
    """Return gensim's names of the output matrices: of the outside vectors, of the nodes, or of both."""
    return ["syn1neg"] * bool(model.negative) + ["syn1"] * bool(model.hs)


def set_outputs(model: Model, outputs: Mapping[str, NDArray[np.float32]], order: NDArray[np.intp]) -> None:
    """Copy the output matrices into a firth model whose words are `order` of those of the matrices.

    The rows of tree nodes belong to no word, and gensim's matrix has one more.
    """
    if model.options.has_outside:
        model.outside[:] = outputs["syn1neg"][order]
    if model.options.has_nodes:
        model.nodes[:] = outputs["syn1"][: len(model.nodes)]


def outputs_of(model: Model, order: NDArray[np.intp]) -> dict[str, NDArray[np.float32]]:
    """Return copies of the output matrices of a firth model, as `set_outputs` takes them."""
    outputs, shape = {}, (len(order), model.wv.vector_size)
    if model.options.has_outside:
        outputs["syn1neg"] = np.empty(shape, np.float32)
        outputs["syn1neg"][order] = model.outside
    if model.options.has_nodes:
        outputs["syn1"] = np.zeros(shape, np.float32)
        outputs["syn1"][: len(model.nodes)] = model.nodes
    return outputs


def cumulative_noise(counts: NDArray[np.int64], ns_exponent: float) -> NDArray[np.uint32]:
    """Return gensim's table of the noise distribution: (V,) sums of the shares of the words, times 2^31 - 1."""
    return np.round(np.cumsum(noise_distribution(counts, ns_exponent)) * _NOISE_SCALE).astype(np.uint32)


def add_codes(wv: KeyedVectors, order: NDArray[np.intp]) -> None:
    """Add the attributes `code` and `point` of each word: its path in the Huffman tree of the words in this order.

    As in gensim, the root is point V - 2, and the nodes are those of `syn1`.
    """
    counts = wv.counts
    if counts is None or len(order) < 2:
        return
    tree = make_tree(np.maximum(counts[order], 1))
    points, codes = np.empty(len(order), object), np.empty(len(order), object)
    for at, row in enumerate(order.tolist()):
        points[row], codes[row] = tree.path(at)
    wv.expandos |= {"point": points, "code": codes}
