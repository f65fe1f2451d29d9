"""Calls compiled kernels: passes arrays, numbers and NamedTuples to machine code, without Numba."""

import ctypes
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

ENTRY_POINT = "firth_kernel"
"""The function in a kernel's machine code: int32 firth_kernel(slots, results). It returns 0 if all went well.

Both arguments point to slots of 8 bytes, one for each number. An array takes 5 + 2 n slots: two that are 0, its size,
the size of an item, its address, its shape, and its strides in bytes.
"""

_C_CONTIGUOUS, _IF_C_CONTIGUOUS, _OTHERWISE = 0x1, 0x501, 0x502  # bits of `ndarray.flags.num` that code depends on
_CODES = {"b1": "?", "i1": "b", "u1": "B", "i2": "h", "u2": "H", "i4": "i", "u4": "I", "i8": "q", "u8": "Q",
          "f4": "f", "f8": "d"}  # fmt: skip
_PYTHON_NUMBERS = {bool: "?", int: "q", float: "d"}


_engines: list[Any] = []  # own the memory of all machine code, until the process ends


class MachineCode(NamedTuple):
    """A compiled kernel."""

    results: str  # the `struct` code of each number that it returns, such as "qq"
    is_tuple: bool  # whether it returns a tuple
    object: bytes  # an object file that defines `ENTRY_POINT`
    stands_alone: bool = True  # whether it calls nothing but the C library, so that it can be loaded without Numba

    def to_bytes(self) -> bytes:
        """Return it as one string of bytes, unless it does not stand alone."""
        return f"{self.results} {int(self.is_tuple)}\n".encode() + self.object

    @classmethod
    def from_bytes(cls, data: bytes) -> "MachineCode":
        """Return what `to_bytes` was given."""
        head, _, content = data.partition(b"\n")
        results, _, is_tuple = head.decode().rpartition(" ")
        return cls(results, is_tuple == "1", content)


def flatten(argument: Any, types: list[Any], slots: list[Any]) -> None:
    """Append the type of an argument to `types`, and its numbers to `slots`."""
    if type(argument) is np.ndarray:
        flags = argument.flags.num
        types += (
            argument.dtype.str,
            argument.ndim,
            flags & (_IF_C_CONTIGUOUS if flags & _C_CONTIGUOUS else _OTHERWISE),
        )
        slots += (0, 0, argument.size, argument.itemsize, argument.ctypes.data, *argument.shape, *argument.strides)
    elif isinstance(argument, tuple):
        types.append((type(argument).__qualname__, len(argument)))
        for part in argument:
            flatten(part, types, slots)
    else:
        types.append(_number_code(argument))
        slots.append(argument)


def _number_code(argument: Any) -> str:
    """Return the `struct` code of a number."""
    is_numpy = isinstance(argument, np.generic)
    code = _CODES.get(argument.dtype.str[1:]) if is_numpy else _PYTHON_NUMBERS.get(type(argument))
    if code is None:
        raise TypeError(f"a kernel takes no {type(argument).__name__}: give arrays, numbers and NamedTuples of these")
    return code


def caller(name: str, types: tuple[Any, ...], code: MachineCode) -> Callable[[list[Any]], Any]:
    """Return the function that calls machine code with slots."""
    arguments, results = struct.Struct(_slots_format(types)), struct.Struct("=" + "".join(map(_slot, code.results)))
    entry_point = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_char_p, ctypes.c_void_p)(_load(code.object))

    def call(slots: list[Any]) -> Any:
        out = ctypes.create_string_buffer(results.size + 1)
        if entry_point(arguments.pack(*slots), out) != 0:
            raise RuntimeError(f"the kernel {name} failed")
        values = results.unpack_from(out)
        return values if code.is_tuple else next(iter(values), None)

    return call


def _slots_format(types: tuple[Any, ...]) -> str:
    """Return the `struct` format of the slots of arguments."""
    codes, rest = ["="], iter(types)
    for kind in rest:
        if isinstance(kind, tuple):
            continue  # a NamedTuple: its fields follow
        if len(kind) == 1:
            codes.append(_slot(kind))
        else:
            dimensions, _ = next(rest), next(rest)
            codes.append(f"{5 + 2 * dimensions}q")
    return "".join(codes)


def _slot(code: str) -> str:
    """Return the format of a number that is padded to a slot."""
    return f"{code}{8 - struct.calcsize('=' + code)}x"


def _load(content: bytes) -> int:
    """Load an object file; return the address of its entry point."""
    llvm = _initialized_llvm()
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(content))
    engine.finalize_object()
    _engines.append(engine)
    address: int = engine.get_function_address(ENTRY_POINT)
    return address


@lru_cache(maxsize=1)
def _initialized_llvm() -> Any:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm
