"""Each compiled kernel of the exact softmax against its plain NumPy reference, for random shapes."""

import inspect

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numba.core.registry import CPUDispatcher

from firth.training.softmax import kernels, reference
from firth.training.softmax.cooccurrence import CountRows

BITS = 4  # of a weight
seeds = st.integers(0, 2**32 - 1)
both = (kernels, reference)


def test_every_kernel_has_a_reference_with_the_same_parameters():
    found = {name: kernel for name, kernel in vars(kernels).items() if isinstance(kernel, CPUDispatcher)}
    names = {name for name in found if name[0] != "_" and name != "subsample"}  # draws are shared
    assert len(names) == 8
    for name in names:
        assert list(inspect.signature(found[name].py_func).parameters) == list(
            inspect.signature(getattr(reference, name)).parameters
        )


@given(seeds, st.booleans())
def test_pairs_of_a_block_are_those_of_the_reference(seed, shrink):
    rng = np.random.default_rng(seed)
    window, size = rng.integers(1, 9), rng.integers(0, 40)
    block = rng.integers(-1, 6, size).astype(np.int32)  # -1 ends a sentence
    keep = rng.integers(0, 2**32, 6, dtype=np.uint32)
    found = []
    for module in both:
        kept, first, stop = (np.empty(size, np.int32) for _ in range(3))
        pairs = np.zeros(2 * window * size, np.int64)
        n = module.window_pairs(block, keep, np.uint64(seed), window, shrink, kept, first, stop, 3 + BITS, BITS, pairs)
        found.append((n, sorted(pairs[:n])))  # in any order: they are sorted next
    assert found[0] == found[1]


def counted(module, entries, shift, row_start, rows):
    """Return two runs, their merger, and its rows, by the kernels of `module`."""
    runs = []
    for some in entries:
        some, spare = some.copy(), np.empty_like(some)
        if module.radix_sort(some, spare, BITS, BITS + 2 * shift):
            some, spare = spare, some
        sums = np.empty(len(some), np.int32)
        n = module.sum_equal(some, BITS, spare, sums)
        runs += [spare[:n], sums[:n].astype(np.int64)]
    cells, sums = (np.empty(len(runs[0]) + len(runs[2]), np.int64) for _ in range(2))
    n = module.merge(*runs, cells, sums)
    sizes, totals = np.zeros(rows, np.int64), np.zeros(rows)
    columns, values = np.empty(n, np.int32), np.empty(n, np.float32)
    module.split_cells(cells[:n], sums[:n], row_start, shift, 5.0, sizes, totals, columns, values)
    return [*runs, cells[:n], sums[:n], sizes, totals, columns, values]


@given(seeds)
def test_counts_are_those_of_the_reference_to_the_last_bit(seed):
    """Runs may be empty, rows too; the rows start anywhere."""
    rng = np.random.default_rng(seed)
    shift, row_start, rows = (int(n) for n in rng.integers([1, 0, 1], [8, 9, 9]))
    row_start = min(row_start, (1 << shift) - 1)
    rows = min(rows, (1 << shift) - row_start)
    lo, hi = (row << (shift + BITS) for row in (row_start, row_start + rows))
    entries = [rng.integers(lo, hi, rng.integers(0, 80)) for _ in range(2)]
    for a, b in zip(*(counted(module, entries, shift, row_start, rows) for module in both), strict=True):
        np.testing.assert_array_equal(a, b)


@given(seeds)
def test_a_tile_is_that_of_the_reference(seed):
    """A tile of T of V words, for centers with no, some or all outside words."""
    rng = np.random.default_rng(seed)
    V, B = rng.integers(1, 80), rng.integers(1, 6)
    first = rng.integers(V)
    T = rng.integers(1, V - first + 1)
    observed = rng.random((B, V)) < rng.choice([0.0, 0.3, 1.0], (B, 1))
    stop = np.cumsum(observed.sum(axis=1))
    values = rng.integers(1, 50, stop[-1]).astype(np.float32)
    rows = CountRows(stop - observed.sum(axis=1), stop, np.nonzero(observed)[1].astype(np.int32), values)
    scores, intercept = rng.normal(0, 20, (B, T)).astype(np.float32), rng.normal(size=T).astype(np.float32)
    scale, per_pair = rng.random(B, np.float32), rng.random(B, np.float32) / 50
    results = []
    for module in both:
        tile, top, total, seen = scores.copy(), np.empty(B, np.float32), np.empty(B), np.empty(B)
        module.exponentiate(tile, intercept, first, rows, top, total, seen)
        exponentials = tile.copy()
        module.subtract_observed(tile, scale, first, rows, per_pair)
        results.append((exponentials, top, total, seen, tile))
    (exponentials, top, total, seen, tile), expected = results
    np.testing.assert_allclose(exponentials, expected[0], rtol=7e-7, atol=2e-38)  # as `_exponentials` says
    np.testing.assert_array_equal(top, expected[1])
    np.testing.assert_allclose(total, expected[2], rtol=1e-5)  # up to 80 terms in float32, each off by 6e-8
    np.testing.assert_allclose(seen, expected[3], rtol=1e-12, atol=1e-9)  # 80 terms of size 1e3 in float64
    np.testing.assert_allclose(tile, expected[4], atol=1e-6)  # terms up to 1: error of exp, and 3 roundings


def test_exponentials_are_those_of_numpy():
    scores = np.linspace(-100, 0, 100_003, dtype=np.float32)
    found = scores.copy()
    total = kernels._exponentials(found, np.float32(0))
    expected = np.exp(np.maximum(scores, -87).astype(np.float64))
    np.testing.assert_allclose(found, expected, rtol=6e-7)  # 1.3e-7 of the series, the rest from reducing x near -87
    np.testing.assert_allclose(total, expected.sum(), rtol=1e-5)


@given(seeds)
def test_a_step_of_adam_is_that_of_the_reference(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(0, 20, 2)
    arrays = [rng.uniform(0.5, 1, shape).astype(np.float32) for _ in range(4)]
    numbers = [np.float32(number) for number in (0.9, 0.999, rng.random(), 1 + rng.random(), 1e-10)]
    results = [[array.copy() for array in arrays] for _ in both]
    for module, changed in zip(both, results, strict=True):
        module.adam(*changed, *numbers)
    for a, b in zip(*results, strict=True):  # terms of size 2 and up to 8 roundings of 6e-8
        np.testing.assert_allclose(a, b, atol=1e-6)
