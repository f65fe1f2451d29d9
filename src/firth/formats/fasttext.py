r"""fastText's model, `.bin`: its word vectors, computed from words and their character n-grams.

Byte layout, little-endian (https://github.com/facebookresearch/fastText, versions 11 and 12):

    int32 793712314, int32 version
    12 int32      dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate
    float64       t
    3 int32       entries, words, labels
    2 int64       tokens, pruned n-grams (-1: not pruned)
    entries       bytes of the word, 0x00, int64 count, int8 type (0 word, 1 label); words first
    int8          whether the input matrix is quantised
    2 int64       rows (words + bucket) and columns of the input matrix, then its float32
    the rest      the output matrix, in the same layout; it is not read

The vector of a word w is the mean of its own row and of those of its character n-grams (Bojanowski et al. 2017,
eq. 2), of minn to maxn characters of <w>. The n-gram g has the row

    words + h(g) mod bucket,   h: 32-bit FNV-1a over bytes taken as signed

The rows are added in the order in which fastText adds them, so the result is the same to the last bit. fastText's
text, `.vec`, is in `firth.formats.word2vec`.
"""

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.formats.format import Array, Format, PathLike, Signature, Table
from firth.formats.streams import CHUNK_BYTES, fewer_rows, is_compressed, reading, room_for
from firth.formats.words import decoded, unique_rows
from firth.messages import counted

MAGIC = 793712314  # the first four bytes
_VERSIONS = (11, 12)
_HEADER = struct.Struct("<3i24x4i12x3i8xq")  # x: bytes that are skipped
_ENTRY = struct.Struct("<qb")
_MATRIX = struct.Struct("<b2q")
_SUPERVISED = 3
_END_OF_SENTENCE = b"</s>"
_LONGEST_WORD = 1 << 16  # bytes
_LONGEST_NGRAM = 100  # characters; fastText's default is 6, and without a limit a long word would take hours
_INSTEAD = "use the .bin it was made from, or the .vec file that was written with it"


class _Header(NamedTuple):
    """The numbers at the beginning of a file that the reader needs."""

    magic: int
    version: int
    dim: int
    model: int
    bucket: int
    minn: int
    maxn: int
    entries: int
    words: int
    labels: int
    pruned: int


def read_fasttext(
    path: PathLike, *, encoding: str = "utf8", unicode_errors: str = "strict", limit: int | None = None
) -> Table:
    """Read the word vectors and counts of a fastText `.bin`, plain or compressed.

    The rows are those of fastText's `getWordVector`, n-grams included: (V, D) float32. The matrix of a plain file
    is mapped and takes no further memory; that of a compressed file is read into memory.
    Raises `FormatError` for a quantised (`.ftz`) or pruned model, and a file that is truncated or damaged, and
    `NotEnoughMemoryError` for a matrix that does not fit in memory.
    """
    path = Path(path)
    with reading(path) as file:
        reader = _Bytes(path, file)
        header = _read_header(reader)
        words, counts = _read_words(reader, header)
        matrix = _read_matrix(reader, header)
    V = header.words if limit is None else min(limit, header.words)
    keys = decoded(path, words[:V], encoding, unicode_errors)
    return unique_rows(path, Table(keys, _compose(path, words[:V], matrix, header), np.array(counts[:V], np.int64)))


# --- reading


def _read_header(reader: "_Bytes") -> _Header:
    path, data = reader.path, reader.take(_HEADER.size, "its header")
    header = _Header(*_HEADER.unpack(data))
    if header.magic != MAGIC:
        raise FormatError(f"{path} is not a fastText .bin model: it begins with {data[:4]!r}")
    if header.version not in _VERSIONS:
        raise FormatError(f"{path} is in version {header.version} of fastText's format: 11 and 12 can be read")
    sound = (
        0 < header.dim <= 1 << 16 and 0 <= header.words <= header.entries and header.bucket >= 0 and header.minn >= 0
    )
    if not sound or header.maxn > _LONGEST_NGRAM or header.words + header.labels != header.entries:
        raise _damaged(path, f"its header is inconsistent: {header}")
    if header.pruned > 0:
        raise FormatError(f"{path} is a pruned fastText model: {_INSTEAD}")
    # a classifier of version 11 has no character n-grams, even if maxn is not 0
    return header._replace(maxn=0) if header.version == 11 and header.model == _SUPERVISED else header


def _read_words(reader: "_Bytes", header: _Header) -> tuple[list[bytes], list[int]]:
    """Return the words and counts; labels are skipped, and `reader` is left after the dictionary."""
    words: list[bytes] = []
    counts: list[int] = []
    for index in range(header.entries):
        word = reader.until_zero()
        count, kind = _ENTRY.unpack(reader.take(_ENTRY.size, "its dictionary"))
        if kind not in (0, 1) or (kind == 0) != (index < header.words):
            raise _damaged(reader.path, f"entry {index + 1} of its dictionary, {word[:40]!r}, is of kind {kind}")
        if kind == 0:
            words.append(word)
            counts.append(count)
    return words, counts


class _Bytes:
    """Reads a file a few MiB at a time, and counts the bytes that were taken."""

    def __init__(self, path: Path, file: BinaryIO):
        self.path, self.file = path, file
        self.held = b""
        self.at = 0  # in `held`
        self.position = 0  # in the file

    def until_zero(self) -> bytes:
        while (end := self.held.find(b"\0", self.at, self.at + _LONGEST_WORD)) < 0:
            if len(self.held) - self.at >= _LONGEST_WORD:
                raise _damaged(self.path, f"the word at byte {self.position} of it is longer than {_LONGEST_WORD}")
            self._more("its dictionary")
        word = self.held[self.at : end]
        self.position += end + 1 - self.at
        self.at = end + 1
        return word

    def take(self, size: int, part: str) -> bytes:
        while len(self.held) - self.at < size:
            self._more(part)
        self.at += size
        self.position += size
        return self.held[self.at - size : self.at]

    def _more(self, part: str) -> None:
        rest = self.held[self.at :]
        if not (new := self.file.read(CHUNK_BYTES)):
            raise _damaged(self.path, f"it ends at byte {self.position + len(rest)}, within {part}")
        self.held, self.at = rest + new, 0


def _read_matrix(reader: _Bytes, header: _Header) -> Array:
    """Return the (rows, D) input matrix: mapped, or in memory if the file is compressed."""
    path = reader.path
    quantised, rows, D = _MATRIX.unpack(reader.take(_MATRIX.size, "the size of its matrix"))
    if quantised:
        raise FormatError(f"{path} is a quantised fastText model (.ftz): {_INSTEAD}")
    if header.dim != D or rows not in (header.words, header.words + header.bucket):
        raise _damaged(
            path,
            f"its matrix is {rows} x {D}, with {counted(header.words, 'word')} and {counted(header.bucket, 'bucket')}",
        )
    size = 4 * rows * D
    if is_compressed(path):
        room_for((rows, D), np.float32, path, "unpack it first: the matrix of a plain file is mapped")
        data = bytearray()
        while len(data) < size:
            data += reader.take(min(CHUNK_BYTES, size - len(data)), f"its matrix of {rows} x {D}")
        return np.frombuffer(data, "<f4").reshape(rows, D)
    end = reader.position + size
    if (held := path.stat().st_size) < end:
        raise _damaged(path, f"its matrix of {rows} x {D} ends at byte {end}, and the file at byte {held}")
    if not rows:
        return np.empty((0, D), np.float32)
    return np.memmap(path, dtype="<f4", mode="r", offset=reader.position, shape=(rows, D))


def _damaged(path: Path, reason: str) -> FormatError:
    return FormatError(f"{path} is truncated or damaged, or is not a fastText .bin model: {reason}")


# --- composing


def _compose(path: Path, words: list[bytes], matrix: Array, header: _Header) -> NDArray[np.float32]:
    """Return the (V, D) vectors of the words."""
    V = len(words)
    room_for((V, header.dim), np.float32, path, fewer_rows())
    if header.maxn <= 0 or header.bucket == 0 or len(matrix) == header.words or header.pruned == 0:
        return np.array(matrix[:V], dtype=np.float32)
    blob = np.frombuffer(b"".join(b"<%s>" % word for word in words), np.uint8)
    ends = np.cumsum([len(word) + 2 for word in words], dtype=np.int64)
    no_ngrams = np.array([word == _END_OF_SENTENCE for word in words], np.bool_)
    vectors = np.empty((V, header.dim), np.float32)
    plain = matrix.view(np.ndarray)  # Numba does not take a memory map
    _compiled()(blob, ends, no_ngrams, plain, header.bucket, header.minn, header.maxn, vectors)
    return vectors


@cache
def _compiled() -> Callable[..., None]:
    import numba

    return cast(Callable[..., None], numba.njit(nogil=True)(_mean_of_ngrams))


def _mean_of_ngrams(
    blob: Any, ends: Any, no_ngrams: Any, matrix: Any, bucket: int, minn: int, maxn: int, vectors: Any
) -> None:
    """Fill `vectors` with the mean of each word's row of `matrix` and those of its n-grams, its last `bucket` rows.

    `blob` holds each word as <word>, ending at `ends`. An n-gram of one character is left out at either end, where
    it is the bracket alone. Compiled by Numba.
    """
    V = matrix.shape[0] - bucket
    start = 0
    for w in range(ends.shape[0]):
        end = ends[w]
        vectors[w] = matrix[w]
        added = 1
        first = end if no_ngrams[w] else start
        for i in range(first, end):
            if blob[i] & 0xC0 == 0x80:  # within a character
                continue
            value = np.uint32(2166136261)
            j = i
            n = 1
            while j < end and n <= maxn:
                first_byte = True
                while j < end and (first_byte or blob[j] & 0xC0 == 0x80):
                    first_byte = False
                    signed = np.uint32(np.int32(np.int8(blob[j])))
                    value = np.uint32(np.uint32(value ^ signed) * np.uint32(16777619))
                    j += 1
                if n >= minn and not (n == 1 and (i == start or j == end)):
                    row = V + np.int64(value) % bucket
                    for d in range(vectors.shape[1]):
                        vectors[w, d] += matrix[row, d]
                    added += 1
                n += 1
        scale = np.float32(1.0 / added)
        for d in range(vectors.shape[1]):
            vectors[w, d] *= scale
        start = end


FORMAT = Format(
    "fasttext-bin",
    "a fastText .bin model: its word vectors, n-grams included (read only)",
    read_fasttext,
    suffixes=(".bin",),
    reads_with=frozenset({"limit", "encoding", "unicode_errors"}),
    compressible=True,
    signature=Signature(MAGIC.to_bytes(4, "little"), "a fastText .bin model", "read it with KeyedVectors.load"),
)
