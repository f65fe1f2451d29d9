"""Numbering the words of token lists and of text that the caller's own function splits."""

import itertools
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np

from firth.errors import CorpusError
from firth.options import shortened
from firth.text.encoding import EncodedChunk
from firth.text.sources import TextChunk
from firth.text.store import END

CHUNK_TOKENS = 2**19
"""Tokens in one chunk of token lists."""

PIECE_TOKENS = 2**16
"""Tokens taken at a time from one sentence, which may be longer than memory."""

Tokenizer = Callable[[str], Iterable[str]]


def encode_sentences(sentences: Iterable[Any], lowercase: bool = False) -> Generator[EncodedChunk, None, None]:
    """Give the tokens of sentences (lists, arrays, generators ...) numbers, reading each once.

    Tokens are all str or all integers within int64. Raises `CorpusError` for anything else; what the caller's
    iterators raise goes through as it is.
    """
    chunk = _Chunk(lowercase)
    for number, sentence in enumerate(sentences):
        is_short = type(sentence) is list and len(sentence) <= PIECE_TOKENS  # the common case, at full speed
        if not is_short:
            _refuse_text(sentence, number, sentences)
        for piece in (sentence,) if is_short else _pieces(sentence, f"sentence {number}"):
            chunk.add(piece)
            if chunk.is_full():
                yield chunk.take()
        chunk.end_sentence()
    yield chunk.take()


def encode_tokenized(
    chunks: Iterable[TextChunk], tokenizer: Tokenizer, lowercase: bool = False
) -> Generator[EncodedChunk, None, None]:
    """Decode text, apply `tokenizer` to each line that is not empty, and number the tokens.

    A line longer than a chunk of text is handed over in parts, cut at white space where there is some.
    Lower-casing comes last.
    """
    chunk = _Chunk(lowercase)
    for text, ended in chunks:
        lines = text.split(b"\n")
        for i, line in enumerate(lines):
            chunk.add_line(line.removesuffix(b"\r"), tokenizer)
            if ended or i < len(lines) - 1:
                chunk.end_sentence()
            if chunk.is_full():
                yield chunk.take()
    yield chunk.take()


class Numbering(dict[Any, int]):
    """Numbers keys as they come: asking for a new key gives it the next number."""

    def __missing__(self, key: Any) -> int:
        self[key] = number = len(self)
        return number


class _Chunk:
    """An `EncodedChunk` in the making."""

    def __init__(self, lowercase: bool):
        self._lowercase = lowercase
        self._start()

    def _start(self) -> None:
        self._numbering = Numbering()
        self._entries = array("i")
        self._replaced = 0

    def is_full(self) -> bool:
        return len(self._entries) >= CHUNK_TOKENS

    def add(self, tokens: list[Any]) -> None:
        try:
            self._entries.extend(map(self._numbering.__getitem__, tokens))
        except TypeError as error:
            for token in filter(_is_unhashable, tokens):
                raise _not_a_key(token) from error
            raise

    def add_line(self, line: bytes, tokenizer: Tokenizer) -> None:
        text = line.decode(errors="replace")
        if not text:
            return
        was_invalid = "\ufffd" in text and text.encode() != line
        for tokens in _pieces(_not_text(tokenizer(text)), "what the tokenizer returned"):
            if was_invalid:
                self._replaced += sum("\ufffd" in token for token in tokens if isinstance(token, str))
            self.add(tokens)

    def end_sentence(self) -> None:
        self._entries.append(END)

    def take(self) -> EncodedChunk:
        """Return what came in since the last call, and start afresh."""
        entries = np.frombuffer(self._entries, np.int32) if self._entries else np.empty(0, np.int32)
        words = checked_keys(list(self._numbering))
        if self._lowercase:
            words = [word.lower() if isinstance(word, str) else word for word in words]
        counts = np.bincount(entries[entries != END], minlength=len(words))
        replaced = self._replaced
        self._start()
        return EncodedChunk(words, counts, entries, replaced)


def _refuse_text(sentence: Any, number: int, corpus: Any) -> None:
    """Raise `CorpusError` for a string where a list of words belongs, as in a column of texts."""
    text = sentence.as_py() if hasattr(sentence, "as_py") else sentence  # an element of an Arrow array
    if isinstance(text, (str, bytes)):
        split = "text.split()" if isinstance(text, str) else "text.decode().split()"
        text = str(text) if isinstance(text, str) else bytes(text)  # plain, where NumPy's own would show its type
        raise CorpusError(
            f"the corpus, of type {type(corpus).__name__}, holds strings where lists of words belong: sentence "
            f"{number} is {shortened(text)}. Split each text into words: [{split} for text in texts]; to read files, "
            "give their paths in a list"
        )


def _not_text(tokens: Any) -> Iterable[str]:
    """Return what a tokenizer returned; raise `CorpusError` if it is a string or cannot be iterated over."""
    if isinstance(tokens, (str, bytes)):
        raise CorpusError(
            f"the tokenizer returned the string {shortened(tokens)}: it must return the words of a line, as a list"
        )
    if not isinstance(tokens, Iterable):
        kind = "" if tokens is None else f", of type {type(tokens).__name__}"
        raise CorpusError(
            f"the tokenizer returned {shortened(tokens)}{kind}: it must return the words of a line, as a list"
        )
    return tokens


def _pieces(sentence: Any, what: str) -> Iterator[list[Any]]:
    """Yield a sentence's tokens as lists of at most `PIECE_TOKENS`."""
    if isinstance(sentence, np.ndarray):
        sentence = _row(sentence, what)
    if isinstance(sentence, list) and len(sentence) <= PIECE_TOKENS:
        yield sentence
        return
    if not isinstance(sentence, Iterable):
        raise CorpusError(
            f"{what} is {shortened(sentence)}, of type {type(sentence).__name__}, where a list of words or "
            "of integers belongs: put the tokens of one sentence in a list of their own, [[1, 2, 3]], "
            "or give a flat integer array and its offsets"
        )
    tokens = iter(sentence)
    while piece := list(itertools.islice(tokens, PIECE_TOKENS)):
        yield piece


def _row(sentence: Any, what: str) -> list[Any]:
    if sentence.ndim != 1:
        raise CorpusError(f"{what} is an array of shape {sentence.shape}: give one row of tokens")
    tokens: list[Any] = sentence.tolist()
    return tokens


def checked_keys(keys: list[Any]) -> list[Any]:
    """Return keys as plain str or int, or raise `CorpusError` for one that can be no key."""
    if not all(type(key) is str or type(key) is int for key in keys):
        keys = [_plain(key) for key in keys]
    if keys and type(keys[0]) is int:
        _check_integers(keys)
    else:
        _check_strings(keys)
    return keys


def _is_unhashable(token: Any) -> bool:
    try:
        hash(token)
    except TypeError:
        return True
    return False


def _plain(key: Any) -> Any:
    if isinstance(key, str):
        return str.__str__(key)  # not str(key): an enumeration's member would give its own name
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return int(key)
    raise _not_a_key(key)


def _check_integers(keys: list[Any]) -> None:
    for key in keys:
        if type(key) is not int:
            raise mixed_keys(key, keys[0])
    if not -(2**63) <= min(keys) <= max(keys) < 2**63:
        worst = max(keys, key=abs)
        raise CorpusError(f"the integer {worst} is outside int64, from -2**63 to 2**63 - 1: renumber the ids")


def _check_strings(keys: list[Any]) -> None:
    for key in keys:
        if type(key) is not str:
            raise mixed_keys(keys[0], key)
    try:
        "".join(keys).encode()
    except UnicodeEncodeError as error:
        half = error.object[error.start]
        word = next(key for key in keys if half in key)
        raise CorpusError(
            f"the word {shortened(word)} holds {half!r}, half of a surrogate pair, which no file can hold: "
            "clean the text first, e.g. text.encode(errors='replace').decode()"
        ) from None


def mixed_keys(word: Any, number: Any) -> CorpusError:
    """Return the error for a corpus with both strings and integers in it."""
    return CorpusError(
        f"the corpus holds both strings ({shortened(word)}) and integers ({number}): "
        "make all tokens strings, or all integers"
    )


def _not_a_key(token: Any) -> CorpusError:
    return CorpusError(
        f"the token {shortened(token)} is of type {type(token).__name__}: "
        "tokens must be strings or whole numbers (str or int)"
    )
