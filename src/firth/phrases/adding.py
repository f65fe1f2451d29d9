"""Adds the counts of two texts, as if one had followed the other."""

import numpy as np
from numpy.typing import NDArray

from firth.options import PhraseOptions
from firth.phrases.counting import CountedText, check_bits, room_for_pairs, without_rarest
from firth.phrases.id_text import Int64s


def add_counts(one: CountedText, other: CountedText, options: PhraseOptions) -> CountedText:
    """Return the counts of both texts together; the rarest pairs beyond `max_vocab` are dropped.

    Both texts were counted with these options. Raises `OptionError` if there are too many distinct words and runs of
    connector words to number their candidates.
    """
    new_ids = {word: i for i, word in enumerate(one.words)}
    others = np.array([new_ids.setdefault(word, len(new_ids)) for word in other.words], np.intp)
    words, word_counts, is_connector = list(new_ids), np.zeros(len(new_ids), np.int64), np.zeros(len(new_ids), np.bool_)
    for text, ids in ((one, np.arange(len(one.words))), (other, others)):
        word_counts[ids] += text.word_counts
        is_connector[ids] = text.is_connector
    runs = {run: number for number, run in enumerate(dict.fromkeys([*one.runs.values(), *other.runs.values()]))}
    bits = max(1, (len(words) - 1).bit_length())
    check_bits(bits, len(words), len(runs))
    parts = [_renumbered(one, np.arange(len(one.words)), runs, bits), _renumbered(other, others, runs, bits)]
    cells, counts = _summed(np.concatenate(parts), np.concatenate([one.counts, other.counts]))
    kept, _ = without_rarest(cells, counts, room_for_pairs(word_counts, options))
    return CountedText(
        words, word_counts, is_connector, kept.cells, bits, {number: run for run, number in runs.items()}, kept.sums,
        one.n_words + other.n_words, one.dropped + other.dropped + len(cells) - len(kept.cells),
    )  # fmt: skip


def _renumbered(text: CountedText, ids: NDArray[np.intp], runs: dict[tuple[str, ...], int], bits: int) -> Int64s:
    """Return the cells of a text for other ids of its words and other numbers of its runs."""
    first, run, second = text.ids(slice(None))
    nodes = np.array(list(text.runs), np.int64)
    numbers = np.array([runs[words] for words in text.runs.values()], np.int64)
    order = np.argsort(nodes)
    run = numbers[order][np.searchsorted(nodes[order], run)]
    cells: Int64s = run << 2 * bits | ids[first] << bits | ids[second]
    return cells


def _summed(cells: Int64s, counts: Int64s) -> tuple[Int64s, Int64s]:
    """Return the distinct cells, ascending, and the sum of the counts of each."""
    order = np.argsort(cells, kind="stable")
    cells, counts = cells[order], counts[order]
    starts = np.flatnonzero(np.diff(cells, prepend=-1))
    return cells[starts], np.add.reduceat(counts, starts) if len(starts) else counts
