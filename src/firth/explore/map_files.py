"""Maps on disk, in the folder of compiled kernels, so that a model is arranged once.

A file `<name>.map` holds the SHA-256 of its name and the rest (32 bytes), then (V, 2) uint16, little-endian. The name
is the SHA-256 of the vectors and of the version of the layout. A file that is damaged, or of another number of words,
is not used.
"""

import hashlib

import numpy as np

from firth.atomic import atomic_write
from firth.compiling.cache import private_folder
from firth.errors import FormatError
from firth.explore.layout import VERSION
from firth.explore.maps import Points
from firth.logs import log
from firth.vectors import KeyedVectors

_SUFFIX = ".map"
_MOST_FILES = 20  # those that were not used for longest are removed
_DIGEST_BYTES = 32
_BLOCK_ROWS = 1 << 16


def name_of(vectors: KeyedVectors) -> str:
    """Return the name of the map of these vectors: a hash of all their bytes."""
    rows = vectors.vectors
    digest = hashlib.sha256(repr((VERSION, rows.shape, rows.dtype.str)).encode())
    for start in range(0, len(rows), _BLOCK_ROWS):
        digest.update(np.ascontiguousarray(rows[start : start + _BLOCK_ROWS]).data)
    return digest.hexdigest()


def read_map(name: str, V: int) -> Points | None:
    """Return the points of V words, or None if there is no sound file."""
    folder = private_folder()
    path = folder and folder / f"{name}{_SUFFIX}"
    try:
        content = path.read_bytes() if path else b""
        if path and content:
            path.touch()
    except OSError:
        return None
    digest, points = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if len(points) != 4 * V or digest != _digest(name, points):
        return None
    return np.frombuffer(points, "<u2").reshape(V, 2).astype(np.uint16)


def write_map(name: str, points: Points) -> None:
    """Write points; a folder that cannot be used is no error."""
    folder = private_folder()
    if folder is None:
        return
    content = points.astype("<u2").tobytes()
    try:
        with atomic_write(folder / f"{name}{_SUFFIX}") as file:
            file.write(_digest(name, content) + content)
        found = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: -path.stat().st_mtime)
        for path in found[_MOST_FILES:]:
            path.unlink(missing_ok=True)
    except (OSError, FormatError) as error:
        log.debug("map: %s", error)


def _digest(name: str, content: bytes) -> bytes:
    return hashlib.sha256(name.encode() + content).digest()
