"""A model written by several processes: each writes the rows that it holds, and none holds a whole matrix.

The result is one native file (`firth.formats.native`), with the bytes that `write_native` writes, so that every reader
works as before, memory maps included. All processes must see its folder:

1. One process, which knows the words, opens the file under a temporary name (`open_shards`). It writes the words and
   the counts at their offsets, after the room for both matrices, so that the file has its final size from the start.
2. Each process writes ranges of rows at their offsets (`write_shard`), in any order, at the same time.
3. The first process reads the matrices back, compares the checksum of each shard with its writer's, completes the
   header and renames the file (`OpenShards.finish`).

One file per process would need another pass to become a matrix that can be mapped. On a network file system two
machines may write to one page, at the border of their ranges. Writers never read the file, so that a machine sends the
bytes that it wrote and not the rest of the page; step 3 finds a write that was lost all the same.
"""

import errno
import hashlib
import os
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np

from firth.atomic import atomic_shared, write_into
from firth.errors import FormatError, OptionError
from firth.formats.format import Array, PathLike
from firth.formats.helper_thread import helper
from firth.formats.native import checked_tensors, strings_of
from firth.formats.sealed import NATIVE, crc32_of, hashed_header
from firth.formats.streams import refuse_compression
from firth.formats.tensors import parts
from firth.messages import counted

MATRICES = ("center", "outside")

_PART_BYTES = 4 << 20


class ShardTarget(NamedTuple):
    """What a process needs to know to write rows; it can be pickled.

    path       of the temporary file
    final      path that the file will have, for messages
    starts     the byte at which each matrix starts
    shape      (V, D) of both matrices, of float32
    n_bytes    size of the file
    """

    path: str
    final: str
    starts: dict[str, int]
    shape: tuple[int, int]
    n_bytes: int

    def offset(self, name: str, row: int) -> int:
        """Return the byte at which a row of a matrix starts."""
        return self.starts[name] + 4 * self.shape[1] * row


class Shard(NamedTuple):
    """Rows [first, stop) of a matrix that were written, and the CRC-32 of their bytes."""

    name: str
    first: int
    stop: int
    crc32: int


def write_shard(target: ShardTarget, name: str, first: int, blocks: Iterable[Array]) -> Shard:
    """Write consecutive rows of the matrix `name`, "center" or "outside", from row `first` on; return their checksum.

    `blocks` are arrays (n, D) of float32, not necessarily contiguous; they are copied a few MiB at a time. The bytes
    are on the disk when the function returns. Raises `OptionError` for an unknown matrix, another shape or dtype, and
    rows that the matrix does not have, and `OSError` if this machine does not see the file, or the disk is full.
    """
    if name not in MATRICES:
        raise OptionError(f"there is no matrix {name!r}: give one of {', '.join(MATRICES)}")
    stop, value = first, 0
    with _writing(target) as file:
        for block in blocks:
            _check_block(target, name, block, stop)
            file.seek(target.offset(name, stop))
            for part in parts(block):
                file.write(part)
                value = zlib.crc32(part, value)
            stop += len(block)
    return Shard(name, first, stop, value)


def _check_block(target: ShardTarget, name: str, block: Array, first: int) -> None:
    V, D = target.shape
    if block.ndim != 2 or block.shape[1] != D or block.dtype != np.float32:
        raise OptionError(
            f"a block of {name} has shape {block.shape} and dtype {block.dtype}: it must have {D} columns of float32"
        )
    if not 0 <= first <= first + len(block) <= V:
        raise OptionError(f"{name} has {counted(V, 'row')}, not rows {first:,} to {first + len(block) - 1:,}")


@contextmanager
def _writing(target: ShardTarget) -> Iterator[BinaryIO]:
    """Open the temporary file to write in it; raise errors that name the final path."""
    try:
        with write_into(target.path, target.final) as file:
            if (size := os.fstat(file.fileno()).st_size) != target.n_bytes:
                raise FormatError(
                    f"{target.path} has {counted(size, 'byte')} on this machine instead of {target.n_bytes:,}: the "
                    "folder must be the same for all processes that write the model"
                )
            yield file
    except FileNotFoundError as error:
        text = "this machine does not see the file that other processes write: give a folder that all of them share"
        raise FileNotFoundError(errno.ENOENT, text, target.final) from error


@contextmanager
def open_shards(
    path: PathLike,
    *,
    keys: Sequence[str | int],
    vector_size: int,
    counts: Array | Sequence[int] | None = None,
    options: Mapping[str, Any] | None = None,
    history: list[dict[str, Any]] | None = None,
) -> Iterator["OpenShards"]:
    """Open a native file for the `with` block, in which its shards are written and `finish` is called.

    The arguments are those of `write_native`, and so are the errors. If the block raises, `path` is unchanged. Raises
    `FormatError` if the block ends without `finish`.
    """
    refuse_compression(path, "native")
    rows = np.broadcast_to(np.float32(0), (len(keys), vector_size))  # takes no memory
    tensors = checked_tensors(keys, rows, {"outside": rows}, counts)
    with atomic_shared(path) as (file, temporary):
        shards = OpenShards(file, temporary, Path(path), tensors, strings_of(options, history=history))
        yield shards
        shards.check_finished()


class OpenShards:
    """A native file whose rows other processes write; `target` is what they need to know."""

    target: ShardTarget

    def __init__(self, file: BinaryIO, temporary: Path, path: Path, tensors: dict[str, Array], strings: dict[str, str]):
        self._file, self._tensors, self._strings = file, tensors, strings
        self._is_finished = False
        file.write(hashed_header(NATIVE, tensors, strings))
        starts = {}
        for name, array in tensors.items():
            if name in MATRICES:
                starts[name] = file.tell()
                file.seek(array.nbytes, os.SEEK_CUR)
                continue
            for part in parts(array):
                file.write(part)
        file.truncate()  # there may be nothing after the matrices
        file.flush()
        os.fsync(file.fileno())  # other machines must see its size
        V, D = tensors["center"].shape
        self.target = ShardTarget(os.fspath(temporary), os.fspath(path), starts, (V, D), file.tell())

    def finish(self, shards: Iterable[Shard]) -> None:
        """Check the shards and complete the header; the writers must have returned.

        Raises `FormatError`, naming the rows, if some were not written, were written twice, or are in the file with
        other bytes than were written.
        """
        given = [shard for shard in shards if shard.stop > shard.first]
        in_order = {name: self._in_order(name, [shard for shard in given if shard.name == name]) for name in MATRICES}
        digest = hashlib.sha256()
        with Path(self.target.path).open("rb", buffering=0) as file:
            checks = {
                name: self._summed(file, in_order[name], digest) if name in in_order else crc32_of(array)
                for name, array in self._tensors.items()
            }
        self._file.seek(0)
        self._file.write(hashed_header(NATIVE, self._tensors, self._strings, (checks, digest)))
        self._is_finished = True

    def check_finished(self) -> None:
        """Raise `FormatError` if `finish` was not called."""
        if not self._is_finished:
            raise FormatError(f"{self.target.final} was not written: finish was not called with the shards")

    def _in_order(self, name: str, shards: list[Shard]) -> list[Shard]:
        """Return the shards of a matrix by their rows; raise `FormatError` unless they hold each row once."""
        V, done = self.target.shape[0], 0
        ordered = sorted(shards)
        for shard in [*ordered, Shard(name, V, V, 0)]:
            if shard.first != done:
                what = "were not written" if shard.first > done else "were written twice"
                first, stop = sorted((done, shard.first))
                raise FormatError(f"{self.target.final}: rows {first:,} to {stop - 1:,} of {name} {what}")
            done = shard.stop
        return ordered

    def _summed(self, file: IO[bytes], shards: list[Shard], digest: "hashlib._Hash") -> str:
        """Read a matrix, add its bytes to `digest`, and return its CRC-32."""
        value = 0
        with helper(self._tensors["center"].nbytes) as other:
            for shard in shards:
                own = 0
                for part in self._parts(file, shard):
                    hashing = other.submit(digest.update, part)
                    own, value = zlib.crc32(part, own), zlib.crc32(part, value)
                    hashing.result()
                if own != shard.crc32:
                    raise FormatError(
                        f"{self.target.final}: rows {shard.first:,} to {shard.stop - 1:,} of {shard.name} are not the "
                        "bytes that were written: the disk or the network file system lost some. Save the model again, "
                        "in another folder"
                    )
        return f"{value:08x}"

    def _parts(self, file: IO[bytes], shard: Shard) -> Iterator[bytes]:
        """Yield the bytes of a shard, a few MiB at a time."""
        left = self.target.offset(shard.name, shard.stop) - file.seek(self.target.offset(shard.name, shard.first))
        while left and (part := file.read(min(left, _PART_BYTES))):
            left -= len(part)
            yield part
