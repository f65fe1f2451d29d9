"""A file of phrases: a sealed safetensors file, as `sealed` describes it, of format "firth-phrases".

    words      (B,) uint8      the W distinct words of all phrases in UTF-8, one after the other
    word_ends  (W,) int64      where each word ends in `words`
    parts      (N,) int64      the words of the phrases, one phrase after the other
    part_ends  (P,) int64      where each phrase ends in `parts`
    counts     (P,) int64      how often the text of each phrase occurs
    scores     (P,) float64

and in `__metadata__`, besides what every sealed file has, `options` and `corpus` (JSON objects).
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.atomic import atomic_write
from firth.errors import FormatError
from firth.formats.format import PathLike
from firth.formats.sealed import PHRASES, SealedFile, open_sealed, write_sealed
from firth.formats.signatures import START_BYTES, known_kind
from firth.formats.streams import refuse_compression, refuse_devices
from firth.formats.words import key_tensors, split_words

_LAYOUT = {"words": "U8", "word_ends": "I64", "parts": "I64", "part_ends": "I64", "counts": "I64", "scores": "F64"}


class PhraseFile(NamedTuple):
    """What a file of phrases holds: P phrases, each of two or more words, their counts and scores, and JSON."""

    phrases: Sequence[tuple[str, ...]]
    counts: Sequence[int]
    scores: Sequence[float]
    options: Mapping[str, Any]
    corpus: Mapping[str, Any]


def write_phrases(path: PathLike, content: PhraseFile) -> None:
    """Write a file of phrases, atomically; raises `OptionError` if the suffix is that of a compression."""
    refuse_compression(path, "phrases")
    words = list(dict.fromkeys(word for phrase in content.phrases for word in phrase))
    numbers = {word: i for i, word in enumerate(words)}
    tensors = {
        **key_tensors(words),
        "parts": np.array([numbers[word] for phrase in content.phrases for word in phrase], np.int64),
        "part_ends": np.cumsum([len(phrase) for phrase in content.phrases], dtype=np.int64),
        "counts": np.array(content.counts, np.int64),
        "scores": np.array(content.scores, np.float64),
    }
    strings = {"options": json.dumps(content.options), "corpus": json.dumps(content.corpus)}
    with atomic_write(path) as file:
        write_sealed(file, PHRASES, tensors, strings)


def read_phrases(path: PathLike) -> PhraseFile:
    """Read a file of phrases; raises `FormatError` for any other kind of file, and one that is damaged."""
    refuse_devices(path)
    with Path(path).open("rb") as start:
        if kind := known_kind(start.read(START_BYTES)):
            raise FormatError(f"{path} is {kind[0]}, not a file of phrases: {kind[1]}")
    with open_sealed(Path(path), PHRASES) as file:
        if {name: dtype for name, (dtype, _) in file.layout.items()} != _LAYOUT:
            file.refuse(f"its tensors are {sorted(file.layout)}, not {sorted(_LAYOUT)}")
        words, ends = _words(file), file.tensor("part_ends")
        counts, scores = file.tensor("counts"), file.tensor("scores")
        parts = _parts(file, len(words), ends)
        if counts.shape != ends.shape or scores.shape != ends.shape or not np.isfinite(scores).all():
            file.refuse("its counts or scores do not fit the phrases")
        options, corpus = file.json("options", dict), file.json("corpus", dict)
    starts = [0, *ends.tolist()[:-1]]
    phrases = [tuple(words[i] for i in parts[a:b]) for a, b in zip(starts, ends.tolist(), strict=False)]
    return PhraseFile(phrases, counts.tolist(), scores.tolist(), options, corpus)


def _words(file: SealedFile) -> list[str]:
    try:
        return split_words(file.tensor("words"), file.tensor("word_ends"))
    except ValueError as error:
        file.refuse(f"the words cannot be decoded: {error}", error)


def _parts(file: SealedFile, n_words: int, ends: NDArray[np.int64]) -> list[int]:
    """Return the words of the phrases; each phrase must have two words or more."""
    parts = file.tensor("parts")
    sizes = np.diff(ends, prepend=0)
    if sizes.sum() != len(parts) or (sizes < 2).any() or (parts < 0).any() or (parts >= n_words).any():
        file.refuse("its phrases do not fit its words")
    found: list[int] = parts.tolist()
    return found
