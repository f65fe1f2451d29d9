"""The kernel cache: compiled kernels on disk, so that each is compiled once per machine.

An entry is a file `<name>.kernel`: the SHA-256 of its name and the rest (32 bytes), then the code. The name is the
SHA-256 of everything that the code depends on: the contents of all modules of firth; the versions of firth, Numba,
llvmlite, NumPy and Python; the processor's name and features; Numba's settings; the kernel's name, the constants in
its closure and those of its helpers, its compile options and the types of its arguments. An entry cannot be out of
date, because after any change the name is another.

An entry is machine code. It is loaded only from a folder that belongs to this user and that nobody else can write in,
and only if its checksum is right. Otherwise, and if the folder cannot be used, the kernel is compiled in memory and a
line is logged at debug level. Numba's own cache is not used: it does not notice changes in modules that a kernel calls.

The cache is not used if a program changed Numba's settings, or if a module of firth was edited after its import. Code
that replaces parts of firth's modules at run time must switch the cache off: the name is made from the files.

    FIRTH_CACHE_DIR   the folder; the default is firth/ in $XDG_CACHE_HOME, or in ~/.cache. Empty: no cache
"""

import hashlib
import os
import platform
import stat
import sys
import time
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from importlib.util import module_from_spec
from pathlib import Path

from firth.atomic import atomic_write
from firth.errors import FormatError
from firth.logs import log
from firth.version import __version__

SUFFIX = ".kernel"
MAX_BYTES = 64 * 2**20  # of all entries; those not used for longest are removed
_DIGEST_BYTES = 32
_PRIVATE = 0o700
_NOT_IN_CODE = {"NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS", "NUMBA_THREADING_LAYER"}
_NUMBA_SETTINGS_FILE = ".numba_config.yaml"  # in the working directory
_IMPORTED = time.time_ns()


def read(name: str) -> bytes | None:
    """Return the content of an entry, or None if there is no sound entry."""
    path = _path(name)
    if path is None:
        return None
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        log.debug("kernel cache: %s", error)
        return None
    digest, payload = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
    if _digest(path, payload) != digest:
        log.debug("kernel cache: %s is damaged, so the kernel is compiled", path)
        return None
    with suppress(OSError):
        os.utime(path)
    return payload


def write(name: str, payload: bytes) -> None:
    """Write an entry; a folder that cannot be used is no error."""
    path = _path(name)
    if path is None:
        return
    try:
        with atomic_write(path) as file:
            file.write(_digest(path, payload) + payload)
        _remove_oldest(path.parent)
    except (OSError, FormatError) as error:  # the second if a folder has this name
        log.debug("kernel cache: %s", error)


def _path(name: str) -> Path | None:
    if _settings_were_changed():
        log.debug("kernel cache: not used, because the program changed Numba's settings")
        return None
    folder = private_folder()
    return folder and folder / (name + SUFFIX)


def _digest(path: Path, payload: bytes) -> bytes:
    return hashlib.sha256(path.name.encode() + payload).digest()


def private_folder() -> Path | None:
    """Return the folder of the cache, created if need be; None if there is none, or if others can write in it."""
    path = _folder()
    if path is None or not _sources():  # without them, the name would be that of other code
        return None
    try:
        path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        log.debug("kernel cache: %s", error)
        return None
    is_private = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    if not is_private:
        log.debug("kernel cache: %s is not a folder of this user with mode 0700, so it is not used", path)
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
def environment() -> dict[str, object]:
    """Return, by name, what all kernels depend on: the software, and the processor."""
    from llvmlite.binding import get_host_cpu_features, get_host_cpu_name  # as small texts need it: imported late

    processor = {
        "the processor": get_host_cpu_name(),
        "the processor's features": get_host_cpu_features().flatten(),
    }
    return software() | processor


def software() -> dict[str, object]:
    """Return, by name, the software that all kernels depend on: sources, versions and Numba's settings."""
    sources = hashlib.sha256()
    for path in _sources():
        sources.update(hashlib.sha256(path.read_bytes()).digest())
    settings = [item for item in sorted(os.environ.items()) if item[0].startswith("NUMBA_")]
    settings = [item for item in settings if item[0] not in _NOT_IN_CODE]
    with suppress(OSError):
        settings.append((_NUMBA_SETTINGS_FILE, Path(_NUMBA_SETTINGS_FILE).read_text(errors="replace")))
    return {
        "firth": __version__,
        "Python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "numba", "llvmlite")},
        "the digest of firth's modules": sources.hexdigest(),
        "the settings of Numba": settings,
    }


def _settings_were_changed() -> bool:
    """Return whether Numba's settings are no longer those that `environment` describes, because a program set them."""
    config = sys.modules.get("numba.core.config")
    if config is None or config.__spec__ is None or config.__spec__.loader is None:
        return False
    fresh = module_from_spec(config.__spec__)
    config.__spec__.loader.exec_module(fresh)
    settings = {name: value for name, value in vars(fresh).items() if name.isupper()}
    return any(repr(getattr(config, name, None)) != repr(value) for name, value in settings.items())


@lru_cache(maxsize=1)
def _sources() -> list[Path]:
    """Return the modules of firth; none if there are no files, as in a zip archive, or one changed after its import."""
    sources = sorted(Path(__file__).parents[1].rglob("*.py"))
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
