"""Reads gensim's own files, which are pickles, with gensim itself, and returns the objects of `firth.gensim`.

Unpickling can run any code that the file contains. Nothing else in firth unpickles, and nothing here is imported
unless `firth convert --from-gensim` asks for it.
"""

from importlib import import_module
from os import PathLike, fspath
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from firth.errors import FirthError, FormatError
from firth.formats.phrases import PhraseFile, write_phrases
from firth.gensim import settings
from firth.gensim.keyedvectors import KeyedVectors
from firth.gensim.phrases import Phrases
from firth.gensim.word2vec import Word2Vec


def read_with_gensim(path: str | PathLike[str]) -> Word2Vec | KeyedVectors | Phrases:
    """Read a model, vectors or phrases that gensim saved; run only on files from a source that you trust.

    Raises `FirthError` if gensim is not installed, and `FormatError` if it cannot read the file, or if the file holds
    something else.
    """
    try:
        utils, models = import_module("gensim.utils"), import_module("gensim.models")
    except ImportError as error:
        raise FirthError("reading gensim's own files needs gensim: install it with  pip install gensim") from error
    try:
        found = utils.SaveLoad.load(fspath(path))
    except Exception as error:  # whatever a pickle raises
        raise FormatError(f"gensim cannot read {path}: {type(error).__name__}: {error}") from error
    if isinstance(found, (models.phrases.Phrases, models.phrases.FrozenPhrases)):
        return _phrases(type(found).load(fspath(path)))  # which adds what older versions did not save
    if isinstance(found, models.FastText | models.Doc2Vec):
        name = type(found).__name__
        raise FormatError(f"{path} holds a {name}: for FastText call save_facebook_model in gensim, and read that file")
    if isinstance(found, models.Word2Vec):
        return _model(found)
    if isinstance(found, models.KeyedVectors):
        return _vectors(found)
    raise FormatError(f"{path} holds a {type(found).__name__}: give a Word2Vec, KeyedVectors or Phrases of gensim")


def _vectors(theirs: Any) -> KeyedVectors:
    vectors = KeyedVectors(theirs.vector_size)
    counts = theirs.expandos.get("count", np.zeros(len(theirs.index_to_key), np.int64))
    vectors.replace(list(theirs.index_to_key), np.asarray(theirs.vectors, np.float32), np.asarray(counts).tolist())
    return vectors


def _model(theirs: Any) -> Word2Vec:
    given = {name: _plain(getattr(theirs, name)) for name in settings.SAVED if hasattr(theirs, name)}
    model = Word2Vec(**{name: value for name, value in given.items() if name in settings.ARGUMENTS})
    model.__dict__.update(given)
    model.wv = _vectors(theirs.wv)
    for name in settings.output_names(model):
        setattr(model, name, np.asarray(getattr(theirs, name), np.float32))
    return model


def _phrases(theirs: Any) -> Phrases:
    every = theirs.phrasegrams if hasattr(theirs, "phrasegrams") else theirs.export_phrases()
    scores = {text: score for text, score in every.items() if theirs.delimiter in text}
    vocab = getattr(theirs, "vocab", {})
    options = {
        "min_count": int(theirs.min_count),
        "threshold": float(theirs.threshold),
        "scoring": "npmi" if theirs.scoring.__name__ == "npmi_scorer" else "default",
        "connector_words": sorted(theirs.connector_words),
        "delimiter": theirs.delimiter,
    }
    parts = [tuple(text.split(theirs.delimiter)) for text in scores]
    counts = [int(vocab.get(text, 0)) for text in scores]
    corpus = {"raw_words": int(getattr(theirs, "corpus_word_count", 0))}
    with TemporaryDirectory() as folder:
        file = Path(folder, "phrases.firth")
        write_phrases(file, PhraseFile(parts, counts, list(map(float, scores.values())), options, corpus))
        return Phrases.load(file)


def _plain(value: Any) -> Any:
    """Return a NumPy number as a Python number."""
    return value.item() if isinstance(value, np.generic) else value
