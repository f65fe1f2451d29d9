"""Each compiled kernel of the exact softmax against its plain NumPy reference, for random shapes."""

import inspect

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from stress import _kernels

from firth.compiling.kernel import Kernel
from firth.training.softmax import kernels, reference

seeds = st.integers(0, 2**32 - 1)


def by_both(case, seed):
    """Return what a case of the campaign `guards` writes with the kernels, and with their reference."""
    return [case(np.random.default_rng(seed), lambda array: array, module) for module in (kernels, reference)]


def test_every_kernel_has_a_reference_with_the_same_parameters():
    found = {name: kernel.function for name, kernel in vars(kernels).items() if isinstance(kernel, Kernel)}
    assert len(found) == 8
    for name, function in found.items():
        parameters = [list(inspect.signature(f).parameters) for f in (function, getattr(reference, name))]
        assert parameters[0] == parameters[1]


@given(seeds)
def test_pairs_of_a_block_are_those_of_the_reference(seed):
    (found,), (expected,) = by_both(_kernels.window_pairs, seed)
    assert sorted(found) == sorted(expected)  # in any order: they are sorted next


@given(seeds)
def test_counts_are_those_of_the_reference_to_the_last_bit(seed):
    for a, b in zip(*by_both(_kernels.runs, seed), strict=True):
        np.testing.assert_array_equal(a, b)


@given(seeds)
def test_a_tile_is_that_of_the_reference(seed):
    (exponentials, top, total, seen, tile), expected = by_both(_kernels.softmax_tile, seed)
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
    for a, b in zip(*by_both(_kernels.adam, seed), strict=True):  # terms of size 2 and up to 8 roundings of 6e-8
        np.testing.assert_allclose(a, b, atol=1e-6)
