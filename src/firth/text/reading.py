"""Reads a corpus, once: from any input to a vocabulary and a token store."""

import ctypes
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from firth.errors import CorpusError, OptionError
from firth.options import Options
from firth.resources import checked_workers
from firth.text import inputs, sources
from firth.text.choosing import Choice, KnownWords, MostFrequent
from firth.text.corpus import Corpus, CorpusInput, GeneratedCorpus, Progress
from firth.text.how import ReadOptions
from firth.text.inputs import Opened
from firth.text.sources import is_files
from firth.text.store import MEMORY_LIMIT, StoreBuilder
from firth.text.vocabulary import Vocabulary


def read_corpus(
    corpus: CorpusInput,
    options: Options | KnownWords,
    how: ReadOptions | None = None,
    *,
    workers: int = 1,
    memory_limit: int = MEMORY_LIMIT,
    progress: Progress | None = None,
    **reading: Any,
) -> Corpus:
    """Read a corpus once, count its words, and encode it as int32 ids.

      corpus        a path, folder, glob pattern or "-" (standard input), or a list of these, or an open file; a suffix
                    .gz, .bz2, .xz or .zst means compressed. Folders are searched recursively, in sorted order, without
                    hidden files and folders (names that start with a dot).
                    Or a table or a column of one: a file in Parquet, Arrow, CSV, TSV or JSON Lines, an object of
                    pandas, polars, Arrow or Hugging Face datasets, dicts.
                    Or any iterable of sentences, each a text, or a list of str or of integers, read once (a generator
                    is allowed; a list of texts is read as paths, so give `iter(texts)`).
                    Or integers: a 2-D array with one sentence in each row, or a flat array and `offsets`.
      how           a `ReadOptions`, or instead its fields as keywords:
      tokenizer     function from a line, or the text of a row, to its words, called in this thread; None splits at
                    ASCII whitespace, and skips and counts tokens of more than 1,024 bytes
      offsets       (n_sentences + 1,) integers: sentence i is corpus[offsets[i] : offsets[i + 1]]
      column        the column of a table that holds the sentences, as texts, lists of words or lists of integers
      encoding      that of text files; invalid bytes become U+FFFD and are counted
      max_input_bytes
                    the most bytes, decompressed, of all files together (None: no limit); of Parquet and Arrow, those
                    of the column
      workers       threads that split and count text
      memory_limit  bytes of ids to keep in memory; a larger corpus goes to a temporary file, in the folder TMPDIR
      progress      called repeatedly with (done, total): bytes of files, or tokens

    In a file of text a sentence is a line; in a table it is a row, in which line breaks count as whitespace. Null rows
    are skipped and counted. `min_count`, `max_vocab` and `lowercase` (of token lists too) come from `options`; integer
    ids become integer keys. With `KnownWords` as `options` the vocabulary is theirs, and the counts of the text are
    added to its counts. The result does not depend on `workers`. Raises `CorpusError` if the corpus cannot be read, has
    no words to keep, is a table without a column named or a file that is neither text nor a table, or is a file that
    changes while it is read; exceptions of the caller's iterator or tokenizer are passed on unchanged. The temporary
    file is then removed.
    """
    how = ReadOptions(**reading) if how is None else how
    workers = checked_workers(workers)
    words = options if isinstance(options, KnownWords) else MostFrequent(options)
    if isinstance(corpus, GeneratedCorpus):
        _check_generated(corpus, how)
        return corpus.generate(words, workers, progress)
    opened = inputs.open_corpus(corpus, how, words.lowercase, workers)
    store = StoreBuilder(memory_limit)
    try:
        collect(opened, store, progress)
        result = _finished(opened, store, words)
    except BaseException:
        store.close()
        raise
    return_free_memory()
    return result


def collect(opened: Opened, store: StoreBuilder, progress: Progress | None = None) -> None:
    """Count the words of a corpus, and collect their provisional ids in `store`, which another thread fills."""
    with closing(opened.chunks) as chunks, ThreadPoolExecutor(1, thread_name_prefix="firth-store") as other_thread:
        writing = other_thread.submit(lambda: None)
        for chunk in chunks:
            ids = opened.merged.add(chunk)
            writing.result()
            writing = other_thread.submit(store.append, chunk.entries, ids)
            if progress is not None:
                progress(*opened.amount(opened.merged.raw_words))
        writing.result()


def _check_generated(corpus: GeneratedCorpus, how: ReadOptions) -> None:
    """Raise `CorpusError` for an argument about how to read text."""
    for name in how.given:
        raise CorpusError(f"{name} is for text, and the corpus is {type(corpus).__name__}: omit {name}")


def _finished(opened: Opened, store: StoreBuilder, words: MostFrequent | KnownWords) -> Corpus:
    """Choose the vocabulary and renumber everything."""
    merged = opened.merged
    found = merged.finish()
    choice = words.choose(found, merged.too_long)
    n_distinct = int(np.count_nonzero(found.counts))
    del found  # of all words, kept or not
    sentences = store.sentences
    with ThreadPoolExecutor(1, thread_name_prefix="firth-vocabulary") as other_thread:
        making_vocabulary = other_thread.submit(_vocabulary, choice)
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
        opened.counts.nulls,
        note=opened.note,
    )


def _vocabulary(choice: Choice) -> Vocabulary:
    vocabulary = choice.vocabulary()
    return_free_memory()  # of the table of all words
    return vocabulary


def return_free_memory() -> None:
    """Return free memory to the system: after reading text, glibc would keep some 50 MB of it, and Arrow as much."""
    if (arrow := sys.modules.get("pyarrow")) is not None:
        arrow.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # not in every C library
    if trim is not None:
        trim(0)


def check_corpus(
    corpus: CorpusInput | float | None, how: ReadOptions, apart: str | os.PathLike[str] | None = None
) -> None:
    """Raise what `read_corpus` would raise later for files and tables, as far as it can be found without reading them.

    `apart` is an output folder: raises `OptionError` if it would be read as part of the corpus.
    """
    inputs.check_corpus(corpus, how)
    if apart is not None and is_files(corpus) and sources.is_read(Path(apart), corpus):
        raise OptionError(
            f"the folder {os.fspath(apart)!r} is inside the corpus, and the files written to it would be read as "
            "text: give a folder elsewhere"
        )
