"""What this machine can give: cores and memory, as this process may use them."""

import os
import resource
from pathlib import Path

from firth.errors import NotEnoughMemoryError, OptionError

_CGROUP = Path("/sys/fs/cgroup")


def available_cores() -> int:
    """Return how many cores this process may use: its affinity, and its control group's quota if it has one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota, _, period = _read(_CGROUP / "cpu.max").partition(" ")
    if quota.isdigit() and period.isdigit():
        cores = min(cores, -(-int(quota) // int(period)))
    return max(1, cores)


def checked_workers(workers: int | None) -> int:
    """Return the number of threads to use, `available_cores` for None; raise `OptionError` if it is no such number."""
    if workers is None:
        return available_cores()
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= 1024:
        raise OptionError(
            f"workers={workers!r} is not allowed: give a whole number from 1 to 1024, or None for all cores"
        )
    return workers


def available_memory() -> int | None:
    """Return the bytes this process may still allocate, or None where the system does not say.

    The least of: memory the kernel calls available, the control group's limit, the process's address space limit.
    """
    amounts = [_free_memory(), _control_group_room(), _address_space_room()]
    return min((amount for amount in amounts if amount is not None), default=None)


def require_memory(parts: dict[str, int]) -> None:
    """Raise `NotEnoughMemoryError`, with the arithmetic shown, if `parts` (name -> bytes) cannot all be allocated."""
    available, needed = available_memory(), sum(parts.values())
    if available is not None and needed > available:
        arithmetic = " + ".join(f"{name} {_megabytes(size)}" for name, size in parts.items())
        raise NotEnoughMemoryError(
            f"training needs {_megabytes(needed)} of memory ({arithmetic}) and {_megabytes(available)} is available: "
            "use a smaller vector_size, a larger min_count, max_vocab, or fewer workers"
        )


def _megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MiB"


def _free_memory() -> int | None:
    for line in _read(Path("/proc/meminfo")).splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _control_group_room() -> int | None:
    limit, used = _read(_CGROUP / "memory.max").strip(), _read(_CGROUP / "memory.current").strip()
    return int(limit) - int(used) if limit.isdigit() and used.isdigit() else None


def _address_space_room() -> int | None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    pages = _read(Path("/proc/self/statm")).split()
    if limit == resource.RLIM_INFINITY or not pages:
        return None
    return limit - int(pages[0]) * os.sysconf("SC_PAGE_SIZE")


def _read(path: Path) -> str:
    """Return a small system file's text, or nothing where the system has no such file."""
    try:
        return path.read_text()
    except OSError:
        return ""
