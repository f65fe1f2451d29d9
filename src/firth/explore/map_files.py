"""Maps and what belongs to them on disk, in the folder of compiled kernels, so that a model is arranged once.

A file `<name>.<kind>` holds the SHA-256 of its name, its kind and the rest (32 bytes), the number of columns (uint32),
then an array of rows, all little-endian. The name is the SHA-256 of the vectors and of the version of the layout. A
file that is damaged is not used.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firth.atomic import atomic_write
from firth.compiling.cache import private_folder
from firth.errors import FormatError
from firth.explore.layout import VERSION
from firth.logs import log
from firth.vectors import KeyedVectors

_MOST_FILES = 20  # of a kind; those that were not used for longest are removed
_COLUMNS = np.dtype("<u4")
_DIGEST_BYTES = 32
_BLOCK_ROWS = 1 << 16


def name_of(*parts: KeyedVectors) -> str:
    """Return the name of the map of these vectors: a hash of all their bytes."""
    matrices = [vectors.vectors for vectors in parts]
    digest = hashlib.sha256(repr((VERSION, *((rows.shape, rows.dtype.str) for rows in matrices))).encode())
    for rows in matrices:
        for start in range(0, len(rows), _BLOCK_ROWS):
            digest.update(np.ascontiguousarray(rows[start : start + _BLOCK_ROWS]).data)
    return digest.hexdigest()


def kept(name: str, kind: str, dtype: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """Return an array from its file, or compute and write it."""
    array = read_array(name, kind, dtype)
    if array is None:
        array = compute()
        write_array(name, kind, array.astype(dtype))
    return array


def read_array(name: str, kind: str, dtype: str) -> NDArray[Any] | None:
    """Return an array of one or two dimensions, or None if there is no sound file."""
    folder = private_folder()
    path = folder and folder / f"{name}.{kind}"
    try:
        content = path.read_bytes() if path else b""
        if path and content:
            path.touch()
    except OSError:
        return None
    digest, rest = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if len(rest) < _COLUMNS.itemsize or digest != _digest(name, kind, rest):
        return None
    columns = int(np.frombuffer(rest, _COLUMNS, 1)[0])
    array = np.frombuffer(rest, dtype, offset=_COLUMNS.itemsize)
    return array.reshape(-1, columns) if columns else array


def write_array(name: str, kind: str, array: NDArray[Any]) -> None:
    """Write an array; a folder that cannot be used is no error."""
    folder = private_folder()
    if folder is None:
        return
    columns = np.array(array.shape[1] if array.ndim == 2 else 0, _COLUMNS)
    content = columns.tobytes() + array.tobytes()
    try:
        with atomic_write(folder / f"{name}.{kind}") as file:
            file.write(_digest(name, kind, content) + content)
        found = sorted(folder.glob(f"*.{kind}"), key=lambda path: -path.stat().st_mtime)
        for path in found[_MOST_FILES:]:
            path.unlink(missing_ok=True)
    except (OSError, FormatError) as error:
        log.debug("map: %s", error)


def _digest(name: str, kind: str, content: bytes) -> bytes:
    return hashlib.sha256(f"{name}.{kind}".encode() + content).digest()
