"""Sealed files: safetensors files with checksums of every byte, so that damage raises an error.

firth's models, checkpoints and phrases are sealed files. Besides their own strings, `__metadata__` holds:

    format, version   what the file holds, and the version of that format
    crc32             JSON: the CRC-32 of each tensor's bytes, as eight hexadecimal digits
    header_crc32      that of the rest of the header: the other metadata, the dtypes and the shapes
    sha256            where tensors are to be compared: the digest of their bytes, one tensor after the other
"""

import hashlib
import json
import math
import os
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import shorten
from typing import Any, BinaryIO, NamedTuple, NoReturn

from firth.errors import FormatError
from firth.formats.format import Array
from firth.formats.helper_thread import helper
from firth.formats.tensors import CODES, OpenedTensors, TensorFile, damaged, header, open_tensors, parts, write_tensors

LONGEST_HEADER = 16 << 20  # bytes: some 200 for each epoch of a history
_MOST_BYTES = 1 << 60  # of a tensor: NumPy has no larger array, even if one of its sides is 0


Sums = tuple[dict[str, str], "hashlib._Hash"]
"""The CRC-32 of each tensor, and the digest of some."""


class Kind(NamedTuple):
    """A kind of sealed file: the name and the version of its format, and how messages name, use and repair it."""

    format: str
    version: int
    title: str
    use: str
    repair: str


NATIVE = Kind("firth", 1, "a model", "load it with firth.load", "Restore it from a backup, or save it again")
CHECKPOINT = Kind(
    "firth-checkpoint",
    1,
    "a checkpoint of a training run",
    "resume the run (resume=True, on the command line --resume), and save its model",
    "Delete it: the run resumes from the newest intact checkpoint",
)
MEMBER_ROWS = Kind(
    "firth-member-rows",
    1,
    "a part of a checkpoint of a cluster",
    "resume the run on a cluster",
    "Delete the checkpoint that it belongs to: the run resumes from the one before",
)
PHRASES = Kind(
    "firth-phrases", 1, "a file of phrases", "load it with Phrases.load", "Restore it from a backup, or save it again"
)
KINDS = (NATIVE, CHECKPOINT, MEMBER_ROWS, PHRASES)


def write_sealed(file: BinaryIO, kind: Kind, tensors: Mapping[str, Array], strings: Mapping[str, str]) -> None:
    """Write `tensors`, of the dtypes in `tensors.CODES`, and `strings` as metadata, with the checksums of both."""
    checks = {name: crc32_of(array) for name, array in tensors.items()}
    write_tensors(file, tensors, _metadata(kind, tensors, strings, checks))


def write_hashed(
    file: BinaryIO, kind: Kind, tensors: Mapping[str, Array], strings: Mapping[str, str], hashed: Collection[str]
) -> None:
    """Write as `write_sealed` does, with the SHA-256 of the tensors `hashed` in the metadata.

    The tensors are read once if `file` can seek: its header, of a known length, is written again with the checksums.
    """
    if not file.seekable():
        file.write(hashed_header(kind, tensors, strings, _write_summed(lambda _: None, tensors, hashed)))
        _write_summed(file.write, tensors, ())
        return
    start = file.tell()
    file.write(hashed_header(kind, tensors, strings))
    sums = _write_summed(file.write, tensors, hashed)
    file.seek(start)
    file.write(hashed_header(kind, tensors, strings, sums))
    file.seek(0, os.SEEK_END)


def hashed_header(
    kind: Kind, tensors: Mapping[str, Array], strings: Mapping[str, str], sums: Sums | None = None
) -> bytes:
    """Return the header of a file that `write_hashed` writes; without `sums` one of the same length, to be replaced."""
    checks, digest = sums or (dict.fromkeys(tensors, f"{0:08x}"), hashlib.sha256())
    return header(tensors, _metadata(kind, tensors, {**strings, "sha256": digest.hexdigest()}, checks))


def _metadata(
    kind: Kind, tensors: Mapping[str, Array], strings: Mapping[str, str], checks: Mapping[str, str]
) -> dict[str, str]:
    metadata = {"format": kind.format, "version": str(kind.version), **strings, "crc32": json.dumps(checks)}
    layout = {name: (CODES[array.dtype.name], list(array.shape)) for name, array in tensors.items()}
    return {**metadata, "header_crc32": _header_crc32(metadata, layout)}


def _write_summed(write: Callable[[memoryview], object], tensors: Mapping[str, Array], hashed: Collection[str]) -> Sums:
    """Write the tensors, and return their checksums; the digest is computed in another thread."""
    checks, digest = {}, hashlib.sha256()
    with helper(sum(tensors[name].nbytes for name in hashed)) as other:
        for name, array in tensors.items():
            value = 0
            for part in parts(array):
                hashing = other.submit(digest.update, part) if name in hashed else None
                value = zlib.crc32(part, value)
                write(part)
                if hashing:
                    hashing.result()
            checks[name] = f"{value:08x}"
    return checks, digest


class SealedFile(TensorFile):
    """An open sealed file with a sound header; its tensors and metadata strings are checked as they are read."""

    def __init__(self, path: Path, opened: OpenedTensors, kind: Kind):
        super().__init__(path, opened)
        self._kind = kind
        self._check_kind()
        self._check_header()
        self._checks = self.json("crc32", dict)

    def tensor(self, name: str) -> Array:
        """Return a tensor as an array of its own; raises `FormatError` if its checksum differs."""
        return self._checked(name, super().tensor(name))

    def mapped(self, name: str, *, check: bool = True) -> Array:
        """Return a tensor as a read-only map of the file; `check` reads all of it to compare its checksum."""
        array = super().mapped(name)
        return self._checked(name, array) if check else array

    def string(self, name: str) -> str:
        """Return a metadata string; raise `FormatError` if it is absent."""
        if name not in self.metadata:
            self.refuse(f"{name} is absent")
        return self.metadata[name]

    def json(self, name: str, kind: type, *, optional: bool = False) -> Any:
        """Return the value of a metadata string, a `kind`, or None if it is `optional`; else raise `FormatError`."""
        try:
            value = json.loads(self.string(name))
        except (ValueError, RecursionError) as error:
            self.refuse(f"{name} is not JSON: {error}", error)
        if not isinstance(value, kind) and not (optional and value is None):
            self.refuse(f"{name} is {type(value).__name__}, not {kind.__name__}")
        return value

    def refuse(self, reason: str, cause: BaseException | None = None) -> NoReturn:
        """Raise the `FormatError` for a damaged file."""
        raise damaged(self.path, reason, self._kind.repair) from cause

    def _checked(self, name: str, array: Array) -> Array:
        if crc32_of(array) != self._checks.get(name):
            self.refuse(f"the checksum of {name} differs from the one stored with it")
        return array

    def _check_kind(self) -> None:
        kind, found = self._kind, self.metadata.get("format")
        for other in KINDS:
            if found == other.format != kind.format:
                raise FormatError(f"{self.path} is {other.title}, not {kind.title}: {other.use}")
        if found != kind.format:
            raise FormatError(
                f"{self.path} is a safetensors file, but not {kind.title} that firth wrote: it has tensors "
                f"{shorten(str(sorted(self.layout)), 200)} and no metadata format={kind.format!r}. Load it with "
                "safetensors and pass its arrays to KeyedVectors"
            )
        version = self.metadata.get("version", "")
        if version != str(kind.version):
            raise FormatError(
                f"{self.path} is in version {version!r} of its format, and this firth reads version {kind.version}: "
                "upgrade with  pip install -U firth"
            )

    def _check_header(self) -> None:
        stored = self.metadata.pop("header_crc32", "")
        if _header_crc32(self.metadata, self.layout) != stored:
            self.refuse("the checksum of the header differs from the one stored with it")
        for name, (dtype, shape) in self.layout.items():
            if dtype not in CODES.values() or math.prod(max(1, size) for size in shape) >= _MOST_BYTES:
                self.refuse(f"{name} is {dtype} of shape {shape}, which firth never writes")


@contextmanager
def open_sealed(path: Path, kind: Kind) -> Iterator[SealedFile]:
    """Open a sealed file; raises `FormatError` for any other kind of file, another version and a damaged header."""
    with open_tensors(path, LONGEST_HEADER, kind.repair) as file:
        yield SealedFile(path, file, kind)


def _header_crc32(metadata: Mapping[str, str], layout: Mapping[str, tuple[str, list[int]]]) -> str:
    """Return the checksum of the header except the tensors' own checksums: metadata, dtypes and shapes."""
    return f"{zlib.crc32(json.dumps([dict(metadata), layout], sort_keys=True).encode()):08x}"


def crc32_of(array: Array) -> str:
    """Return the CRC-32 of an array's bytes, as it is stored."""
    value = 0
    for part in parts(array):
        value = zlib.crc32(part, value)
    return f"{value:08x}"
