"""Random draws: keys differ, and noise words follow their distribution."""

import numpy as np

from firth.training.draws import block_key, draw_noise
from firth.training.sampling import alias_table, noise_distribution


def test_block_keys_differ():
    keys = {block_key(seed, epoch, block) for seed in range(3) for epoch in range(3) for block in range(50)}
    assert len(keys) == 450
    assert all(0 <= key < 2**64 for key in keys)


def test_drawn_noise_follows_the_distribution():
    counts = np.array([1000, 300, 100, 30, 10, 3, 1])
    draws = np.empty(200_000, np.int32)
    draw_noise(np.uint64(20261120), 0, len(draws), alias_table(counts, 0.75), draws)
    seen = np.bincount(draws, minlength=len(counts)) / len(draws)
    expected = noise_distribution(counts, 0.75)
    # Five standard deviations of a binomial share.
    assert np.all(np.abs(seen - expected) < 5 * np.sqrt(expected * (1 - expected) / len(draws)))
