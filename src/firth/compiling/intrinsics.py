"""What kernels do with addresses, emitted as LLVM code (Numba)."""

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


@intrinsic
def address(typingctx, array):
    """Return the address of an array's first byte, as int64."""

    def generate(context, builder, signature, arguments):
        data = context.make_array(array)(context, builder, arguments[0]).data
        return builder.ptrtoint(data, ir.IntType(64))

    return types.int64(array), generate


@intrinsic(prefer_literal=True)
def prefetch(typingctx, place, to_write):
    """Load the cache line at an address into the nearest cache, without waiting; any address is allowed.

    place     int64
    to_write  int literal  1 if the line will be written, else 0
    """
    pointer, number = ir.IntType(8).as_pointer(), ir.IntType(32)

    def generate(context, builder, signature, arguments):
        kind = ir.FunctionType(ir.VoidType(), [pointer, number, number, number])
        call = builder.module.declare_intrinsic("llvm.prefetch", [pointer], kind)
        line = builder.inttoptr(arguments[0], pointer)
        builder.call(call, [line, number(to_write.literal_value), number(3), number(1)])  # soon and often, data
        return context.get_dummy_value()

    return types.void(types.int64, to_write), generate
