"""Reading a corpus, once: from whatever the caller has to a vocabulary and a token store."""

import ctypes
import os
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError, OptionError
from firth.messages import advice, counted, option
from firth.options import Options, checked, limits, shortened
from firth.resources import checked_workers
from firth.text import arrays, sources
from firth.text.encoding import LONGEST_WORD, EncodedChunk, encode_integers, encode_text
from firth.text.opening import Place, Position
from firth.text.sentences import Numbering, Tokenizer, encode_sentences, encode_tokenized, mixed_keys
from firth.text.store import DROPPED, END, MEMORY_LIMIT, StoreBuilder, TokenStore
from firth.text.vocabulary import Vocabulary, order_by_count

Progress = Callable[[int, int | None], None]
"""Called with what is done and the total (None: unknown), in bytes for files and in tokens for the rest."""


@dataclass(frozen=True)
class Corpus:
    """A corpus that was read: its vocabulary, its ids, and what was found on the way.

    vocabulary        the words kept, by falling count, ties by first occurrence
    tokens            the ids of the words kept; close it when done
    raw_words         tokens read, before `min_count` and `max_vocab`
    sentences         sentences read that have at least one token
    replaced          tokens in which invalid UTF-8 was replaced by U+FFFD
    too_long          tokens of text that were left out, and are not in `raw_words`: they have more than 1,024 bytes
    distinct_words    distinct words read, before `min_count` and `max_vocab`
    below_min_count   how many of them were dropped because they are too rare
    beyond_max_vocab  how many of them were dropped because of `max_vocab`
    """

    vocabulary: Vocabulary
    tokens: TokenStore
    raw_words: int
    sentences: int
    replaced: int
    too_long: int
    distinct_words: int
    below_min_count: int
    beyond_max_vocab: int

    @property
    def dropped_words(self) -> int:
        """Tokens read whose word is not in the vocabulary."""
        return self.raw_words - self.tokens.n_words


_INPUT_BYTES = limits("bytes of text, decompressed; by default no limit", 1, optional=True)

Chunks = Generator[EncodedChunk, None, None]

ProgressAt = Callable[[int], tuple[int, int | None]]
"""From the tokens merged so far to what `Progress` is told."""


def read_corpus(
    corpus: Any,
    options: Options,
    *,
    tokenizer: Tokenizer | None = None,
    offsets: Any = None,
    workers: int = 1,
    memory_limit: int = MEMORY_LIMIT,
    folder: Path | None = None,
    max_input_bytes: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Read a corpus once, count its words, and encode it as int32 ids.

      corpus        a path, folder, glob pattern or "-" (standard input), or a list of these; a suffix .gz,
                    .bz2, .xz or .zst means compressed. Folders are read through, in sorted order, without
                    hidden files and folders (names that start with a dot).
                    Or any iterable of sentences, each a list of str or of integers, read once (a generator
                    will do). Or integers as a 2-D array, a row a sentence, or a flat array with `offsets`.
      tokenizer     function from a line to its words, called in this thread; None splits at ASCII white space
                    and leaves out, and counts, what has more than 1,024 bytes
      offsets       (n_sentences + 1,) integers: sentence i is corpus[offsets[i] : offsets[i + 1]]
      workers       threads that split and count text
      memory_limit  bytes of ids to keep in memory; a larger corpus goes to a temporary file in `folder`
      max_input_bytes
                    the most bytes, decompressed, of all files together (None: no limit), against files that are
                    small only while they are compressed
      progress      called now and then with (done, total): bytes of files, or tokens

    In a file a sentence is a line, UTF-8; invalid bytes become U+FFFD and are counted. `min_count`,
    `max_vocab` and `lowercase` (of token lists too) come from `options`; integer ids become integer keys. The
    result does not depend on `workers`. Raises `CorpusError` if the corpus cannot be read or nothing is left
    of it, or if a file changes while it is read; what the caller's own iterator or tokenizer raises goes
    through unchanged. The temporary file is then removed.
    """
    workers, max_input_bytes = _checked_arguments(workers, folder, max_input_bytes)
    chunks, progress_at = _encoded(corpus, options.lowercase, tokenizer, offsets, workers, max_input_bytes)
    tell = (lambda words: progress(*progress_at(words))) if progress is not None else None
    result = _merged(chunks, StoreBuilder(memory_limit, folder), options, tell)
    _give_memory_back()
    return result


def _merged(chunks: Chunks, store: StoreBuilder, options: Options, tell: Callable[[int], None] | None) -> Corpus:
    """Merge all chunks, in order, and finish the corpus; `tell` hears of the tokens merged so far."""
    reader = _Reader(store)
    try:
        with closing(chunks):
            for chunk in chunks:
                reader.add(chunk)
                if tell is not None:
                    tell(reader.raw_words)
        return reader.finish(options)
    except BaseException:
        reader.close()
        raise


class _Reader:
    """Merges chunks, in their order, into one numbering of the whole corpus."""

    def __init__(self, store: StoreBuilder):
        self._store = store
        self._ids = Numbering()
        self._counts: NDArray[np.int64] = np.zeros(1024, np.int64)
        self._kind: type | None = None
        self.raw_words = 0
        self._replaced = 0
        self._too_long = 0

    def add(self, chunk: EncodedChunk) -> None:
        self._check_kind(chunk.words)
        ids = self._number(chunk.words)
        self._count(ids, chunk.counts)
        self._replaced += chunk.replaced
        self._too_long += chunk.too_long
        lookup = np.append(ids, np.int32(END))  # END is -1, so it indexes the last entry: itself
        self._store.append(lookup[chunk.entries])

    def finish(self, options: Options) -> Corpus:
        """Choose the vocabulary and renumber everything."""
        counts = self._counts[: len(self._ids)]
        order = order_by_count(counts, options.min_count, options.max_vocab)
        if len(order) == 0:
            raise self._nothing_left(counts, options.min_count)
        n_frequent = int(np.count_nonzero(counts >= options.min_count))
        vocabulary = self._vocabulary(order, counts)
        new_ids = np.full(len(counts), DROPPED, np.int32)
        new_ids[order] = np.arange(len(order))
        sentences = self._store.sentences
        return Corpus(
            vocabulary,
            self._store.finish(new_ids),
            self.raw_words,
            sentences,
            self._replaced,
            self._too_long,
            distinct_words=len(counts),
            below_min_count=len(counts) - n_frequent,
            beyond_max_vocab=n_frequent - len(order),
        )

    def close(self) -> None:
        self._store.close()

    def _check_kind(self, words: list[Any]) -> None:
        """Refuse a corpus with both str and int; one chunk is known to hold one kind."""
        if not words:
            return
        if self._kind is None:
            self._kind = type(words[0])
        elif self._kind is not type(words[0]):
            earlier = next(iter(self._ids))
            raise mixed_keys(*((earlier, words[0]) if self._kind is str else (words[0], earlier)))

    def _number(self, words: list[Any]) -> NDArray[np.int32]:
        return np.fromiter(map(self._ids.__getitem__, words), np.int32, len(words))

    def _count(self, ids: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
        if len(self._ids) > len(self._counts):
            self._counts = np.append(self._counts, np.zeros(len(self._ids), np.int64))
        np.add.at(self._counts, ids, counts)
        self.raw_words += int(counts.sum())

    def _vocabulary(self, order: NDArray[np.int64], counts: NDArray[np.int64]) -> Vocabulary:
        keys = list(self._ids)
        self._ids.clear()
        return Vocabulary([keys[i] for i in order.tolist()], counts[order])

    def _nothing_left(self, counts: NDArray[np.int64], min_count: int) -> CorpusError:
        if self._too_long and self.raw_words == 0:
            tokens = (
                "its only token is" if self._too_long == 1 else f"all of its {counted(self._too_long, 'token')} are"
            )
            return CorpusError(
                f"the corpus holds no word: {tokens} longer than {LONGEST_WORD:,} bytes (tokens are separated by "
                "whitespace). Check that it is text. In a language written without spaces, "
                f"{advice('give tokenizer=, a function that splits a line', 'split it first')}"
            )
        if self.raw_words == 0:
            return CorpusError("the corpus is empty: 0 words were read; give a text with words in it")
        top = int(counts.argmax())
        word = list(self._ids)[top]
        none = f"no word occurs at least {option('min_count', min_count)} times: the corpus has "
        if self.raw_words == 1:
            return CorpusError(f"{none}only 1 word, {word!r}; give more text")
        or_less = " or less" if counts[top] > 1 else ""
        return CorpusError(
            f"{none}{counted(self.raw_words, 'word')}, "
            f"{len(counts):,} of them distinct; the most frequent, {word!r}, occurs "
            f"{counted(counts[top], 'time')}; give {option('min_count', counts[top])}{or_less}, or more text"
        )


def _encoded(
    corpus: Any,
    lowercase: bool,
    tokenizer: Tokenizer | None,
    offsets: Any,
    workers: int,
    max_input_bytes: int | None,
) -> tuple[Chunks, ProgressAt]:
    """Return the corpus as encoded chunks, and how to tell how far reading is."""
    if tokenizer is not None and not callable(tokenizer):
        raise OptionError(
            f"tokenizer={shortened(tokenizer)} is not allowed: give a function that returns the words of a line"
        )
    is_numbers = offsets is not None or (isinstance(corpus, np.ndarray) and corpus.dtype.kind in "iufb")
    if is_files(corpus) and offsets is None:
        places = sources.find_files(corpus, _split(tokenizer))
        return _encoded_files(places, Position(places, max_input_bytes), lowercase, tokenizer, workers)
    if not is_numbers:
        _refuse_what_is_not_sentences(corpus, tokenizer)
    if max_input_bytes is not None:
        raise CorpusError("max_input_bytes limits files, and this corpus is not files: leave it out")
    is_empty = isinstance(corpus, (list, tuple)) and not corpus
    if tokenizer is not None and not is_empty:
        raise CorpusError(
            f"tokenizer= splits the lines of files, and this corpus is of type {type(corpus).__name__}: if it holds "
            "texts, give fit [tokenizer(text) for text in texts]; if it holds lists of words, leave tokenizer out"
        )
    if is_numbers:
        ids, bounds = arrays.flat_and_offsets(corpus, offsets)
        chunks = _in_parallel(encode_integers, arrays.integer_chunks(ids, bounds), workers)
        return chunks, lambda words: (words, int(bounds[-1]))
    return encode_sentences(corpus, lowercase), lambda words: (words, None)


def _split(tokenizer: Tokenizer | None) -> str:
    """Return how a user splits a text into words, for advice."""
    return "text.split()" if tokenizer is None else "tokenizer(text)"


def _refuse_what_is_not_sentences(corpus: Any, tokenizer: Tokenizer | None) -> None:
    """Raise `CorpusError` for a table, bytes, and what cannot be iterated over."""
    if isinstance(corpus, Mapping) or hasattr(corpus, "columns"):
        raise CorpusError(f"the corpus is a table, of type {type(corpus).__name__}: give the token lists in one column")
    if isinstance(corpus, (bytes, bytearray)) or not isinstance(corpus, Iterable):
        raise CorpusError(
            f"the corpus is of type {type(corpus).__name__}: give a path, an iterable of token lists, or "
            f"integers; to train on a text itself, split it: [{_split(tokenizer)}]"
        )


def _encoded_files(
    places: list[Place], position: Position, lowercase: bool, tokenizer: Tokenizer | None, workers: int
) -> tuple[Chunks, ProgressAt]:
    texts = sources.text_chunks(places, position, keep_all=tokenizer is not None)
    if tokenizer is None:
        chunks = _in_parallel(encode_text, ((*text, lowercase) for text in texts), workers)
    else:
        chunks = encode_tokenized(texts, tokenizer, lowercase)
    return chunks, lambda _: (position.done, position.total)


def _in_parallel(encode: Callable[..., EncodedChunk], arguments: Iterable[tuple[Any, ...]], workers: int) -> Chunks:
    """Encode chunks in `workers` threads; yield them in order, with few in memory at a time."""
    pending: deque[Future[EncodedChunk]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-text") as pool:
        try:
            for some in arguments:
                pending.append(pool.submit(encode, *some))
                if len(pending) > workers + 1:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def _give_memory_back() -> None:
    """Return freed memory to the system: after reading text, glibc keeps some 50 MB of it for later otherwise."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in every C library
        if trim is not None:
            trim(0)


def check_files(
    corpus: Any,
    max_input_bytes: int | None,
    apart: str | os.PathLike[str] | None = None,
    tokenizer: Tokenizer | None = None,
) -> None:
    """Raise at once, if `corpus` is files, what `read_corpus` would later raise about their names.

    `apart` is a folder that is to be written in: raises `OptionError` too if it would be read.
    """
    checked("max_input_bytes", max_input_bytes, int, _INPUT_BYTES)
    if not is_files(corpus):
        return
    sources.find_files(corpus, _split(tokenizer))
    if apart is not None and sources.is_read(Path(apart), corpus):
        raise OptionError(
            f"the folder {os.fspath(apart)!r} lies in the corpus, and what is written in it would be read as text: "
            "name one elsewhere"
        )


def is_files(corpus: Any) -> bool:
    """Tell whether a corpus is a path or several."""
    if isinstance(corpus, (str, os.PathLike)):
        return True
    is_list = isinstance(corpus, (list, tuple)) and len(corpus) > 0
    return is_list and all(isinstance(name, (str, os.PathLike)) for name in corpus)


def _checked_arguments(workers: int, folder: Path | None, max_input_bytes: int | None) -> tuple[int, int | None]:
    if folder is not None and not Path(folder).is_dir():
        raise CorpusError(f"folder={str(folder)!r} is not there: give a folder for temporary files, or None")
    return checked_workers(workers), checked("max_input_bytes", max_input_bytes, int, _INPUT_BYTES)
