"""Machines: how many machines a run has, and what each of them has."""

from dataclasses import dataclass, field

from firth.options import checked, limits
from firth.resources import available_cores, memory_rooms

_MOST_GB = 10**6
_LIMITS = {
    "nodes": (int, limits("number of machines", 1, 1024)),
    "cores": (int, limits("cores of each machine", 1, 1024)),
    "memory_gb": (float, limits("free memory of each machine, in GB", 0, _MOST_GB, open_low=True)),
    "network_gbits": (float, limits("speed of the network in each direction, in Gb/s", 0, 10**6, open_low=True)),
}


def free_memory_gb() -> float:
    """Return the memory that this process may still use, in GB; the most possible where the system does not say."""
    return min((room for _, room in memory_rooms()), default=_MOST_GB * 10**9) / 1e9


@dataclass(frozen=True, kw_only=True)
class Machines:
    """Machines of one kind.

    nodes          how many
    cores          of each; by default as many as this machine has
    memory_gb      memory of each that is free, in 10^9 bytes; by default as much as this machine has now
    network_gbits  speed of the network between them in each direction, in 10^9 bits per second

    Raises `OptionError` for a value of the wrong type or out of range.
    """

    nodes: int = 1
    cores: int = field(default_factory=available_cores)
    memory_gb: float = field(default_factory=free_memory_gb)
    network_gbits: float = 10.0

    def __post_init__(self) -> None:
        for name, (kind, allowed) in _LIMITS.items():
            object.__setattr__(self, name, checked(name, getattr(self, name), kind, allowed))

    @property
    def memory_bytes(self) -> float:
        """The memory of each."""
        return self.memory_gb * 1e9
