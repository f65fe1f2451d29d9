"""Atomic writing of files: after an error or a crash, each is either the old file or the complete new one.

The bytes are written to a temporary file in the same folder and synced to the disk; the temporary file is then renamed
to the target, which POSIX does in one step; last, the folder is synced, so that the rename survives a power failure.

A writer holds a lock on its temporary file until the rename, and the kernel releases the lock when the writer dies.
So a temporary file without a lock is stale, and the next writer to the same target removes it. On systems without such
locks (Windows, some network file systems) stale files cannot be recognised, and none is removed.
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
from typing import Any, BinaryIO, NamedTuple

from firth.errors import FormatError

if sys.platform != "win32":
    import fcntl

PathLike = str | os.PathLike[str]
TEMPORARY_SUFFIX = ".firth-tmp"
_NEW_FILE_MODE = 0o666  # the kernel applies the umask
_PRIVATE_MODE = 0o600  # until it gets the mode of the file that it replaces
_LONGEST_STEM = 50  # characters of the name in the temporary name: up to 4 bytes each, of the 255 that a name may have
_LOCKS = sys.platform != "win32"
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_WRITE = os.O_WRONLY | _NO_FOLLOW | getattr(os, "O_BINARY", 0)
_CREATE = _WRITE | os.O_CREAT | os.O_EXCL


@contextmanager
def atomic_write(path: PathLike) -> Iterator[BinaryIO]:
    """Yield a binary file that replaces `path` when the block ends without an exception.

    A new file gets the mode that the umask allows; a replaced one keeps its mode. If `path` is a symbolic link, the
    file it points to is replaced or created, and the link stays. A device or a pipe (`/dev/stdout`) is written to
    directly. If the block raises, the temporary file is removed and `path` is unchanged. Raises `FormatError` if
    `path` is a folder, and the system's `OSError` (folder missing, disk full) with the name `path`; if it is raised
    after the rename, its message states that the new file is in place.
    """
    with atomic_set(path) as (file,):
        yield file


@contextmanager
def atomic_set(*paths: PathLike) -> Iterator[list[BinaryIO]]:
    """Yield a file for each path; they replace the paths together when the block ends without an exception.

    The last path must be that of a file without which no reader accepts the others. When all files are on the disk,
    the old last file is removed, and the files are renamed in order. So a crash leaves the old set, the new one, or one
    without its last file, never a mixture; each single file is written as by `atomic_write`. Concurrent writers of one
    set are not synchronised.
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
def atomic_shared(path: PathLike) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a file as `atomic_write` does, and its temporary path, at which other processes may write to it too.

    They open it with `write_into`, and have closed it before the block ends. Raises `FormatError` for a device, which
    they could not share.
    """
    with _new_file(path) as part:
        if part.temporary is None:
            raise FormatError(f"{os.fspath(path)} is a device or a pipe: give the name of a regular file")
        yield part.file, part.temporary
        part.complete()
        part.move()


@contextmanager
def write_into(temporary: PathLike, path: PathLike) -> Iterator[BinaryIO]:
    """Yield the temporary file of another process's `atomic_shared(path)`, to write in it; sync it at the end.

    The file is opened for writing alone. Raises the system's `OSError` with the name `path`.
    """
    with _about(path), io.BufferedWriter(_File(os.open(temporary, _WRITE), path)) as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def atomic_folder(path: PathLike) -> Iterator[Path]:
    """Yield a temporary folder that is renamed to `path` when the block ends; an existing folder is yielded itself.

    If the block raises, or the writer dies, the folder `path` is not created. The caller writes files in an existing
    folder with `atomic_set`. Raises `OSError` as `atomic_write` does.
    """
    if Path(path).is_dir():
        yield Path(path)
        return
    target = Path(os.path.realpath(path))
    with _about(path), _beside(target, _make_folder) as (temporary, _):
        yield temporary
        temporary.replace(target)
        _sync_move(target.parent)


class _File(io.FileIO):
    """A temporary file whose errors name its target."""

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


class _NewFile(NamedTuple):
    """A file that will replace `target`; `temporary` is None for a device, which is written to directly."""

    path: PathLike
    file: BinaryIO
    target: Path
    temporary: Path | None = None
    mode: int | None = None

    def complete(self) -> None:
        """Set the mode, and sync the file to the disk."""
        with _about(self.path):
            self.file.flush()
            if self.temporary is not None:
                if self.mode is not None:
                    self.temporary.chmod(stat.S_IMODE(self.mode))
                os.fsync(self.file.fileno())  # never retried: after an error the bytes may be lost
            self.file.close()

    def remove_old(self) -> None:
        """Remove the target, and sync the folder."""
        if self.temporary is not None:
            with _about(self.path):
                self.target.unlink(missing_ok=True)
                _sync(self.target.parent)

    def move(self) -> None:
        """Rename the temporary file to the target, and sync the folder."""
        if self.temporary is not None:
            with _about(self.path):
                self.temporary.replace(self.target)
                _sync_move(self.target.parent)


@contextmanager
def _new_file(path: PathLike) -> Iterator[_NewFile]:
    mode = _mode(Path(path))
    if mode is not None and not stat.S_ISREG(mode):
        with io.BufferedWriter(_File(os.fspath(path), path)) as device:
            yield _NewFile(path, device, Path(path))
        return
    with _about(path):
        target = Path(os.path.realpath(path, strict=mode is not None))

    def make(temporary: Path) -> int:
        return os.open(temporary, _CREATE, _NEW_FILE_MODE if mode is None else _PRIVATE_MODE)

    with ExitStack() as stack:
        with _about(path):
            temporary, descriptor = stack.enter_context(_beside(target, make))
            # a second descriptor, so that the lock outlives the closing of the file
            file = io.BufferedWriter(_File(os.dup(descriptor) if _LOCKS else descriptor, path))
        try:
            yield _NewFile(path, file, target, temporary, mode)
        finally:
            with suppress(OSError):  # it is open only if an exception is being raised
                file.close()


def _mode(path: Path) -> int | None:
    """Return the kind and permissions of `path`, links followed; None if it does not exist."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise FormatError(f"{path} is a folder: give the name of a file to write in it")
    return mode


@contextmanager
def _about(path: PathLike) -> Iterator[None]:
    """Make the errors of the system name `path` instead of a temporary name."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename == os.fspath(path):
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


# --- temporary names


@contextmanager
def _beside(target: Path, make: Callable[[Path], int]) -> Iterator[tuple[Path, int]]:
    """Make a temporary file or folder beside `target`, locked while the block runs, removed if it raises."""
    _remove_stale(target)
    while True:
        temporary = target.with_name(f".{target.name[:_LONGEST_STEM]}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
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


def _is_held(temporary: Path, descriptor: int) -> bool:
    """Lock the new file or folder; False if another writer has just removed it as stale."""
    if sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        except OSError:
            return True  # a file system without locks, where stale files are not removed
    try:
        temporary.lstat()
    except FileNotFoundError:
        return False
    return True


def _remove_stale(target: Path) -> None:
    """Remove temporary files beside `target` whose writers have died."""
    if sys.platform == "win32":
        return
    ours = re.compile(rf"\.{re.escape(target.name[:_LONGEST_STEM])}\.[0-9a-f]{{16}}{re.escape(TEMPORARY_SUFFIX)}")
    with os.scandir(target.parent) as entries:
        stale = [Path(entry.path) for entry in entries if ours.fullmatch(entry.name)]
    for temporary in stale:
        with suppress(OSError):  # it is locked, gone, or must not be removed; none of these prevents the save
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
    with suppress(OSError):  # no bytes were written through it
        os.close(descriptor)


# --- folders


def _sync(folder: Path) -> None:
    if sys.platform == "win32":  # where folders cannot be synced
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system, such as some network ones, where folders cannot be synced
            raise
    finally:
        _close(descriptor)


def _sync_move(folder: Path) -> None:
    """Sync a folder after a rename, so that the new name survives a power failure."""
    try:
        _sync(folder)
    except OSError as error:
        text = f"{error.strerror}: the new file is in place, but may not survive a power failure"
        raise OSError(error.errno, text) from error
