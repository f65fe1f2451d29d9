"""The identity of a training run: what a resumed run must share with the run that it continues."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from firth.options import Options
from firth.text import Corpus, TokenStore
from firth.training.loop.engine import Kernels
from firth.version import __version__

_KEYS_AT_A_TIME = 2**16
_LIBRARIES = ("numpy", "numba", "llvmlite")  # another version may round differently


def software(options: Options, kernels: Kernels) -> dict[str, Any]:
    """Return the part that is known before the corpus is read: options, kernels, versions and the kind of processor."""
    from llvmlite.binding import get_host_cpu_name

    versions = {"firth": __version__, **{name: version(name) for name in _LIBRARIES}}
    processor = get_host_cpu_name()
    return {"options": options.to_dict(), "kernels": kernels, "versions": versions, "processor": processor}


def contents(corpus: Corpus, held_out: TokenStore | None, start: str | None) -> dict[str, Any]:
    """Return the part that identifies the corpus and the vectors to start from, of which `start` is the digest."""
    vocabulary = corpus.vocabulary
    keys = _digest_of(vocabulary.index_to_key)
    keys.update(np.ascontiguousarray(vocabulary.counts, "<i8").data)
    return {
        "words": corpus.tokens.n_words,
        "vocabulary": len(vocabulary),
        "words and counts (sha256)": keys.hexdigest(),
        "text (sha256)": corpus.tokens.fingerprint(),
        "validation text (sha256)": None if held_out is None else held_out.fingerprint(),
        "vectors to start from (sha256)": start,
    }


def _digest_of(keys: Sequence[Any]) -> "hashlib._Hash":
    """Return the SHA-256 of keys as one JSON array, which is made in parts."""
    digest = hashlib.sha256(b"[")
    for first in range(0, len(keys), _KEYS_AT_A_TIME):
        part = json.dumps(list(keys[first : first + _KEYS_AT_A_TIME]))
        digest.update((", " * (first > 0) + part[1:-1]).encode())
    digest.update(b"]")
    return digest


def differences(old: Any, new: Any, name: str = "") -> Iterator[str]:
    """Yield a sentence for each value in which two nested dictionaries differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from differences(old.get(key), new.get(key), f"{name} {key}".strip())
    elif old != new:
        yield f"{name} was {old!r} and is now {new!r}"
