r"""fastText's model, `.bin`: words, the rows of words and of their character n-grams, and the output matrix.

Byte layout, little-endian (https://github.com/facebookresearch/fastText, versions 11 and 12; 12 is written):

    int32 793712314, int32 version
    12 int32      dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate
    float64       t
    3 int32       entries, words, labels
    2 int64       tokens, pruned n-grams (-1: not pruned)
    entries       bytes of the word, 0x00, int64 count, int8 type (0 word, 1 label); words first
    int8          whether the input matrix is quantised
    2 int64       rows (words + bucket) and columns of the input matrix, then its float32
    the rest      the output matrix, in the same layout; it is not read

The vector of a word is the mean of its own row and the rows of its n-grams (`firth.subwords`); the n-gram with the
number b has row words + b. With hierarchical softmax, the output matrix has the nodes of the Huffman tree of the counts
(`firth.objectives.huffman_tree`), in the order of firth's and with the opposite sign, and a row that is not used: in
fastText sigma(q . h) is the probability of child 1, in firth and word2vec.c that of child 0. fastText's text, `.vec`,
is in `firth.formats.word2vec`.
"""

import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, OptionError
from firth.formats.format import Array, Format, PathLike, Signature, Table
from firth.formats.streams import (
    BLOCK_ROWS,
    CHUNK_BYTES,
    fewer_rows,
    is_compressed,
    reading,
    room_for,
    writing_set,
)
from firth.formats.words import check_shapes, decoded, encoded, unique_rows
from firth.messages import counted
from firth.options import Options
from firth.subwords import LONGEST_NGRAM, NgramScheme, SubwordVectors

MAGIC = 793712314  # the first four bytes
_VERSIONS = (11, 12)
_HEADER = struct.Struct("<3i24x4i12x3i8xq")  # x: bytes that are skipped
_WRITTEN = struct.Struct("<14id3i2q")  # all of it
_ENTRY = struct.Struct("<qb")
_MATRIX = struct.Struct("<b2q")
_NAMES = (
    "magic", "version", "dim", "ws", "epoch", "minCount", "neg", "wordNgrams", "loss", "model", "bucket", "minn",
    "maxn", "lrUpdateRate", "t", "entries", "words", "labels", "tokens", "pruned",
)  # fmt: skip
_SUPERVISED = 3
HIERARCHICAL_SOFTMAX = 1  # in the header
_LOSSES = {"hierarchical_softmax": HIERARCHICAL_SOFTMAX, "negative_sampling": 2, "softmax": 3}
_MODELS = {"cbow": 1, "skip_gram": 2}
_LARGEST_INT = 2**31 - 1
_LONGEST_WORD = 1 << 16  # bytes
_UNWRITABLE = re.compile(r"[ \t\n\v\f\r\0]")
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
    """Read the word vectors, the counts and the rows of n-grams of a fastText `.bin`, plain or compressed.

    The vectors are those of fastText's `getWordVector`, n-grams included: (V, D) float32. The matrix of a plain file
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
    subwords = _subwords(matrix, header)
    vectors = _compose(path, words[:V], matrix, subwords)
    return unique_rows(path, Table(keys, vectors, np.array(counts[:V], np.int64), subwords))


class ClassifierError(FormatError):
    """The file is a classifier of fastText, not a model of words."""


class FastTextModel(NamedTuple):
    """All of a model: its table, the (V, D) output matrix, and the numbers of its header by fastText's names."""

    table: Table
    output: NDArray[np.float32]  # for hierarchical softmax the nodes with firth's sign, and a row that is not used
    header: dict[str, Any]


def read_fasttext_model(path: PathLike, *, encoding: str = "utf8", unicode_errors: str = "strict") -> FastTextModel:
    """Read a whole `.bin`; raises the errors of `read_fasttext`, and `ClassifierError` for a classifier."""
    path = Path(path)
    with reading(path) as file:
        reader = _Bytes(path, file)
        head = dict(zip(_NAMES, _WRITTEN.unpack(reader.take(_WRITTEN.size, "its header")), strict=True))
        if head["magic"] == MAGIC and head["model"] == _SUPERVISED:
            raise ClassifierError(f"{path} is a classifier of fastText, not a model of words: read it with fastText")
        table = read_fasttext(path, encoding=encoding, unicode_errors=unicode_errors)  # which checks the header
        _read_words(reader, _Header(*(head[name] for name in _Header._fields)))
        _skip_matrix(reader)
        output = _read_output(reader)
    if output.shape != table.vectors.shape:
        raise _damaged(path, f"its output matrix is {output.shape}, and its vectors are {table.vectors.shape}")
    return FastTextModel(table, 0 - output if head["loss"] == HIERARCHICAL_SOFTMAX else output, head)


# --- reading


def _skip_matrix(reader: "_Bytes") -> None:
    _, rows, D = _MATRIX.unpack(reader.take(_MATRIX.size, "the size of its matrix"))
    left = 4 * rows * D
    while left:
        left -= len(reader.take(min(CHUNK_BYTES, left), "its input matrix"))


def _read_output(reader: "_Bytes") -> NDArray[np.float32]:
    quantised, rows, D = _MATRIX.unpack(reader.take(_MATRIX.size, "the size of its output matrix"))
    if quantised or rows < 0 or D < 1:
        raise _damaged(reader.path, f"its output matrix is {rows} x {D}")
    room_for((rows, D), np.float32, reader.path, "read the vectors alone")
    data, size = bytearray(), 4 * rows * D
    while len(data) < size:
        data += reader.take(min(CHUNK_BYTES, size - len(data)), "its output matrix")
    return np.frombuffer(data, "<f4").reshape(rows, D).astype(np.float32)


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
    if not sound or header.maxn > LONGEST_NGRAM or header.words + header.labels != header.entries:
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


def _subwords(matrix: Array, header: _Header) -> SubwordVectors | None:
    """Return the rows of the n-grams, or None for a model without n-grams."""
    if header.maxn <= 0 or header.bucket == 0 or len(matrix) == header.words or header.pruned == 0:
        return None
    return SubwordVectors(NgramScheme(header.minn, header.maxn, header.bucket), matrix[header.words :])


def _compose(path: Path, words: list[bytes], matrix: Array, subwords: SubwordVectors | None) -> NDArray[np.float32]:
    """Return the (V, D) vectors of the words."""
    V = len(words)
    room_for((V, matrix.shape[1]), np.float32, path, fewer_rows())
    if subwords is None:
        return np.array(matrix[:V], dtype=np.float32)
    return subwords.compose(words, matrix[:V])


# --- writing


def write_fasttext(
    path: PathLike,
    keys: Sequence[str | int],
    vectors: Array,
    counts: Array | None = None,
    *,
    subwords: SubwordVectors | None = None,
    outside: Array | None = None,
    nodes: Array | None = None,
    options: Mapping[str, Any] | None = None,
) -> None:
    """Write a model that fastText and gensim's `load_facebook_model` read, atomically; a suffix may compress it.

    vectors   (V, D): the vectors of the words; the row written for a word is what its n-grams leave of its vector
    counts    (V,); a count below 1, or counts that are unknown, are written as 1, because gensim drops such words
    subwords  rows of n-grams; None writes a model without n-grams
    outside   (V, D) output matrix; zeros are written for None
    nodes     (V - 1, D) nodes of the Huffman tree of `counts`, which descend; instead of `outside`
    options   `Options` as a dictionary, for the header; by default those of `Options()`

    Numbers are written as float32, and whole-number keys in decimal. Raises `FormatError`, before anything is written,
    for a word that is empty or contains whitespace or a null character, and `OptionError` if shapes differ.
    """
    check_shapes(keys, vectors, counts)
    if outside is not None and nodes is not None:
        raise OptionError(
            "fastText's .bin has room for one output matrix, and this model has an outside matrix and nodes: write the "
            "vectors alone, wv.save(path, 'fasttext-bin')"
        )
    words = encoded(keys, "fastText's .bin", _UNWRITABLE)
    if outside is not None and outside.shape != vectors.shape:
        raise OptionError(f"outside has shape {outside.shape}: it must have that of the vectors, {vectors.shape}")
    if nodes is not None:
        _check_nodes(nodes, vectors.shape, counts)
    if subwords is not None and subwords.vector_size != vectors.shape[1]:
        raise OptionError(
            f"the rows of n-grams have {counted(subwords.vector_size, 'number')}, and the vectors {vectors.shape[1]}: "
            "they must have the same size"
        )
    occurrences = [1] * len(words) if counts is None else np.maximum(counts, 1).tolist()
    with writing_set(path) as (file,):
        file.write(_header_bytes(vectors.shape, subwords, options, sum(occurrences)))
        for word, count in zip(words, occurrences, strict=True):
            file.write(word + b"\0" + _ENTRY.pack(count, 0))
        V, D = vectors.shape
        n_ngrams = 0 if subwords is None else subwords.scheme.buckets
        _write_matrix(file, (V + n_ngrams, D), _input_blocks(words, vectors, subwords))
        _write_matrix(file, (V, D), _output_blocks((V, D), outside, nodes))


def _check_nodes(nodes: Array, shape: tuple[int, ...], counts: Array | None) -> None:
    """Raise `OptionError` for nodes that are not those of a tree of counts in descending order."""
    V, D = shape
    if nodes.shape != (V - 1, D):
        raise OptionError(f"nodes has shape {nodes.shape}: it must be {(V - 1, D)}, for the tree of {V} words")
    if counts is None or (np.diff(counts) > 0).any():
        found = "are unknown" if counts is None else "do not descend"
        raise OptionError(
            f"the counts {found}, but fastText makes the tree of hierarchical softmax from descending counts: write "
            "the vectors alone, wv.save(path, 'fasttext-bin')"
        )


def _output_blocks(shape: tuple[int, int], outside: Array | None, nodes: Array | None) -> Iterator[Array]:
    """Yield the rows of the output matrix, some at a time; without a matrix they are zero."""
    if nodes is not None:
        yield from (0 - block for block in _blocks(nodes))
        yield np.zeros((1, shape[1]), np.float32)
    else:
        yield from _blocks(np.broadcast_to(np.float32(0), shape) if outside is None else outside)


def _header_bytes(
    shape: tuple[int, ...], subwords: SubwordVectors | None, options: Mapping[str, Any] | None, tokens: int
) -> bytes:
    V, D = shape
    minn, maxn, buckets = (0, 0, 0) if subwords is None else subwords.scheme
    used = Options().to_dict() | dict(options or {})
    loss, model = _LOSSES[used["objective"]], _MODELS[used["architecture"]]
    least = min(used["min_count"], _LARGEST_INT)
    numbers = [D, used["window"], used["epochs"], least, used["negative"], 1, loss, model, buckets, minn, maxn, 100]
    return _WRITTEN.pack(MAGIC, max(_VERSIONS), *numbers, used["sample"], V, V, 0, tokens, -1)


def _input_blocks(words: list[bytes], vectors: Array, subwords: SubwordVectors | None) -> Iterator[Array]:
    """Yield the rows of the words and then of the n-grams, some at a time."""
    for start in range(0, len(words), BLOCK_ROWS):
        block = vectors[start : start + BLOCK_ROWS]
        yield block if subwords is None else subwords.own_rows(words[start : start + BLOCK_ROWS], block)
    if subwords is not None:
        for start in range(0, subwords.scheme.buckets, BLOCK_ROWS):
            yield subwords.dense_rows(start, min(start + BLOCK_ROWS, subwords.scheme.buckets))


def _blocks(matrix: Array) -> Iterator[Array]:
    for start in range(0, len(matrix), BLOCK_ROWS):
        yield matrix[start : start + BLOCK_ROWS]


def _write_matrix(file: BinaryIO, shape: tuple[int, ...], blocks: Iterator[Array]) -> None:
    file.write(_MATRIX.pack(0, *shape))
    for block in blocks:
        file.write(np.ascontiguousarray(block, "<f4").data)


FORMAT = Format(
    "fasttext-bin",
    "fastText's .bin model with its n-grams; gensim's load_facebook_model reads it",
    read_fasttext,
    write_fasttext,
    reads_with=frozenset({"limit", "encoding", "unicode_errors"}),
    writes_with=frozenset({"subwords", "outside", "nodes", "options"}),
    compressible=True,
    signature=Signature(MAGIC.to_bytes(4, "little"), "a fastText .bin model", "read it with KeyedVectors.load"),
)
