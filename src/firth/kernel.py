"""Declares kernels: functions that Numba compiles once per machine, and that later processes load without Numba.

    @kernel()
    def add_rows(matrix, rows, out): ...

The first call with arguments of new types compiles the function (`kernel_compiler`) or loads its machine code from disk
(`kernel_cache`). Importing Numba takes longer than training on a small text, so it is imported only to compile.

A kernel takes NumPy arrays, numbers, and NamedTuples of these. It returns None, a number or a tuple of numbers. It
allocates nothing, raises nothing, and runs without the GIL. Functions that kernels call are declared with `helper`, or
as an `Intrinsic` if they emit LLVM code.
"""

import ctypes
import hashlib
import inspect
import os
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache, update_wrapper
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np

from firth import kernel_cache

ENTRY_POINT = "firth_kernel"
"""The symbol of a kernel's machine code: int32 firth_kernel(slots, results), which returns 0 if all went well.

Both arguments point to slots of 8 bytes, one for each number. An array takes 5 + 2 n slots: two that are 0, its size,
the size of an item, its address, its shape, and its strides in bytes.
"""

_C_CONTIGUOUS, _IF_C_CONTIGUOUS, _OTHERWISE = 0x1, 0x501, 0x502  # bits of `ndarray.flags.num` that matter to Numba


class MachineCode(NamedTuple):
    """A compiled kernel."""

    results: str  # the `struct` code of each number that it returns, such as "qq"
    is_tuple: bool  # whether it returns a tuple
    object: bytes  # an object file that defines `ENTRY_POINT`
    stands_alone: bool = True  # whether it calls nothing but the C library, so that it can be loaded without Numba


class Helper:
    """A function that kernels call; `options` are those of `numba.njit`."""

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        update_wrapper(self, function)
        self.function, self.options = function, options

    @cached_property
    def compiled(self) -> Any:
        """The function as an object of Numba."""
        from firth import kernel_compiler

        return kernel_compiler.compiled_helper(self)

    def __call__(self, *arguments: Any) -> Any:
        """Call it from Python, for tests."""
        return (self.function if is_interpreted() else self.compiled)(*arguments)


def helper(**options: Any) -> Callable[[Callable[..., Any]], Helper]:
    """Return a decorator for a function that kernels call; `options` are those of `numba.njit`."""
    return lambda function: Helper(function, options)


@dataclass(frozen=True)
class Intrinsic:
    """A function that kernels call and that emits LLVM code: an intrinsic of Numba, in a module that imports Numba."""

    module: str
    name: str

    @property
    def compiled(self) -> Any:
        """The function as an object of Numba."""
        return getattr(import_module(self.module), self.name)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], "Kernel"]:
    """Return a decorator for a kernel; `options` are those of `numba.njit`."""
    return lambda function: Kernel(function, options)


class Kernel:
    """A compiled function; `loaded` counts the machine code that came from disk, `compiled` that which did not.

    Raises `TypeError` for an argument of a type that kernels do not take, and `RuntimeError` if the code fails, which
    it never should.
    """

    def __init__(self, function: Callable[..., Any], options: dict[str, Any]):
        update_wrapper(self, function)
        self.function, self.options = function, options
        self.loaded = self.compiled = 0
        self._calls: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._lock = threading.Lock()

    def __call__(self, *arguments: Any) -> Any:
        types: list[Any] = []
        slots: list[Any] = []
        for argument in arguments:
            flatten(argument, types, slots)
        key = tuple(types)
        call = self._calls.get(key) or self._prepare(key, arguments)
        return call(slots, arguments)

    def _prepare(self, types: tuple[Any, ...], arguments: tuple[Any, ...]) -> Callable[..., Any]:
        """Load or compile the code for arguments of these types, once."""
        with self._lock:
            if types not in self._calls:
                if is_interpreted():
                    return lambda slots, arguments: self.function(*arguments)
                self._calls[types] = _caller(self.__name__, types, self._code(types, arguments))
            return self._calls[types]

    def _code(self, types: tuple[Any, ...], arguments: tuple[Any, ...]) -> MachineCode:
        name = self.entry(types)
        payload = kernel_cache.read(name)
        if payload is not None:
            self.loaded += 1
            return _unpacked(payload)
        from firth import kernel_compiler

        self.compiled += 1
        code = kernel_compiler.compile_kernel(self, arguments)
        if code.stands_alone:
            kernel_cache.write(name, _packed(code))
        return code

    def entry(self, types: tuple[Any, ...]) -> str:
        """Return the name of the cache entry for arguments of these types: a hash of all that the code depends on."""
        parts = (kernel_cache.environment(), list(_identity(self)), types)
        return hashlib.sha256(repr(parts).encode()).hexdigest()


def is_interpreted() -> bool:
    """Return whether Numba is told not to compile, by NUMBA_DISABLE_JIT or at run time."""
    config = sys.modules.get("numba.core.config")
    if config is not None:
        return bool(config.DISABLE_JIT)
    return os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")


def flatten(argument: Any, types: list[Any], slots: list[Any]) -> None:
    """Append the type of an argument to `types`, and its numbers to `slots`."""
    if isinstance(argument, np.ndarray):
        dtype, flags = argument.dtype, argument.flags.num
        layout = flags & (_IF_C_CONTIGUOUS if flags & _C_CONTIGUOUS else _OTHERWISE)
        types += (dtype.str, argument.ndim, layout)
        slots += (0, 0, argument.size, dtype.itemsize, argument.ctypes.data, *argument.shape, *argument.strides)
    elif isinstance(argument, tuple):
        types.append((type(argument).__qualname__, len(argument)))
        for part in argument:
            flatten(part, types, slots)
    elif isinstance(argument, (bool, int, float, np.generic)):
        types.append(_NUMBERS.get(type(argument)) or argument.dtype.char)
        slots.append(argument)
    else:
        raise TypeError(f"a kernel takes no {type(argument).__name__}: give arrays, numbers and NamedTuples of them")


_NUMBERS = {bool: "?", int: "q", float: "d"}


def _caller(name: str, types: tuple[Any, ...], code: MachineCode) -> Callable[..., Any]:
    """Return the function that calls machine code with slots."""
    arguments, results = struct.Struct(_slot_format(types)), struct.Struct("=" + "".join(map(_slot, code.results)))
    entry_point = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)(_load(code.object))

    def call(slots: list[Any], _: tuple[Any, ...]) -> Any:
        out = ctypes.create_string_buffer(results.size or 1)
        if entry_point(arguments.pack(*slots), out) != 0:
            raise RuntimeError(f"the kernel {name} failed")
        values = results.unpack(out.raw[: results.size])
        return values if code.is_tuple else (values[0] if values else None)

    return call


def _slot_format(types: tuple[Any, ...]) -> str:
    """Return the `struct` format of the slots of arguments."""
    codes, rest = [], iter(types)
    for kind in rest:
        if isinstance(kind, tuple):
            continue
        if len(kind) == 1:
            codes.append(_slot(kind))
        else:
            codes.append(f"{5 + 2 * next(rest)}q")
            next(rest)
    return "=" + "".join(codes)


def _slot(code: str) -> str:
    """Return the format of a number that is padded to a slot."""
    code = {"l": "q", "L": "Q"}.get(code, code)
    return f"{code}{8 - struct.calcsize('=' + code)}x"


def _packed(code: MachineCode) -> bytes:
    return f"{code.results} {int(code.is_tuple)}\n".encode() + code.object


def _unpacked(payload: bytes) -> MachineCode:
    head, _, content = payload.partition(b"\n")
    results, _, is_tuple = head.decode().rpartition(" ")
    return MachineCode(results, is_tuple == "1", content)


def _identity(function: "Kernel | Helper") -> Iterator[Any]:
    """Yield what tells a kernel or helper from others of the same source: names, options, constants of its closure."""
    yield function.__module__, function.__qualname__, sorted(function.options.items())
    for name, value in sorted(inspect.getclosurevars(function.function).nonlocals.items()):
        if isinstance(value, (Kernel, Helper)):
            yield from _identity(value)
        elif isinstance(value, (int, str)):
            yield name, value


_engines: list[Any] = []  # own the memory of all machine code, as long as the process


def _load(content: bytes) -> int:
    """Load an object file; return the address of its entry point."""
    import llvmlite.binding as llvm

    _initialize_llvm()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    _engines.append(engine)
    address: int = engine.get_function_address(ENTRY_POINT)
    return address


@lru_cache(maxsize=1)
def _initialize_llvm() -> None:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
