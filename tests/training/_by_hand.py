"""What the kernels draw, by Python's own integers."""

from firth.text import END


def random_bits(key, n):
    """SplitMix64."""
    mask = 2**64 - 1
    z = (key + n * 0x9E3779B97F4A7C15) & mask
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
    return z ^ (z >> 31)


def surviving_sentences(block, keep, key):
    """Split at END and subsample."""
    sentences = [[]]
    for i, word in enumerate(block):
        if word == END:
            sentences.append([])
        elif random_bits(key, i) >> 32 <= keep[word]:
            sentences[-1].append(int(word))
    return sentences


def reach(key, position, window):
    """Return the size of a window that shrinks: 1..window."""
    return 1 + (random_bits(key, 2**32 + position) >> 32) * window // 2**32
