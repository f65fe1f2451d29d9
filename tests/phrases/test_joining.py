"""Joining from left to right: in token lists and in ids, as a plain loop does it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.options import PhraseOptions
from firth.phrases.joining import IdJoiner, joined_sentence, phrase_rows
from firth.text import END
from phrases._oracle import PLAIN, any_sentences, candidates, connectors, joined, random_sentences, text_of

words = st.sampled_from([*PLAIN, "a_b", "absent"])


@given(any_sentences, connectors, st.data())
def test_both_ways_join_as_a_plain_loop_does(sentences, connector_words, data):
    options = PhraseOptions(connector_words=connector_words)
    seen = sorted({tuple(some[a:b]) for some in sentences for a, b in candidates(some, connector_words)})
    phrases = data.draw(st.sets(st.sampled_from(seen)) if seen else st.just(set()))
    phrases |= data.draw(st.sets(st.tuples(words, words).filter(connector_words.isdisjoint), max_size=3))
    expected = [joined(sentence, phrases, options) for sentence in sentences]
    rows = phrase_rows(phrases, "_")
    assert [joined_sentence(sentence, rows, connector_words) for sentence in sentences] == expected
    text = text_of(sentences)
    joiner = IdJoiner(text.words, rows, connector_words)
    assert list(joiner.sentences(text.tokens)) == [sentence for sentence in expected if sentence]
    assert len(set(joiner.words)) == len(joiner.words)
    unjoined = sum(map(len, sentences)) - sum(map(len, expected))
    assert joiner.joined <= unjoined
    assert (joiner.joined == 0) == (unjoined == 0)


def test_of_overlapping_phrases_the_first_wins():
    rows = phrase_rows([("new", "york"), ("york", "city"), ("city", "hall")], "_")
    sentence = ["new", "york", "city", "hall", "york", "city"]
    assert joined_sentence(sentence, rows, frozenset()) == ["new_york", "city_hall", "york_city"]


def test_only_connector_words_may_be_between():
    rows = phrase_rows([("bank", "of", "america"), ("bank", "america")], "_")
    of = frozenset({"of", "the"})
    assert joined_sentence(["bank", "of", "america", "of"], rows, of) == ["bank_of_america", "of"]
    assert joined_sentence(["bank", "of", "the", "america"], rows, of) == ["bank", "of", "the", "america"]
    assert joined_sentence(["of", "bank", "america"], rows, of) == ["of", "bank_america"]


def test_a_sentence_longer_than_a_block_is_joined_whole():
    sentences = random_sentences(1, 8, 2, 100_000)
    options = PhraseOptions(connector_words=frozenset({"w1", "w2"}))
    phrases = {("w3", "w4"), ("w3", "w1", "w3"), ("w4", "w2", "w1", "w5"), ("w0", "w6")}
    text = text_of(sentences)
    joiner = IdJoiner(text.words, phrase_rows(phrases, "_"), options.connector_words)
    found = list(joiner.sentences(text.tokens))
    assert found == [joined(sentence, phrases, options) for sentence in sentences]
    assert joiner.joined == sum("_" in word for sentence in found for word in sentence) > 1000
    ids = [i for block in joiner.blocks(text.tokens) for i in block.tolist()]
    assert [joiner.words[i] for i in ids if i != END] == found[0] + found[1]


def test_a_run_of_connector_words_may_be_long():
    run = ["of", "the", "of"] * 50_000
    sentence = ["a", *run, "a", "of", "b"]
    connector_words = frozenset({"of", "the"})
    for phrases in ([("a", "of", "b")], [("a", "of", "b"), ("a", *run, "a")]):
        rows = phrase_rows(phrases, "_")
        text = text_of([sentence])
        expected = joined(sentence, phrases, PhraseOptions(connector_words=connector_words))
        assert joined_sentence(sentence, rows, connector_words) == expected
        assert list(IdJoiner(text.words, rows, connector_words).sentences(text.tokens)) == [expected]


def test_an_id_outside_the_words_is_refused():
    text = text_of([["a", "b", "c"]])
    with pytest.raises(CorpusError, match="holds ids from -1 to 2 where -1 to 1 are allowed"):
        list(IdJoiner(["a", "b"], phrase_rows([("a", "b")], "_"), frozenset()).blocks(text.tokens))


def test_phrases_with_the_same_text_have_one_id():
    text = text_of([["new", "york_times"], ["new_york", "times"], ["new", "york"]])
    rows = phrase_rows([("new", "york_times"), ("new_york", "times"), ("new", "york")], "_")
    joiner = IdJoiner(text.words, rows, frozenset())
    assert list(joiner.sentences(text.tokens)) == [["new_york_times"], ["new_york_times"], ["new_york"]]
    assert joiner.words == [*text.words, "new_york_times"]
