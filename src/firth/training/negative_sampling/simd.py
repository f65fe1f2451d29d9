"""The arithmetic of one window as LLVM vector code: scores, sigmoid, loss, and both updates.

The few functions here are emitted directly as operations on vectors of 16 floats (a *strip* of a row),
because loops compiled from Python reach a third of their speed. LLVM maps them to AVX-512 as they stand and
splits them for AVX2, NEON or SVE.

With v_n the N input rows of a window, u_j its output rows (the predicted word, then the noise words), and
y_j = 1 for the predicted word, 0 for a noise word:

    s_nj  = u_j . v_n                                               scores
    loss  = sum_nj w_nj softplus(z_nj),   z_nj = (1 - 2 y_j) s_nj   since -log sigma(-z) = softplus(z)
    g_nj  = -rate w_nj (sigma(s_nj) - y_j)                          rate times minus the gradient for s_nj
    v_n  += sum_j g_nj u_j,   u_j += sum_n g_nj v_n                 all rows as they were before the step

`score_tile` computes the first three lines and `update_tile` the last; `objectives.negative_sampling` is
the same mathematics in NumPy. Output rows are taken in *tiles* of at most 8 and input rows in pairs, so the
2 x 8 scores of a step are one strip: lane 8 r + j belongs to input r of the pair and output j of the tile.

Rows are passed by address. Nothing is checked here: `window_kernels` and `block_kernels` make every address
from a checked word id.
"""

from dataclasses import dataclass
from typing import NamedTuple

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16  # floats in a strip; the rows of a matrix are padded to whole strips
STRIP_BYTES = 4 * LANES
TILE = 8  # most output rows in a tile: with two input rows their scores fill one strip
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
_LN2_HIGH, _LN2_LOW = (
    0.693359375,
    -2.1219444005469057e-4,
)  # sum log(2); n * _LN2_HIGH is exact for |n| < 2**15
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
    """Estrin's scheme: neighbouring terms are joined in parallel, so the result comes sooner than by Horner's."""
    terms = [_constant(x.b, coefficient) for coefficient in coefficients]
    power = x
    while len(terms) > 1:
        joined = [high.times_plus(power, low) for low, high in zip(terms[::2], terms[1::2], strict=False)]
        terms = joined + terms[2 * len(joined) :]
        power = power * power
    return terms[0]


def _exp_of_minus(x: Strip) -> Strip:
    """exp(-x) for x >= 0: exp(-x) = 2^n exp(r) with n the integer nearest -x / log 2; a NaN stays one."""
    b = x.b
    x = x.where("<", _constant(b, _LARGEST), _constant(b, _LARGEST))
    n = (x * _constant(b, -_LOG2_E)).rounded()
    minus_x = x * _constant(b, -1.0)
    r = n.times_plus(_constant(b, -_LN2_LOW), n.times_plus(_constant(b, -_LN2_HIGH), minus_x))
    exponent = b.shl(b.fptosi(n.value, _STRIP_I32), ir.Constant(_STRIP_I32, [23] * LANES))
    scaled = b.add(b.bitcast(_polynomial(r, _EXP).value, _STRIP_I32), exponent)
    return Strip(b, b.bitcast(scaled, _STRIP))


def _sigmoid_and_softplus(z: Strip) -> tuple[Strip, Strip]:
    """sigma(z) = [z > 0 ? 1 : e] / (1 + e) and softplus(z) = max(z, 0) + log(1 + e), with e = exp(-|z|)."""
    b, zero, one = z.b, _constant(z.b, 0.0), _constant(z.b, 1.0)
    e = _exp_of_minus(z.absolute())
    is_positive = b.fcmp_ordered(">", z.value, zero.value)
    sigmoid = Strip(b, b.select(is_positive, one.value, e.value)) / (one + e)
    softplus = e.times_plus(_polynomial(e, _LOG1P), z.where(">", zero, zero))
    return sigmoid, softplus


def _address(b: ir.IRBuilder, base: ir.Value, index: ir.Value, size: int) -> ir.Value:
    return b.add(base, b.mul(index, _I64(size)))


def _load(b: ir.IRBuilder, address: ir.Value, align: int = STRIP_BYTES) -> Strip:
    return Strip(b, b.load(b.inttoptr(address, _STRIP.as_pointer()), align=align))


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
# additions, where summing each alone takes 64. A round adds half of `a` to its other half, and of `b` likewise.
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
def score_tile(typingctx, tile, own, inputs, pairs, outputs, strips, rate, rows, columns, group, g, loss):
    """Score a tile of outputs against all inputs: fill `g` with the coefficients of the update, add to the loss.

    tile, own  int literals  output rows in the tile, 1 to 8; 1 if each input has its own first output, and else 0
    inputs     address       table of 2 * pairs row addresses, int64; pairs >= 1
    outputs    address       table of `tile` row addresses; the first is not used if `own`
    strips     int           strips in a row
    rate       float32       learning rate
    rows       address       (pairs, 16) float32: how often each input counts
    columns    address       (16,) float32: the signed weight of each output
    group      tuple         for a group of pairs, the addresses described at `_group_weights`; () for a window
    g          address       (pairs, 16) float32, overwritten
    loss       address       (16,) float64, added to

    A signed weight is (1 - 2 y) w: negative for the word to predict, positive for noise, 0 in unused lanes.
    """
    T, has_own, is_group = tile.literal_value, bool(own.literal_value), len(group) > 0
    signature = types.void(tile, own, *[types.int64] * 4, types.float32, *[types.int64] * 2, group, *[types.int64] * 2)

    def codegen(context, b, sig, args):
        _, _, inputs, pairs, outputs, strips, rate, rows, columns, group, g, loss = args
        addresses = Group(*cgutils.unpack_tuple(b, group)) if is_group else None
        total = _carried(b, _constant(b, 0.0))
        last = b.sub(pairs, _I64(1))
        u = [_load_address(b, outputs, _I64(j)) for j in range(int(has_own), T)]
        minus_rate = _splat(b, b.fneg(rate))
        of_columns = _load(b, columns)

        def score(p):
            n = [b.add(b.mul(p, _I64(PAIR)), _I64(r)) for r in range(PAIR)]
            v = [_load_address(b, inputs, row) for row in n]
            if not has_own:
                return _dot_products(b, v, [], [], u, strips)
            own_rows = [_load_address(b, addresses.owns, row) for row in n]
            copies = [_load_address(b, addresses.copies, row) for row in n]
            copies += [_load_address(b, addresses.copies, b.add(row, b.mul(pairs, _I64(PAIR)))) for row in n]
            return _dot_products(b, v, own_rows, copies, u, strips)

        def finish(scores, p):
            weights = _group_weights(of_columns, addresses, has_own, p) if is_group else of_columns
            weights = weights * _load(b, _address(b, rows, p, STRIP_BYTES))
            sign = _constant(b, 1.0).with_sign_of(weights)
            sigmoid, softplus = _sigmoid_and_softplus(scores * sign)
            b.store(softplus.times_plus(weights * sign, _get(b, total)).value, total)
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


class Group(NamedTuple):
    """Addresses that describe a group of pairs, each an input with an output word of its own.

    owns         table of the inputs' own output rows
    copies       table of 4 * pairs spare rows, to which the inputs and then their own outputs are copied, so that a
                 row that comes twice can be changed twice
    words        (2 * pairs,) int32: the number of each own output's word
    noise        (16,) int32: the number of each output's word, -1 where there is none
    own_weights  (pairs, 16) float32: the signed weight of the own output in lane 8 r, 0 elsewhere
    """

    owns: ir.Value
    copies: ir.Value
    words: ir.Value
    noise: ir.Value
    own_weights: ir.Value


def _group_weights(columns: Strip, group: Group, has_own: bool, p: ir.Value) -> Strip:
    """Return the signed weights of a pair of inputs: where a noise word is an input's own output, predict it."""
    b = columns.b
    words_of_pair = _address(b, group.words, p, 4 * PAIR)
    words = ir.Constant(_STRIP_I32, ir.Undefined)
    for r in range(PAIR):
        word = b.load(b.inttoptr(b.add(words_of_pair, _I64(4 * r)), _I32.as_pointer()), align=4)
        words = b.insert_element(words, word, _I32(r))
    words = b.shuffle_vector(words, words, ir.Constant(_STRIP_I32, [lane // TILE for lane in range(LANES)]))
    noise = b.load(b.inttoptr(group.noise, _STRIP_I32.as_pointer()), align=STRIP_BYTES)
    is_own = b.icmp_signed("==", words, noise)
    weights = Strip(b, b.select(is_own, _constant(b, -1.0).value, columns.value))
    return weights + _load(b, _address(b, group.own_weights, p, STRIP_BYTES)) if has_own else weights


def _dot_products(
    b: ir.IRBuilder,
    v: list[ir.Value],
    own: list[ir.Value],
    copies: list[ir.Value],
    u: list[ir.Value],
    strips: ir.Value,
) -> Strip:
    """Return the scores of a pair of inputs in lane 8 r + j: with its own output, if any, then with all of `u`.

    v, own, copies, u: row addresses; own[r] belongs to v[r]; both are copied to `copies`, inputs first.
    """
    T = bool(own) + len(u)
    sums = [[_carried(b, _constant(b, 0.0)) for _ in range(T)] for _ in v]
    with cgutils.for_range(b, strips) as loop:
        offset = b.mul(loop.index, _I64(STRIP_BYTES))
        left = [_load(b, b.add(row, offset)) for row in v]
        right = [_load(b, b.add(row, offset)) for row in own]
        for r in range(len(own)):
            _add_product(left[r], right[r], sums[r][0])
        for strip, row in zip([*left, *right], copies, strict=False):
            _store(strip, b.add(row, offset))
        for j, row in enumerate(u, start=bool(own)):
            output = _load(b, b.add(row, offset))
            for r in range(PAIR):
                _add_product(left[r], output, sums[r][j])
    unused = [None] * (TILE - T)
    return _horizontal_sums([lane for of_row in sums for lane in [*(_get(b, slot) for slot in of_row), *unused]])


def _add_product(left: Strip, right: Strip, slot: ir.Value) -> None:
    left.b.store(left.times_plus(right, _get(left.b, slot)).value, slot)


@intrinsic(prefer_literal=True)
def update_tile(
    typingctx, tile, own, only, ahead, inputs, owns, old_owns, before, after, pairs, outputs, strips, g, upcoming
):
    """Take the step of one tile: u_j += sum_n g_nj v_n, and after_n = before_n + sum_j g_nj u_j.

    tile, own              int literals  as in `score_tile`
    only                   int literal   1 if `before` is `inputs`
    inputs, before, after  address       tables of 2 * pairs row addresses: the rows v_n as they were before the
                                         step, and the rows read and written as their sums
    owns, outputs          address       tables of output rows as in `score_tile`; those rows change
    old_owns               address       table of the own outputs as they were before the step
    strips                 int           strips in a row
    g                      address       (pairs, 16) float32, from `score_tile`
    ahead, upcoming        int literal, address: so many rows that will soon be used are prefetched, a line at a
                                         time, so that they never hold up the arithmetic
    """
    T, has_own, in_place = tile.literal_value, bool(own.literal_value), bool(only.literal_value)
    signature = types.void(tile, own, only, ahead, *[types.int64] * 10)

    def codegen(context, b, sig, args):
        inputs, owns, old_owns, before, after, pairs, outputs, strips, g, upcoming = args[4:]
        rows = [_load_address(b, outputs, _I64(j)) for j in range(int(has_own), T)]
        next_rows = [_load_address(b, upcoming, _I64(j)) for j in range(ahead.literal_value)]
        with cgutils.for_range(b, strips) as strip:
            offset = b.mul(strip.index, _I64(STRIP_BYTES))
            for row in next_rows:
                _prefetch(b, b.add(row, offset))
            u = [_load(b, b.add(row, offset)) for row in rows]
            sums = [_carried(b, strip_of_u) for strip_of_u in u]
            with cgutils.for_range(b, pairs) as loop:
                coefficients = _address(b, g, loop.index, STRIP_BYTES)
                for r in range(PAIR):
                    n = b.add(b.mul(loop.index, _I64(PAIR)), _I64(r))
                    lane = b.add(coefficients, _I64(4 * TILE * r))
                    v = _load(b, b.add(_load_address(b, inputs, n), offset))
                    new = v if in_place else _load(b, b.add(_load_address(b, before, n), offset))
                    if has_own:
                        address = b.add(_load_address(b, owns, n), offset)
                        g_own, old = _broadcast(b, lane), _load(b, b.add(_load_address(b, old_owns, n), offset))
                        new = g_own.times_plus(old, new)
                        _store(g_own.times_plus(v, _load(b, address)), address)
                    for j in range(len(u)):
                        g_nj = _broadcast(b, b.add(lane, _I64(4 * (j + has_own))))
                        b.store(g_nj.times_plus(v, _get(b, sums[j])).value, sums[j])
                        new = g_nj.times_plus(u[j], new)
                    _store(new, b.add(_load_address(b, after, n), offset))
            for row, slot in zip(rows, sums, strict=True):
                _store(_get(b, slot), b.add(row, offset))
        return context.get_dummy_value()

    return signature, codegen


def _prefetch(b: ir.IRBuilder, address: ir.Value) -> None:
    """Ask for a cache line that will be read and written soon."""
    pointer = ir.IntType(8).as_pointer()
    signature = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
    function = cgutils.get_or_insert_function(b.module, signature, "llvm.prefetch.p0")
    b.call(function, [b.inttoptr(address, pointer), _I32(1), _I32(3), _I32(1)])  # to write, keep near, data
