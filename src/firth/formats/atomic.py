"""Writing a file so that it is either the old one or the complete new one, whatever happens in between.

The bytes go to a temporary name in the same folder, are forced to the disk, and the name is then moved over
the old file, which POSIX promises to do in one step.
"""

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from firth.errors import FormatError

_NEW_FILE_MODE = 0o666  # the kernel takes the umask off
_LONGEST_STEM = 60  # characters of the old name kept in the temporary one: names end at 255 bytes


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `path` when the block ends without an exception.

    A new file gets the mode the umask allows, a replaced one keeps its mode; where `path` is a symbolic link,
    the file it points to is replaced and the link stays. A device or a pipe (`/dev/stdout`) is written to
    directly, for it holds nothing to lose. If the block raises, the temporary file is removed and `path` is
    as it was. Raises `FormatError` if `path` is a folder, and `OSError` (no such folder, disk full) as the
    system has it.
    """
    mode = _mode(Path(path))
    if mode is not None and not stat.S_ISREG(mode):
        with Path(path).open("wb") as device:
            yield device
        return
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:_LONGEST_STEM]}.{secrets.token_hex(8)}.firth-tmp")
    try:
        with _create(temporary, mode) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            temporary.unlink()
        raise
    _sync_folder(target.parent)


def _mode(path: Path) -> int | None:
    """Return kind and permissions of what `path` leads to; None where there is nothing."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        raise FormatError(f"{path} is a folder: give the name of a file to write in it")
    return mode


def _create(temporary: Path, old_mode: int | None) -> BinaryIO:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    file = os.fdopen(os.open(temporary, flags, _NEW_FILE_MODE), "wb")
    if old_mode is not None:
        temporary.chmod(stat.S_IMODE(old_mode))
    return file


def _sync_folder(folder: Path) -> None:
    """Force the new name itself to the disk; Windows has no such call and does not need it."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
