"""A text as ids, between two passes: its words, their counts, and the ids of its sentences."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.options import Options, shortened
from firth.text import Corpus, TokenStore

Int64s = NDArray[np.int64]

EVERY_WORD = Options(min_count=1)
"""How a corpus is read: every word is counted, as in gensim."""


class IdText(NamedTuple):
    """V distinct words, how often each occurs, (V,) int64, and the ids of the sentences, each followed by END."""

    words: list[str]
    counts: Int64s
    tokens: TokenStore


def id_text(corpus: Corpus) -> IdText:
    """Return a corpus that was read with `EVERY_WORD`; raises `CorpusError` if it holds integers."""
    keys = list(corpus.vocabulary.index_to_key)
    if not isinstance(keys[0], str):
        raise CorpusError(
            f"the corpus holds integers ({shortened(keys[0])} ...), and phrases join words: give lists of str, or text"
        )
    return IdText(keys, corpus.vocabulary.counts, corpus.tokens)
