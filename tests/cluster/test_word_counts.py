from collections import Counter
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.cluster.word_counts import ColumnKeys, WordCounts, choose_words, key_array, keys_of, merge_part
from firth.errors import CorpusError
from firth.options import Options

KEYS = st.one_of(st.lists(st.text(max_size=3)), st.lists(st.integers(-(2**63), 2**63 - 1)))


def keys_in(array):
    return list(chain.from_iterable(keys_of(array)))


def counted(words):
    """Return the counts of a share: distinct words in the order of their first occurrence."""
    counts = Counter(words)
    return WordCounts(key_array(list(counts)), np.array(list(counts.values()), np.int64))


@given(KEYS)
def test_keys_become_arrays_and_come_back(keys):
    assert keys_in(key_array(keys)) == keys
    assert keys_in(key_array(keys)[1:]) == keys[1:]


@given(KEYS.filter(bool), st.data())
def test_the_keys_of_an_array_are_a_sequence(keys, data):
    column, row = ColumnKeys(key_array(keys)), data.draw(st.integers(-len(keys), len(keys) - 1))
    assert (list(column), len(column), column[row]) == (keys, len(keys), keys[row])
    part = data.draw(st.slices(len(keys)))
    assert column[part] == keys[part]
    with pytest.raises(IndexError):
        column[len(keys)]


def test_lone_surrogates_survive():
    assert keys_in(key_array(["\ud800", ""])) == ["\ud800", ""]


@given(KEYS, st.integers(1, 4))
def test_each_word_is_in_one_part_wherever_it_is_in_a_share(words, parts):
    shares = [counted(words), counted([*words[:2], *words[::-1]])]
    of_word = [{}, {}]
    for part in range(parts):
        for share, found in zip(shares, of_word, strict=True):
            batch = share.part(part, parts)
            found |= dict.fromkeys(keys_in(batch["key"]), part)
            assert batch["place"].to_pylist() == sorted(batch["place"].to_pylist())
            assert keys_in(share.keys.take(batch["place"])) == keys_in(batch["key"])
            assert share.counts[batch["place"].to_numpy()].tolist() == batch["count"].to_pylist()
    assert of_word[0] == of_word[1]
    assert len(of_word[0]) == len(set(words))


def test_the_parts_of_many_words_have_about_the_same_size():
    words = counted([f"word{i}" for i in range(10_000)])
    sizes = [len(words.part(part, 4)) for part in range(4)]
    assert sum(sizes) == 10_000
    assert max(sizes) < 3000  # anagrams have the same hash


@given(
    st.lists(st.lists(st.sampled_from("abcdefg")), min_size=1, max_size=4), st.integers(1, 3), st.integers(1, 3),
    st.sampled_from([None, 2]),
)  # fmt: skip
def test_the_vocabulary_is_that_of_all_shares_in_order(shares, parts, min_count, max_vocab):
    options = Options(min_count=min_count, max_vocab=max_vocab)
    together = Counter(word for share in shares for word in share)
    kept = [(word, count) for word, count in together.most_common() if count >= min_count]
    batches = [[counted(share).part(part, parts) for share in shares] for part in range(parts)]
    merged = [merge_part(some, options) for some in batches]
    if not kept:
        with pytest.raises(CorpusError):
            choose_words(merged, options, 0)
        return
    chosen = choose_words(merged, options, 0)
    vocabulary = chosen.vocabulary()
    assert list(zip(vocabulary.index_to_key, vocabulary.counts.tolist(), strict=True)) == kept[:max_vocab]
    assert chosen.totals == (sum(together.values()), len(together), *together.most_common(1)[0])
    assert chosen.below_min_count == len(together) - len(kept)
    assert chosen.beyond_max_vocab == len(kept) - len(vocabulary)


def test_counts_beyond_32_bits_are_exact():
    words = WordCounts(key_array(["a", "b"]), np.array([2**53, 1]))
    merged = merge_part([words.part(0, 1)] * 3, Options())
    assert choose_words([merged], Options(), 0).vocabulary().counts.tolist() == [3 * 2**53]
