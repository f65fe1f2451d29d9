"""safetensors files: writes them without a copy of a matrix, and checks their header before it is trusted.

The layout of the bytes is in `firth.formats.native`.
"""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import IO, Any, BinaryIO, NamedTuple, cast

import numpy as np

from firth.errors import FormatError
from firth.formats.format import Array
from firth.formats.streams import map_it, room_for
from firth.messages import counted

CODES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8"}
"""safetensors' name of each dtype that is written."""

LONGEST_SIDE = 1 << 40
"""Rows or columns; with more, the size in bytes may not be a 64-bit number."""

LONGEST_HEADER = 1 << 20
"""Bytes of a header that is read; that of a matrix and its keys has a few hundred."""

_PART_BYTES = 4 << 20
_ALIGNMENT = 64


def parts(array: Array) -> Iterator[memoryview]:
    """Yield the array's bytes, little-endian and without row padding, a few MiB at a time."""
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    step = max(1, _PART_BYTES // row_bytes)
    for start in range(0, len(array), step):
        rows = array[start : start + step]
        yield np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<")).data


def write_tensors(file: BinaryIO, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write a whole safetensors file; tensors are of the dtypes in `CODES`."""
    file.write(header(tensors, metadata))
    for array in tensors.values():
        for part in parts(array):
            file.write(part)


def header(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return the header, its length included."""
    entries: dict[str, Any] = {}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        entries[name] = {"dtype": CODES[array.dtype.name], "shape": list(array.shape), "data_offsets": [start, end]}
    text = json.dumps({"__metadata__": dict(metadata), **entries}).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def is_safetensors(start: bytes) -> bool:
    """Return whether a file begins like a safetensors file: eight bytes of length, then a JSON object."""
    return len(start) >= 10 and start[8:10] == b'{"' and start[5:8] == b"\0\0\0"


class OpenedTensors(NamedTuple):
    """A file that safetensors opened; `status` identifies it, and is None if `path` was replaced at that moment."""

    tensors: Any
    status: os.stat_result | None


class TensorFile:
    """A file that `open_tensors` opened.

    layout    name of each tensor -> its dtype, as safetensors calls it, and its shape
    metadata  name -> string
    """

    def __init__(self, path: Path, opened: "OpenedTensors"):
        file = opened.tensors
        self.path, self._file, self._status = path, file, opened.status
        self.metadata: dict[str, str] = file.metadata() or {}
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        self.layout: dict[str, tuple[str, list[int]]] = {
            name: (part.get_dtype(), part.get_shape()) for name, part in slices.items()
        }

    def tensor(self, name: str) -> Array:
        """Return a tensor of floats or integers; raises `NotEnoughMemoryError` if it does not fit in memory.

        Several threads may call it at once.
        """
        code, shape = self.layout[name]
        room_for(shape, _dtype(code), self.path, map_it())
        with self.path.open("rb", buffering=0) as file:
            if self._status is None or not os.path.samestat(os.fstat(file.fileno()), self._status):
                return cast(Array, self._file.get_tensor(name))  # `path` was replaced; this is the file before
            array = np.empty(shape, _dtype(code).newbyteorder("<"))
            file.seek(_start(file, name))
            self._fill(file, array.reshape(-1).view(np.uint8))
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _fill(self, file: IO[bytes], array: Array) -> None:
        """Fill an array of bytes; `get_tensor` needs three times as long."""
        done = 0
        while done < len(array):
            read = file.readinto(array[done : done + _PART_BYTES])  # type: ignore[attr-defined]
            if not read:
                raise damaged(self.path, "it ends within a tensor")
            done += read

    def mapped(self, name: str) -> Array:
        """Return a tensor of floats or integers as a read-only map of the file."""
        with self.path.open("rb") as file:
            start = _start(file, name)
            code, shape = self.layout[name]
            dtype = _dtype(code).newbyteorder("<")
            if 0 in shape:  # nothing to map
                return np.empty(shape, dtype)
            return np.memmap(file, dtype=dtype, mode="r", offset=start, shape=tuple(shape))


def _start(file: IO[bytes], name: str) -> int:
    """Return where the bytes of a tensor start."""
    size = int.from_bytes(file.read(8), "little")
    return 8 + size + int(json.loads(file.read(size))[name]["data_offsets"][0])


def _dtype(code: str) -> np.dtype[Any]:
    """Return the dtype that safetensors calls `code`: a float or an integer, such as F32 or I64."""
    return np.dtype(f"{code[0].lower()}{int(code[1:]) // 8}")


@contextmanager
def open_tensors(path: Path, longest: int = LONGEST_HEADER, remedy: str = "") -> Iterator[OpenedTensors]:
    """Yield the file as safetensors opens it.

    Raises `FormatError`, which ends with `remedy`, for any other file, and for a header longer than `longest` bytes.
    """
    from safetensors import SafetensorError, safe_open

    with path.open("rb") as file:
        size, status = int.from_bytes(file.read(8), "little"), os.fstat(file.fileno())
    if size > longest:  # parsing it would take long, and much memory
        raise FormatError(f"{path} has a header of {counted(size, 'byte')}; that of vectors has at most {longest}")
    try:
        with safe_open(path, framework="numpy") as opened:
            yield OpenedTensors(opened, status if os.path.samestat(status, path.stat()) else None)
    except SafetensorError as error:
        raise damaged(path, shorten(str(error), 200), remedy) from error


def damaged(path: Path, reason: str, remedy: str = "") -> FormatError:
    """Return the error for a damaged file."""
    size = counted(path.stat().st_size, "byte")
    return FormatError(f"{path} is truncated or damaged ({size}): {reason}{remedy and f'. {remedy}'}")
