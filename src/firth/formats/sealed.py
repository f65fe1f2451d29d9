"""A safetensors file under seal: checksums over every byte of it, so that a damaged file is an error and no answer.

`__metadata__` maps these names to strings, beside those of whoever writes:

    format, version   what the file holds, and in which version of that format
    crc32             JSON: the CRC-32 of each tensor's bytes, as eight hexadecimal digits
    header_crc32      that of everything else in the header: the other metadata, the dtypes and the shapes

firth's models and its checkpoints are such files.
"""

import json
import math
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import shorten
from typing import Any, BinaryIO, NamedTuple, NoReturn, TypeVar, cast

from firth.errors import FormatError
from firth.formats.streams import map_it, room_for
from firth.formats.tensors import CODES, Array, dtype_of, mapped_tensor, pieces, refuse_long_header, write_tensors
from firth.messages import counted

T = TypeVar("T")

LONGEST_HEADER = 16 << 20  # bytes: some 200 for each epoch of a history
_MOST_BYTES = 1 << 60  # of a tensor: NumPy has no larger array, not even where one of its sizes is 0


class Kind(NamedTuple):
    """What a sealed file holds: the name of its format, its version, and what messages call it and say to do."""

    format: str
    version: int
    title: str
    use: str
    repair: str


NATIVE = Kind("firth", 1, "a model", "load it with firth.load", "Take it from a back-up, or save it again")
CHECKPOINT = Kind(
    "firth-checkpoint",
    1,
    "a checkpoint of a training",
    "let the training go on (resume=True, on the command line --resume), and save its model",
    "Delete it: the training goes on from the newest that is sound",
)


def write_sealed(file: BinaryIO, kind: Kind, tensors: Mapping[str, Array], strings: Mapping[str, str]) -> None:
    """Write `tensors`, of the dtypes in `tensors.CODES`, and `strings` as metadata, with the checksums of both."""
    checks = {name: _crc32(array) for name, array in tensors.items()}
    metadata = {"format": kind.format, "version": str(kind.version), **strings, "crc32": json.dumps(checks)}
    layout = {name: (CODES[array.dtype.name], list(array.shape)) for name, array in tensors.items()}
    write_tensors(file, tensors, {**metadata, "header_crc32": _header_crc32(metadata, layout)})


class SealedFile:
    """An open sealed file whose header was checked; `file` is what `safetensors.safe_open` gives.

    layout    name of each tensor -> its dtype, as safetensors calls it, and its shape
    metadata  name -> string

    Raises `FormatError` for a file of another kind, of another version, and one whose header is damaged.
    """

    def __init__(self, path: Path, file: Any, kind: Kind):
        self.path, self._file, self._kind = path, file, kind
        self.metadata: dict[str, str] = file.metadata() or {}
        self._names: list[str] = list(file.keys())
        self._check_kind(kind)
        slices = {name: file.get_slice(name) for name in self._names}
        self.layout = {name: (part.get_dtype(), part.get_shape()) for name, part in slices.items()}
        self._check_header()
        self._check_layout()
        self._checks = self.json("crc32", dict)

    def tensor(self, name: str) -> Array:
        """Return a tensor as an array of its own; raises `FormatError` if its bytes are not those written."""
        code, shape = self.layout[name]
        room_for(shape, dtype_of(code), self.path, map_it())
        return self._checked(name, cast(Array, self._file.get_tensor(name)))

    def mapped(self, name: str, *, check: bool) -> Array:
        """Return a tensor as a read-only map of the file; `check` reads all of it to compare its checksum."""
        array = mapped_tensor(self.path, name)
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
        """Raise the `FormatError` of a damaged file."""
        raise _damaged(self.path, self._kind, reason) from cause

    def _checked(self, name: str, array: Array) -> Array:
        if _crc32(array) != self._checks.get(name):
            self.refuse(f"the checksum of {name} differs from the one stored with it")
        return array

    def _check_kind(self, kind: Kind) -> None:
        found = self.metadata.get("format")
        for other in (NATIVE, CHECKPOINT):
            if found == other.format != kind.format:
                raise FormatError(f"{self.path} is {other.title}, not {kind.title}: {other.use}")
        if found != kind.format:
            raise FormatError(
                f"{self.path} is a safetensors file, but not {kind.title} that firth wrote: it has tensors "
                f"{shorten(str(sorted(self._names)), 200)} and no metadata format={kind.format!r}. Load it with "
                "safetensors and give its arrays to KeyedVectors"
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
            self.refuse("the header is not as it was written: its checksum differs")

    def _check_layout(self) -> None:
        for name, (dtype, shape) in self.layout.items():
            if dtype not in CODES.values() or math.prod(max(1, size) for size in shape) >= _MOST_BYTES:
                self.refuse(f"{name} is {dtype} of shape {shape}, which firth never writes")


def read_sealed(path: Path, kind: Kind, read: Callable[[SealedFile], T]) -> T:
    """Open a sealed file and return what `read` makes of it; the file is closed again.

    Raises `FormatError` as `SealedFile` does, and for a file that is no safetensors file at all.
    """
    from safetensors import SafetensorError, safe_open

    refuse_long_header(path, LONGEST_HEADER)
    try:
        with safe_open(path, framework="numpy") as file:
            return read(SealedFile(path, file, kind))
    except SafetensorError as error:
        raise _damaged(path, kind, str(error)) from error


def _damaged(path: Path, kind: Kind, reason: str) -> FormatError:
    return FormatError(f"{path} is cut or damaged ({counted(path.stat().st_size, 'byte')}): {reason}. {kind.repair}")


def _header_crc32(metadata: Mapping[str, str], layout: Mapping[str, tuple[str, list[int]]]) -> str:
    """Return the checksum of what the tensors' own do not cover: the metadata, dtypes and shapes."""
    return f"{zlib.crc32(json.dumps([dict(metadata), layout], sort_keys=True).encode()):08x}"


def _crc32(array: Array) -> str:
    value = 0
    for piece in pieces(array):
        value = zlib.crc32(piece, value)
    return f"{value:08x}"
