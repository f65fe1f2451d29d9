"""Declares kernels: functions that Numba compiles once per machine, and that later processes load without Numba.

    @kernel()
    def add_rows(matrix, rows, out): ...

The first call with arguments of new types loads the function's machine code from disk (`cache`), or compiles it
(`compiler`). Importing Numba takes as long as training on a small text, so it is imported only to compile.

A kernel takes NumPy arrays, numbers, and NamedTuples of these. It returns None, a number or a tuple of numbers. It
allocates nothing, raises nothing, and runs without the GIL. Functions that kernels call are declared with `helper`, or
as an `Intrinsic` if they emit LLVM code.
"""

import hashlib
import inspect
import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, update_wrapper
from importlib import import_module
from typing import Any

from firth.compiling import cache
from firth.compiling.machine_code import MachineCode, caller, flatten
from firth.logs import log

COMPILER_BYTES = 118 * 2**20  # Numba, LLVM, and what the first compilation of all loads

_LOCK = threading.RLock()  # held while code is compiled or loaded
# A fork while another thread compiles would otherwise leave the lock held in the child forever.
os.register_at_fork(before=_LOCK.acquire, after_in_parent=_LOCK.release, after_in_child=_LOCK.release)


class Helper:
    """A function that kernels call; `options` are those of `numba.njit`."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        update_wrapper(self, function)
        self.function, self.options = function, options

    @cached_property
    def numba_object(self) -> Any:
        """The function as an object of Numba, which only kernels can call."""
        from firth.compiling import compiler

        return compiler.compile_helper(self.function, self.options)

    @cached_property
    def callable(self) -> Callable[..., Any]:
        """The function as an object of Numba that Python can call."""
        from firth.compiling import compiler

        return (
            self.function if is_interpreted() else compiler.compile_helper(self.function, self.options, for_python=True)
        )

    def __call__(self, *arguments: Any) -> Any:
        """Call it from Python, as references and tests do."""
        return self.callable(*arguments)


@dataclass(frozen=True)
class Intrinsic:
    """A function that kernels call and that emits LLVM code: an intrinsic of Numba, in a module that imports Numba."""

    module: str
    name: str

    @property
    def numba_object(self) -> Any:
        """The function as an object of Numba."""
        return getattr(import_module(self.module), self.name)


address = Intrinsic("firth.compiling.intrinsics", "address")
prefetch = Intrinsic("firth.compiling.intrinsics", "prefetch")


def helper(**options: Any) -> Callable[[Callable[..., Any]], Helper]:
    """Return a decorator for a function that kernels call; `options` are those of `numba.njit`."""
    return lambda function: Helper(function, options)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], "Kernel"]:
    """Return a decorator for a kernel; `options` are those of `numba.njit`."""
    return lambda function: Kernel(function, options)


class Kernel:
    """A compiled function; `loaded` counts the machine code that came from disk, `compiled` that which did not.

    `ever_compiled` counts what all kernels of the process have compiled.

    Raises `TypeError` for an argument of a type that kernels do not take, and `RuntimeError` if the code fails, which
    it never should.
    """

    ever_compiled = 0

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        update_wrapper(self, function)
        self.function, self.options = function, options
        self.loaded = self.compiled = 0
        self._callers: dict[tuple[Any, ...], Callable[[list[Any]], Any]] = {}

    def __call__(self, *arguments: Any) -> Any:
        types: list[Any] = []
        slots: list[Any] = []
        for argument in arguments:
            flatten(argument, types, slots)
        call = self._callers.get(tuple(types))
        if call is None:
            if is_interpreted():
                return self.function(*arguments)
            call = self._prepare(tuple(types), arguments)
        return call(slots)

    def _prepare(self, types: tuple[Any, ...], arguments: tuple[Any, ...]) -> Callable[[list[Any]], Any]:
        """Load or compile the code for arguments of these types, once."""
        with _LOCK:
            if types not in self._callers:
                self._callers[types] = caller(self.function.__name__, types, self._code(types, arguments))
            return self._callers[types]

    def _code(self, types: tuple[Any, ...], arguments: tuple[Any, ...]) -> MachineCode:
        name = self.entry(types)
        payload = cache.read(name)
        if payload is not None:
            self.loaded += 1
            log.debug("kernel %s: loaded from the cache", self.function.__name__)
            return MachineCode.from_bytes(payload)
        from firth.compiling import compiler

        self.compiled += 1
        Kernel.ever_compiled += 1
        log.debug("kernel %s: compiling", self.function.__name__)
        code: MachineCode = compiler.compile_kernel(self.function, self.options, arguments)
        if code.stands_alone:
            cache.write(name, code.to_bytes())
        return code

    def entry(self, types: tuple[Any, ...]) -> str:
        """Return the name of the cache entry for arguments of these types: a hash of all that the code depends on."""
        parts = (cache.environment(), list(_identity(self)), types)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def compiler_memory() -> int:
    """Return the bytes that the compiler will need besides those for each kernel: none if it is loaded."""
    return 0 if "numba.core.registry" in sys.modules else COMPILER_BYTES


def is_interpreted() -> bool:
    """Return whether Numba is told not to compile, by NUMBA_DISABLE_JIT or at run time."""
    config = sys.modules.get("numba.core.config")
    if config is not None:
        return bool(config.DISABLE_JIT)
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def _identity(function: "Kernel | Helper") -> Iterator[Any]:
    """Yield what distinguishes functions of the same source: names, options, and the constants of their closures."""
    yield function.function.__module__, function.function.__qualname__, sorted(function.options.items())
    for name, value in sorted(inspect.getclosurevars(function.function).nonlocals.items()):
        if isinstance(value, Helper):
            yield from _identity(value)
        elif isinstance(value, (int, str)):
            yield name, value
