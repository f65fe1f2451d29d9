"""Cores and memory that this process may use."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from firth.errors import NotEnoughMemoryError
from firth.messages import option
from firth.options import checked, limits

_CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # of malloc.h
_MAPPED_BYTES = 2**20  # freed arrays of this size and more are returned to the system


def available_cores() -> int:
    """Return how many cores this process may use, by its CPU affinity and the quota of its control group."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.strip().isdigit():
        cores = min(cores, -(-int(quota) // int(period)))
    return max(1, cores)


def checked_workers(workers: int | None) -> int:
    """Return a checked number of threads, `available_cores` for None; raise `OptionError` for an invalid one."""
    number = checked("workers", workers, int, limits("threads; by default all cores", 1, 1024, optional=True))
    return available_cores() if number is None else int(number)


def memory_rooms(unused: int = 0) -> Iterator[tuple[str, int]]:
    """Yield each bound on this process's memory, with the bytes that it leaves.

    The bounds are the machine's memory (without swap, which would slow training down to days), all control groups
    of the process, and its limits on address space and data, less `unused` bytes that are reserved but never touched.
    """
    yield from _free_memory()
    yield from _control_groups()
    yield from ((name, room - unused) for name, room in _own_limits())


def require_memory(
    parts: dict[str, int], purpose: str = "training", remedy: str | None = None, *, unused: int = 0
) -> None:
    """Raise `NotEnoughMemoryError`, showing the arithmetic, if `parts` (name -> bytes) do not fit in memory together.

    The message gives the `purpose` of the memory and the `remedy` (None: how to train with less). `unused` is as in
    `memory_rooms`.
    """
    needed = sum(parts.values())
    bound, room = min(memory_rooms(unused), key=lambda pair: pair[1], default=("", needed))
    if needed > room:
        arithmetic = " + ".join(f"{name} {_megabytes(size)}" for name, size in parts.items())
        raise NotEnoughMemoryError(
            f"{purpose} needs {_megabytes(needed)} of memory ({arithmetic}) and {_megabytes(max(0, room))} is "
            f"available ({bound}): {remedy or _smaller_training()}"
        )


def _smaller_training() -> str:
    smaller, larger = option("vector_size"), option("min_count")
    return f"use a smaller {smaller}, a larger {larger}, {option('max_vocab')}, or fewer {option('workers')}"


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _free_memory() -> Iterator[tuple[str, int]]:
    for line in _read(_PROC / "meminfo").splitlines():
        if line.startswith("MemAvailable:"):
            yield "MemAvailable of this machine", int(line.split()[1]) * 1024


def _control_groups() -> Iterator[tuple[str, int]]:
    """Yield the free memory of each control group (version 1 or 2), from the process's own up to the root."""
    for line in _read(_PROC / "self/cgroup").splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for root in (_CGROUP, _CGROUP / "unified"):
                yield from _rooms_up(root, path, "memory.max", "memory.current", "")
        elif "memory" in controllers.split(","):
            yield from _rooms_up(_CGROUP / "memory", path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_")


def _rooms_up(root: Path, path: str, limit_name: str, usage_name: str, prefix: str) -> Iterator[tuple[str, int]]:
    parts = path.strip("/").split("/")
    for depth in range(len(parts), -1, -1):
        folder = root.joinpath(*parts[:depth])
        limit, used = _read(folder / limit_name).strip(), _read(folder / usage_name).strip()
        if limit.isdigit() and used.isdigit():
            yield f"{limit_name} of the control group", int(limit) - int(used) + _file_cache(folder, prefix)


def _file_cache(folder: Path, prefix: str) -> int:
    """Return the bytes of cached files in a control group, which the kernel frees when memory is short."""
    statistics = dict(line.partition(" ")[::2] for line in _read(folder / "memory.stat").splitlines())
    return sum(int(statistics.get(f"{prefix}{kind}_file", 0)) for kind in ("active", "inactive"))


def _own_limits() -> Iterator[tuple[str, int]]:
    sizes = _read(_PROC / "self/statm").split()
    if not sizes:
        return
    import resource  # not available on Windows

    page = os.sysconf("SC_PAGE_SIZE")
    for name, kind, used in (
        ("RLIMIT_AS, ulimit -v", resource.RLIMIT_AS, sizes[0]),
        ("RLIMIT_DATA, ulimit -d", resource.RLIMIT_DATA, sizes[5]),
    ):
        limit, _ = resource.getrlimit(kind)
        if limit != resource.RLIM_INFINITY:
            yield name, limit - int(used) * page


def _read(path: Path) -> str:
    """Return the text of a system file, or an empty string if there is none."""
    try:
        return path.read_text()
    except OSError:
        return ""


def return_freed_memory() -> None:
    """Make the allocator of this process return freed arrays to the system, for as long as the process runs.

    By default glibc keeps memory that it has freed for later use, for each thread: 150 MB of transfers in a member of a
    cluster, 60 MB of answers in an explorer of a million words. Other C libraries have no such setting.
    """
    import ctypes  # here, because it would slow down every import of firth

    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED_BYTES)
        library.mallopt(_M_TRIM_THRESHOLD, 2 * _MAPPED_BYTES)  # by default so little that each answer would pay for it
        library.mallopt(_M_ARENA_MAX, 2)
