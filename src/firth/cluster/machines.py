"""Compares the machines of a cluster: they compute the same bits only with equal software and equal processors."""

from collections.abc import Mapping

from firth.compiling import cache
from firth.errors import ClusterError

_OF_THE_PROCESSOR = ("the processor", "the processor's features")
_SHOWN = 60  # letters of a value in a message


def describe_machine() -> dict[str, str]:
    """Return, by name, what the bits of a training run depend on: versions, sources, processor, Numba's settings."""
    return {name: str(value) for name, value in cache.environment().items()}


def describe_software() -> dict[str, str]:
    """Return the part of `describe_machine` that is not of the processor; LLVM, which names it, is not loaded."""
    return {name: str(value) for name, value in cache.software().items()}


def check_machines(members: Mapping[str, Mapping[str, str]], software: Mapping[str, str]) -> None:
    """Raise `ClusterError`, naming what differs, unless all members are alike and have the software of this program.

    members   the descriptions of the machines that train, by the names of their nodes
    software  that of this program, whose machine may have another processor
    """
    (first, one), *others = members.items()
    for node, description in others:
        _compare(f"on {first}", one, f"on {node}", description)
    _compare("here", software, f"on {first}", one)


def _compare(here: str, one: Mapping[str, str], there: str, other: Mapping[str, str]) -> None:
    """Raise `ClusterError` for the first value of `one` that `other` does not share."""
    for name, value in one.items():
        found = other.get(name, "not known")
        if found != value:
            raise ClusterError(
                f"the machines would not compute the same bits: {name} is {_difference(value, found)} {here} and "
                f"{_difference(found, value)} {there}. {_remedy(name)}"
            )


def _difference(value: str, other: str) -> str:
    """Return a value, or if it is long its part from where it differs from the other."""
    if len(value) <= _SHOWN:
        return repr(value)
    start = next((i for i, (a, b) in enumerate(zip(value, other, strict=False)) if a != b), len(other))
    return repr("..." + value[max(0, start - _SHOWN // 2) : start + _SHOWN // 2] + "...")


def _remedy(name: str) -> str:
    if name in _OF_THE_PROCESSOR:
        return "Train on nodes with one kind of processor"
    return "Install the same versions of firth, Python, NumPy and Numba on every node, and start Ray again"
