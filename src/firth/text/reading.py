"""Reads a corpus, once: from any input to a vocabulary and a token store."""

import ctypes
import os
from collections.abc import Callable, Generator, Iterable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import ArrayLike

from firth.errors import CorpusError, OptionError
from firth.options import Options, checked, limits, shortened
from firth.resources import checked_workers
from firth.text import arrays, encoding, sources
from firth.text.choosing import Choice, KnownWords, MostFrequent
from firth.text.corpus import Corpus, CorpusInput, GeneratedCorpus, Progress
from firth.text.encoding import EncodedText, TextEncoder, encode_integers
from firth.text.merging import MergedKeys, MergedWords
from firth.text.opening import BytesRead
from firth.text.sentences import Tokenizer, encode_sentences, encode_tokenized
from firth.text.sources import is_files
from firth.text.store import MEMORY_LIMIT, StoreBuilder
from firth.text.vocabulary import Vocabulary
from firth.threads import in_order

Encoded = TypeVar("Encoded")

_INPUT_BYTES = limits("bytes of text, decompressed; by default no limit", 1, optional=True)


def read_corpus(
    corpus: CorpusInput,
    options: Options | KnownWords,
    *,
    tokenizer: Tokenizer | None = None,
    offsets: ArrayLike | None = None,
    workers: int = 1,
    memory_limit: int = MEMORY_LIMIT,
    max_input_bytes: int | None = None,
    progress: Progress | None = None,
) -> Corpus:
    """Read a corpus once, count its words, and encode it as int32 ids.

      corpus        a path, folder, glob pattern or "-" (standard input), or a list of these; a suffix .gz,
                    .bz2, .xz or .zst means compressed. Folders are searched recursively, in sorted order, without
                    hidden files and folders (names that start with a dot).
                    Or any iterable of sentences, each a list of str or of integers, read once (a generator
                    is allowed). Or integers: a 2-D array with one sentence in each row, or a flat array and `offsets`.
      tokenizer     function from a line to its words, called in this thread; None splits at ASCII whitespace, and
                    skips and counts tokens of more than 1,024 bytes
      offsets       (n_sentences + 1,) integers: sentence i is corpus[offsets[i] : offsets[i + 1]]
      workers       threads that split and count text
      memory_limit  bytes of ids to keep in memory; a larger corpus goes to a temporary file, in the folder TMPDIR
      max_input_bytes
                    the most bytes, decompressed, of all files together (None: no limit)
      progress      called repeatedly with (done, total): bytes of files, or tokens

    In a file a sentence is a line, in UTF-8; invalid bytes become U+FFFD and are counted. `min_count`,
    `max_vocab` and `lowercase` (of token lists too) come from `options`; integer ids become integer keys. With
    `KnownWords` as `options` the vocabulary is theirs, and the counts of the text are added to its counts. The
    result does not depend on `workers`. Raises `CorpusError` if the corpus cannot be read, has no words to keep, or is
    a file that changes while it is read; exceptions of the caller's iterator or tokenizer are passed on unchanged.
    The temporary file is then removed.
    """
    checked("max_input_bytes", max_input_bytes, int, _INPUT_BYTES)
    workers = checked_workers(workers)
    words = options if isinstance(options, KnownWords) else MostFrequent(options)
    if isinstance(corpus, GeneratedCorpus):
        _check_generated(corpus, {"tokenizer": tokenizer, "offsets": offsets, "max_input_bytes": max_input_bytes})
        return corpus.generate(words, workers, progress)
    chunks, merged, amount = _encoded(corpus, words.lowercase, tokenizer, offsets, workers, max_input_bytes)
    store = StoreBuilder(memory_limit)
    try:
        with closing(chunks), ThreadPoolExecutor(1, thread_name_prefix="firth-store") as other_thread:
            writing = other_thread.submit(lambda: None)
            for chunk in chunks:
                ids = merged.add(chunk)
                writing.result()
                writing = other_thread.submit(store.append, chunk.entries, ids)
                if progress is not None:
                    progress(*amount(merged.raw_words))
            writing.result()
            result = _finished(merged, store, words, other_thread)
    except BaseException:
        store.close()
        raise
    _return_free_memory()
    return result


def _check_generated(corpus: GeneratedCorpus, arguments: dict[str, object]) -> None:
    """Raise `CorpusError` for an argument about how to read text."""
    for name, value in arguments.items():
        if value is not None:
            raise CorpusError(f"{name} is for text, and the corpus is {type(corpus).__name__}: omit {name}")


def _finished(
    merged: MergedWords | MergedKeys, store: StoreBuilder, words: MostFrequent | KnownWords, pool: Executor
) -> Corpus:
    """Choose the vocabulary and renumber everything."""
    found = merged.finish()
    choice = words.choose(found, merged.too_long)
    n_distinct = int(np.count_nonzero(found.counts))
    del found  # of all words, kept or not
    sentences = store.sentences
    making_vocabulary = pool.submit(_vocabulary, choice)
    tokens = store.finish(choice.new_ids)
    return Corpus(
        making_vocabulary.result(),
        tokens,
        merged.raw_words,
        sentences,
        merged.replaced,
        merged.too_long,
        n_distinct,
        choice.below_min_count,
        choice.beyond_max_vocab,
        choice.not_in_vocabulary,
    )


def _vocabulary(choice: Choice) -> Vocabulary:
    vocabulary = choice.vocabulary()
    _return_free_memory()  # of the table of all words
    return vocabulary


def _encoded(
    corpus: CorpusInput,
    lowercase: bool,
    tokenizer: Tokenizer | None,
    offsets: ArrayLike | None,
    workers: int,
    max_input_bytes: int | None,
) -> tuple[Generator[Any, None, None], MergedWords | MergedKeys, Callable[[int], tuple[int, int | None]]]:
    """Return encoded chunks, what merges them, and a function from the tokens merged to the arguments of `Progress`.

    Raises `CorpusError` or `OptionError` if this is not a corpus, or the arguments do not go together.
    """
    if tokenizer is not None and not callable(tokenizer):
        raise OptionError(
            f"tokenizer={shortened(tokenizer)} is not allowed: give a function that returns the words of a line"
        )
    if is_files(corpus) and offsets is None:
        files = sources.find_files(corpus, _splitting_code(tokenizer))
        bytes_read = BytesRead(files, max_input_bytes)
        texts = sources.text_chunks(files, bytes_read, keep_all=tokenizer is not None)

        def amount(_: int) -> tuple[int, int | None]:
            return bytes_read.done, bytes_read.total

        if tokenizer is None:
            return (
                _parts(_in_parallel(TextEncoder(encoding.LONGEST_WORD).encode, texts, workers)),
                MergedWords(lowercase),
                amount,
            )
        return encode_tokenized(texts, tokenizer, lowercase), MergedKeys(), amount
    is_array = offsets is not None or (isinstance(corpus, np.ndarray) and corpus.dtype.kind in "iufb")
    if not is_array:
        _check_sentences(corpus, tokenizer)
    if max_input_bytes is not None:
        raise CorpusError("max_input_bytes limits files, and this corpus is not files: omit it")
    is_empty = isinstance(corpus, (list, tuple)) and not corpus
    if tokenizer is not None and not is_empty:
        raise CorpusError(
            f"tokenizer= splits the lines of files, and this corpus is of type {type(corpus).__name__}: if it holds "
            "texts, give fit [tokenizer(text) for text in texts]; if it holds lists of words, omit tokenizer"
        )
    if is_array:
        ids, bounds = arrays.flat_and_offsets(cast(ArrayLike, corpus), offsets)
        chunks = _in_parallel(encode_integers, arrays.integer_chunks(ids, bounds), workers)
        return chunks, MergedKeys(), lambda words: (words, int(bounds[-1]))
    return encode_sentences(cast(Iterable[Any], corpus), lowercase), MergedKeys(), lambda words: (words, None)


def _splitting_code(tokenizer: Tokenizer | None) -> str:
    """Return the code that splits a text into words, for messages."""
    return "text.split()" if tokenizer is None else "tokenizer(text)"


def _check_sentences(corpus: object, tokenizer: Tokenizer | None) -> None:
    """Raise `CorpusError` for a table, for bytes, and for objects that are not iterable."""
    if isinstance(corpus, Mapping) or hasattr(corpus, "columns"):
        raise CorpusError(f"the corpus is a table, of type {type(corpus).__name__}: give the token lists in one column")
    if isinstance(corpus, (bytes, bytearray)) or not isinstance(corpus, Iterable):
        raise CorpusError(
            f"the corpus is of type {type(corpus).__name__}: give a path, an iterable of token lists, or "
            f"integers; to train on a text itself, split it: [{_splitting_code(tokenizer)}]"
        )


def _in_parallel(
    encode: Callable[..., Encoded], arguments: Iterable[tuple[Any, ...]], workers: int
) -> Generator[Encoded, None, None]:
    """Encode chunks in `workers` threads; yield them in order, with few in memory at a time."""
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-text") as pool:
        yield from in_order(pool, lambda some: encode(*some), arguments, workers)


def _parts(chunks: Generator[list[EncodedText], None, None]) -> Generator[EncodedText, None, None]:
    """Yield the parts of chunks."""
    with closing(chunks):
        for parts in chunks:
            yield from parts


def _return_free_memory() -> None:
    """Return free memory to the system: after reading text, glibc would keep some 50 MB of it."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in every C library
    if trim is not None:
        trim(0)


def check_files(
    corpus: CorpusInput | float | None,
    max_input_bytes: int | None,
    apart: str | os.PathLike[str] | None = None,
    tokenizer: Tokenizer | None = None,
) -> None:
    """Raise `OptionError` for `max_input_bytes`, and if `corpus` is files, what `read_corpus` would raise later.

    `apart` is an output folder: raises `OptionError` if it would be read as part of the corpus.
    """
    checked("max_input_bytes", max_input_bytes, int, _INPUT_BYTES)
    if not is_files(corpus):
        return
    sources.find_files(corpus, _splitting_code(tokenizer))
    if apart is not None and sources.is_read(Path(apart), corpus):
        raise OptionError(
            f"the folder {os.fspath(apart)!r} is inside the corpus, and the files written to it would be read as "
            "text: give a folder elsewhere"
        )
