"""Compiles kernels with Numba to object files."""

import os
from types import CellType, FunctionType
from typing import Any

from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from firth.kernel import ENTRY_POINT, Helper, Intrinsic, Kernel, MachineCode

_SLOT_BYTES = 8
_C_LIBRARY = {"memset", "memcpy", "memmove"}

# A fork while another thread compiles would otherwise leave the lock held in the child forever.
os.register_at_fork(
    before=global_compiler_lock.acquire,
    after_in_parent=global_compiler_lock.release,
    after_in_child=global_compiler_lock.release,
)


def compiled_helper(helper: Helper) -> Any:
    """Return the function of Numba for a helper."""
    return njit(nogil=True, _nrt=False, **helper.options)(_resolved(helper.function))


@global_compiler_lock
def compile_kernel(kernel: Kernel, arguments: tuple[Any, ...]) -> MachineCode:
    """Compile a kernel for arguments of these types."""
    flags = Flags()
    cpu_target.options.parse_as_flags(flags, {"nopython": True, "nogil": True, "boundscheck": None, **kernel.options})
    flags.nrt = False  # kernels allocate nothing
    flags.no_compile = flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    typing_context, context = cpu_target.typing_context, cpu_target.target_context
    typing_context.refresh()
    context.refresh()
    signature = tuple(map(typeof, arguments))
    compiled = compile_extra(typing_context, context, _resolved(kernel.function), signature, None, flags, {})
    restype = compiled.signature.return_type
    _add_entry_point(compiled, context, signature, restype)
    compiled.library.enable_object_caching()
    compiled.library.finalize()
    _, _, (content, _) = compiled.library.serialize_using_object_code()
    is_tuple = isinstance(restype, types.BaseTuple)
    results = "" if restype == types.none else "".join(map(_code, restype if is_tuple else [restype]))
    called = {function.name for function in compiled.library._final_module.functions if function.is_declaration}
    return MachineCode(
        results, is_tuple, content, all(name.startswith("llvm.") or name in _C_LIBRARY for name in called)
    )


def _code(number: types.Type) -> str:
    from numba.np.numpy_support import as_dtype

    return as_dtype(number).char


def _resolved(function: FunctionType) -> FunctionType:
    """Return a copy of a function that refers to Numba's objects instead of helpers."""
    used = {name: function.__globals__[name] for name in function.__code__.co_names if name in function.__globals__}
    namespace = function.__globals__ | {name: _compiled(value) for name, value in used.items()}
    cells = tuple(CellType(_compiled(cell.cell_contents)) for cell in function.__closure__ or ())
    copy = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__, cells)
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    return copy


def _compiled(value: Any) -> Any:
    return value.compiled if isinstance(value, (Helper, Intrinsic)) else value


def _add_entry_point(compiled: Any, context: Any, signature: tuple[Any, ...], restype: types.Type) -> None:
    """Emit `ENTRY_POINT`: load the arguments from slots, call the kernel, store the results in slots."""
    module = compiled.library.create_ir_module(ENTRY_POINT)
    pointer = ir.IntType(8).as_pointer()
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [pointer, pointer]), ENTRY_POINT)
    builder = ir.IRBuilder(entry.append_basic_block())
    function_type = context.call_conv.get_function_type(restype, signature)
    function = ir.Function(module, function_type, compiled.fndesc.llvm_func_name)
    slots = _Slots(context, builder, entry.args[0])
    values = [slots.load(kind) for kind in signature]
    status, result = context.call_conv.call_function(builder, function, restype, signature, values)
    if restype != types.none:
        _Slots(context, builder, entry.args[1]).store(restype, result)
    builder.ret(status.code)
    compiled.library.add_ir_module(module)


class _Slots:
    """A sequence of slots while code is being emitted."""

    def __init__(self, context: Any, builder: ir.IRBuilder, address: ir.Value):
        self._context, self._builder, self._address = context, builder, address
        self._used = 0

    def _next(self, kind: types.Type, n: int = 1) -> ir.Value:
        """Return a pointer to the next n slots, of data of a type."""
        place = cgutils.pointer_add(self._builder, self._address, _SLOT_BYTES * self._used)
        self._used += n
        return self._builder.bitcast(place, self._context.get_data_type(kind).as_pointer())

    def load(self, kind: types.Type) -> ir.Value:
        if isinstance(kind, types.BaseTuple):
            return self._context.make_tuple(self._builder, kind, [self.load(part) for part in kind])
        n = 5 + 2 * kind.ndim if isinstance(kind, types.Array) else 1
        return self._context.unpack_value(self._builder, kind, self._next(kind, n))

    def store(self, kind: types.Type, value: ir.Value) -> None:
        if isinstance(kind, types.BaseTuple):
            for part, item in zip(kind, cgutils.unpack_tuple(self._builder, value), strict=True):
                self.store(part, item)
        else:
            self._context.pack_value(self._builder, kind, value, self._next(kind))
