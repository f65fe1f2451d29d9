"""firth's own file: one safetensors file that holds a model, or vectors alone, and no code.

Byte layout (https://github.com/huggingface/safetensors):

    8 bytes    N, the length of the header, little-endian
    N bytes    the header: a JSON object, padded with spaces so that the data begin at a multiple of 64
    the rest   the tensors, little-endian, one after the other without gaps, rows without padding

The header maps each tensor's name to its dtype, shape and offsets:

    center     (V, D) float32   v_c, the center vectors
    outside    (V, D) float32   u_o, the outside vectors; absent where only vectors were saved
    words      (B,) uint8       the V words in UTF-8, one after the other             } either these two,
    word_ends  (V,) int64       where each word ends in `words`                       }
    ids        (V,) int64       the keys, where they are whole numbers                } or this one
    counts     (V,) int64       how often each was seen; absent where unknown

and `__metadata__` to strings: `format` ("firth"), `version`, `options` and `history` (JSON, "null" where
absent), `sha256` (of the bytes of center and outside, by which two trainings are compared), `crc32` (JSON: the CRC-32
of each tensor's bytes, by which damage is found) and `header_crc32`, that of everything else in the
header.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from firth.errors import FormatError, OptionError
from firth.formats import sniff
from firth.formats.atomic import atomic_write
from firth.formats.sealed import NATIVE, SealedFile, read_sealed, write_sealed
from firth.formats.streams import is_compressed, refuse_compression
from firth.formats.tensors import pieces
from firth.formats.words import FLOATS, check_shapes, from_blob, key_tensors

_KINDS = {"center": "F", "outside": "F", "words": "U8", "word_ends": "I64", "ids": "I64", "counts": "I64"}

Array = NDArray[Any]


@dataclass(frozen=True)
class NativeFile:
    """What a native file holds; see the module's docstring for shapes and dtypes."""

    path: Path
    keys: list[str] | list[int]
    center: Array
    outside: Array | None
    counts: NDArray[np.int64] | None
    options: dict[str, Any] | None
    history: list[dict[str, Any]] | None
    sha256: str


def write_native(
    path: str | os.PathLike[str],
    *,
    keys: Sequence[str | int],
    center: Array,
    outside: Array | None = None,
    counts: Array | Sequence[int] | None = None,
    options: Mapping[str, Any] | None = None,
    history: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Write one native file, atomically.

    `center` and `outside` are (V, D) arrays of float16, 32 or 64, not necessarily contiguous: they are
    written a few MiB at a time, so no copy of a matrix is made. `keys` are V strings or V whole numbers,
    `options` and `history` what JSON can hold. Raises `OptionError`, before anything is written, where the
    shapes do not fit together or the name ends in the suffix of a compressed file.
    """
    refuse_compression(path, "native")
    tensors = _tensors(keys, center, outside, counts)
    known = {"options": json.dumps(options), "history": json.dumps(history), "sha256": _sha256(tensors)}
    with atomic_write(path) as file:
        write_sealed(file, NATIVE, tensors, known)


def read_native(path: str | os.PathLike[str], *, outside: bool = True, mmap: bool = False) -> NativeFile:
    """Read a native file and check all of it, except the outside matrix, which `outside=False` leaves alone.

    With `mmap` the matrices are read-only maps of the file: nothing of them is read before it is used, so
    their checksums are not compared (those of the header, the keys and the counts are), nor that the keys differ:
    looking would take longer than the rest. A file that is cut
    short by another program while it is mapped ends the process; one that is saved over does not, for `save`
    leaves the old bytes alone.

    Raises `FormatError` for any other kind of file, a newer version, and one that is cut or damaged.
    """
    path = Path(path)
    _refuse_other_kinds(path)
    return read_sealed(path, NATIVE, lambda file: _Reader(file, mmap).read(outside))


# --- writing


def _tensors(
    keys: Sequence[str | int],
    center: Array,
    outside: Array | None,
    counts: Array | Sequence[int] | None,
) -> dict[str, Array]:
    check_shapes(keys, center, counts)
    tensors = {"center": center}
    if outside is not None:
        if outside.shape != center.shape or outside.dtype.name not in FLOATS:
            raise OptionError(
                f"outside has shape {outside.shape} and dtype {outside.dtype}: it must be of center's shape "
                f"{center.shape} and of {', '.join(FLOATS)}"
            )
        tensors["outside"] = outside
    if len(set(keys)) != len(keys):
        repeated = next(key for key, n in Counter(keys).items() if n > 1)
        raise OptionError(f"keys must differ: {repeated!r} comes more than once")
    tensors |= key_tensors(keys)
    if counts is not None:
        tensors["counts"] = np.asarray(counts, dtype=np.int64)
    return tensors


def _sha256(tensors: Mapping[str, Array]) -> str:
    """Return the digest of the matrices: equal if and only if they are, to the last bit."""
    digest = hashlib.sha256()
    for name in ("center", "outside"):
        for piece in pieces(tensors[name]) if name in tensors else ():
            digest.update(piece)
    return digest.hexdigest()


# --- reading


class _Reader:
    """Checks a sealed file against what a native file promises, in the order a reader needs it."""

    def __init__(self, file: SealedFile, mmap: bool):
        self.file, self.layout, self.mmap = file, file.layout, mmap

    def read(self, outside: bool) -> NativeFile:
        self._check_layout()
        return NativeFile(
            path=self.file.path,
            keys=self._keys(),
            center=self._matrix("center"),
            outside=self._matrix("outside") if outside and "outside" in self.layout else None,
            counts=self.file.tensor("counts") if "counts" in self.layout else None,
            options=self.file.json("options", dict, optional=True),
            history=self.file.json("history", list, optional=True),
            sha256=self.file.string("sha256"),
        )

    def _check_layout(self) -> None:
        """Refuse tensors that do not fit together, before any is read."""
        for name, (dtype, _) in self.layout.items():
            if not dtype.startswith(_KINDS.get(name, "-")):
                self.file.refuse(f"tensor {name!r} of dtype {dtype} has no place in it")
        keys = "ids" if "ids" in self.layout else "word_ends"
        needed = {"center", keys} if keys == "ids" else {"center", keys, "words"}
        if absent := sorted(needed - set(self.layout)):
            self.file.refuse(f"tensor {absent[0]!r} is absent")
        shape = self.layout["center"][1]
        if len(shape) != 2:
            self.file.refuse(f"center has shape {shape}, and rows and columns are needed")
        for name, expected in {"outside": shape, keys: shape[:1], "counts": shape[:1]}.items():
            if name in self.layout and self.layout[name][1] != expected:
                self.file.refuse(f"{name} has shape {self.layout[name][1]}, but center has {shape}")

    def _matrix(self, name: str) -> Array:
        return self.file.mapped(name, check=False) if self.mmap else self.file.tensor(name)

    def _keys(self) -> list[str] | list[int]:
        keys = cast(list[int], self.file.tensor("ids").tolist()) if "ids" in self.layout else self._words()
        if not self.mmap and len(set(keys)) != len(keys):
            self.file.refuse("a key comes more than once")
        return keys

    def _words(self) -> list[str]:
        words, ends = self.file.tensor("words"), self.file.tensor("word_ends")
        try:
            return from_blob(cast(NDArray[np.uint8], words), cast(NDArray[np.int64], ends))
        except ValueError as error:
            self.file.refuse(f"the words are not as they were written: {error}", error)


def _refuse_other_kinds(path: Path) -> None:
    if path.is_dir():
        raise FormatError(f"{path} is a folder: give the file that save wrote")
    head = sniff.read_head(path)
    known = sniff.known_kind(head)
    if known and is_compressed(path):
        raise FormatError(
            f"{path} is {known[0]}, and a file that firth saved is never compressed: read vectors with "
            "KeyedVectors.load(path), or unpack it first"
        )
    if known:
        raise FormatError(f"{path} is {known[0]}, not a file that firth saved: {known[1]}")
    if sniff.is_word2vec(head):
        raise FormatError(
            f"{path} looks like a word2vec file, not one that firth saved: read it with "
            "KeyedVectors.load_word2vec_format"
        )
    if head and not sniff.is_safetensors(head):
        raise FormatError(
            f"{path} is not a file that firth saved: it begins with {head[:12]!r}, which is no safetensors header"
        )
