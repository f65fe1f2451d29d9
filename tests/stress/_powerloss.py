"""Models a disk that keeps only flushed data: which states may a folder have after a power failure?

The calls of a real save are recorded as operations on files and on the entries of folders. An operation survives a
power failure if its file, or its folder, was flushed after it; any of the others may survive or not, in any
combination, and of a write any of its parts. A rename is one operation.
"""

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from firth.atomic import _File

_PARTS = 3  # parts of one write, each of which reaches the disk or not
_ROOT = 0


class Write(NamedTuple):
    node: int
    offset: int
    data: bytes


class Entry(NamedTuple):
    """Names added and removed in one folder, in one step; None removes a name."""

    node: int
    names: tuple[tuple[str, int | None], ...]


class Sync(NamedTuple):
    node: int


Operation = Write | Entry | Sync


class Disk:
    """The files below a folder, and the operations on them since."""

    def __init__(self, folder: Path):
        self.root = folder
        self.operations: list[Operation] = []
        self.durable: list[Operation] = []
        self.cache: dict[int, dict[str, int]] = {_ROOT: {}}  # the entries of each folder, as a process reads them
        self.open: dict[int, int] = {}
        self._numbers = count(1)
        self._adopt(folder, _ROOT)

    def _adopt(self, folder: Path, node: int) -> None:
        for path in sorted(folder.iterdir()):
            self.durable.append(self._named(node, path.name))
            if path.is_dir():
                self._adopt(path, self.cache[node][path.name])
            else:
                self.durable.append(Write(self.cache[node][path.name], 0, path.read_bytes()))

    def _named(self, folder: int, name: str) -> Entry:
        node = next(self._numbers)
        self.cache[folder][name] = node
        self.cache[node] = {}
        return Entry(folder, ((name, node),))

    def find(self, path: str | os.PathLike[str]) -> tuple[int, str]:
        """Return the folder that a path is in, and its name there."""
        *folders, name = Path(path).relative_to(self.root).parts or ("",)
        node = _ROOT
        for folder in folders:
            node = self.cache[node][folder]
        return node, name

    # --- operations of a process

    def opened(self, descriptor: int, path: object, *_: object) -> None:
        if isinstance(path, str | os.PathLike) and Path(path).is_relative_to(self.root):
            folder, name = self.find(path)
            if name and name not in self.cache[folder]:
                self.created(None, path)
            self.open[descriptor] = self.cache[folder][name] if name else _ROOT

    def created(self, _: None, path: str | os.PathLike[str], *mode: int) -> None:
        self.operations.append(self._named(*self.find(path)))

    def moved(self, _: None, old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
        (folder, was), (there, name) = self.find(old), self.find(new)
        assert folder == there, "a temporary name is in the folder of its target"
        node = self.cache[folder].pop(was)
        self.cache[folder][name] = node
        self.operations.append(Entry(folder, ((was, None), (name, node))))

    def removed(self, _: None, path: str | os.PathLike[str]) -> None:
        folder, name = self.find(path)
        del self.cache[folder][name]
        self.operations.append(Entry(folder, ((name, None),)))

    def duplicated(self, other: int, descriptor: int) -> None:
        self.open[other] = self.open[descriptor]


@contextmanager
def recorded(disk: Disk, *, ignored: Callable[[int], bool] = lambda node: False) -> Iterator[None]:
    """Record the calls of the functions of `os` and of the files of a save, except `ignored` flushes."""

    def flushed(_: None, descriptor: int) -> None:
        if not ignored(disk.open[descriptor]):
            disk.operations.append(Sync(disk.open[descriptor]))

    def written(number: int, file: Any, data: Any) -> None:
        offset = file.tell() - number
        disk.operations.append(Write(disk.open[file.fileno()], offset, bytes(memoryview(data).cast("B")[:number])))

    def recording(real: Callable, record: Callable) -> Callable:
        def call(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            record(result, *arguments)
            return result

        return call

    records = {"open": disk.opened, "dup": disk.duplicated, "fsync": flushed, "replace": disk.moved,
               "unlink": disk.removed, "mkdir": disk.created}  # fmt: skip
    with ExitStack() as patches:
        for name, record in records.items():
            patches.enter_context(mock.patch.object(os, name, recording(getattr(os, name), record)))
        patches.enter_context(mock.patch.object(_File, "write", recording(_File.write, written)))
        yield


# --- states after a failure


def states(disk: Disk, done: int, most: int, seed: int = 0) -> Iterator[dict[str, bytes]]:
    """Yield the states of the folder after a power failure after `done` operations: all, or `most` random ones."""
    sure, unsure = _split(disk.operations[:done])
    pieces = [piece for operation in unsure for piece in _pieces(operation)]
    rng = random.Random(seed)
    masks = range(1 << len(pieces)) if 1 << len(pieces) <= most else _drawn(len(pieces), most, rng)
    for mask in masks:
        kept = [piece for at, piece in enumerate(pieces) if mask >> at & 1]
        yield _files(disk.durable + sure + kept)


def _drawn(length: int, most: int, rng: random.Random) -> Iterator[int]:
    """Yield masks that keep nothing, everything, all but one, only one, and then random ones."""
    everything = (1 << length) - 1
    yield from (0, everything)
    yield from (everything ^ 1 << at for at in range(length))
    yield from (1 << at for at in range(length))
    for _ in range(most):
        yield rng.getrandbits(length)


def _split(operations: list[Operation]) -> tuple[list[Operation], list[Operation]]:
    """Return the operations that a later flush covers, and the others."""
    sure, unsure = [], []
    for at, operation in enumerate(operations):
        if isinstance(operation, Sync):
            continue
        covered = any(isinstance(later, Sync) and later.node == operation.node for later in operations[at:])
        (sure if covered else unsure).append(operation)
    return sure, unsure


def _pieces(operation: Operation) -> list[Operation]:
    if not isinstance(operation, Write):
        return [operation]
    step = max(1, -(-len(operation.data) // _PARTS))
    starts = range(0, len(operation.data), step)
    return [operation._replace(offset=operation.offset + at, data=operation.data[at : at + step]) for at in starts]


def _files(operations: list[Operation]) -> dict[str, bytes]:
    folders: dict[int, dict[str, int]] = {}
    data: dict[int, bytearray] = {}
    for operation in operations:
        if isinstance(operation, Write):
            content = data.setdefault(operation.node, bytearray())
            content.extend(bytes(max(0, operation.offset - len(content))))
            content[operation.offset : operation.offset + len(operation.data)] = operation.data
        elif isinstance(operation, Entry):
            entries = folders.setdefault(operation.node, {})
            for name, node in operation.names:
                entries.pop(name, None)
                if node is not None:
                    entries[name] = node

    def walk(node: int, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, child in folders.get(node, {}).items():
            if child in folders:
                yield from walk(child, f"{prefix}{name}/")
            else:
                yield prefix + name, bytes(data.get(child, b""))

    return dict(walk(_ROOT, ""))
