r"""fastText's model, `.bin`: read for its word vectors, with the parts of words that they are made of.

Byte layout, little-endian (https://github.com/facebookresearch/fastText, versions 11 and 12):

    int32 793712314, int32 version
    12 int32      dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate
    float64       t
    3 int32       entries, words, labels
    2 int64       tokens, pruned n-grams (-1: not pruned)
    entries       bytes of the word, 0x00, int64 count, int8 type (0 word, 1 label); words first
    int8          whether the input matrix is quantised
    2 int64       rows (words + bucket) and columns of the input matrix, then its float32
    the rest      the output matrix, laid out alike; it is not read

The vector of a word w is the mean of its own row and of those of its character n-grams (Bojanowski et al. 2017,
eq. 2), of minn to maxn characters of <w>, the n-gram g having the row

    words + h(g) mod bucket,   h: 32-bit FNV-1a over bytes taken as signed

and is summed here in the order fastText sums it, so that it is the same to the last bit. fastText's own text,
`.vec`, is word2vec's with a space before each newline: see `firth.formats.word2vec`.
"""

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.streams import PathLike, fewer_rows, is_compressed, reading, room_for
from firth.formats.words import Table, decoded, whole
from firth.messages import counted

Array = NDArray[Any]

MAGIC = 793712314
_VERSIONS = (11, 12)
_HEAD = struct.Struct("<2i12id3i2q")
_ENTRY = struct.Struct("<qb")
_MATRIX = struct.Struct("<b2q")
_SUPERVISED = 3
_END_OF_SENTENCE = b"</s>"
_LONGEST_WORD = 1 << 16  # bytes
_LONGEST_PART = 100  # characters; fastText takes 6, and without a limit a long word would take hours
_PIECE_BYTES = 4 << 20


class _Head(NamedTuple):
    magic: int
    version: int
    dim: int
    ws: int
    epoch: int
    min_count: int
    neg: int
    word_ngrams: int
    loss: int
    model: int
    bucket: int
    minn: int
    maxn: int
    lr_update_rate: int
    t: float
    entries: int
    words: int
    labels: int
    tokens: int
    pruned: int


def read_fasttext(
    path: PathLike, *, encoding: str = "utf8", unicode_errors: str = "strict", limit: int | None = None
) -> Table:
    """Read the word vectors and counts of a fastText `.bin`, plain or compressed.

    The rows come as fastText's own `getWordVector` computes them, n-grams included: (V, D) float32. Beside
    them a plain file takes no memory, for its matrix is mapped; a compressed one takes the input matrix's.
    Raises `FormatError` for a quantised (`.ftz`) or pruned model, and a file that is cut or damaged, and
    `NotEnoughMemoryError` for a compressed matrix that this machine cannot hold.
    """
    path = Path(path)
    with reading(path) as file:
        reader = _Bytes(path, file)
        head = _read_head(reader)
        words, counts = _read_words(reader, head)
        matrix = _read_matrix(reader, head)
    V = head.words if limit is None else min(limit, head.words)
    keys = decoded(path, words[:V], encoding, unicode_errors)
    return whole(path, Table(keys, _compose(path, words[:V], matrix, head), np.array(counts[:V], np.int64)))


# --- reading


def _read_head(reader: "_Bytes") -> _Head:
    path, data = reader.path, reader.take(_HEAD.size, "its first numbers")
    head = _Head(*_HEAD.unpack(data))
    if head.magic != MAGIC:
        raise FormatError(f"{path} is no fastText .bin model: it begins with {data[:4]!r}")
    if head.version not in _VERSIONS:
        raise FormatError(f"{path} is in version {head.version} of fastText's format: 11 and 12 can be read")
    sound = 0 < head.dim <= 1 << 16 and 0 <= head.words <= head.entries and head.bucket >= 0 and head.minn >= 0
    if not sound or head.maxn > _LONGEST_PART or head.words + head.labels != head.entries:
        raise _damaged(path, f"its first numbers do not go together: {head}")
    if head.pruned > 0:
        raise FormatError(f"{path} is a pruned fastText model: {_INSTEAD}")
    # a classifier of version 11 has no character n-grams, whatever it says
    return head._replace(maxn=0) if head.version == 11 and head.model == _SUPERVISED else head


def _read_words(reader: "_Bytes", head: _Head) -> tuple[list[bytes], list[int]]:
    """Return the words and counts, and leave `reader` behind the dictionary: labels are passed over."""
    words: list[bytes] = []
    counts: list[int] = []
    for index in range(head.entries):
        word = reader.until_zero()
        count, kind = _ENTRY.unpack(reader.take(_ENTRY.size, "its dictionary"))
        if kind not in (0, 1) or (kind == 0) != (index < head.words):
            raise _damaged(reader.path, f"entry {index + 1} of its dictionary, {word[:40]!r}, is of kind {kind}")
        if kind == 0:
            words.append(word)
            counts.append(count)
    return words, counts


class _Bytes:
    """Takes bytes from a file a few MiB at a time, knowing how far it is."""

    def __init__(self, path: Path, file: BinaryIO):
        self.path = path
        self.file = file
        self.position = 0
        self.held = b""
        self.at = 0

    def until_zero(self) -> bytes:
        while (end := self.held.find(b"\0", self.at, self.at + _LONGEST_WORD)) < 0:
            if len(self.held) - self.at >= _LONGEST_WORD:
                raise _damaged(self.path, f"the word at byte {self.position} of it is longer than {_LONGEST_WORD}")
            self._more("its dictionary")
        word = self.held[self.at : end]
        self._advance(end + 1 - self.at)
        return word

    def take(self, size: int, part: str) -> bytes:
        while len(self.held) - self.at < size:
            self._more(part)
        taken = self.held[self.at : self.at + size]
        self._advance(size)
        return taken

    def _advance(self, size: int) -> None:
        self.at += size
        self.position += size

    def _more(self, part: str) -> None:
        new = self.file.read(_PIECE_BYTES)
        if not new:
            end = self.position + len(self.held) - self.at
            raise _damaged(self.path, f"it ends at byte {end}, within {part}")
        self.held, self.at = self.held[self.at :] + new, 0


def _read_matrix(reader: _Bytes, head: _Head) -> Array:
    """Return the (rows, D) input matrix: mapped, or in memory where the file is compressed."""
    path = reader.path
    quantised, rows, D = _MATRIX.unpack(reader.take(_MATRIX.size, "the size of its matrix"))
    if quantised:
        raise FormatError(f"{path} is a quantised fastText model (.ftz): {_INSTEAD}")
    if head.dim != D or rows not in (head.words, head.words + head.bucket):
        raise _damaged(
            path, f"its matrix is {rows} x {D}, with {counted(head.words, 'word')} and {counted(head.bucket, 'bucket')}"
        )
    if is_compressed(path):
        return _read_floats(reader, rows, D)
    end = reader.position + 4 * rows * D
    if (size := path.stat().st_size) < end:
        raise _damaged(path, f"its matrix of {rows} x {D} ends at byte {end}, and the file at byte {size}")
    if not rows:
        return np.empty((0, D), np.float32)
    return np.memmap(path, dtype="<f4", mode="r", offset=reader.position, shape=(rows, D))


def _read_floats(reader: _Bytes, rows: int, D: int) -> Array:
    room_for((rows, D), np.float32, reader.path, "unpack it first, for then its matrix is mapped")
    size, data = 4 * rows * D, bytearray()
    while len(data) < size:
        data += reader.take(min(_PIECE_BYTES, size - len(data)), f"its matrix of {rows} x {D}")
    return np.frombuffer(data, "<f4").reshape(rows, D)


_INSTEAD = "take the .bin it was made from, or the .vec file written beside that"


def _damaged(path: Path, reason: str) -> FormatError:
    return FormatError(f"{path} is cut or damaged, or no fastText .bin model: {reason}")


# --- composing


def _compose(path: Path, words: list[bytes], matrix: Array, head: _Head) -> NDArray[np.float32]:
    """Return the (V, D) vectors of the words."""
    V = len(words)
    room_for((V, head.dim), np.float32, path, fewer_rows())
    if head.maxn <= 0 or head.bucket == 0 or len(matrix) == head.words or head.pruned == 0:
        return np.array(matrix[:V], dtype=np.float32)
    blob = np.frombuffer(b"".join(b"<%s>" % word for word in words), np.uint8)
    ends = np.cumsum([len(word) + 2 for word in words], dtype=np.int64)
    whole = np.array([word == _END_OF_SENTENCE for word in words], np.bool_)
    vectors = np.empty((V, head.dim), np.float32)
    plain = matrix.view(np.ndarray)
    _compiled()(blob, ends, whole, plain, head.words, head.bucket, head.minn, head.maxn, vectors)
    return vectors


@cache
def _compiled() -> Callable[..., None]:
    import numba

    return cast(Callable[..., None], numba.njit(nogil=True)(_mean_of_parts))


def _mean_of_parts(
    blob: Any, ends: Any, whole: Any, matrix: Any, V: int, bucket: int, minn: int, maxn: int, vectors: Any
) -> None:
    """Fill `vectors`; `blob` holds each word as <word>, ending at `ends`; those that are `whole` have no parts.

    An n-gram of one character is left out at either end, where it is the bracket alone. Compiled by Numba.
    """
    start = 0
    for w in range(ends.shape[0]):
        end = ends[w]
        vectors[w] = matrix[w]
        parts = 1
        first = end if whole[w] else start
        for i in range(first, end):
            if blob[i] & 0xC0 == 0x80:  # within a character
                continue
            value = np.uint32(2166136261)
            j = i
            n = 1
            while j < end and n <= maxn:
                bare = True
                while j < end and (bare or blob[j] & 0xC0 == 0x80):
                    bare = False
                    signed = np.uint32(np.int32(np.int8(blob[j])))
                    value = np.uint32(np.uint32(value ^ signed) * np.uint32(16777619))
                    j += 1
                if n >= minn and not (n == 1 and (i == start or j == end)):
                    row = V + np.int64(value) % bucket
                    for d in range(vectors.shape[1]):
                        vectors[w, d] += matrix[row, d]
                    parts += 1
                n += 1
        scale = np.float32(1.0 / parts)
        for d in range(vectors.shape[1]):
            vectors[w, d] *= scale
        start = end
