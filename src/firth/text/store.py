"""The token store: the encoded corpus, in memory if small and in a temporary file if large.

Layout: int32 ids in [0, V), with `END` after each sentence, one after the other. Blocks are cut at sentence ends;
readers take whole blocks. While a corpus is read, a `StoreBuilder` appends provisional ids; `finish` renumbers them
in place, which is possible because dropping words can only shorten the store.
"""

import hashlib
import os
import tempfile
import weakref
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from firth.errors import CorpusError
from firth.messages import counted
from firth.text.ids import END, Ids
from firth.text.pair_table import PairTable
from firth.text.word_kernels import renumber

BLOCK_WORDS = 32768
"""The most entries, `END` included, of one block."""

ENTRIES_AT_A_TIME = 2**18
"""Entries renumbered at a time."""

MEMORY_LIMIT = 256 * 2**20
"""Bytes of ids kept in memory by default."""

_LOOKED_AT = 512  # entries read at a time to find a sentence end


class Entries(Protocol):
    """What a `TokenStore` reads; any number of threads may read at once.

    place  where the entries are, for `repr`
    """

    place: str

    def read(self, start: int, out: Ids) -> None: ...

    def digest(self) -> bytes | None: ...

    def close(self) -> None: ...


@runtime_checkable
class DrawnEntries(Entries, Protocol):
    """Entries that are random, and other ones in each epoch."""

    def draw(self, epoch: int, start: int, stop: int) -> Ids:
        """Return the entries of an epoch in place of those from `start` to `stop`, which are those of epoch 0."""
        ...


class MemoryStorage:
    """Entries in memory; any number of threads may read at once."""

    place = "in memory"

    def __init__(self) -> None:
        self._bytes = bytearray()  # grows in place, where an array would be copied

    def read(self, start: int, out: Ids) -> None:
        """Fill `out` with the entries from `start` on."""
        if 4 * (start + len(out)) > len(self._bytes):
            left = max(0, len(self._bytes) // 4 - start)
            raise CorpusError(f"the token store has {left:,} of {len(out):,} entries from {start:,} on")
        out[:] = np.frombuffer(self._bytes, np.int32, len(out), 4 * start)

    def write(self, start: int, ids: Ids) -> None:
        """Store `ids` at `start`, which is at most the number of entries."""
        self._bytes[4 * start : 4 * (start + len(ids))] = np.ascontiguousarray(ids).data

    def truncate(self, size: int) -> None:
        """Free everything after the first `size` entries."""
        del self._bytes[4 * size :]

    def digest(self) -> None:
        """Return None: the entries are to be hashed themselves."""

    def close(self) -> None:
        """Free everything; a second call does nothing."""
        self._bytes = bytearray()


class DiskStorage:
    """Entries in a temporary file without a name, so that nothing is left behind however the process ends.

    Has the methods of `MemoryStorage`. Reads go through `preadv` into the caller's array, never through a memory map,
    so that a disk fault is an error and not a signal. Raises `CorpusError` if the file cannot be made in `folder`,
    or the disk is full or fails.
    """

    place = "on disk"

    def __init__(self, folder: Path | None = None):
        self._folder = Path(tempfile.gettempdir() if folder is None else folder)
        try:
            file = tempfile.TemporaryFile(buffering=0, prefix="firth-", dir=self._folder)  # noqa: SIM115
        except OSError as error:
            raise CorpusError(
                f"cannot create a temporary file in {self._folder} ({error.strerror}): give a writable folder"
            ) from error
        self._file = file.fileno()
        self._finalizer = weakref.finalize(self, file.close)

    def read(self, start: int, out: Ids) -> None:
        rest, position = out.view(np.uint8).data, 4 * start
        while rest:
            try:
                count = os.preadv(self._file, [rest], position)
            except OSError as error:
                raise CorpusError(
                    f"cannot read the temporary file in {self._folder} at byte {position:,} ({error.strerror})"
                ) from error
            if count == 0:
                raise CorpusError(f"the temporary file in {self._folder} was cut at byte {position:,} while in use")
            rest, position = rest[count:], position + count

    def write(self, start: int, ids: Ids) -> None:
        rest, position = np.ascontiguousarray(ids).view(np.uint8).data, 4 * start
        try:
            while rest:
                count = os.pwrite(self._file, rest, position)
                rest, position = rest[count:], position + count
        except OSError as error:
            raise CorpusError(
                f"cannot write to the temporary file in {self._folder} after {counted(position, 'byte')} "
                f"({error.strerror}): free some space, or set the environment variable TMPDIR to another folder"
            ) from error

    def truncate(self, size: int) -> None:
        os.ftruncate(self._file, 4 * size)

    def digest(self) -> None:
        """Return None: the entries are to be hashed themselves."""

    def close(self) -> None:
        self._finalizer()


Storage: TypeAlias = MemoryStorage | DiskStorage


class TokenStore:
    """The encoded corpus: int32 ids in [0, V), with `END` after each sentence, read block by block.

      n_words       number of ids, without the ENDs
      block_starts  (n_blocks + 1,) int64; block b holds the entries [block_starts[b], block_starts[b + 1])
      longest       the most words of a sentence, or of a part of it in one block
      checksums     the CRC-32 of each block as it was written, checked by `read_block`; None: no check

    A block holds whole sentences, at most `BLOCK_WORDS` entries; a longer sentence is cut into several blocks.
    Close the store, or use it in a `with` statement, to free its memory or its temporary file at once;
    otherwise garbage collection does so.
    """

    def __init__(
        self,
        storage: Entries,
        block_starts: NDArray[np.int64],
        n_words: int,
        checksums: list[int] | None = None,
        longest: int = BLOCK_WORDS,
    ):
        self.n_words = n_words
        self.block_starts = block_starts
        self.longest = longest
        self._storage: Entries | None = storage
        self._checksums = checksums

    @property
    def n_blocks(self) -> int:
        """Number of blocks."""
        return len(self.block_starts) - 1

    @property
    def pairs(self) -> PairTable | None:
        """The pairs, if the corpus was given as pairs: then there are no sentences."""
        return self._storage if isinstance(self._storage, PairTable) else None

    @property
    def on_disk(self) -> bool:
        """Whether the entries are in a temporary file."""
        return self._storage is not None and self._storage.place == DiskStorage.place

    def read_block(self, b: int, out: Ids | None = None) -> Ids:
        """Return a private copy of block `b`; any number of threads may read at once.

          out  (at least the block's length,) int32, contiguous; its start is overwritten and returned

        Raises `IndexError` if there is no such block, and `CorpusError` if the store is closed, or its file cannot
        be read or was changed.
        """
        if self._storage is None:
            raise CorpusError("the token store is closed: read the corpus again")
        if not 0 <= b < self.n_blocks:
            raise IndexError(f"block {b} is out of range: the store has {counted(self.n_blocks, 'block')}, from 0")
        start, stop = int(self.block_starts[b]), int(self.block_starts[b + 1])
        block = np.empty(stop - start, np.int32) if out is None else out[: stop - start]
        if len(block) < stop - start or block.dtype != np.int32 or not block.flags.c_contiguous:
            raise ValueError(f"out must be a contiguous int32 array of at least {stop - start} entries")
        try:
            self._storage.read(start, block)
        except CorpusError as error:
            raise CorpusError(f"block {b} of the token store is lost: {error}; read the corpus again") from error
        if self._checksums is not None and zlib.crc32(block.data) != self._checksums[b]:
            raise CorpusError(
                f"block {b} of the token store has a different checksum than when it was written: the temporary file "
                "was changed, or its disk is failing; read the corpus again, with another folder for temporary files"
            )
        return block

    def read_epoch(self, epoch: int, b: int) -> Ids:
        """Return block `b` as it is in an epoch, from 0; as `read_block`, unless entries are made anew in every epoch.

        The block of another epoch may have more or fewer entries, at most `BLOCK_WORDS`.
        """
        if not isinstance(self._storage, DrawnEntries):
            return self.read_block(b)
        return self._storage.draw(epoch, int(self.block_starts[b]), int(self.block_starts[b + 1]))

    def add_checksums(self) -> None:
        """Compute the CRC-32 of each block, for `read_block` to compare."""
        self._checksums = [zlib.crc32(self.read_block(b).data) for b in range(self.n_blocks)]

    def fingerprint(self) -> str:
        """Return the SHA-256, in hex, of all entries as little-endian int32 and of `n_words`.

        Stores of the same sentences have the same fingerprint, in memory or on disk. One block is held at a
        time. If entries are made when they are read, all that they depend on is hashed instead. Raises `CorpusError` if
        the store is closed or its file was damaged.
        """
        digest = hashlib.sha256(self.n_words.to_bytes(8, "little"))
        made_of = None if self._storage is None else self._storage.digest()
        if made_of is not None:
            digest.update(made_of + self.block_starts.astype("<i8").tobytes())
            return digest.hexdigest()
        for b in range(self.n_blocks):
            digest.update(self.read_block(b).astype("<i4", copy=False).data)
        return digest.hexdigest()

    def split(self, block: int) -> "tuple[TokenStore, TokenStore]":
        """Return the blocks before `block`, and the others, as two stores over the same entries.

        Closing any of the three closes all. Raises `IndexError` unless both have a block.
        """
        if self._storage is None or not 0 < block < self.n_blocks:
            raise IndexError(f"block {block} does not split {self!r} in two")
        ends = sum(int(np.count_nonzero(self.read_block(b) == END)) for b in range(block, self.n_blocks))
        n_tail = int(self.block_starts[-1] - self.block_starts[block]) - ends
        sums = self._checksums
        first, second = (None, None) if sums is None else (sums[:block], sums[block:])
        head = TokenStore(self._storage, self.block_starts[: block + 1], self.n_words - n_tail, first, self.longest)
        return head, TokenStore(self._storage, self.block_starts[block:], n_tail, second, self.longest)

    def close(self) -> None:
        """Free the memory or the temporary file; a second call does nothing."""
        if self._storage is not None:
            self._storage.close()
            self._storage = None

    def __enter__(self) -> "TokenStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        place = "closed" if self._storage is None else self._storage.place
        return f"<TokenStore of {counted(self.n_words, 'word')} in {counted(self.n_blocks, 'block')}, {place}>"


class StoreBuilder:
    """Collects provisional ids and makes a `TokenStore` of them.

    Up to `memory_limit` bytes stay in memory; beyond that, everything moves to a temporary file in `folder`
    (None: the system's folder for temporary files). Empty sentences are skipped.
    """

    def __init__(self, memory_limit: int = MEMORY_LIMIT, folder: Path | None = None):
        self._memory_limit = memory_limit
        self._folder = folder
        self._storage: Storage = MemoryStorage()
        self._last = END
        self._size = 0
        self.sentences = 0

    def append(self, entries: Ids, ids: Ids) -> None:
        """Append entries, each END or an index into `ids`, which are provisional; a sentence may continue later."""
        added, n_sentences, self._last = _renumbered(entries, ids, self._last)
        if 4 * (self._size + len(added)) > self._memory_limit and isinstance(self._storage, MemoryStorage):
            disk, start = DiskStorage(self._folder), 0
            for provisional in self._slices():
                disk.write(start, provisional)
                start += len(provisional)
            self._storage = disk
        self._storage.write(self._size, added)
        self._size += len(added)
        self.sentences += n_sentences

    def finish(self, new_ids: Ids) -> TokenStore:
        """Renumber in place and cut into blocks; the builder must not be used afterwards.

        new_ids  (number of provisional ids,) int32: the final id of each, or `DROPPED`
        """
        tokens, _ = self.renumber(new_ids).cut(np.empty(0, np.int32), is_last=True)
        if tokens.on_disk:
            tokens.add_checksums()
        return tokens

    def renumber(self, new_ids: Ids) -> "Renumbered":
        """Renumber in place; the builder must not be used afterwards."""
        sentences, last = _Sentences(), END
        for provisional in self._slices():
            _check(provisional, len(new_ids))
            entries, _, last = _renumbered(provisional, new_ids, last)
            self._storage.write(sentences.size, entries)
            sentences.add(entries)
        self._storage.truncate(sentences.size)
        return Renumbered(self._storage, sentences)

    def close(self) -> None:
        """Free everything, if the corpus could not be read to its end."""
        self._storage.close()

    def _slices(self) -> Iterator[Ids]:
        """Yield all entries, in private copies."""
        for start in range(0, self._size, ENTRIES_AT_A_TIME):
            entries = np.empty(min(ENTRIES_AT_A_TIME, self._size - start), np.int32)
            self._storage.read(start, entries)
            yield entries


class Renumbered:
    """Entries with their final ids, to be cut into blocks after those of another store, whose last block they fill.

    longest  the most words of a sentence, or of a part of it in one block
    """

    def __init__(self, storage: Storage, sentences: "_Sentences"):
        self._storage, self._sentences = storage, sentences
        self.longest = sentences.longest

    def cut(self, before: Ids, *, is_last: bool) -> tuple[TokenStore, Ids]:
        """Cut into blocks; return these, and the entries after the last block, none if `is_last`.

          before   the entries after the last block of the store before, at most `BLOCK_WORDS`; they become part of
                   the first block
          is_last  whether no entries follow; otherwise the next store decides where the last block ends

        So stores that are cut one after another, each with what the one before left, have the blocks of one store of
        all their entries.
        """
        storage: Entries = ContinuedEntries(before, self._storage) if len(before) else self._storage
        size = len(before) + self._sentences.size
        starts = _cut(storage, size)
        if is_last and size > starts[-1]:
            starts.append(size)
        after = np.empty(size - starts[-1], np.int32)
        storage.read(starts[-1], after)
        ends = self._sentences.n + np.count_nonzero(before == END) - np.count_nonzero(after == END)
        longest = max(self.longest, _Sentences.of(before).longest)
        return TokenStore(storage, np.array(starts, np.int64), starts[-1] - int(ends), longest=longest), after


class ContinuedEntries:
    """Entries in memory, and after them those of another storage."""

    def __init__(self, before: Ids, storage: Storage):
        self._before, self._storage = before, storage
        self.place = storage.place

    def read(self, start: int, out: Ids) -> None:
        """Fill `out` with the entries from `start` on."""
        first = self._before[start : start + len(out)]
        out[: len(first)] = first
        if len(out) > len(first):
            self._storage.read(start + len(first) - len(self._before), out[len(first) :])

    def digest(self) -> None:
        """Return None: the entries are to be hashed themselves."""

    def close(self) -> None:
        """Free everything; a second call does nothing."""
        self._before = self._before[:0]
        self._storage.close()


class _Sentences:
    """Counts the sentences of entries that come in slices.

    size, n  the numbers of entries, and of sentences that end in them
    """

    def __init__(self) -> None:
        self.size = self.n = 0
        self._longest = self._last_end = 0

    @classmethod
    def of(cls, entries: Ids) -> "_Sentences":
        sentences = cls()
        sentences.add(entries)
        return sentences

    def add(self, entries: Ids) -> None:
        ends = np.flatnonzero(entries == END) + (self.size + 1)
        self.n += len(ends)
        self._longest = int(np.diff(ends, prepend=self._last_end).max(initial=self._longest))
        self._last_end = int(ends[-1]) if len(ends) else self._last_end
        self.size += len(entries)

    @property
    def longest(self) -> int:
        """The most words of a sentence; a longer one is cut, and its last part may have no END."""
        return min(BLOCK_WORDS, max(self._longest - 1, self.size - self._last_end))


def _cut(entries: Entries, size: int) -> list[int]:
    """Return where blocks start, if `size` entries may be followed by others: the last start is that of what is left.

    A block ends at the last sentence end that fits, or inside a sentence that is too long.
    """
    starts = [0]
    while size - starts[-1] > BLOCK_WORDS:
        starts.append(_last_end(entries, starts[-1]))
    return starts


def _last_end(entries: Entries, start: int) -> int:
    """Return where the last sentence ends that ends within a block from `start` on; the block's end if none does."""
    limit = stop = start + BLOCK_WORDS
    while stop > start:
        some = np.empty(min(_LOOKED_AT, stop - start), np.int32)
        stop -= len(some)
        entries.read(stop, some)
        ends = np.flatnonzero(some == END)
        if len(ends):
            return stop + int(ends[-1]) + 1
    return limit


def _renumbered(entries: Ids, ids: Ids, last: int) -> tuple[Ids, int, int]:
    """Replace ids, without those dropped and without sentences that become empty.

    `last` is the entry before. Returns the new entries, the number of sentences that end in them, and the last entry.
    """
    out = np.empty_like(entries)
    n, n_sentences, last = map(int, renumber(entries, ids, last, out))
    return out[:n], n_sentences, last


def _check(entries: Ids, n_ids: int) -> None:
    """Raise `CorpusError` for an id that was not written, before a kernel uses it as an index."""
    if len(entries) and (entries.min() < END or entries.max() >= n_ids):
        raise CorpusError(
            f"the token store holds ids from {entries.min()} to {entries.max()} where {END} to {n_ids - 1} are "
            "allowed: the temporary file was changed, or its disk is failing; read the corpus again"
        )
