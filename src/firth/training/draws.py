"""Random draws that every objective shares; they are numbered, so they do not depend on which thread makes them.

Draw number n under a key is a hash of both (`random_bits`). The key is a hash of the seed and a task's position
(`block_key`). Subsampling, window sizes, noise words and orders use separate ranges of numbers.
"""

import numpy as np

from firth.compiling.kernel import helper
from firth.text import END

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_WINDOW_DRAWS = np.uint64(1 << 32)  # draws are numbered: subsampling from 0, window sizes from here,
_NOISE_DRAWS = np.uint64(1 << 33)  # noise words from here,
_ORDER_DRAWS = np.uint64(1 << 34)  # and the order of a bucket's groups from here


def block_key(seed: int, *position: int) -> int:
    """Return the 64-bit key of a task's random draws: a hash of the seed and the task's position."""
    return int(np.random.SeedSequence((seed, *position)).generate_state(1, np.uint64)[0])


@helper()
def random_bits(key, n):
    """Draw number n under `key`: 64 random bits (the output function of SplitMix64, Steele et al. 2014)."""
    z = np.uint64(key) + np.uint64(n) * _GOLDEN
    z = (z ^ (z >> np.uint64(30))) * _MIX_1
    z = (z ^ (z >> np.uint64(27))) * _MIX_2
    return z ^ (z >> np.uint64(31))


@helper()
def below(bits, limit):
    """Scale the high 32 of 64 random bits to a whole number in [0, limit)."""
    return ((bits >> np.uint64(32)) * np.uint64(limit)) >> np.uint64(32)


@helper()
def window_size(key, i, window, shrink):
    """Return the radius (26) of the window around the i-th word kept: `window`, or drawn from 1..window if `shrink`."""
    if not shrink:
        return np.int64(window)
    return np.int64(1) + np.int64(below(random_bits(key, _WINDOW_DRAWS + np.uint64(i)), window))


@helper()
def subsample(block, keep, key, kept, first, stop):
    """Fill `kept` with the words of `block` that survive; return the number of survivors and that of all words.

    Word w survives if 32 random bits are at most keep[w]. The sentence of the i-th survivor is kept[first[i]:stop[i]].
    """
    n = words = begin = 0
    for i in range(len(block)):
        word = block[i]
        if word == END:
            stop[begin:n] = n
            begin = n
        else:
            words += 1
            kept[n] = word
            first[n] = begin
            n += np.uint32(random_bits(key, i) >> np.uint64(32)) <= keep[word]
    stop[begin:n] = n
    return n, words


@helper()
def draw_word(key, n, alias):
    """Draw noise word number n by Walker's alias method (`sampling.alias_table`)."""
    bits = random_bits(key, _NOISE_DRAWS + np.uint64(n))
    slot = below(bits, len(alias))
    threshold, other = np.uint32(alias[slot] >> np.uint64(32)), np.uint32(alias[slot])
    return np.int32(slot) if np.uint32(bits) < threshold else np.int32(other)


@helper()
def draw_noise(key, first_draw, count, alias, noise):
    """Draw `count` noise words, from number `first_draw` on."""
    for m in range(count):
        noise[m] = draw_word(key, first_draw + m, alias)


@helper()
def shuffle(key, items, n):
    """Put the first n of `items` into random order, in place (Fisher and Yates)."""
    for i in range(n - 1, 0, -1):
        j = np.int64(below(random_bits(key, _ORDER_DRAWS + np.uint64(i)), i + 1))
        items[i], items[j] = items[j], items[i]
