"""The draws of an epoch of pairs against the weights that they stand for."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.text.pair_table import BLOCK_PAIRS, PairTable, spreading_stride

SEED = 20261122


def table_of(weights):
    numbers = np.arange(len(weights), dtype=np.int32)
    return PairTable(np.stack([numbers, numbers], axis=1), np.asarray(weights, np.float64))


def counts_of_an_epoch(table, epoch, seed=SEED):
    """Return how often each pair occurs in an epoch."""
    drawn = np.concatenate([table.draw(seed, epoch, block) for block in range(table.n_blocks)])
    return np.bincount(drawn[:, 0], minlength=len(table))


@given(st.lists(st.integers(1, 2000), min_size=1, max_size=60), st.integers(0, 5))
def test_whole_weights_are_the_number_of_times_in_every_epoch(weights, epoch):
    np.testing.assert_array_equal(counts_of_an_epoch(table_of(weights), epoch), weights)


@given(st.integers(1, 3 * BLOCK_PAIRS), st.integers(0, 5))
def test_without_weights_each_pair_occurs_once(n, epoch):
    table = table_of(np.ones(n))
    np.testing.assert_array_equal(counts_of_an_epoch(PairTable(table.pairs), epoch), np.ones(n))


@given(st.lists(st.floats(0.01, 30), min_size=1, max_size=60), st.integers(0, 5))
def test_a_pair_never_occurs_much_more_or_less_often_than_its_weight(weights, epoch):
    counts = counts_of_an_epoch(table_of(weights), epoch)
    assert (np.abs(counts - weights) < 2).all(), "less than 1 at each end of its part of the line"


def variances(weights):
    """Return the variance of the number of points on each part: of a Bernoulli draw in every cell that it shares."""
    ends = np.cumsum(weights)
    found = []
    for start, stop in zip(ends - weights, ends, strict=True):
        cells = np.arange(math.floor(start), math.ceil(stop))
        inside = np.minimum(stop, cells + 1) - np.maximum(start, cells)
        found.append((inside * (1 - inside)).sum())
    return np.array(found)


def test_the_mean_number_of_times_is_the_weight_by_chi_square():
    weights = np.random.default_rng(SEED).gamma(0.7, 1.5, 3000) + 1e-3
    table, epochs = table_of(weights), 300
    counts = sum(counts_of_an_epoch(table, epoch) for epoch in range(epochs))
    z = (counts - epochs * weights) / np.sqrt(epochs * variances(weights))
    chi_square = float((z**2).sum())
    # Neighbours that share a cell are correlated, at most -1 each, so the variance is at most three times 2 n.
    assert abs(chi_square - len(weights)) < 5 * math.sqrt(3 * 2 * len(weights))
    assert np.abs(z).max() < 6


def test_a_heavy_pair_and_sorted_neighbours_are_spread_over_the_epoch():
    table = table_of([30_000, *np.ones(30_000)])
    drawn = np.concatenate([table.draw(SEED, 1, block)[:, 0] for block in range(table.n_blocks)])
    for part in np.array_split(drawn, 20):
        assert abs((part == 0).mean() - 0.5) < 0.01
        assert abs((part > 15_000).mean() - 0.25) < 0.01


def test_draws_depend_on_seed_epoch_and_block_alone():
    table = table_of(np.full(40_000, 1.5))
    first = table.draw(SEED, 2, 1)
    np.testing.assert_array_equal(first, table_of(np.full(40_000, 1.5)).draw(SEED, 2, 1))
    for other in ((SEED, 3, 1), (SEED + 1, 2, 1), (SEED, 2, 2)):
        assert not np.array_equal(first, table.draw(*other))


@given(st.integers(1, 10**6))
def test_a_stride_meets_everything(n):
    assert math.gcd(spreading_stride(n), n) == 1


def test_pairs_have_no_sentences():
    with pytest.raises(CorpusError, match="pairs that were given directly have no sentences"):
        table_of([1.0]).read(0, np.empty(2, np.int32))
