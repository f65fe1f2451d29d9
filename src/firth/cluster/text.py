"""Text that is read where it lies: the shares of a corpus become the vocabulary and the token blocks of one machine.

A `TextShare` reads the files of one machine with the readers of `firth.text`. `read_shares` calls the shares: all count
their words, the counts become one vocabulary (`word_counts`), and all encode their text with it. Token blocks stay
where they were read, but they are cut as if one share followed the other: what is left after the last whole block of a
share, at most a block, becomes the beginning of the next share's first block.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.cluster.file_shares import regular_files
from firth.cluster.handles import Handle, Polled, call_all
from firth.cluster.word_counts import (
    ChosenWords,
    WordCounts,
    choose_words,
    key_array,
    keys_of,
    merge_part,
    number_array,
    numbers_of,
)
from firth.errors import CorpusError
from firth.messages import counted, option
from firth.options import Options
from firth.text import Corpus, ReadOptions, TokenStore
from firth.text.choosing import new_ids
from firth.text.corpus import Progress
from firth.text.files import are_tables
from firth.text.ids import DROPPED, Ids
from firth.text.inputs import Opened, open_corpus, repeats_note
from firth.text.merging import KeyCounts
from firth.text.reading import collect, return_free_memory
from firth.text.sentences import mixed_keys
from firth.text.sources import repeats
from firth.text.store import MEMORY_LIMIT, Renumbered, StoreBuilder

if TYPE_CHECKING:
    import pyarrow as pa

PART_BYTES = 4 * 2**20
"""Bytes of words of all shares that are merged at a time."""

_WORDS_SENT = 2**16
_PLACES_BYTES = 16  # of a count and a place
_DIGEST_BYTES = 16


class ShareCounts(NamedTuple):
    """What was counted in one share; the first numbers are those of `Corpus`.

    repeats      files given more than once
    plain_bytes  bytes of its files, decompressed
    is_table     whether its files are tables; None if it has none
    first_key    its first word or number; None if it has none
    key_bytes    bytes of its distinct words and their counts
    """

    raw_words: int = 0
    sentences: int = 0
    replaced: int = 0
    too_long: int = 0
    null_rows: int = 0
    repeats: int = 0
    plain_bytes: int = 0
    is_table: bool | None = None
    first_key: str | int | None = None
    key_bytes: int = 0


class ShareCut(NamedTuple):
    """How a share was cut: the sizes of its blocks, its words in them, and the entries after the last block."""

    sizes: NDArray[np.int64]
    words: int
    longest: int
    after: Ids


class TextShare:
    """The part of a corpus that one machine reads and keeps; its methods are called one after the other.

    files    paths, folders, patterns or `FileRange`s, on this machine; there may be none
    options  `min_count`, `max_vocab` and `lowercase` as in `read_corpus`; `how`, `workers` and `memory_limit` too
    """

    def __init__(
        self,
        files: Sequence[Any],
        options: Options,
        how: ReadOptions | None = None,
        *,
        workers: int = 1,
        memory_limit: int = MEMORY_LIMIT,
    ):
        self._files, self._options, self._how, self._workers = list(files), options, how or ReadOptions(), workers
        self._store = StoreBuilder(memory_limit)
        self._words, self._found = _no_words()
        self._vocabulary: list[pa.Array] = []
        self._renumbered: Renumbered | None = None
        self._tokens: TokenStore | None = None
        self._amount: tuple[int, int | None] = 0, 0

    @property
    def tokens(self) -> TokenStore:
        """The token blocks of this share, after `cut`."""
        assert self._tokens is not None
        return self._tokens

    def amount(self) -> tuple[int, int | None]:
        """Return the amount read and the total, as for the progress of `read_corpus`; any thread may ask."""
        return self._amount

    def read(self) -> ShareCounts:
        """Read the files and count their words; raises what `read_corpus` raises for them."""
        if not self._files:
            return ShareCounts()
        files = regular_files(self._files, self._how)
        is_table = are_tables(files, self._how)
        opened = open_corpus(files, self._how, self._options.lowercase, self._workers)
        try:
            collect(opened, self._store, self._progress)
            self._finish_words(opened)
        except BaseException:
            self.close()
            raise
        merged, key_bytes = opened.merged, self._words.keys.nbytes + _PLACES_BYTES * len(self._words.counts)
        plain = 0 if opened.bytes_read is None else opened.bytes_read.plain
        first = next(keys_of(self._words.keys[:1]), [None])
        return ShareCounts(
            merged.raw_words, self._store.sentences, merged.replaced, merged.too_long, opened.counts.nulls,
            repeats(files), plain, is_table, first[0], key_bytes,
        )  # fmt: skip

    def words(self, part: int, parts: int) -> "pa.RecordBatch":
        """Return a part of the distinct words: `WordCounts.part`."""
        return self._words.part(part, parts)

    def add_words(self, keys: "pa.Array") -> None:
        """Add words to the vocabulary, after those added before."""
        self._vocabulary.append(keys)

    def encode(self) -> None:
        """Give the text the ids of the vocabulary, and drop other words."""
        import pyarrow as pa
        import pyarrow.compute as pc

        ids = np.empty(0, np.int32)
        if len(self._words.keys):
            known = pa.concat_arrays(self._vocabulary)
            ids = numbers_of(pc.index_in(self._words.keys, value_set=known).fill_null(DROPPED), np.int32)
        final = new_ids(self._found, np.flatnonzero(self._found.counts), ids)
        self._words, self._found = _no_words()
        self._vocabulary.clear()
        self._renumbered = self._store.renumber(final)

    def cut(self, before: Ids, is_last: bool) -> ShareCut:
        """Cut the text into token blocks; `before` is what the share before left after its last block."""
        assert self._renumbered is not None
        self._tokens, after = self._renumbered.cut(before, is_last=is_last)
        return ShareCut(np.diff(self._tokens.block_starts), self._tokens.n_words, self._renumbered.longest, after)

    def read_block(self, number: int) -> Ids:
        """Return one of the token blocks of this share."""
        return self.tokens.read_block(number)

    def digests(self) -> bytes:
        """Return a digest of each token block, one after the other; add checksums to blocks on the disk."""
        tokens = self.tokens
        blocks = (tokens.read_block(b).astype("<i4", copy=False) for b in range(tokens.n_blocks))
        digests = [hashlib.blake2b(block.data, digest_size=_DIGEST_BYTES).digest() for block in blocks]
        if tokens.on_disk:
            tokens.add_checksums()
        return b"".join(digests)

    def close(self) -> None:
        """Free the memory and the temporary file; a second call does nothing."""
        self._store.close()

    def _progress(self, done: int, total: int | None) -> None:
        self._amount = done, total

    def _finish_words(self, opened: Opened) -> None:
        """Keep the distinct words as an array; the table in which they were counted is freed."""
        import pyarrow as pa

        found = opened.merged.finish()
        distinct = np.flatnonzero(found.counts)
        keys = [key_array(some) for some in found.keys(distinct)]
        self._words = WordCounts(pa.concat_arrays(keys or [key_array([])]), found.counts[distinct])
        self._found = replace(found, keys=lambda _: iter(()))
        return_free_memory()


def _no_words() -> tuple[WordCounts, KeyCounts]:
    """Return the words of a share without words."""
    return WordCounts(key_array([]), np.empty(0, np.int64)), KeyCounts(np.empty(0, np.int64), None, lambda _: iter(()))


class ClusterText(NamedTuple):
    """A corpus whose text is in the shares, and the number of token blocks of each share.

    A token block of the corpus is sent by its share when it is read. Number, sizes and fingerprint of the blocks do not
    depend on the shares.
    """

    corpus: Corpus
    token_blocks: tuple[int, ...]


def read_shares(
    handles: Sequence[Handle],
    options: Options,
    how: ReadOptions | None = None,
    *,
    repeats: int = 0,
    progress: Progress | None = None,
) -> ClusterText:
    """Read the shares of a corpus, one behind each handle; the result is that of `read_corpus` on all files in order.

    Vocabulary, counts, ids, token blocks and all numbers of the report are the same. `repeats` is that of `SharePlan`.
    Raises `CorpusError` as `read_corpus` does, and what a handle raises if its machine is lost.
    """
    meanwhile = None if progress is None else Polled(handles, "amount", partial(_report_amounts, progress))
    counts: list[ShareCounts] = call_all(handles, "read", meanwhile=meanwhile)
    _check_kinds(counts)
    _check_size(counts, how)
    chosen = _choose(handles, counts, options)
    _encode_all(handles, chosen.keys)
    cuts = _cut_all(handles)
    tokens = _tokens(handles, cuts, call_all(handles, "digests"))
    corpus = Corpus(
        chosen.vocabulary(),
        tokens,
        chosen.totals.words,
        sum(share.sentences for share in counts),
        sum(share.replaced for share in counts),
        sum(share.too_long for share in counts),
        chosen.totals.distinct,
        chosen.below_min_count,
        chosen.beyond_max_vocab,
        null_rows=sum(share.null_rows for share in counts),
        note=repeats_note(max(repeats, sum(share.repeats for share in counts))),
    )
    return ClusterText(corpus, tuple(len(cut.sizes) for cut in cuts))


def _report_amounts(progress: Progress, amounts: list[tuple[int, int | None]]) -> None:
    """Report how much all shares have read."""
    done, totals = zip(*amounts, strict=True)
    progress(sum(done), None if None in totals else sum(totals))


def _choose(handles: Sequence[Handle], counts: Sequence[ShareCounts], options: Options) -> ChosenWords:
    parts, merged = max(1, -(-sum(share.key_bytes for share in counts) // PART_BYTES)), []
    for part in range(parts):
        merged.append(merge_part(call_all(handles, "words", part, parts), options))
        return_free_memory()
    chosen = choose_words(merged, options, sum(share.too_long for share in counts))
    return_free_memory()
    return chosen


def _encode_all(handles: Sequence[Handle], keys: "pa.Array") -> None:
    """Encode the shares with a vocabulary, which is sent in parts: there may be a copy for each share in memory."""
    for places in np.array_split(np.arange(len(keys)), -(-len(keys) // _WORDS_SENT)):
        call_all(handles, "add_words", keys.take(number_array(places)))  # a slice would be sent with the whole array
    return_free_memory()
    call_all(handles, "encode")


def _check_kinds(counts: Sequence[ShareCounts]) -> None:
    """Raise `CorpusError` if some shares are tables and others text, or some have words and others numbers."""
    kinds = [(number, share.is_table) for number, share in enumerate(counts) if share.is_table is not None]
    tables, texts = ([number for number, is_table in kinds if is_table is kind] for kind in (True, False))
    if tables and texts:
        raise CorpusError(
            f"the files of share {tables[0]} are tables and those of share {texts[0]} are text: give files of "
            "one kind only"
        )
    firsts = [share.first_key for share in counts if share.first_key is not None]
    for key in firsts[1:]:
        if isinstance(key, str) != isinstance(firsts[0], str):
            raise mixed_keys(firsts[0], key)


def _check_size(counts: Sequence[ShareCounts], how: ReadOptions | None) -> None:
    most, found = None if how is None else how.max_input_bytes, sum(share.plain_bytes for share in counts)
    if most is not None and found > most:
        raise CorpusError(
            f"the corpus is larger than {option('max_input_bytes', f'{most:,}')}: its files have "
            f"{counted(found, 'byte')}, decompressed; give a larger limit, or check that they are the right files"
        )


def _cut_all(handles: Sequence[Handle]) -> list[ShareCut]:
    """Cut the shares one after the other."""
    cuts: list[ShareCut] = []
    after: Ids = np.empty(0, np.int32)
    for number, handle in enumerate(handles, 1):
        cuts += call_all([handle], "cut", after, number == len(handles))
        after = cuts[-1].after
    return cuts


def _tokens(handles: Sequence[Handle], cuts: Sequence[ShareCut], digests: Sequence[bytes]) -> TokenStore:
    """Return the token store of all shares, which keep its entries."""
    sizes = np.concatenate([cut.sizes for cut in cuts])
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    longest = max(cut.longest for cut in cuts)
    firsts = np.cumsum([0, *(len(cut.sizes) for cut in cuts)])
    entries = _EntriesElsewhere(handles, firsts, starts, b"".join(digests))
    return TokenStore(entries, starts, sum(cut.words for cut in cuts), longest=longest)


class _EntriesElsewhere:
    """Entries that are in the shares behind handles, and are read one token block at a time.

    firsts  the number of the first token block of each share, and that of all blocks
    starts  where each token block begins
    """

    place = "on the machines of a cluster"

    def __init__(self, handles: Sequence[Handle], firsts: NDArray[np.int64], starts: NDArray[np.int64], digests: bytes):
        self._handles, self._firsts, self._starts, self._digests = handles, firsts, starts, digests

    def read(self, start: int, out: Ids) -> None:
        """Fill `out` with the token block that begins at `start`."""
        block = int(np.searchsorted(self._starts, start))
        share = int(np.searchsorted(self._firsts, block, side="right")) - 1
        out[:] = self._handles[share].submit("read_block", block - int(self._firsts[share])).result()

    def digest(self) -> bytes:
        return self._digests

    def close(self) -> None:
        pass
