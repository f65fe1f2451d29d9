"""Kernels that split text into words, number the distinct words, and renumber token ids.

A word is stored as whole 64-bit units, little-endian: its bytes, a line feed, and spaces up to the next unit. Words
contain neither, so two words are equal if and only if their units are, and the next line feed ends a word.

A slot of the hash table is 0 or an entry: 32 bits of a word's hash, and its number plus 1. Entries are in ascending
order, each in the slot that its hash gives or as soon after it as the entries before leave one empty. So a search ends
at the first larger entry, and a table grows in place (`spread`). Behind the slot that the largest hash gives there are
`SPILL` more.

The kernels do not check indices: `encoding`, `word_table` and `store` call them with arrays of the right sizes.
"""

import numpy as np

from firth.compiling.kernel import address, helper, kernel, prefetch
from firth.text.ids import DROPPED, END

SPILL = 256
"""Slots of a table that no hash gives; if nine tenths of the others are taken, one table in e^50 needs more."""

START_BITS = 2
"""`merge_words` stores where one of 2**START_BITS words starts; the others are found from there."""

_LOW_BITS = np.uint64(0x7F7F7F7F7F7F7F7F)
_HIGH_BITS = np.uint64(0x8080808080808080)
_TO_14, _FROM_9 = np.uint64(0x8D8D8D8D8D8D8D8D), np.uint64(0x7777777777777777)  # tab, line feed, ..., carriage return
_TO_33, _FROM_32 = np.uint64(0xA0A0A0A0A0A0A0A0), np.uint64(0x6060606060606060)  # space
_BYTE_NUMBERS = np.uint64(0x0001020304050607)
_PADDING = np.uint64(0x202020202020200A)
_LINE_FEEDS, _LOWEST_BITS = np.uint64(0x0A0A0A0A0A0A0A0A), np.uint64(0x0101010101010101)
_LOW_32 = np.uint64(0xFFFFFFFF)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_LINE_FEED = np.uint64(10)
_BYTE = np.uint64(0xFF)
_0, _1, _3, _7, _8, _23, _32, _41, _56, _63 = (np.uint64(i) for i in (0, 1, 3, 7, 8, 23, 32, 41, 56, 63))
_START_BITS = np.uint64(START_BITS)
_AHEAD, _FAR_AHEAD, _FARTHEST = np.uint64(16), np.uint64(32), np.uint64(48)  # words: the distance of prefetching


@helper()
def prefetch_item(array, i):
    """Prefetch array[i]; any i is allowed."""
    prefetch(address(array) + np.int64(i) * array.itemsize, 0)


@helper()
def hashed(h, unit):
    """Add a unit to the hash of a word, which starts from a secret seed; the product of halves resists flooding."""
    x = h ^ unit
    return (x & _LOW_32) * (x >> _32) ^ (x << _23 | x >> _41)


@helper()
def after_word(units, start):
    """Return where the word ends that starts there."""
    while True:
        x = units[start] ^ _LINE_FEEDS
        start += _1
        if (x - _LOWEST_BITS) & ~x & _HIGH_BITS != _0:  # a byte of x is 0
            return start


@helper()
def find(table, bits, n_words, tag, i, source, at, size):
    """Return the number of the word source[at : at + size]; if it is new, enter `n_words` for it and return that.

    tag   32 bits of its hash
    i     the slot that its hash gives, or a later one if all between have smaller entries
    bits  the table has a start for one of 2**bits words
    """
    slots, units = table.slots, table.units
    key = tag << _32
    while slots[i] - _1 < key:  # an empty slot, less 1, is the largest number
        i += _1
    while True:
        word = slots[i] - _1 - key
        if word >= n_words:  # an empty slot, or the entry of a larger hash
            entry = key + n_words + _1
            while entry != _0:  # the entries up to the next empty slot move by one
                slots[i], entry = entry, slots[i]
                i += _1
            return n_words
        start = np.uint64(table.starts[word >> bits])
        for _ in range(word & ((_1 << bits) - _1)):
            start = after_word(units, start)
        j = _0
        while units[start + j] == source[at + j]:
            j += _1
            if j == size:
                return word
        i += _1


@kernel()
def count_words(text, n_bytes, start, longest, seed, table, counts, tags, entries):
    """Split text at ASCII whitespace, number its distinct words, and count them.

      text      (at least n_bytes / 8 + 1,) uint64, little-endian
      n_bytes   the text's length in bytes; the last byte is whitespace
      start     the byte to start at, the first of a token
      longest   bytes of the longest word; longer tokens are counted and skipped
      seed      of the hash of words
      table     WordTable, empty; filled, with a start for each word
      counts    (most words,) uint32, filled
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
    n_slots, last = np.uint64(len(table.slots) - SPILL), len(table.slots) - 2
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
            word = find(table, _0, n_words, tag, (tag * n_slots) >> _32, table.units, top, size + _1)
            if word == n_words:
                tags[word] = tag
                table.starts[word] = top
                counts[word] = 0
                n_words += _1
                top += size + _1
            counts[word] += np.uint32(1)
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
        if n_words == len(tags) or top >= room or table.slots[last] != _0:
            break
    return first, n, n_words, top, too_long


@kernel()
def merge_words(units, tags, counts, table, totals, n_words, top, ids):
    """Add words and their counts to a table.

      units    (any,) uint64: the words to add, one after another
      tags     (words to add,) uint32: 32 bits of each word's hash
      counts   (words to add,) uint32; overwritten with the multiples of 256 that `totals` has no room for
      table    WordTable with room for all of them, and with a start for one of 2**START_BITS words; changed
      totals   (words of the table,) uint8: their counts, modulo 256; changed
      n_words  number of words in the table
      top      number of their units
      ids      (words to add,) int32, filled: the number of each word in the table

    Stops at the end, or when the slots might have no room for another word. Returns the new `n_words` and `top`, and
    the numbers of words and of units that were added.
    """
    n_words, top, n_new, slots = np.uint64(n_words), np.uint64(top), np.uint64(len(tags)), table.slots
    n_slots, last = np.uint64(len(slots) - SPILL), len(slots) - 2
    start = _0
    for i in range(n_new + _FARTHEST):
        if i < n_new:
            prefetch_item(slots, (np.uint64(tags[i]) * n_slots) >> _32)
        j = i - _AHEAD
        if j < n_new:  # not if i < _AHEAD: unsigned numbers are never negative
            tag = np.uint64(tags[j])
            slot = (tag * n_slots) >> _32
            while slots[slot] - _1 < tag << _32:
                slot += _1
            ids[j] = slot  # words entered before this one move its entry to a later slot, never to an earlier one
            likely = slots[slot] - _1 - (tag << _32)
            if likely < n_words:
                prefetch_item(totals, likely)
                prefetch_item(table.starts, likely >> _START_BITS)
        j = i - _FAR_AHEAD
        if j < n_new:
            likely = slots[np.uint32(ids[j])] - _1 - (np.uint64(tags[j]) << _32)
            if likely < n_words:
                first = np.uint64(table.starts[likely >> _START_BITS])
                prefetch_item(table.units, first)
                prefetch_item(table.units, first + _8)
        j = i - _FARTHEST
        if j < n_new:
            if slots[last] != _0:
                return n_words, top, j, start
            stop = after_word(units, start)
            slot = np.uint64(np.uint32(ids[j]))
            word = find(table, _START_BITS, n_words, np.uint64(tags[j]), slot, units, start, stop - start)
            if word == n_words:
                if word & ((_1 << _START_BITS) - _1) == _0:
                    table.starts[word >> _START_BITS] = top
                for k in range(start, stop):
                    table.units[top] = units[k]
                    top += _1
                totals[word] = 0
                n_words += _1
            total = np.uint64(totals[word]) + np.uint64(counts[j])
            totals[word] = total & _BYTE
            counts[j] = total & ~_BYTE
            ids[j] = word
            start = stop
    return n_words, top, n_new, start


@kernel()
def spread(slots, n_old):
    """Move the entries of a hash table, slots[:n_old], to their places in a larger one, all of `slots`.

    They are moved to the end, and from there to their places, so that no second table is needed. There is room for
    them: in a larger table, fewer entries lie behind the slot that the largest hash gives.
    """
    n_slots, n_old = np.uint64(len(slots)), np.uint64(n_old)
    first = n_slots
    for i in range(n_old):
        k = n_old - _1 - i
        entry = slots[k]
        if entry != _0:
            slots[k] = _0
            first -= _1
            slots[first] = entry
    k = _0
    for i in range(first, n_slots):
        entry = slots[i]
        slots[i] = _0
        k = max(k, ((entry >> _32) * (n_slots - np.uint64(SPILL))) >> _32)
        slots[k] = entry
        k += _1


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
