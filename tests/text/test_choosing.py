"""Tests which words of a text are kept: the most frequent, or those of a known vocabulary."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.options import Options
from firth.text import END, KnownWords, Vocabulary, merging, read_corpus

WORDS = st.sampled_from(["a", "b", "c", "d", "e", "é", "E"])
SENTENCES = st.lists(st.lists(WORDS, min_size=1, max_size=8), min_size=1, max_size=12)
KNOWN = Vocabulary(["b", "x", "a"], [7, 5, 2])


def read(sentences, known=KNOWN, *, is_open=False, **options):
    return read_corpus(sentences, KnownWords(known, Options(**options), is_open=is_open))


def words_of(corpus):
    """Return the sentences of the token store as words."""
    ids = np.concatenate([corpus.tokens.read_block(b) for b in range(corpus.tokens.n_blocks)])
    found, sentence = [], []
    for i in ids.tolist():
        if i == END:
            found.append(sentence)
            sentence = []
        else:
            sentence.append(corpus.vocabulary.index_to_key[i])
    return found


def only(sentences, kept):
    return [left for sentence in sentences if (left := [word for word in sentence if word in kept])]


@given(sentences=SENTENCES)
def test_known_words_keep_their_order_and_their_counts_grow(sentences):
    counts = Counter(word for sentence in sentences for word in sentence)
    if not {"a", "b"} & set(counts):
        with pytest.raises(CorpusError, match=r"the vocabulary has none of the .* of the corpus"):
            read(sentences)
        return
    corpus = read(sentences)
    assert corpus.vocabulary.index_to_key == ["b", "x", "a"]
    assert corpus.vocabulary.counts.tolist() == [7 + counts["b"], 5, 2 + counts["a"]]
    assert words_of(corpus) == only(sentences, {"a", "b"})
    assert corpus.not_in_vocabulary == len(set(counts) - {"a", "b"})
    assert corpus.distinct_words == len(counts)
    assert KNOWN.counts.tolist() == [7, 5, 2], "the known counts do not change"


@given(sentences=SENTENCES, min_count=st.integers(1, 4), more=st.none() | st.integers(0, 3), as_file=st.booleans())
def test_new_words_follow_by_descending_count(tmp_path_factory, sentences, min_count, more, as_file):
    counts = Counter(word for sentence in sentences for word in sentence)  # in the order of first occurrence
    frequent = [word for word, n in counts.items() if n >= min_count and word not in "ab"]
    added = sorted(frequent, key=lambda word: -counts[word])[:more]
    source = sentences
    if as_file:
        source = tmp_path_factory.mktemp("text") / "text.txt"
        source.write_text("\n".join(map(" ".join, sentences)))
    most = None if more is None else 3 + more
    if not added and not {"a", "b"} & set(counts):
        with pytest.raises(CorpusError, match="the vocabulary has none"):
            read(source, is_open=True, min_count=min_count, max_vocab=most)
        return
    corpus = read(source, is_open=True, min_count=min_count, max_vocab=most)
    assert corpus.vocabulary.index_to_key == ["b", "x", "a", *added]
    assert corpus.vocabulary.counts.tolist()[3:] == [counts[word] for word in added]
    assert words_of(corpus) == only(sentences, {"a", "b", *added})
    assert corpus.below_min_count == len(set(counts) - set("ab")) - len(frequent)
    assert corpus.beyond_max_vocab == len(frequent) - len(added)


def test_many_words_are_looked_up_some_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(merging, "WORDS_AT_A_TIME", 4)
    path = tmp_path / "text.txt"
    path.write_text(" ".join(f"w{i}" for i in range(100)) + "\n" + " ".join(f"w{i}" for i in range(0, 100, 3)))
    known = Vocabulary([f"w{i}" for i in range(50, 200)], np.ones(150))
    corpus = read(path, known, is_open=True, min_count=2)
    assert corpus.vocabulary.index_to_key[150:] == [f"w{i}" for i in range(0, 50, 3)]
    assert corpus.vocabulary.counts.tolist()[:3] == [2, 3, 2]


def test_lower_casing_applies_to_known_words():
    corpus = read([["A", "B", "b"]], lowercase=True)
    assert corpus.vocabulary.counts.tolist() == [9, 5, 3]


@pytest.mark.parametrize("is_open", [False, True])
def test_words_and_whole_numbers_are_not_mixed(is_open):
    with pytest.raises(CorpusError, match="the corpus has 3 and the vocabulary 'b': words and whole numbers"):
        read([[3, 4]], is_open=is_open)
    with pytest.raises(CorpusError, match="the corpus has 'a' and the vocabulary 9"):
        read([["a"]], Vocabulary([9], [1]), is_open=is_open)
