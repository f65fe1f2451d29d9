"""The kernel cache: compiled kernels on disk, so that each is compiled once per machine.

An entry is a file `<key>.kernel`: the SHA-256 of its name and the rest (32 bytes), then what Numba needs to load the
code again. The key is the SHA-256 of everything that the code depends on: the contents of all modules of firth; the
versions of firth, Numba, llvmlite, NumPy and Python; the processor's name and features; Numba's settings; the kernel's
name, the constants in its closure, its compile options and the types of its arguments. An entry cannot be out of date,
because after any change the key is another.

An entry is machine code. It is loaded only from a folder that belongs to this user and that nobody else can write in,
and only if its checksum is right. Otherwise, and if the folder cannot be used, the kernel is compiled in memory and a
line is logged at debug level. Numba's own cache is not used: it does not notice changes in modules that a kernel calls.

Code that replaces parts of firth's modules at run time must switch the cache off: the key is made from the files.

    FIRTH_CACHE_DIR   the folder; the default is firth/ in $XDG_CACHE_HOME, or in ~/.cache. Empty: no cache
"""

import hashlib
import inspect
import logging
import os
import platform
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding
import numba
import numpy as np
from numba.core import serialize
from numba.core.compiler import CompileResult

from firth.errors import FormatError
from firth.formats.atomic import atomic_write
from firth.version import __version__

SUFFIX = ".kernel"
MAX_BYTES = 64 * 2**20  # of all entries; those not used for longest are removed
_DIGEST_BYTES = 32
_PRIVATE = 0o700
_NOT_IN_CODE = {"CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_DEFAULT_NUM_THREADS", "THREADING_LAYER"}
_IMPORTED = time.time_ns()
_log = logging.getLogger("firth")


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles a function as `numba.njit(nogil=True, **options)` does, through the cache."""

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = numba.njit(nogil=True, **options)(function)
        if hasattr(dispatcher, "targetoptions"):  # not if Numba is told not to compile
            dispatcher._cache = KernelCache(function, dispatcher.targetoptions)
        return dispatcher

    return decorate


class KernelCache:
    """The entries of one kernel, with the methods that Numba's dispatcher calls."""

    def __init__(self, function: Callable[..., Any], targetoptions: dict[str, Any]):
        closure = inspect.getclosurevars(function).nonlocals
        constants = sorted((name, value) for name, value in closure.items() if isinstance(value, (int, str)))
        self._kernel = f"{function.__module__}.{function.__qualname__} {constants} {sorted(targetoptions.items())}"
        self.cache_path = ""  # Numba asks for it

    def load_overload(self, signature: Any, target: Any) -> CompileResult | None:
        """Return the code for a signature, or None if there is no sound entry."""
        path = self._path(signature)
        if path is None:
            return None
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            _log.debug("kernel cache: %s", error)
            return None
        digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if _digest(path, payload) != digest:
            _log.debug("kernel cache: %s is damaged, so the kernel is compiled", path)
            return None
        with suppress(OSError):
            os.utime(path)
        target.refresh()  # registers what the code calls
        code: CompileResult = CompileResult._rebuild(target, *serialize.loads(payload))
        return code

    def save_overload(self, signature: Any, code: CompileResult) -> None:
        """Write an entry; a folder that cannot be used is no error."""
        path = self._path(signature)
        if path is None:
            return
        payload = serialize.dumps(code._reduce())
        try:
            with atomic_write(path) as file:
                file.write(_digest(path, payload) + payload)
            _remove_oldest(path.parent)
        except (OSError, FormatError) as error:  # the second if a folder has this name
            _log.debug("kernel cache: %s", error)

    def _path(self, signature: Any) -> Path | None:
        folder = private_folder()
        key = hashlib.sha256(repr((_environment(), self._kernel, str(signature))).encode())
        return folder and folder / (key.hexdigest() + SUFFIX)

    def enable(self) -> None:
        """Do nothing: Numba calls it."""

    def disable(self) -> None:
        """Do nothing: Numba calls it."""

    def flush(self) -> None:
        """Do nothing: Numba calls it when it compiles all overloads again."""


def _digest(path: Path, payload: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + payload).digest()


def private_folder() -> Path | None:
    """Return the folder of the cache, created if need be; None if there is none, or if others can write in it."""
    path = _folder()
    if path is None or not _sources():  # without them, the key would be that of other code
        return None
    try:
        path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        _log.debug("kernel cache: %s", error)
        return None
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    if not is_private:
        _log.debug("kernel cache: %s is not a folder of this user with mode 0700, so it is not used", path)
        return None
    return path


def _folder() -> Path | None:
    given = os.environ.get("FIRTH_CACHE_DIR")
    if given is not None:
        return Path(given).absolute() if given else None
    try:
        base = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    except RuntimeError:  # there is no home folder
        return None
    return base / "firth" if base.is_absolute() else None


@lru_cache(maxsize=1)
def _environment() -> str:
    """Return what all kernels depend on: sources, versions, processor and Numba's settings."""
    sources = hashlib.sha256()
    for path in _sources():
        sources.update(hashlib.sha256(path.read_bytes()).digest())
    versions = [__version__, numba.__version__, llvmlite.__version__, np.__version__, platform.python_version()]
    processor = [llvmlite.binding.get_host_cpu_name(), llvmlite.binding.get_host_cpu_features().flatten()]
    config = vars(numba.config)
    settings = {name: config[name] for name in sorted(config) if name.isupper() and name not in _NOT_IN_CODE}
    return repr((sources.hexdigest(), versions, processor, settings))


@lru_cache(maxsize=1)
def _sources() -> list[Path]:
    """Return the modules of firth; none if there are no files, as in a zip archive, or one changed after its import."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    changed = max((path.stat().st_ctime_ns for path in sources), default=0)
    return sources if changed < _IMPORTED else []


def _remove_oldest(folder: Path) -> None:
    """Remove the entries that were not used for longest, beyond `MAX_BYTES`."""
    found = sorted(((path.stat(), path) for path in folder.glob(f"*{SUFFIX}")), key=lambda entry: -entry[0].st_mtime)
    total = 0
    for status, path in found:
        total += status.st_size
        if total > MAX_BYTES:
            path.unlink(missing_ok=True)
