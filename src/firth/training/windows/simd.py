"""The arithmetic of one step as LLVM vector code: scores, sigmoid, loss, and both updates.

A step is Result 27 of docs/derivation.md. Its input rows x_i are vectors v of center words, its output rows y_j are
vectors u of outside and noise words, and W_ij says how often the pair (i, j) counts:

    S = X Y^T                                         scores
    J = sum_ij W_ij log(1 + exp((1 - 2 T_ij) S_ij))   loss (27); T_ij = 1 if row j is the outside word of pair i, else 0
    G = W * (sigma(S) - T)                            gradient of J by S
    X <- X - eta G Y,   Y <- Y - eta G^T X            (27a), with all rows on the right as they were before the step

`score_tile` computes the first three lines and `update_tile` the last. `reference.window_step` is the same in NumPy.

A *strip* is 16 floats of a row. Output rows are processed in *tiles* of at most 8 and input rows in pairs, so the 2 x 8
scores of a pair and a tile fill one strip: lane 8 r + j belongs to input r of the pair and output j of the tile. The
code is emitted directly as operations on strips because loops compiled from Python reach a third of the speed. LLVM
maps the operations to AVX-512, or splits them for AVX2, NEON and SVE.

Rows are passed by address, unchecked: `window_kernels` and `block_kernels` compute each address from a checked word id.
"""

from dataclasses import dataclass

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from firth.training.windows.layout import LANES, STRIP_BYTES, TILE

PAIR = 2

_F32, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)
_STRIP = ir.VectorType(_F32, LANES)
_STRIP_F64 = ir.VectorType(ir.DoubleType(), LANES)
_STRIP_I32 = ir.VectorType(_I32, LANES)

# softplus(z) = max(z, 0) + log1p(exp(-|z|)). Minimax polynomials, each within half a float32 rounding:
# exp(r) for |r| <= log(2) / 2, and log1p(e) / e for 0 <= e <= 1.
_EXP = (1.0, 1.0, 0.4999999105930328, 0.16666419804096222, 0.04166822507977486, 0.008374815806746483,
        0.0013836845755577087)  # fmt: skip
_LOG1P = (1.0, -0.49999552965164185, 0.33320343494415283, -0.24852946400642395, 0.19145117700099945,
          -0.1374662220478058, 0.07921072840690613, -0.030110953375697136, 0.005384058225899935)  # fmt: skip
_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.1219444005469057e-4  # sum log(2); n * _LN2_HIGH is exact for |n| < 2**15
_LARGEST = 87.0  # exp(-87) is about the smallest normal float32


@dataclass(frozen=True, slots=True)
class Strip:
    """A vector of 16 floats while code is being emitted, with the operators of arithmetic."""

    b: ir.IRBuilder
    value: ir.Value

    def __add__(self, other: "Strip") -> "Strip":
        return Strip(self.b, self.b.fadd(self.value, other.value))

    def __mul__(self, other: "Strip") -> "Strip":
        return Strip(self.b, self.b.fmul(self.value, other.value))

    def __truediv__(self, other: "Strip") -> "Strip":
        return Strip(self.b, self.b.fdiv(self.value, other.value))

    def times_plus(self, factor: "Strip", summand: "Strip") -> "Strip":
        """Return self * factor + summand, rounded once."""
        return self._call("llvm.fma", factor, summand)

    def absolute(self) -> "Strip":
        """Return |self|."""
        return self._call("llvm.fabs")

    def rounded(self) -> "Strip":
        """Return the nearest whole numbers."""
        return self._call("llvm.nearbyint")

    def with_sign_of(self, other: "Strip") -> "Strip":
        """Return |self| with the signs of `other`."""
        return self._call("llvm.copysign", other)

    def where(self, comparison: str, threshold: "Strip", other: "Strip") -> "Strip":
        """Return self in the lanes where (self `comparison` threshold), and `other` in the rest."""
        mask = self.b.fcmp_unordered(comparison, self.value, threshold.value)
        return Strip(self.b, self.b.select(mask, self.value, other.value))

    def _call(self, name: str, *others: "Strip") -> "Strip":
        operands = [self.value, *(other.value for other in others)]
        signature = ir.FunctionType(_STRIP, [_STRIP] * len(operands))
        function = cgutils.get_or_insert_function(self.b.module, signature, f"{name}.v{LANES}f32")
        return Strip(self.b, self.b.call(function, operands))


def _constant(b: ir.IRBuilder, *values: float) -> Strip:
    """Return a strip of 16 given values, or of one value 16 times."""
    lanes = list(values) * (LANES // len(values))
    return Strip(b, ir.Constant(_STRIP, [ir.Constant(_F32, value) for value in lanes]))


def _polynomial(x: Strip, coefficients: tuple[float, ...]) -> Strip:
    """Evaluate by Estrin's scheme: it joins neighbouring terms in parallel and so is faster than Horner's."""
    terms = [_constant(x.b, coefficient) for coefficient in coefficients]
    power = x
    while len(terms) > 1:
        joined = [high.times_plus(power, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = joined + terms[2 * len(joined) :]
        power = power * power
    return terms[0]


def _exp_of_minus(x: Strip) -> Strip:
    """Return exp(-x) = 2^n exp(r), n the integer nearest -x / log 2, for x >= 0 or NaN."""
    b = x.b
    x = x.where("<", _constant(b, _LARGEST), _constant(b, _LARGEST))
    n = (x * _constant(b, -_LOG2_E)).rounded()
    minus_x = x * _constant(b, -1.0)
    r = n.times_plus(_constant(b, -_LN2_LOW), n.times_plus(_constant(b, -_LN2_HIGH), minus_x))
    exponent = b.shl(b.fptosi(n.value, _STRIP_I32), ir.Constant(_STRIP_I32, [23] * LANES))
    scaled = b.add(b.bitcast(_polynomial(r, _EXP).value, _STRIP_I32), exponent)
    return Strip(b, b.bitcast(scaled, _STRIP))


def _sigmoid_and_softplus(z: Strip) -> tuple[Strip, Strip]:
    """Return sigma(z) = [z > 0 ? 1 : e] / (1 + e) and softplus(z) = max(z, 0) + log(1 + e), with e = exp(-|z|)."""
    b, zero, one = z.b, _constant(z.b, 0.0), _constant(z.b, 1.0)
    e = _exp_of_minus(z.absolute())
    is_positive = b.fcmp_ordered(">", z.value, zero.value)
    sigmoid = Strip(b, b.select(is_positive, one.value, e.value)) / (one + e)
    softplus = e.times_plus(_polynomial(e, _LOG1P), z.where(">", zero, zero))
    return sigmoid, softplus


def _address(b: ir.IRBuilder, base: ir.Value, index: ir.Value, size: int) -> ir.Value:
    return b.add(base, b.mul(index, _I64(size)))


def _load(b: ir.IRBuilder, address: ir.Value) -> Strip:
    return Strip(b, b.load(b.inttoptr(address, _STRIP.as_pointer()), align=STRIP_BYTES))


def _store(strip: Strip, address: ir.Value) -> None:
    strip.b.store(strip.value, strip.b.inttoptr(address, _STRIP.as_pointer()), align=STRIP_BYTES)


def _load_address(b: ir.IRBuilder, table: ir.Value, index: ir.Value) -> ir.Value:
    return b.load(b.inttoptr(_address(b, table, index, 8), _I64.as_pointer()), align=8)


def _broadcast(b: ir.IRBuilder, address: ir.Value) -> Strip:
    """Load one float into all 16 lanes."""
    return _splat(b, b.load(b.inttoptr(address, _F32.as_pointer()), align=4))


def _splat(b: ir.IRBuilder, scalar: ir.Value) -> Strip:
    first = b.insert_element(ir.Constant(_STRIP, ir.Undefined), scalar, _I32(0))
    return Strip(b, b.shuffle_vector(first, first, ir.Constant(_STRIP_I32, [0] * LANES)))


def _carried(b: ir.IRBuilder, start: Strip) -> ir.Value:
    """Return a stack slot for a value that a loop changes; LLVM keeps it in a register."""
    slot = cgutils.alloca_once(b, _STRIP)
    b.store(start.value, slot)
    return slot


def _get(b: ir.IRBuilder, slot: ir.Value) -> Strip:
    return Strip(b, b.load(slot))


# Four rounds of shuffle-and-add turn 16 strips into the strip of their 16 horizontal sums, in order: 15
# additions, where summing each strip alone takes 64. A round adds the halves of `a`, and the halves of `b`.
_Q = [4 * quad for quad in range(4)]
_ROUNDS = (
    ([i for q in _Q for i in (q, 16 + q, q + 1, 17 + q)], [i for q in _Q for i in (q + 2, 18 + q, q + 3, 19 + q)]),
    ([i for q in _Q for i in (q, q + 1, 16 + q, 17 + q)], [i for q in _Q for i in (q + 2, q + 3, 18 + q, 19 + q)]),
    ([*range(8), *range(16, 24)], [*range(8, 16), *range(24, 32)]),
    ([*range(4), *range(8, 12), *range(16, 20), *range(24, 28)],
     [*range(4, 8), *range(12, 16), *range(20, 24), *range(28, 32)]),
)  # fmt: skip


def _horizontal_sums(strips: list[Strip | None]) -> Strip:
    """Return the strip whose lane i is the sum of strips[i]; None stands for a strip of zeros."""
    for low, high in _ROUNDS:
        strips = [_merge(a, b, low, high) for a, b in zip(strips[::2], strips[1::2], strict=True)]
    (result,) = strips
    assert result is not None
    return result


def _merge(a: Strip | None, b: Strip | None, low: list[int], high: list[int]) -> Strip | None:
    if a is None:
        return None  # a tile fills its lanes from the left, so b is None as well
    other = b or _constant(a.b, 0.0)
    lanes = [ir.Constant(_STRIP_I32, order) for order in (low, high)]
    first, second = (Strip(a.b, a.b.shuffle_vector(a.value, other.value, order)) for order in lanes)
    return first + second


@intrinsic(prefer_literal=True)
def score_tile(typingctx, tile, step, outputs, column_weights, g):
    """Score a tile of outputs against all inputs: write -eta G of (27a) to `g` and add to the loss (27).

    tile            int literal  output rows in the tile, 1 to 8
    step            Step
    outputs         address      table of `tile` row addresses
    column_weights  address      (16,) float32: the signed weight of each output
    g               address      (pairs, 16) float32, overwritten

    A signed weight is W (1 - 2 T): negative for the outside word, positive for noise, 0 in unused lanes.
    """
    T = tile.literal_value
    signature = types.void(tile, step, types.int64, types.int64, types.int64)

    def codegen(context, b, sig, args):
        _, packed_step, outputs, column_weights, g = args
        inputs, pairs, strips, row_weights, rate, loss = cgutils.unpack_tuple(b, packed_step)
        total = _carried(b, _constant(b, 0.0))
        last = b.sub(pairs, _I64(1))
        y = [_load_address(b, outputs, _I64(j)) for j in range(T)]
        minus_rate = _splat(b, b.fneg(rate))
        signed = _load(b, column_weights)

        def score(p):
            x = [_load_address(b, inputs, b.add(b.mul(p, _I64(PAIR)), _I64(r))) for r in range(PAIR)]
            return _dot_products(b, x, y, strips)

        def finish(scores, p):
            weights = signed * _load(b, _address(b, row_weights, p, STRIP_BYTES))
            sign = _constant(b, 1.0).with_sign_of(weights)  # 1 - 2 T
            sigmoid, softplus = _sigmoid_and_softplus(scores * sign)
            b.store(softplus.times_plus(weights * sign, _get(b, total)).value, total)
            # sign sigma(sign S) = sigma(S) - T
            _store(sigmoid * (minus_rate * weights), _address(b, g, p, STRIP_BYTES))

        # The sigmoid of a pair waits for a long chain of operations; the dot products of the next fill the time.
        waiting = _carried(b, score(_I64(0)))
        with cgutils.for_range(b, last) as loop:
            finish(_get(b, waiting), loop.index)
            b.store(score(b.add(loop.index, _I64(1))).value, waiting)
        finish(_get(b, waiting), last)
        pointer = b.inttoptr(loss, _STRIP_F64.as_pointer())
        sums = b.fadd(b.load(pointer, align=STRIP_BYTES), b.fpext(b.load(total), _STRIP_F64))
        b.store(sums, pointer, align=STRIP_BYTES)
        return context.get_dummy_value()

    return signature, codegen


def _dot_products(b: ir.IRBuilder, x: list[ir.Value], y: list[ir.Value], strips: ir.Value) -> Strip:
    """Return the scores of a pair of inputs in lane 8 r + j; the arguments are row addresses."""
    sums = [[_carried(b, _constant(b, 0.0)) for _ in y] for _ in x]
    with cgutils.for_range(b, strips) as loop:
        offset = b.mul(loop.index, _I64(STRIP_BYTES))
        left = [_load(b, b.add(row, offset)) for row in x]
        for j, row in enumerate(y):
            output = _load(b, b.add(row, offset))
            for r in range(PAIR):
                _add_product(left[r], output, sums[r][j])
    unused = [None] * (TILE - len(y))
    return _horizontal_sums([lane for of_row in sums for lane in [*(_get(b, slot) for slot in of_row), *unused]])


def _add_product(left: Strip, right: Strip, slot: ir.Value) -> None:
    left.b.store(left.times_plus(right, _get(left.b, slot)).value, slot)


@intrinsic(prefer_literal=True)
def update_tile(typingctx, tile, in_place, n_upcoming, rows, outputs, g, upcoming):
    """Update the rows of one tile by (27a): y_j += sum_i g_ij x_i, and after_i = before_i + sum_j g_ij y_j.

    tile            int literal   as in `score_tile`
    in_place        int literal   1 if `rows.before` is `rows.inputs`
    n_upcoming      int literal   how many rows to prefetch, a line at a time between the arithmetic
    rows            Rows
    outputs         address       table of output rows as in `score_tile`; those rows change
    g               address       (pairs, 16) float32: -eta G, from `score_tile`
    upcoming        address       table of `n_upcoming` rows that will soon be used
    """
    T, is_in_place = tile.literal_value, bool(in_place.literal_value)
    signature = types.void(tile, in_place, n_upcoming, rows, *[types.int64] * 3)

    def codegen(context, b, sig, args):
        packed_rows, outputs, g, upcoming = args[3:]
        inputs, before, after, pairs, strips = cgutils.unpack_tuple(b, packed_rows)
        output_rows = [_load_address(b, outputs, _I64(j)) for j in range(T)]
        next_rows = [_load_address(b, upcoming, _I64(j)) for j in range(n_upcoming.literal_value)]
        with cgutils.for_range(b, strips) as strip:
            offset = b.mul(strip.index, _I64(STRIP_BYTES))
            for row in next_rows:
                _prefetch(b, b.add(row, offset))
            y = [_load(b, b.add(row, offset)) for row in output_rows]
            sums = [_carried(b, strip_of_y) for strip_of_y in y]
            with cgutils.for_range(b, pairs) as loop:
                coefficients = _address(b, g, loop.index, STRIP_BYTES)
                for r in range(PAIR):
                    i = b.add(b.mul(loop.index, _I64(PAIR)), _I64(r))
                    lane = b.add(coefficients, _I64(4 * TILE * r))
                    x = _load(b, b.add(_load_address(b, inputs, i), offset))
                    new = x if is_in_place else _load(b, b.add(_load_address(b, before, i), offset))
                    for j in range(len(y)):
                        g_ij = _broadcast(b, b.add(lane, _I64(4 * j)))
                        b.store(g_ij.times_plus(x, _get(b, sums[j])).value, sums[j])
                        new = g_ij.times_plus(y[j], new)
                    _store(new, b.add(_load_address(b, after, i), offset))
            for row, slot in zip(output_rows, sums, strict=True):
                _store(_get(b, slot), b.add(row, offset))
        return context.get_dummy_value()

    return signature, codegen


def _prefetch(b: ir.IRBuilder, address: ir.Value) -> None:
    """Prefetch a cache line that will be read and written soon."""
    pointer = ir.IntType(8).as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
    function = cgutils.get_or_insert_function(b.module, signature, "llvm.prefetch.p0")
    b.call(function, [b.inttoptr(address, pointer), _I32(1), _I32(3), _I32(1)])  # to write, keep near, data


@intrinsic
def sum_rows(typingctx, strips, rows, n, factor, total):
    """Write the sum of n rows, times a factor, to another row.

    strips  int      strips in a row
    rows    address  table of n row addresses, int64
    factor  float32  by which the sum is multiplied
    total   address  row that is overwritten
    """
    signature = types.void(strips, types.int64, types.int64, types.float32, types.int64)

    def codegen(context, b, sig, args):
        strips, rows, n, factor, total = args
        factor = _splat(b, factor)
        with cgutils.for_range(b, strips) as strip:
            offset = b.mul(strip.index, _I64(STRIP_BYTES))
            sums = _carried(b, _constant(b, 0.0))
            with cgutils.for_range(b, n) as loop:
                row = _load(b, b.add(_load_address(b, rows, loop.index), offset))
                b.store((_get(b, sums) + row).value, sums)
            _store(_get(b, sums) * factor, b.add(total, offset))
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_to_rows(typingctx, strips, rows, n, change):
    """Add the row at `change` to n rows, to one that is in the table r times r times.

    strips  int      strips in a row
    rows    address  table of n row addresses, int64
    change  address  row to add
    """
    signature = types.void(strips, types.int64, types.int64, types.int64)

    def codegen(context, b, sig, args):
        strips, rows, n, change = args
        with cgutils.for_range(b, strips) as strip:
            offset = b.mul(strip.index, _I64(STRIP_BYTES))
            summand = _load(b, b.add(change, offset))
            with cgutils.for_range(b, n) as loop:
                address = b.add(_load_address(b, rows, loop.index), offset)
                _store(_load(b, address) + summand, address)
        return context.get_dummy_value()

    return signature, codegen
