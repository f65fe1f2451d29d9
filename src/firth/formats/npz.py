"""NumPy's .npz: a zip archive of arrays, here without pickles, so that it cannot hold code.

    vectors.npy    (V, D) float16, 32 or 64
    keys.npy       (V,) of strings, NumPy's "<U" (four bytes a character, deflated), or int64
    counts.npy     (V,) int64; absent where unknown

Each is an array as `numpy.save` writes it. `numpy.load(path)` reads the file, with its default `allow_pickle=False`.
"""

import errno
import math
import reprlib
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import shorten
from typing import IO, Any, cast

import numpy as np
from numpy.lib import format as npy

from firth.atomic import atomic_write
from firth.errors import FormatError
from firth.formats.format import Array, Format, Head, PathLike, Signature, Table
from firth.formats.streams import room_for
from firth.formats.tensors import LONGEST_SIDE, parts
from firth.formats.words import FLOATS, are_numbers, unique_rows
from firth.messages import counted

VECTOR_NAMES = ("vectors", "embeddings", "embedding", "embedding.weight", "weight", "center")
_KEY_NAMES = ("keys", "words", "index_to_key", "vocab", "tokens", "ids")
_COUNT_NAMES = ("counts", "count")
"""Usual names of the arrays; the first of each is written."""

_DAMAGED_ZIP = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    RuntimeError,
    OverflowError,
    struct.error,
    UnicodeDecodeError,
    OSError,
)
"""What zipfile raises for an archive that is truncated, damaged, encrypted, or compressed by an unknown method."""

_BAD_HEADER = (ValueError, TypeError, SyntaxError, MemoryError, RecursionError, tokenize.TokenError)
"""Errors of NumPy for a malformed header of an array, which it parses as Python literals."""

_KEYS_PER_BLOCK = 1 << 14
_MOST_DEFLATED = 1040  # bytes that one byte of a deflated stream can stand for, rounded up
_REMEDY = (
    "the file can only be read whole: use a machine with more memory, and convert it to a format that can be mapped"
)
_LAST_CHARACTER = 0x10FFFF


def write_npz(path: PathLike, keys: Sequence[str | int], vectors: Array, counts: Array | None = None) -> None:
    """Write one .npz, atomically, block by block.

    Raises `FormatError`, before anything is written, for a word that ends in a NUL, which NumPy's strings drop.
    """
    if bad := next((key for key in keys if isinstance(key, str) and key.endswith("\0")), None):
        raise FormatError(f"word {bad!r} ends in a NUL, which NumPy's strings drop: rename it")
    with atomic_write(path) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        _write_member(archive, "vectors", vectors.dtype, vectors.shape, parts(vectors))
        dtype = _dtype_of(keys)
        blocks = (keys[start : start + _KEYS_PER_BLOCK] for start in range(0, len(keys), _KEYS_PER_BLOCK))
        strings = (np.array(block, dtype).tobytes() for block in blocks)
        _write_member(archive, "keys", dtype, (len(keys),), strings, zipfile.ZIP_DEFLATED)
        if counts is not None:
            array = np.asarray(counts, np.int64)
            _write_member(archive, "counts", array.dtype, array.shape, parts(array), zipfile.ZIP_DEFLATED)


def read_npz(path: PathLike, *, limit: int | None = None) -> Table:
    """Read keys, vectors and counts under any of their usual names; raises `FormatError` if they are absent.

    An array of Python objects, which NumPy stores as a pickle, is refused.
    """
    path = Path(path)
    try:
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            if len(set(names)) != len(names):
                raise FormatError(f"{path} holds two arrays of the same name: {reprlib.repr(sorted(names))}")
            vectors = _read_member(path, archive, _named(path, names, VECTOR_NAMES))
            keys = _read_member(path, archive, _named(path, names, _KEY_NAMES))
            count_name = next((name for name in _COUNT_NAMES if name in names), None)
            counts = None if count_name is None else _read_member(path, archive, count_name)
    except _DAMAGED_ZIP as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:  # from a seek to a negative place
            raise
        raise FormatError(f"{path} is not a complete .npz file: {shorten(str(error), 200)}") from error
    _check(path, keys, vectors, counts)
    kept = None if counts is None else counts[:limit].astype(np.int64)
    return unique_rows(path, Table(keys[:limit].tolist(), vectors[:limit], kept))


def _check(path: Path, keys: Array, vectors: Array, counts: Array | None) -> None:
    V = keys.shape
    fits = keys.ndim == 1 and vectors.ndim == 2 and vectors.shape[:1] == V and vectors.dtype.name in FLOATS
    if not fits or (counts is not None and (counts.shape != V or counts.dtype.kind not in "iu")):
        raise FormatError(
            f"{path}: keys {keys.shape} of {keys.dtype}, vectors {vectors.shape} of {vectors.dtype} and counts "
            f"{None if counts is None else counts.shape} do not fit together"
        )
    if keys.dtype.kind not in "Uiu":
        raise FormatError(f"{path}: its keys are of dtype {keys.dtype}; strings or whole numbers can be read")
    if keys.dtype.kind == "U":
        letters = keys.view(np.dtype("u4").newbyteorder(keys.dtype.byteorder))
        if letters.max(initial=0) > _LAST_CHARACTER:
            raise FormatError(f"{path} is truncated or damaged: a key has {letters.max():#x}, which is not a character")
    for what, numbers in (("key", keys), ("count", counts)):
        if numbers is not None and numbers.dtype.kind == "u" and numbers.max(initial=0) > np.iinfo(np.int64).max:
            raise FormatError(f"{path}: a {what} is {numbers.max()}; at most 2^63 - 1 can be read")


def _dtype_of(keys: Sequence[str | int]) -> np.dtype[Any]:
    if are_numbers(keys):
        return np.dtype("<i8")
    return np.dtype(f"<U{max((len(cast(str, key)) for key in keys), default=1) or 1}")


def _write_member(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    data: Iterator[Any],
    compression: int = zipfile.ZIP_STORED,
) -> None:
    info = zipfile.ZipInfo(f"{name}.npy")  # without a time stamp: equal vectors make equal files
    info.compress_type = compression
    with archive.open(info, "w", force_zip64=True) as member:
        description = {"descr": dtype.newbyteorder("<").str, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(member, description)
        for part in data:
            member.write(part)


def _named(path: Path, names: list[str], usual: tuple[str, ...]) -> str:
    for name in usual:
        if name in names:
            return name
    raise FormatError(
        f"{path} has no {usual[0]}: it holds {reprlib.repr(names)}, and none of them is called {', '.join(usual)}"
    )


def _read_member(path: Path, archive: zipfile.ZipFile, name: str) -> Array:
    info = archive.getinfo(f"{name}.npy")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise FormatError(f"{path}: its {name} are packed by method {info.compress_type}; NumPy stores or deflates")
    with archive.open(info) as member:
        shape, dtype = _read_header(path, name, member)
        if dtype.hasobject:
            raise FormatError(
                f"{path}: its {name} are Python objects, stored as a pickle, which firth never opens, because it can "
                "run any code. If you trust it, load it with numpy.load(..., allow_pickle=True), turn the "
                f"array into strings with .astype(str), and save it again"
            )
        size, held = math.prod(shape) * dtype.itemsize, info.file_size - member.tell()
        if size != held or held > _MOST_DEFLATED * max(1, info.compress_size):
            declared = counted(size, "byte")
            raise FormatError(f"{path} is truncated or damaged: {name} declares {declared} and has {held:,}")
        room_for(shape, dtype, path, _REMEDY)
    try:
        with archive.open(info) as member:
            array = npy.read_array(member)
    except ValueError as error:  # the member ends before its size
        raise FormatError(f"{path} is truncated or damaged: {name}: {shorten(str(error), 200)}") from error
    return array.astype(dtype.newbyteorder("="), copy=False)


def _read_header(path: Path, name: str, member: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    try:
        version = npy.read_magic(member)
        reader = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = reader(member)
    except _BAD_HEADER as error:
        why = shorten(str(error), 200)
        raise FormatError(f"{path} is truncated or damaged: {name} is not a NumPy array: {why}") from error
    plain = dtype.hasobject or (dtype.itemsize and dtype.kind in "fiuUS")
    if not plain or not all(type(length) is int and 0 <= length <= LONGEST_SIDE for length in shape):
        raise FormatError(
            f"{path}: its {name} are of shape {reprlib.repr(shape)} and dtype {reprlib.repr(str(dtype))}; "
            "numbers or strings in a shape that is not negative can be read"
        )
    return shape, dtype


def _is_npz(head: Head) -> bool:
    is_zip = head.start.startswith(_ZIP.magic)
    if not is_zip or head.is_compressed:
        return is_zip
    try:
        with zipfile.ZipFile(head.path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except _DAMAGED_ZIP:
        return head.path.suffix == ".npz"  # damaged: `read_npz` reports how


_ZIP = Signature(
    b"PK\x03\x04", "a zip archive (.npz or a PyTorch model)", "KeyedVectors.load reads .npz; else unpack it first"
)
FORMAT = Format(
    "npz",
    "NumPy .npz without pickles: keys, vectors, counts",
    read_npz,
    write_npz,
    (".npz",),
    frozenset({"limit"}),
    signature=_ZIP,
    recognises_head=_is_npz,
)
