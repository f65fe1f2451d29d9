"""Writing files so that each is either the old one or the complete new one, whatever happens in between.

The bytes go to a temporary name in the same folder, are forced to the disk, and the name is then moved over the old
file, which POSIX promises to do in one step; last, the folder is forced to the disk, so that the move outlives a power
failure.

A writer holds a lock on its temporary file until it has moved it, and the kernel drops the lock when the writer dies,
however it dies. So one without a lock is stale, and the next writer to the same target removes it. Where there are no
such locks (Windows, some network file systems) nothing is known to be stale, and nothing is removed.
"""

import errno
import io
import os
import re
import secrets
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from firth.errors import FormatError

if sys.platform != "win32":
    import fcntl

PathLike = str | os.PathLike[str]

TEMPORARY_SUFFIX = ".firth-tmp"
_NEW_FILE_MODE = 0o666  # the kernel takes the umask off
_PRIVATE_MODE = 0o600  # until the mode of the file to replace is known to be given to it
_LONGEST_STEM = 50  # characters of the old name kept in the temporary one: of up to 4 bytes, where 255 bytes are all
_LOCKS = sys.platform != "win32"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_BINARY", 0)


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `path` when the block ends without an exception.

    A new file gets the mode the umask allows, a replaced one keeps its mode; where `path` is a symbolic link, the file
    it points to is replaced, or made, and the link stays. A device or a pipe (`/dev/stdout`) is written to directly,
    for it holds nothing to lose. If the block raises, the temporary file is removed and `path` is as it was. Raises
    `FormatError` if `path` is a folder, and `OSError` with the name `path` (no such folder, disk full) as the system
    has it; of one that comes after the move the message says that the file is in place.
    """
    with atomic_set(path) as (file,):
        yield file


@contextmanager
def atomic_set(*paths: PathLike) -> Iterator[list[BinaryIO]]:
    """Yield a file for each path, which take their places together when the block ends without an exception.

    The last path is to be the one without which no reader takes the others for a set: when all are on the disk it is
    removed, the others are moved into place, and it is moved last. So whoever dies in between leaves the old set, the
    new one, or one without its last file, never a mixture; each file by itself is as with `atomic_write`. Two writers
    to one set at the same time are not kept apart.
    """
    with ExitStack() as stack:
        new = [stack.enter_context(_new_file(path)) for path in paths]
        yield [part.file for part in new]
        for part in new:
            part.complete()
        if len(new) > 1:
            new[-1].remove_old()
        for part in new:
            part.move()


@contextmanager
def atomic_folder(path: PathLike) -> Iterator[Path]:
    """Yield a new folder that gets the name `path` when the block ends; the folder itself where there is one already.

    If the block raises, or the writer dies, there is no folder `path`. Files in one that is there already are to be
    written with `atomic_set`. Raises `OSError` as `atomic_write` does.
    """
    if Path(path).is_dir():
        yield Path(path)
        return
    target = Path(os.path.realpath(path))
    with _about(path), _opened(target.parent) as parent, _beside(target, _make_folder) as (temporary, _):
        yield temporary
        temporary.replace(target)
        _sync_move(parent)


class _File(io.FileIO):
    """A file whose errors name what it is to become."""

    def __init__(self, file: str | int, path: PathLike):
        super().__init__(file, "wb")
        self._path = path

    def write(self, data: Any) -> int:
        with _about(self._path):
            return super().write(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with _about(self._path):
            return super().seek(offset, whence)

    def tell(self) -> int:
        with _about(self._path):
            return super().tell()


class _NewFile:
    """A file on its way to its place; `temporary` is None for a device, which is written to where it is."""

    def __init__(
        self, path: PathLike, file: BinaryIO, temporary: Path | None, target: Path, mode: int | None, folder: int | None
    ):
        self.file = file
        self._path = path
        self._temporary = temporary
        self._target = target
        self._mode = mode
        self._folder = folder

    def complete(self) -> None:
        """Bring every byte, and the mode, to the disk."""
        with _about(self._path):
            self.file.flush()
            if self._temporary is not None:
                if self._mode is not None:
                    self._temporary.chmod(stat.S_IMODE(self._mode))
                os.fsync(self.file.fileno())  # after an error here the bytes may be gone: it is never tried again
            self.file.close()

    def remove_old(self) -> None:
        """Remove what is at the target, for good."""
        if self._temporary is not None:
            with _about(self._path):
                self._target.unlink(missing_ok=True)
                _sync(self._folder)

    def move(self) -> None:
        """Take the target's place, for good."""
        if self._temporary is not None:
            with _about(self._path):
                self._temporary.replace(self._target)
                _sync_move(self._folder)


@contextmanager
def _new_file(path: PathLike) -> Iterator[_NewFile]:
    mode = _mode(Path(path))
    if mode is not None and not stat.S_ISREG(mode):
        with io.BufferedWriter(_File(os.fspath(path), path)) as device:
            yield _NewFile(path, device, None, Path(path), None, None)
        return
    with _about(path):
        target = Path(os.path.realpath(path, strict=mode is not None))

    def make(temporary: Path) -> int:
        return os.open(temporary, _CREATE, _NEW_FILE_MODE if mode is None else _PRIVATE_MODE)

    with ExitStack() as stack:
        with _about(path):
            folder = stack.enter_context(_opened(target.parent))
            temporary, descriptor = stack.enter_context(_beside(target, make))
            # a second descriptor, so that the lock is held after the file is closed
            file = io.BufferedWriter(_File(os.dup(descriptor) if _LOCKS else descriptor, path))
        try:
            yield _NewFile(path, file, temporary, target, mode, folder)
        finally:
            with suppress(OSError):  # it was closed, unless something is being raised
                file.close()


def _mode(path: Path) -> int | None:
    """Return kind and permissions of what `path` leads to; None where there is nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise FormatError(f"{path} is a folder: give the name of a file to write in it")
    return mode


@contextmanager
def _about(path: PathLike) -> Iterator[None]:
    """Have the system's errors name `path`, in place of a temporary name or none."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename == os.fspath(path):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


# --- temporary names


@contextmanager
def _beside(target: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """Make something under a temporary name beside `target`, locked while the block runs, removed if it raises."""
    _remove_stale(target)
    while True:
        temporary = target.with_name(f".{_stem(target)}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
        descriptor = None
        try:
            descriptor = make(temporary)
            if _is_held(temporary, descriptor):
                yield temporary, descriptor
                return
            _remove(temporary)
        except BaseException:
            _remove(temporary)
            raise
        finally:
            if _LOCKS and descriptor is not None:
                _close(descriptor)


def _make_folder(temporary: Path) -> int:
    temporary.mkdir()
    return os.open(temporary, os.O_RDONLY)


def _stem(target: Path) -> str:
    return target.name[:_LONGEST_STEM]


def _is_held(temporary: Path, descriptor: int) -> bool:
    """Lock what was just made; False if another writer was faster and took it for stale."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks: then nobody removes it
    try:
        temporary.lstat()
    except FileNotFoundError:
        return False
    return True


def _remove_stale(target: Path) -> None:
    """Remove what writers that died have left beside `target`."""
    ours = re.compile(rf"\.{re.escape(_stem(target))}\.[0-9a-f]{{16}}{re.escape(TEMPORARY_SUFFIX)}")
    with os.scandir(target.parent) as entries:
        stale = [Path(entry.path) for entry in entries if ours.fullmatch(entry.name)]
    for temporary in stale:
        _remove_unlocked(temporary)


def _remove_unlocked(temporary: Path) -> None:
    if sys.platform == "win32":
        return
    with suppress(OSError):  # what is locked, gone or not ours to remove; it is in nobody's way
        descriptor = os.open(temporary, os.O_RDONLY | os.O_NONBLOCK | _NO_FOLLOW)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(temporary)
        finally:
            os.close(descriptor)


def _remove(temporary: Path) -> None:
    with suppress(OSError):  # the next writer to the same target tries again
        if temporary.is_dir() and not temporary.is_symlink():
            shutil.rmtree(temporary)
        else:
            temporary.unlink()


def _close(descriptor: int) -> None:
    with suppress(OSError):  # it only held a lock or stood for a folder: no bytes hang on it
        os.close(descriptor)


# --- folders


@contextmanager
def _opened(folder: Path) -> Iterator[int | None]:
    """Yield a descriptor to force the folder to the disk with; None on Windows, which has and needs no such call."""
    if sys.platform == "win32":
        yield None
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        yield descriptor
    finally:
        _close(descriptor)


def _sync(folder: int | None) -> None:
    if folder is None:
        return
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system, such as some network ones, that has no such call
            raise


def _sync_move(folder: int | None) -> None:
    """Force a new name to the disk, so that it outlives a power failure."""
    try:
        _sync(folder)
    except OSError as error:
        text = f"{error.strerror}: the new file is in place, but whether it would outlive a power failure is not known"
        raise OSError(error.errno, text) from error
