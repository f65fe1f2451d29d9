"""Arrays as bytes, and the header of a safetensors file, written without holding a copy of a matrix.

    8 bytes    N, the length of the header, little-endian
    N bytes    the header: a JSON object, padded with spaces so that the data begin at a multiple of 64
    the rest   the tensors, little-endian, one after the other without gaps, rows without padding

(https://github.com/huggingface/safetensors)
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError
from firth.messages import counted

Array = NDArray[Any]

CODES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint8": "U8"}
"""safetensors' name of each dtype that is written."""

LONGEST_HEADER = 1 << 20
"""Bytes of a header that is read; that of a matrix and its keys has a few hundred."""

LONGEST_SIDE = 1 << 40
"""Rows or columns, beyond which no size in bytes is a 64-bit number."""

_PIECE_BYTES = 8 << 20
_ALIGNMENT = 64


def pieces(array: Array) -> Iterator[memoryview]:
    """Yield the array's bytes, little-endian and without row padding, a few MiB at a time."""
    row_bytes = max(1, array.nbytes // max(1, len(array)))
    step = max(1, _PIECE_BYTES // row_bytes)
    for start in range(0, len(array), step):
        rows = array[start : start + step]
        yield np.ascontiguousarray(rows, dtype=rows.dtype.newbyteorder("<")).data


def write_tensors(file: BinaryIO, tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write a whole safetensors file; tensors are of the dtypes in `CODES`."""
    file.write(header(tensors, metadata))
    for array in tensors.values():
        for piece in pieces(array):
            file.write(piece)


def header(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """Return the header with its length before it."""
    entries: dict[str, Any] = {}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        entries[name] = {
            "dtype": CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps({"__metadata__": dict(metadata), **entries}).encode()
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def refuse_long_header(path: Path, longest: int = LONGEST_HEADER) -> None:
    """Raise `FormatError` for a safetensors file whose header would take long to look through, and much memory."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
    if size > longest:
        raise FormatError(f"{path} has a header of {counted(size, 'byte')}; that of vectors has at most {longest}")


def dtype_of(code: str) -> np.dtype[Any]:
    """Return the dtype that safetensors calls `code`: one of `CODES`."""
    return np.dtype(next(kind for kind, known in CODES.items() if known == code))


def mapped_tensor(path: Path, name: str) -> Array:
    """Return one tensor of a sound safetensors file as a read-only map of the file."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        entry = json.loads(file.read(size))[name]
        dtype = dtype_of(entry["dtype"]).newbyteorder("<")
        shape = tuple(entry["shape"])
        if 0 in shape:  # nothing to map
            return np.empty(shape, dtype)
        return np.memmap(file, dtype=dtype, mode="r", offset=8 + size + entry["data_offsets"][0], shape=shape)
