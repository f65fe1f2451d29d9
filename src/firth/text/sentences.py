"""Numbers the words of token lists, and of text that a caller's function splits."""

import itertools
from array import array
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Set
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np

from firth.errors import CorpusError
from firth.messages import option
from firth.options import shortened
from firth.text.columns import FROM_PANDAS, ListChunk, RowCounts
from firth.text.encoding import EncodedKeys
from firth.text.ids import END
from firth.text.sources import TextChunk

CHUNK_TOKENS = 2**19
"""Tokens in one chunk of token lists."""

TOKENS_AT_A_TIME = 2**16
"""Tokens taken at a time from one sentence, which may be longer than memory."""

Tokenizer: TypeAlias = Callable[[str], Iterable[str]]
Chunks: TypeAlias = Generator[EncodedKeys, None, None]
Chunk = TypeVar("Chunk", covariant=True)


def is_missing(row: Any) -> bool:
    """Return whether a row is null: None, not-a-number, or the missing value of pandas."""
    is_nan = isinstance(row, float) and row != row
    return row is None or is_nan or type(row).__name__ in ("NAType", "NaTType")


def encode_sentences(sentences: Iterable[Any], lowercase: bool, counts: RowCounts) -> Chunks:
    """Assign numbers to the tokens of sentences (lists, arrays, generators ...), reading each once.

    Tokens are all str or all integers within int64. Missing sentences are skipped and counted. Raises `CorpusError` for
    anything else; exceptions of the caller's iterators are passed on unchanged.
    """
    return _chunks(_ChunkBuilder(lowercase), sentences, counts)


def list_chunks_of(rows: Iterable[Any], counts: RowCounts) -> Iterator[ListChunk]:
    """Yield the tokens of rows that are Python objects as Arrow arrays; raises what `encode_sentences` raises."""
    return (chunk for chunk in _chunks(_ArrowBuilder(), rows, counts) if len(chunk.tokens))


def _chunks(chunk: "_Builder[Chunk]", sentences: Iterable[Any], counts: RowCounts) -> Generator[Chunk, None, None]:
    for number, sentence in enumerate(sentences):
        is_short = type(sentence) is list and len(sentence) <= TOKENS_AT_A_TIME  # the common case, at full speed
        if not is_short:
            if is_missing(sentence):
                counts.nulls += 1
                continue
            _refuse_other_kinds(sentence, number, sentences)
        for tokens in (sentence,) if is_short else _slices(sentence, f"sentence {number}"):
            if chunk.is_full():
                yield chunk.take()
            chunk.add(tokens)
        chunk.end_sentence()
    yield chunk.take()


def encode_tokenized(texts: Iterable[TextChunk], tokenizer: Tokenizer, lowercase: bool = False) -> Chunks:
    """Decode text, apply `tokenizer` to each line that is not empty, and number the tokens.

    The tokenizer gets a line longer than a chunk of text in parts, cut at whitespace if possible. Lower-casing
    comes last.
    """
    chunk = _ChunkBuilder(lowercase)
    for text, ended in texts:
        lines = text.split(b"\n")
        for i, line in enumerate(lines):
            chunk.add_line(line.removesuffix(b"\r"), tokenizer)
            if ended or i < len(lines) - 1:
                chunk.end_sentence()
            if chunk.is_full():
                yield chunk.take()
    yield chunk.take()


class Numbering(dict[Any, int]):
    """Numbers keys in the order of their first lookup: a new key gets the next number."""

    def __missing__(self, key: Any) -> int:
        self[key] = number = len(self)
        return number


class _Builder(Protocol[Chunk]):
    """Collects tokens and makes chunks of them."""

    def is_full(self) -> bool: ...

    def add(self, tokens: list[Any]) -> None: ...

    def end_sentence(self) -> None: ...

    def take(self) -> Chunk:
        """Return what was added since the last call, and start afresh."""
        ...


class _ArrowBuilder:
    """Makes a `ListChunk` of tokens."""

    def __init__(self) -> None:
        self._tokens: list[Any] = []
        self._ends: list[int] = []

    def is_full(self) -> bool:
        return len(self._tokens) >= CHUNK_TOKENS

    def add(self, tokens: list[Any]) -> None:
        self._tokens += tokens

    def end_sentence(self) -> None:
        if self._tokens:  # otherwise the sentence is empty
            self._ends.append(len(self._tokens))

    def take(self) -> ListChunk:
        tokens, ends = self._tokens, self._ends
        self._tokens, self._ends = [], []
        return ListChunk(_arrow_tokens(tokens), np.array(ends, np.int64))


def _arrow_tokens(tokens: list[Any]) -> Any:
    """Return str or int tokens as an Arrow array; raise `CorpusError` for others."""
    import pyarrow as pa

    if not set(map(type, tokens)) <= {str}:
        tokens = checked_keys(tokens)
    try:
        return pa.array(tokens, pa.int64() if tokens and isinstance(tokens[0], int) else pa.large_binary())
    except UnicodeEncodeError:
        checked_keys(tokens)
        raise


class _ChunkBuilder:
    """Makes an `EncodedKeys` of tokens, without Arrow or compiled code: a short corpus would wait for them."""

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
        except TypeError:  # a token cannot be hashed
            for token in tokens:
                _plain(token)
            raise

    def add_line(self, line: bytes, tokenizer: Tokenizer) -> None:
        text = line.decode(errors="replace")
        if not text:
            return
        was_invalid = "\ufffd" in text and text.encode() != line
        for tokens in _slices(_checked_tokens(tokenizer(text)), "the sentence from the tokenizer"):
            if was_invalid:
                self._replaced += sum("\ufffd" in token for token in tokens if isinstance(token, str))
            self.add(tokens)

    def end_sentence(self) -> None:
        self._entries.append(END)

    def take(self) -> EncodedKeys:
        entries = np.frombuffer(self._entries, np.int32) if self._entries else np.empty(0, np.int32)
        words = checked_keys(list(self._numbering))
        if self._lowercase:
            words = [word.lower() if isinstance(word, str) else word for word in words]
        counts = np.bincount(entries[entries != END], minlength=len(words))
        replaced = self._replaced
        self._start()
        return EncodedKeys(words, counts, entries, replaced)


def _refuse_other_kinds(sentence: Any, number: int, corpus: Any) -> None:
    """Raise `CorpusError` for a string instead of a list of words, as in a column of texts, and for a dict or a set."""
    text = sentence.as_py() if hasattr(sentence, "as_py") else sentence  # an element of an Arrow array
    if isinstance(text, (str, bytes)):
        split = "text.split()" if isinstance(text, str) else "text.decode().split()"
        text = str(text) if isinstance(text, str) else bytes(text)  # NumPy's strings would show their type
        raise CorpusError(
            f"the corpus, of type {type(corpus).__name__}, holds strings instead of lists of words: sentence "
            f"{number} is {shortened(text)}. To train on texts alone, give iter(texts), or split each into words: "
            f"[{split} for text in texts]; to read files, give their paths in a list"
        )
    if isinstance(sentence, Mapping):
        raise CorpusError(
            f"sentence {number} is a {type(sentence).__name__}, {shortened(sentence)}: give lists of words, or dicts "
            f"alone and {option('column')}"
        )

    if isinstance(sentence, Set):
        raise CorpusError(
            f"sentence {number} is a {type(sentence).__name__}, {shortened(sentence)}, whose order differs from run to "
            "run: give sorted(sentence), or a list"
        )


def _checked_tokens(tokens: Any) -> Iterable[str]:
    """Return what a tokenizer returned; raise `CorpusError` if it is a string or not iterable."""
    if isinstance(tokens, Iterable) and not isinstance(tokens, (str, bytes)):
        return tokens
    is_known = tokens is None or isinstance(tokens, (str, bytes))
    kind = "" if is_known else f", of type {type(tokens).__name__}"
    noun = "the string " if isinstance(tokens, (str, bytes)) else ""
    raise CorpusError(
        f"the tokenizer returned {noun}{shortened(tokens)}{kind}: it must return the words of a line, as a list"
    )


def _slices(sentence: Any, name: str) -> Iterator[list[Any]]:
    """Yield the tokens of a sentence as lists of at most `TOKENS_AT_A_TIME`."""
    if hasattr(sentence, "__dlpack__"):  # an array of NumPy or another library
        sentence = np.asarray(sentence)
        if sentence.ndim != 1:
            raise CorpusError(f"{name} is an array of shape {sentence.shape}: give a 1-D array of tokens")
        sentence = sentence.tolist()
    if isinstance(sentence, list) and len(sentence) <= TOKENS_AT_A_TIME:
        yield sentence
        return
    if not isinstance(sentence, Iterable):
        raise CorpusError(
            f"{name} is {shortened(sentence)}, of type {type(sentence).__name__}, instead of a list of words or "
            "integers: give each sentence as a list of its own, [[1, 2, 3]], or give a flat integer array and offsets="
        )
    tokens = iter(sentence)
    while some := list(itertools.islice(tokens, TOKENS_AT_A_TIME)):
        yield some


def checked_keys(keys: list[Any]) -> list[Any]:
    """Return keys as plain str or int; raise `CorpusError` unless all are strings or all are integers within int64."""
    if not set(map(type, keys)) <= {str, int}:
        keys = [_plain(key) for key in keys]
    if len(set(map(type, keys))) > 1:
        raise mixed_keys(keys[0], next(key for key in keys if type(key) is not type(keys[0])))
    if keys and type(keys[0]) is int:
        if not -(2**63) <= min(keys) <= max(keys) < 2**63:
            worst = max(keys, key=abs)
            raise CorpusError(f"the integer {worst} is outside int64, from -2**63 to 2**63 - 1: renumber the ids")
        return keys
    try:
        "".join(keys).encode()
    except UnicodeEncodeError as error:
        word = next(key for key in keys if error.object[error.start] in key)
        raise surrogate_error(f"the word {shortened(word)}", error) from None
    return keys


def surrogate_error(what: str, error: UnicodeEncodeError) -> CorpusError:
    """Return the error for a text that UTF-8 cannot encode."""
    return CorpusError(
        f"{what} contains {error.object[error.start]!r}, half of a surrogate pair, which UTF-8 cannot encode: "
        "clean the text first, for example with text.encode(errors='replace').decode()"
    )


def _plain(key: Any) -> str | int:
    """Return a token as plain str or int; raise `CorpusError` if it is neither."""
    if isinstance(key, str):
        return str.__str__(key)  # str(key) would give the name of an enumeration's member
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        return int(key)
    hint = f". {FROM_PANDAS}" if isinstance(key, (float, np.floating)) else ""
    raise CorpusError(
        f"the token {shortened(key)} is of type {type(key).__name__}: tokens must be strings or integers (str or int)"
        + hint
    )


def mixed_keys(one: str | int, other: str | int) -> CorpusError:
    """Return the error for a corpus with both strings and integers in it; `one` and `other` are one of each."""
    word, number = (one, other) if isinstance(one, str) else (other, one)
    return CorpusError(
        f"the corpus holds both strings ({shortened(word)}) and integers ({number}): "
        "make all tokens strings, or all integers"
    )
