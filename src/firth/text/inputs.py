"""Decides what a corpus is (files, a table, texts, an array or token lists), and opens it as numbered chunks."""

from collections.abc import Callable, Generator, ItemsView, Iterable, Iterator, KeysView, Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, NamedTuple, TypeVar

import numpy as np

from firth.errors import CorpusError
from firth.messages import counted, option
from firth.text import arrays, encoding, sources
from firth.text.columns import ColumnRows, ListChunk, RowCounts, is_lists, list_chunks, text_blocks
from firth.text.encoding import EncodedText, TextEncoder, encode_integers
from firth.text.files import are_tables, check_tables, has_text_name, open_tables
from firth.text.frames import column_of, is_one_shot, is_table
from firth.text.how import ReadOptions
from firth.text.merging import MergedKeys, MergedLists, MergedWords
from firth.text.objects import column_of_records, text_blocks_of, with_first
from firth.text.opening import UTF8, BytesRead, FileOrStdin, is_open
from firth.text.sentences import encode_sentences, encode_tokenized, list_chunks_of, mixed_keys
from firth.text.sources import TextChunk, is_files
from firth.text.word_lists import ListEncoder
from firth.threads import ahead, in_order

Encoded = TypeVar("Encoded")
Amount = Callable[[int], tuple[int, int | None]]


class Opened(NamedTuple):
    """A corpus that was opened.

    chunks  its numbered chunks
    merged  what merges them
    amount  function from the tokens merged so far to the amount done and the total
    counts  the rows skipped so far
    note    what else there is to report, as part of a line
    bytes_read  those of its files; None if it is not files
    """

    chunks: Generator[Any, None, None]
    merged: MergedWords | MergedKeys
    amount: Amount
    counts: RowCounts
    note: str
    bytes_read: BytesRead | None


def open_corpus(corpus: Any, how: ReadOptions, lowercase: bool, workers: int) -> Opened:
    """Open a corpus; raise `CorpusError` if it is not a corpus, or if `how` has an option that does not apply to it."""
    opener = _Opener(how, lowercase, workers)
    if has_files(corpus) and how.offsets is None:
        return opener.files(corpus)
    opener.refuse_options_of_files()
    if how.offsets is not None or _is_array(corpus):
        return opener.array(corpus)
    found = column_of(corpus, how.column)
    if isinstance(found, ColumnRows):
        return opener.rows(found)
    if found is not None:
        return opener.objects(found.rows, found.name, is_column=True)
    opener.refuse_other_types(corpus)
    return opener.objects(corpus, f"the corpus, of type {type(corpus).__name__},")


def check_corpus(corpus: Any, how: ReadOptions) -> None:
    """Raise what `open_corpus` would raise for files and tables, without reading them."""
    if has_files(corpus) and how.offsets is None:
        files = files_of(corpus, how)
        if are_tables(files, how):
            check_tables(files, how)
    elif how.offsets is None and is_table(corpus) and not is_one_shot(corpus):
        column_of(corpus, how.column)


def has_files(corpus: Any) -> bool:
    """Return whether a corpus is files, by their paths or opened."""
    return is_files(corpus) or is_open(corpus)


def has_texts(corpus: Any, how: ReadOptions) -> bool:
    """Return whether a corpus must be read to know its words: files, tables, and texts for a tokenizer."""
    return has_files(corpus) or is_table(corpus) or how.tokenizer is not None or how.column is not None


def is_plain_text(corpus: Any) -> bool:
    """Return whether a corpus is files whose names all end in `.txt`, or that and a compression's suffix."""
    return is_files(corpus) and all(has_text_name(file) for file in sources.find_files(corpus))


def files_of(corpus: Any, how: ReadOptions) -> list[FileOrStdin]:
    """Return the files of a corpus; in folders of tables, those whose names start with _ are skipped."""
    if is_open(corpus):
        return [corpus]
    return sources.find_files(corpus, how.splitting_code, skipped=(".",) if how.column is None else (".", "_"))


def repeats_note(n: int) -> str:
    """Return what to report of n files that were given before; nothing if there are none."""
    return f"{counted(n, 'file')} given more than once, and read each time" if n else ""


def _is_array(corpus: Any) -> bool:
    """Return whether a corpus is an array of numbers, of NumPy or another library."""
    if isinstance(corpus, np.ndarray):
        return corpus.dtype.kind in "iufb"
    return hasattr(corpus, "__dlpack__") and not is_table(corpus)


class _Opener:
    """Opens a corpus of each kind, with the same options."""

    def __init__(self, how: ReadOptions, lowercase: bool, workers: int):
        self._how, self._lowercase, self._workers = how, lowercase, workers
        self._counts = RowCounts()
        self._note = ""
        self._bytes_read: BytesRead | None = None

    def files(self, corpus: Any) -> Opened:
        """Open files, which are texts or tables."""
        how = self._how
        files = files_of(corpus, how)
        self._bytes_read = bytes_read = BytesRead(files, how.max_input_bytes)
        self._note = repeats_note(sources.repeats(files))

        def amount(_: int) -> tuple[int, int | None]:
            return bytes_read.done, bytes_read.total

        if are_tables(files, how):
            return self.rows(open_tables(files, how, bytes_read), amount, is_file=True)
        texts = sources.text_chunks(files, bytes_read, keep_all=how.tokenizer is not None, encoding=how.encoding)
        return self._texts(texts, amount)

    def rows(self, rows: ColumnRows, amount: Amount | None = None, *, is_file: bool = False) -> Opened:
        """Open rows of Arrow: texts or lists. Those of files are decoded in a thread."""
        in_advance = ahead if is_file else iter
        if not is_lists(rows.kind):
            return self._blocks(in_advance(text_blocks(rows, self._counts)), amount)
        if self._how.tokenizer is not None:
            raise self._tokenized(rows.name)
        return self._lists(in_advance(list_chunks(rows, self._counts)), amount)

    def objects(self, rows: Iterable[Any], what: str, *, is_column: bool = False) -> Opened:
        """Open rows of Python: texts, dicts, or token lists."""
        first, rows = with_first(rows)
        if isinstance(first, Mapping) and not is_column:
            values = column_of_records(rows, first, self._how.column, what)
            return self.objects(values, f"column {self._how.column!r} of {what}", is_column=True)
        if not is_column and self._how.column is not None:
            raise CorpusError(f"{what} is not a table and has no columns: omit {option('column')}")
        if isinstance(first, str) and (is_column or not isinstance(rows, (list, tuple))):
            return self._blocks(text_blocks_of(rows, self._counts, what))
        if self._how.tokenizer is not None and first is not None:
            raise self._tokenized(what)
        if is_column:
            return self._lists(list_chunks_of(rows, self._counts))
        return self._opened(encode_sentences(rows, self._lowercase, self._counts), MergedKeys())

    def array(self, corpus: Any) -> Opened:
        """Open an array of whole numbers."""
        if self._how.column is not None:
            raise CorpusError(f"{option('column')} is for tables, and the corpus is an array: omit it")
        if self._how.tokenizer is not None:
            raise self._tokenized(f"the corpus, of type {type(corpus).__name__},")
        ids, bounds = arrays.flat_and_offsets(_on_this_machine(corpus), self._how.offsets)
        chunks = _in_parallel(encode_integers, arrays.integer_chunks(ids, bounds), self._workers)
        return self._opened(chunks, MergedKeys(), lambda words: (words, int(bounds[-1])))

    def refuse_options_of_files(self) -> None:
        """Raise `CorpusError` for options of files."""
        if self._how.max_input_bytes is not None:
            raise CorpusError("max_input_bytes limits files, and this corpus is not files: omit it")
        if self._how.encoding != UTF8:
            raise CorpusError("encoding= decodes files of text, and this corpus is not files: omit it")

    def refuse_other_types(self, corpus: Any) -> None:
        """Raise `CorpusError` for a table of an unknown library, for bytes, and for objects that are not iterable."""
        kind = type(corpus).__name__
        if hasattr(corpus, "columns"):
            raise CorpusError(
                f"the corpus is a table, of type {kind}, that cannot be read: convert it to pandas, polars or Arrow, "
                "or give the texts or token lists of one column"
            )
        if hasattr(corpus, "tocoo") or type(corpus).__module__.partition(".")[0] in ("networkx", "igraph"):
            raise CorpusError(
                f"the corpus is a graph or a sparse matrix, of type {kind}: to train on random walks through it, give "
                "firth.RandomWalks(graph)"
            )
        if isinstance(corpus, Set) and not isinstance(corpus, KeysView | ItemsView):
            raise CorpusError(
                f"the corpus is of type {kind}, whose order differs from run to run: give sorted(corpus), or a list"
            )
        if isinstance(corpus, (bytes, bytearray)) or not isinstance(corpus, Iterable):
            raise CorpusError(
                f"the corpus is of type {kind}: give a path, a table, an iterable of token lists, or integers; to "
                f"train on a text itself, split it: [{self._how.splitting_code}]"
            )

    def _tokenized(self, what: str) -> CorpusError:
        return CorpusError(
            f"tokenizer= splits texts, and {what} does not hold texts: if it holds lists of words, omit tokenizer"
        )

    def _blocks(self, blocks: Iterator[bytes], amount: Amount | None = None) -> Opened:
        return self._texts(sources.cut(blocks, keep_all=self._how.tokenizer is not None), amount)

    def _texts(self, texts: Iterator[TextChunk], amount: Amount | None) -> Opened:
        tokenizer, lowercase = self._how.tokenizer, self._lowercase
        if tokenizer is not None:
            return self._opened(encode_tokenized(texts, tokenizer, lowercase), MergedKeys(), amount)
        encode = TextEncoder(encoding.LONGEST_WORD).encode
        return self._opened(_parts(_in_parallel(encode, texts, self._workers)), MergedWords(lowercase), amount)

    def _lists(self, chunks: Iterator[ListChunk], amount: Amount | None = None) -> Opened:
        """Open token lists in Arrow arrays: words go through the encoder of text, whole numbers do not."""
        first = next(chunks, None)
        if first is None or first.are_numbers:
            return self._opened(
                _in_parallel(encode_integers, _alike(first, chunks), self._workers), MergedKeys(), amount
            )
        parts = _parts(_in_parallel(ListEncoder().encode, _alike(first, chunks), self._workers))
        return self._opened(parts, MergedLists(self._lowercase), amount)

    def _opened(
        self, chunks: Generator[Any, None, None], merged: MergedWords | MergedKeys, amount: Amount | None = None
    ) -> Opened:
        known = amount or (lambda words: (words, None))
        return Opened(chunks, merged, known, self._counts, self._note, self._bytes_read)


def _on_this_machine(corpus: Any) -> Any:
    """Return an array of another library as one of NumPy; raise `CorpusError` if its data is elsewhere."""
    try:
        return np.asarray(corpus)
    except (TypeError, RuntimeError, ValueError, BufferError) as error:
        raise CorpusError(
            f"the corpus, of type {type(corpus).__name__}, cannot be read as a NumPy array ({error}): move it to the "
            "CPU, or give lists"
        ) from error


def _in_parallel(
    encode: Callable[..., Encoded], arguments: Iterable[tuple[Any, ...]], workers: int
) -> Generator[Encoded, None, None]:
    """Encode chunks in `workers` threads; yield them in order, with few in memory at a time."""
    with ThreadPoolExecutor(workers, thread_name_prefix="firth-text") as pool:
        yield from in_order(pool, lambda some: encode(*some), arguments, workers)


def _alike(first: ListChunk | None, others: Iterator[ListChunk]) -> Iterator[ListChunk]:
    """Yield chunks; raise `CorpusError` if some hold words and others whole numbers."""
    if first is None:
        return
    yield first
    for chunk in others:
        if chunk.are_numbers != first.are_numbers:
            raise mixed_keys(first.first_token, chunk.first_token)
        yield chunk


def _parts(chunks: Generator[list[EncodedText], None, None]) -> Generator[EncodedText, None, None]:
    """Yield the parts of chunks."""
    with closing(chunks):
        for parts in chunks:
            yield from parts
