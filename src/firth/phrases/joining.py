"""Joins the phrases of a sentence, from left to right, as gensim does: in token lists and in the ids of a text.

A phrase begins with the first word that is not part of an earlier phrase. So of "new york city", with the phrases
new_york and york_city, new_york and city are left.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from firth.phrases import kernels
from firth.phrases.connectors import number_runs
from firth.phrases.counting import connector_mask
from firth.text import END, TokenStore
from firth.training.guards import checked_ids

Parts: TypeAlias = tuple[str, ...]
"""The words of a phrase."""

Rows: TypeAlias = dict[str, dict[Parts, str]]
"""For each first word of phrases: the other words of each phrase, and its joined text."""

Int32s = NDArray[np.int32]


def phrase_rows(phrases: Iterable[Parts], delimiter: str) -> Rows:
    """Return phrases by their first words."""
    rows: Rows = {}
    for parts in phrases:
        rows.setdefault(parts[0], {})[parts[1:]] = delimiter.join(parts)
    return rows


def joined_sentence(sentence: Iterable[str], rows: Rows, connector_words: frozenset[str]) -> list[str]:
    """Return a sentence with its phrases joined."""
    out: list[str] = []
    row: dict[Parts, str] | None = None  # of the word with which a phrase may have begun
    start, between = 0, []  # where it is in `out`, and the connector words since
    for word in sentence:
        if word in connector_words:
            between.append(word)
            out.append(word)
            continue
        phrase = row.get((*between, word)) if row else None
        if phrase is None:
            row, start, between = rows.get(word), len(out), []
            out.append(word)
        else:
            row = None
            out[start:] = [phrase]
    return out


class IdJoiner:
    """Joins the phrases in ids.

    words   the words of the text, and then the joined phrases that are not among them
    joined  how often `blocks` has joined a phrase
    """

    def __init__(self, words: list[str], rows: Rows, connector_words: frozenset[str]):
        self.joined = 0
        ids = {word: i for i, word in enumerate(words)}
        self._is_connector = connector_mask(words, connector_words)
        self._bits = max(1, (len(words) - 1).bit_length())
        known = [
            (ids[first], [ids[word] for word in others], phrase)
            for first, row in rows.items() if first in ids
            for others, phrase in row.items() if all(word in ids for word in others)
        ]  # fmt: skip
        self._table, nodes = number_runs([others[:-1] for _, others, _ in known])
        keys = [node << self._bits | others[-1] for node, (_, others, _) in zip(nodes, known, strict=True)]
        order = sorted(range(len(known)), key=lambda i: (known[i][0], keys[i]))
        firsts = np.array([known[i][0] for i in order], np.int64)
        self._rows = np.searchsorted(firsts, np.arange(len(words) + 1))
        self._keys = np.array([keys[i] for i in order], np.int64)
        new = dict.fromkeys(phrase for _, _, phrase in known if phrase not in ids)
        new_ids = {phrase: len(words) + i for i, phrase in enumerate(new)}
        self.words = [*words, *new]
        self._phrases = np.array([ids.get(known[i][2], new_ids.get(known[i][2])) for i in order], np.int32)

    def blocks(self, tokens: TokenStore) -> Iterator[Int32s]:
        """Yield the ids of the text with phrases joined, and END after each sentence, block by block."""
        unfinished = np.empty(0, np.int32)
        for block in range(tokens.n_blocks):
            some = checked_ids(tokens.read_block(block), len(self._is_connector), block)
            some = np.concatenate([unfinished, some]) if len(unfinished) else some
            out = np.empty_like(some)
            n, position, joined = kernels.join(
                some, self._is_connector, self._table, self._bits, self._rows, self._keys, self._phrases, out
            )
            self.joined += joined
            unfinished = some[position:]
            yield out[:n]
        if len(unfinished):
            yield unfinished

    def sentences(self, tokens: TokenStore) -> Iterator[list[str]]:
        """Yield the sentences of the text with phrases joined."""
        sentence: list[str] = []
        for ids in self.blocks(tokens):
            words = list(map(self.words.__getitem__, ids.tolist()))
            start = 0
            for end in np.flatnonzero(ids == END).tolist():
                yield sentence + words[start:end]
                sentence, start = [], end + 1
            sentence += words[start:]
        if sentence:
            yield sentence
