"""Compiles kernels with Numba to object files."""

from collections.abc import Callable
from types import CellType, FunctionType
from typing import Any

from llvmlite import ir
from numba import njit, typeof, types
from numba.core import cgutils
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Flags, compile_extra
from numba.core.compiler_lock import global_compiler_lock
from numba.core.dispatcher import _FunctionCompiler
from numba.core.registry import cpu_target
from numba.np.numpy_support import as_dtype

from firth.compiling.machine_code import ENTRY_POINT, MachineCode

_SLOT_BYTES = 8
_CODES = {"b1": "?", "i4": "i", "u4": "I", "i8": "q", "u8": "Q", "f4": "f", "f8": "d"}  # of what kernels return
_C_LIBRARY = {"memset", "memcpy", "memmove"}


def compile_helper(function: Callable[..., Any], options: dict[str, Any], for_python: bool = False) -> Any:
    """Return the function of Numba for a helper; `for_python`, which takes longer, if not only kernels call it."""
    dispatcher = njit(nogil=True, _nrt=False, **options)(_resolved(function))
    if not for_python:
        usual = dispatcher._compiler
        dispatcher._compiler = _HelperCompiler(
            usual.py_func, usual.targetdescr, usual.targetoptions, usual.locals, usual.pipeline_class
        )
    return dispatcher


def _type_of(argument: Any) -> Any:
    """Return Numba's type of an argument; it depends on what `machine_code.flatten` tells apart, and on nothing else.

    For Numba alone, a Python int is of another type if it needs 64 bits.
    """
    if type(argument) is int:
        return types.int64
    if isinstance(argument, tuple):
        return types.BaseTuple.from_types(tuple(map(_type_of, argument)), type(argument))
    return typeof(argument)


@global_compiler_lock
def compile_kernel(function: Callable[..., Any], options: dict[str, Any], arguments: tuple[Any, ...]) -> MachineCode:
    """Compile a kernel for arguments of these types."""
    context = cpu_target.target_context
    cpu_target.typing_context.refresh()
    context.refresh()
    signature = tuple(map(_type_of, arguments))
    compiled = _compile(_resolved(function), options, signature, _KernelLibrary)
    result_type = compiled.signature.return_type
    _add_entry_point(compiled, context, signature, result_type)
    compiled.library.finalize()
    module = compiled.library._final_module
    called = {function.name for function in module.functions if function.is_declaration}
    stands_alone = all(name.startswith("llvm.") or name in _C_LIBRARY for name in called)
    is_tuple = isinstance(result_type, types.BaseTuple)
    numbers = result_type if is_tuple else [] if result_type == types.none else [result_type]
    results = "".join(_CODES[as_dtype(number).str[1:]] for number in numbers)
    return MachineCode(results, is_tuple, context.codegen()._tm.emit_object(module), stands_alone)


class _KernelLibrary(JITCodeLibrary):
    """The code of a kernel: linked and optimised, but not loaded, because that is done from an object file."""

    def _finalize_final_module(self) -> None:
        self._finalized = True


class _HelperLibrary(_KernelLibrary):
    """The code of a helper: neither optimised nor loaded on its own, because it becomes part of a kernel."""

    def _optimize_final_module(self) -> None:
        pass


class _HelperCompiler(_FunctionCompiler):
    """Compiles a helper when Numba meets a call of it."""

    def _compile_core(self, args: Any, return_type: Any) -> Any:
        compiled = _compile(self.py_func, self.targetoptions, args, _HelperLibrary)
        name: Any = [].append  # Numba identifies the code by a built-in function; this one is equal to no other
        cpu_target.target_context.insert_user_function(name, compiled.fndesc, [compiled.library])
        return compiled._replace(entry_point=name)


def _compile(function: Callable[..., Any], options: dict[str, Any], arguments: Any, library: type) -> Any:
    """Compile a function for arguments of these types of Numba to a code library that is not finalized."""
    return compile_extra(
        cpu_target.typing_context, cpu_target.target_context, function, arguments, None, _flags(options), {},
        library=library(cpu_target.target_context.codegen(), function.__qualname__),
    )  # fmt: skip


def _flags(options: dict[str, Any]) -> Any:
    flags: Any = Flags()
    cpu_target.options.parse_as_flags(flags, {"nopython": True, "nogil": True, "boundscheck": None, **options})
    flags.nrt = False  # kernels allocate nothing
    flags.no_compile = True  # not yet: `_add_entry_point` comes first
    flags.no_cpython_wrapper = flags.no_cfunc_wrapper = True
    return flags


def _resolved(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a copy of a function that refers to the objects of Numba where the function refers to helpers."""
    assert isinstance(function, FunctionType)
    names, code = function.__globals__, function.__code__
    namespace = names | {name: _for_numba(names[name]) for name in code.co_names if name in names}
    cells = tuple(CellType(_for_numba(cell.cell_contents)) for cell in function.__closure__ or ())
    copy = FunctionType(code, namespace, function.__name__, function.__defaults__, cells)
    copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
    return copy


def _for_numba(value: Any) -> Any:
    return getattr(value, "numba_object", value)


def _add_entry_point(compiled: Any, context: Any, signature: tuple[Any, ...], result_type: Any) -> None:
    """Emit `ENTRY_POINT`: load the arguments from slots, call the kernel, and store the results in slots."""
    module = compiled.library.create_ir_module(ENTRY_POINT)
    pointer = ir.IntType(8).as_pointer()
    entry = ir.Function(module, ir.FunctionType(ir.IntType(32), [pointer, pointer]), ENTRY_POINT)
    builder = ir.IRBuilder(entry.append_basic_block())
    function_type = context.call_conv.get_function_type(result_type, signature)
    function = ir.Function(module, function_type, compiled.fndesc.llvm_func_name)
    slots = _Slots(context, builder, entry.args[0])
    arguments = [slots.load(kind) for kind in signature]
    status, result = context.call_conv.call_function(builder, function, result_type, signature, arguments)
    if result_type != types.none:
        _Slots(context, builder, entry.args[1]).store(result_type, result)
    builder.ret(status.code)
    compiled.library.add_ir_module(module)


class _Slots:
    """A sequence of slots while code is being emitted."""

    def __init__(self, context: Any, builder: ir.IRBuilder, address: ir.Value):
        self._context, self._builder, self._address = context, builder, address
        self._used = 0

    def load(self, kind: Any) -> ir.Value:
        """Load a value from the next slots."""
        if isinstance(kind, types.BaseTuple):
            return self._context.make_tuple(self._builder, kind, [self.load(part) for part in kind])
        n = 5 + 2 * kind.ndim if isinstance(kind, types.Array) else 1
        return self._context.unpack_value(self._builder, kind, self._next(kind, n))

    def store(self, kind: Any, value: ir.Value) -> None:
        """Store a number or a tuple of numbers in the next slots."""
        if isinstance(kind, types.BaseTuple):
            for part, item in zip(kind, cgutils.unpack_tuple(self._builder, value), strict=True):
                self.store(part, item)
        else:
            self._context.pack_value(self._builder, kind, value, self._next(kind, 1))

    def _next(self, kind: Any, n: int) -> ir.Value:
        """Return a pointer to data of a type in the next n slots."""
        place = cgutils.pointer_add(self._builder, self._address, _SLOT_BYTES * self._used)
        self._used += n
        return self._builder.bitcast(place, self._context.get_data_type(kind).as_pointer())
