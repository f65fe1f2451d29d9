"""What a file is, told from its first bytes: so that a refusal can name what was found and the way on."""

import os
from pathlib import Path

from firth.errors import FormatError

HEAD_BYTES = 64
LONGEST_FIRST_LINE = 100  # bytes of the first line of a word2vec file
_MOST_DIGITS = 18  # of a number in it: more would not fit in 64 bits
_GENSIM = (
    "firth never unpickles, for a pickle can run any code. In gensim, call "
    "Word2Vec.load(...).wv.save_word2vec_format('vectors.bin', binary=True), or for vectors alone "
    "KeyedVectors.load(...).save_word2vec_format; firth reads that file"
)
ZIP = b"PK\x03\x04"
FASTTEXT = b"\xba\x16\x4f\x2f"
_MAGIC = (
    *((bytes([0x80, protocol]), "a Python pickle or a gensim model", _GENSIM) for protocol in range(2, 6)),
    (
        b"\x93NUMPY",
        "a NumPy .npy array",
        "in Python, load it with numpy.load and give it to KeyedVectors(keys, vectors)",
    ),
    (ZIP, "a zip archive (.npz or a PyTorch model)", "KeyedVectors.load reads .npz; else unpack it first"),
    (FASTTEXT, "a fastText .bin model", "read it with KeyedVectors.load"),
    (b"ARROW1", "an Arrow file", "read it with KeyedVectors.load"),
    (b"PAR1", "a Parquet file", "read it with KeyedVectors.load"),
)
_PACKED = (
    (b"\x1f\x8b", "a gzip file", ".gz"),
    (b"BZh91AY&SY", "a bzip2 file", ".bz2"),
    (b"\xfd7zXZ", "an xz file", ".xz"),
    (b"\x28\xb5\x2f\xfd", "a zstd file", ".zst"),
)


def refuse_devices(path: str | os.PathLike[str]) -> None:
    """Raise `FormatError` for what is neither a file nor a folder: to open a pipe may wait for ever."""
    path = Path(path)
    if path.exists() and not path.is_file() and not path.is_dir():
        raise FormatError(f"{path} is a pipe, a socket or a device: give a file of vectors")


def known_kind(head: bytes, *, unpacked: bool = False) -> tuple[str, str] | None:
    """Return (what it is, what to do) for the head of a file that is neither firth's nor word2vec's, if it is known.

    `unpacked` tells that these bytes come from a compressed file, whose name says so.
    """
    for magic, kind, suffix in _PACKED:
        if head.startswith(magic):
            once = kind, f"unpack it first, or give it a name ending in {suffix}"
            return (f"{kind} inside a compressed file", "unpack it first") if unpacked else once
    for magic, kind, advice in _MAGIC:
        if head.startswith(magic):
            return kind, advice
    return None


def read_head(path: str | os.PathLike[str]) -> bytes:
    """Return the first bytes of the file; raise `FormatError` as `refuse_devices` does."""
    refuse_devices(path)
    with Path(path).open("rb") as file:
        return file.read(HEAD_BYTES)


def is_safetensors(head: bytes) -> bool:
    """Tell whether `head` opens a safetensors file: eight bytes of length, then a JSON object."""
    return len(head) >= 10 and head[8:10] == b'{"' and head[5:8] == b"\0\0\0"


def is_word2vec(head: bytes) -> bool:
    """Tell whether `head` opens a word2vec file: a line of two whole numbers."""
    line = head.partition(b"\n")[0]
    fields = line.split()
    return (
        len(line) < LONGEST_FIRST_LINE
        and len(fields) == 2
        and all(field.isdigit() and len(field) <= _MOST_DIGITS for field in fields)
    )
