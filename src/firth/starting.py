"""The vectors and options that a training run starts from: those of a fitted model, or vectors from elsewhere."""

import dataclasses
import os
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import OptionError
from firth.messages import counted, option
from firth.options import Options, checked, limits, shortened, whole
from firth.text import Corpus, KnownWords, Vocabulary
from firth.text.store import StoreBuilder
from firth.training.loop.progress import Reporter
from firth.training.loop.start import Matrix, Start, StartRows
from firth.training.loop.state import Checkpointer, is_finite
from firth.vectors import KeyedVectors
from firth.vectors.table import checked_keys


def start_of_model(
    vectors: KeyedVectors,
    outputs: tuple[NDArray[Any] | None, NDArray[Any] | None],
    options: Options,
    epochs: int,
    *,
    update_vocab: bool,
    update_counts: bool,
    average: bool,
    freeze: bool | Iterable[Any] = False,
) -> Start:
    """Return the start of a run that trains a model further, with its vocabulary or, if asked, with new words too.

    `outputs` are the outside matrix and that of the nodes, None for one that does not exist, and `epochs` is the number
    of epochs done. The other arguments are those of `Word2Vec.partial_fit`. The counts of a tree grow only with
    `update_vocab`, and then it is another tree.

    Raises `OptionError` if the words of `vectors` were edited by hand, have no counts, or a vector is not finite.
    """
    given = {"update_vocab": update_vocab, "update_counts": update_counts, "average": average}
    for name, value in given.items():
        checked(name, value, bool, limits("an argument of partial_fit"))
    vectors.check_rows()
    if vectors.counts is None:
        raise OptionError("the words of this model have no counts, which training needs: assign wv.counts first")
    vocabulary = Vocabulary(vectors.index_to_key, vectors.counts)
    is_counted = update_counts and (update_vocab or not options.has_nodes)
    known = KnownWords(vocabulary, options, is_open=update_vocab, is_counted=is_counted, is_sorted=options.has_nodes)
    outside, nodes = outputs
    same_tree = not update_vocab and nodes is not None and len(nodes) == len(vectors) - 1
    start = Start(
        vocabulary.index_to_key,
        vectors.vectors,
        outside=outside,
        nodes=nodes if same_tree else None,
        epochs=epochs,
        known=known,
        subwords=vectors.subwords,
        is_averaged=average and epochs > 0,
    )
    _check(start, "this model", options)
    return dataclasses.replace(start, frozen=checked_frozen(freeze, start.keys, "this model"))


def start_of_vectors(
    init: Any,
    options: Options,
    outside: NDArray[Any] | None = None,
    freeze: bool | Iterable[Any] = False,
    *,
    mapped: bool = False,
) -> Start:
    """Return the start from `KeyedVectors` and their `outside` matrix, or from a file, in any format.

    Hierarchical softmax uses the center vectors alone. `freeze` is the argument of `Word2Vec.fit`. With `mapped`, the
    matrices of a file in firth's own format are not read into memory.

    Raises `OptionError` for anything else, for vectors of another size, and if one is not finite; and the errors of
    reading a file.
    """
    if isinstance(init, KeyedVectors):
        init.check_rows()
        start, name = Start(init.index_to_key, init.vectors, outside, subwords=init.subwords), "init"
    elif isinstance(init, (str, os.PathLike)):
        start, name = _loaded(init, mapped=mapped), os.fspath(init)
    else:
        raise OptionError(
            f"{option('init', shortened(init))} is not allowed: give the path of a file of vectors, KeyedVectors, or "
            "a fitted Word2Vec"
        )
    if not options.has_outside:
        start = dataclasses.replace(start, outside=None)
    _check(start, name, options)
    return dataclasses.replace(start, frozen=checked_frozen(freeze, start.keys, name))


def checked_frozen(freeze: Any, keys: Sequence[Any], name: str) -> frozenset[Any]:
    """Return the keys whose vectors do not change: all, none, or those listed.

    Raises `OptionError` for anything but True, False or a list of `keys`, which are those of the vectors `name`.
    """
    if isinstance(freeze, (bool, np.bool_)):
        return frozenset(keys if freeze else ())
    if isinstance(freeze, (str, bytes)) or not isinstance(freeze, Iterable):
        raise OptionError(
            f"{option('freeze', shortened(freeze))} is not allowed: give a list of words, or True for all words of "
            "the vectors to start from"
        )
    own = {key: key for key in keys}  # as `keys` has them: a list of numbers may hold NumPy's
    wanted = list(freeze)
    unknown = [key for key in wanted if not isinstance(key, Hashable) or key not in own]
    if unknown:
        raise OptionError(
            f"{option('freeze')} lists {counted(len(unknown), 'key')} without a vector in {name}, the first of them "
            f"{shortened(unknown[0])}: list only keys that have a vector to keep"
        )
    return frozenset(own[key] for key in wanted)


def checked_counts(counts: Any) -> Vocabulary:
    """Return the vocabulary of a mapping from keys to counts; raise `OptionError` for anything else."""
    if not isinstance(counts, Mapping) or not counts:
        raise OptionError(
            f"{option('counts', shortened(counts))} is not allowed: give a dict of words and their counts"
        )
    for key, count in counts.items():
        whole(f"the count of {key!r}", count, "how often it occurs", 0)
    return Vocabulary(checked_keys(list(counts)), [int(count) for count in counts.values()])


def untrained(vocabulary: Vocabulary, options: Options) -> tuple[KeyedVectors, Matrix, Matrix | None]:
    """Return the vectors and one or two output matrices as they are when training starts on these words."""
    if options.objective == "softmax":
        raise OptionError(f"{option('objective', 'softmax')} cannot start from counts alone: call fit(corpus)")
    from firth.training.registry import make_trainer

    with StoreBuilder().finish(np.zeros(0, np.int32)) as tokens:
        corpus = Corpus(vocabulary, tokens, *(0 for _ in range(7)))
        trainer = make_trainer(corpus, options, 1, Reporter(), Checkpointer(), "compiled")
        none = np.empty(0, np.intp)
        trainer.start_from(StartRows(none, none, trainer.center, None, None))  # composes vectors of n-grams
    vectors = KeyedVectors(vocabulary.index_to_key, trainer.center, vocabulary.counts)
    vectors.subwords = trainer.subwords
    return vectors, trainer.outside, trainer.nodes


def continued_options(options: Options, epochs_done: int, **changes: Any) -> Options:
    """Return the options of a further run: with the changes that are not None, and with other random draws.

    The seed becomes a function of the seed and the number of epochs done, so that further training on the same text
    does not repeat the random draws of the first epochs. It stays the same for a model without an epoch.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if options.objective == "softmax" and (rates := [name for name in given if name.endswith("alpha")]):
        raise OptionError(
            f"{option(rates[0])} has no effect with {option('objective', 'softmax')}: its further training has a "
            "learning rate of its own; leave it out"
        )
    if epochs_done == 0:
        return dataclasses.replace(options, **given)
    seed = int(np.random.SeedSequence((options.seed, epochs_done)).generate_state(1, np.uint64)[0] >> np.uint64(1))
    return dataclasses.replace(options, seed=seed, **given)


def _loaded(path: str | os.PathLike[str], *, mapped: bool) -> Start:
    from firth.formats import detect, read_vectors
    from firth.formats.native import read_native

    if detect(path).name == "native":
        model = read_native(path, mmap=mapped)
        return Start(model.keys, model.center, model.outside, subwords=model.subwords)
    vectors = read_vectors(path)
    return Start(vectors.keys, vectors.vectors, subwords=vectors.subwords)


def _check(start: Start, name: str, options: Options) -> None:
    size = start.center.shape[1]
    if size != options.vector_size:
        raise OptionError(
            f"{name} holds vectors of {counted(size, 'number')}, and {option('vector_size')} is "
            f"{options.vector_size}: give {option('vector_size', size)}"
        )
    for matrix in (start.center, start.outside, start.nodes):
        if matrix is not None and not is_finite(matrix):
            raise OptionError(f"{name} holds a number that is not finite, and cannot be trained further")
