"""Kernels that split text into words, number the distinct words, and renumber token ids.

A word is stored as whole 64-bit units, little-endian: its bytes, a line feed, and spaces up to the next unit. Words
contain neither, so two words are equal if and only if their units are.

The kernels do not check indices: `encoding`, `word_table` and `store` call them with arrays of the right sizes.
"""

import numpy as np

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.text.ids import DROPPED, END

_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH_BITS = np.uint64(0x8080808080808080)
_TO_14, _FROM_9 = np.uint64(0x8D8D8D8D8D8D8D8D), np.uint64(0x7777777777777777)  # tab, line feed, ..., carriage return
_TO_33, _FROM_32 = np.uint64(0xA0A0A0A0A0A0A0A0), np.uint64(0x6060606060606060)  # space
_BYTE_NUMBERS = np.uint64(0x0001020304050607)
_PADDING = np.uint64(0x202020202020200A)
_LOW_32 = np.uint64(0xFFFFFFFF)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LINE_FEED = np.uint64(10)
_BYTE = np.uint64(0xFF)
_0, _1, _3, _7, _8, _23, _32, _41, _56, _63 = (np.uint64(i) for i in (0, 1, 3, 7, 8, 23, 32, 41, 56, 63))
_AHEAD, _FAR_AHEAD = np.uint64(24), np.uint64(48)  # words: the distance of prefetching


@helper(inline="always")
def prefetch_item(array, i):
    """Prefetch array[i]; any i is allowed."""
    prefetch(address(array) + np.int64(i) * array.itemsize, 0)


@helper()
def hashed(h, unit):
    """Add a unit to the hash of a word, which starts from a secret seed; the product of halves resists flooding."""
    x = h ^ unit
    return (x & _LOW_32) * (x >> _32) ^ (x << _23 | x >> _41)


@helper()
def find(table, n_words, tag, source, at, size):
    """Return the number of the word source[at : at + size]; if it is new, enter `n_words` for it and return that."""
    slots = table.slots
    n_slots = np.uint64(len(slots))
    i = (tag * n_slots) >> _32
    while True:
        slot = slots[i]
        if slot == _0:
            slots[i] = tag << _32 | (n_words + _1)
            return n_words
        if slot >> _32 == tag:
            word = (slot & _LOW_32) - _1
            start = np.uint64(table.starts[word])
            j = _0
            while table.units[start + j] == source[at + j]:
                j += _1
                if j == size:
                    return word
        i += _1
        if i == n_slots:
            i = _0


@kernel()
def count_words(text, n_bytes, start, longest, seed, table, tags, entries):
    """Split text at ASCII whitespace, number its distinct words, and count them.

      text      (at least n_bytes / 8 + 1,) uint64, little-endian
      n_bytes   the text's length in bytes; the last byte is whitespace
      start     the byte to start at, the first of a token
      longest   bytes of the longest word; longer tokens are counted and skipped
      seed      of the hash of words
      table     WordTable, empty; filled
      tags      (most words,) uint32, filled: 32 bits of each word's hash
      entries   (n_bytes - start,) int32, filled: the number of each word, and END after each line that is not empty

    Stops at the end, or when the table might have no room for another word. Returns where it stopped, and the numbers
    of entries, distinct words, their units, and tokens longer than `longest`.
    """
    n_bytes, longest, seed = np.uint64(n_bytes), np.uint64(longest), np.uint64(seed)
    n = n_words = top = too_long = size = _0
    p = first = np.uint64(start)
    h, in_line = seed, _1  # the line may have begun before
    most = longest // _8
    room = np.uint64(len(table.units)) - most - _1
    while p < n_bytes:
        shift = (p & _7) << _3
        unit = text[p >> _3] >> shift | (text[(p >> _3) + _1] << _1) << (_63 - shift)
        x = unit & _LOW_BITS
        spaces = ((_TO_14 - x) & (x + _FROM_9) | (_TO_33 - x) & (x + _FROM_32)) & ~unit & _HIGH_BITS
        lowest = (spaces & (~spaces + _1)) >> _7  # 1 << 8 k if byte k is the first whitespace, 0 if there is none
        padded = unit & (lowest - _1) | _PADDING * lowest
        table.units[top + size] = padded
        h = hashed(h, padded)
        if spaces == _0:
            p += _8
            size = min(size + _1, most)
            continue
        k = (lowest * _BYTE_NUMBERS) >> _56
        p += k
        if p - first > longest:
            too_long += _1
        elif p > first:
            tag = (h * _GOLDEN) >> _32
            word = find(table, n_words, tag, table.units, top, size + _1)
            if word == n_words:
                tags[word] = tag
                n_words += _1
                top += size + _1
                table.starts[n_words] = top
                table.counts[word] = 0
            table.counts[word] += np.uint32(1)
            entries[n] = word
            n += _1
            in_line = _1
        if (unit >> (k << _3)) & _BYTE == _LINE_FEED and in_line != _0:
            entries[n] = END
            n += _1
            in_line = _0
        p += _1
        first = p
        h = seed
        size = _0
        if n_words == len(tags) or top >= room:
            break
    return first, n, n_words, top, too_long


@kernel()
def merge_words(words, tags, table, n_words, ids):
    """Add the words of one table, and their counts, to another with `n_words` words.

      words    WordTable of new words; not its slots
      tags     (words to add,) uint32: 32 bits of each word's hash
      table    WordTable with room for all of them; changed
      ids      (words to add,) int32, filled: the number of each word in `table`

    Returns the new number of words.
    """
    n_words, n_new, n_slots = np.uint64(n_words), np.uint64(len(tags)), np.uint64(len(table.slots))
    top = np.uint64(table.starts[n_words])
    for i in range(n_new + _FAR_AHEAD):
        if i < n_new:
            prefetch_item(table.slots, (np.uint64(tags[i]) * n_slots) >> _32)
        j = i - _AHEAD
        if j < n_new:  # not if i < _AHEAD: unsigned numbers are never negative
            likely = (table.slots[(np.uint64(tags[j]) * n_slots) >> _32] - _1) & _LOW_32
            if likely < n_words:
                prefetch_item(table.counts, likely)
                prefetch_item(table.units, np.uint64(table.starts[likely]))
        j = i - _FAR_AHEAD
        if j < n_new:
            start = np.uint64(words.starts[j])
            size = np.uint64(words.starts[j + _1]) - start
            word = find(table, n_words, np.uint64(tags[j]), words.units, start, size)
            if word == n_words:
                for k in range(size):
                    table.units[top + k] = words.units[start + k]
                n_words += _1
                top += size
                table.starts[n_words] = top
                table.counts[word] = 0
            table.counts[word] += words.counts[j]
            ids[j] = word
    return n_words


@kernel()
def index_words(table, n_words, seed, tags):
    """Enter `n_words` distinct words into the empty slots of `table`.

    tags  (any,) uint32, overwritten: as many words are entered at a time, so that their slots are loaded together
    """
    n_words, n_slots = np.uint64(n_words), np.uint64(len(table.slots))
    for first in range(_0, n_words, np.uint64(len(tags))):
        n = min(np.uint64(len(tags)), n_words - first)
        for i in range(n):
            h = np.uint64(seed)
            for j in range(np.uint64(table.starts[first + i]), np.uint64(table.starts[first + i + _1])):
                h = hashed(h, table.units[j])
            tags[i] = (h * _GOLDEN) >> _32
            prefetch_item(table.slots, (np.uint64(tags[i]) * n_slots) >> _32)
        for i in range(n):
            k = (np.uint64(tags[i]) * n_slots) >> _32
            while table.slots[k] != _0:
                k += _1
                if k == n_slots:
                    k = _0
            table.slots[k] = np.uint64(tags[i]) << _32 | (first + i + _1)


@kernel()
def renumber(entries, ids, last, out):
    """Replace each id, drop those that become DROPPED, and drop an END after an END.

      entries  (n,) int32: END, or an index into `ids`
      ids      (number of ids,) int32: the new ids, or DROPPED
      last     the entry before
      out      (n,) int32; its beginning is filled

    Returns the numbers of entries and of ENDs in `out`, and the last entry.
    """
    n = sentences = _0
    for entry in entries:
        new = END if entry == END else ids[np.uint32(entry)]
        if new != DROPPED and (new != END or last != END):
            out[n] = last = new
            n += _1
            sentences += np.uint64(new == END)
    return n, sentences, last
