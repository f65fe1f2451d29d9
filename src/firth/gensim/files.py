"""Saves models with gensim's attributes in firth's native format, and loads them and firth's own models."""

from collections.abc import Mapping
from os import PathLike
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.native import ComposedVectors, read_native, write_native
from firth.options import Options
from firth.subwords import SubwordVectors

SAVED = "gensim"
"""The name of gensim's attributes in the file."""


class NoModelError(FormatError, AttributeError):
    """The file holds vectors without a model (gensim raises `AttributeError`)."""


class SavedModel(NamedTuple):
    """The content of a file."""

    keys: list[Any]
    vectors: NDArray[np.float32]
    outputs: Mapping[str, NDArray[np.float32]]  # by gensim's names
    counts: NDArray[np.int64] | None
    attributes: dict[str, Any]
    subwords: SubwordVectors | None = None


def read_model(path: str | PathLike[str]) -> SavedModel:
    """Read a model; raise `FormatError` for anything else, such as a pickle of gensim."""
    file = read_native(path)
    outputs = {} if file.outside is None else {"syn1neg": file.outside}
    if file.nodes is not None:
        outputs["syn1"] = np.vstack([file.nodes, np.zeros((1, file.nodes.shape[1]), np.float32)])
    if not outputs or file.options is None:
        raise NoModelError(f"{path} holds vectors without a model: use KeyedVectors.load")
    attributes = file.extra if file.extra is not None else attributes_of(Options.from_dict(file.options))
    return SavedModel(list(file.keys), file.center, outputs, file.counts, attributes, file.subwords)


def write_model(path: str | PathLike[str], model: SavedModel, options: Options) -> None:
    """Write a model, atomically; `firth.load` reads the file too."""
    nodes = model.outputs.get("syn1")
    write_native(
        path, keys=model.keys, center=ComposedVectors(model.vectors, model.subwords), counts=model.counts,
        outside=model.outputs.get("syn1neg"), nodes=None if nodes is None else nodes[:-1],
        options=options.to_dict(), history=[], extra=model.attributes,
    )  # fmt: skip


def attributes_of(options: Options) -> dict[str, Any]:
    """Return gensim's attributes for a model that firth saved; raise `FormatError` for the exact softmax."""
    if options.objective == "softmax":
        raise FormatError("the model was trained on the exact softmax, which gensim does not have: use firth.load")
    same = ("vector_size", "alpha", "window", "min_count", "sample", "seed", "min_alpha", "ns_exponent", "epochs")
    known: Mapping[str, Any] = options.to_dict()
    attributes = {name: known[name] for name in (*same, "shrink_windows", "cbow_mean")}
    if options.subwords is not None:
        attributes |= {"min_n": options.subwords[0], "max_n": options.subwords[1], "bucket": options.buckets}
    return attributes | {
        "sg": int(options.architecture == "skip_gram"),
        "hs": int(options.has_nodes),
        "negative": options.negative if options.has_outside else 0,
    }
