"""n-grams and composed vectors in plain Python."""

import numpy as np


def fnv(part):
    """Return the hash of an n-gram: 32-bit FNV-1a over bytes taken as signed."""
    value = 2166136261
    for byte in part.encode("utf-8", "surrogatepass"):
        value = ((value ^ (byte - 256 & 0xFFFFFFFF if byte > 127 else byte)) * 16777619) & 0xFFFFFFFF
    return value


def ngrams_of(word, minn, maxn):
    """Return the n-grams of <word>, without the brackets alone."""
    if word == "</s>":
        return []
    text = f"<{word}>"
    starts = range(len(text))
    parts = [(i, text[i : i + n]) for i in starts for n in range(max(minn, 1), maxn + 1) if i + n <= len(text)]
    return [part for i, part in parts if not (len(part) == 1 and i in (0, len(text) - 1))]


def ids_of(word, scheme):
    """Return the numbers of the n-grams of a word."""
    return [fnv(part) % scheme.buckets for part in ngrams_of(word, scheme.minn, scheme.maxn)]


def composed(word, scheme, rows, own=None):
    """Return the mean of the rows of a word's n-grams, and of its own row if it has one; rows are by number."""
    parts = [rows.get(number, 0 * next(iter(rows.values()))) for number in ids_of(word, scheme)]
    return np.mean(([] if own is None else [own]) + parts, axis=0, dtype=np.float64)
