"""Finding: the phrases, counts and scores that follow from the definitions, for any text."""

import pytest
from hypothesis import given

from firth.options import PhraseOptions
from firth.phrases.finding import count_text, find_phrases
from firth.training.loop.progress import Reporter
from phrases._oracle import any_sentences, candidates, options, score, sentences, text_counts, text_of


def found_in(text, options, workers=1):
    """Return the phrases of a text."""
    return find_phrases(count_text(text, options, workers, Reporter()), options)


def check(sentences, options: PhraseOptions):
    counts = text_counts(sentences, options)
    n_words = sum(map(len, sentences))
    connector_words = options.connector_words
    seen = {tuple(some[a:b]) for some in sentences for a, b in candidates(some, connector_words)}
    frequent = {parts for parts in seen if counts[options.delimiter.join(parts)] >= options.min_count}
    scores = {parts: score(parts, counts, n_words, options) for parts in frequent}
    found = found_in(text_of(sentences), options, 2)
    assert found.vocab_size == len(counts)
    for parts, value in scores.items():
        if value == pytest.approx(options.threshold, rel=1e-12):
            continue  # rounding decides
        assert (parts in found.phrases) == (value > options.threshold)
    for parts, phrase in found.phrases.items():
        assert phrase.count == counts[options.delimiter.join(parts)]
        assert phrase.score == pytest.approx(scores[parts], rel=1e-12)
    in_order = [(-phrase.score, parts) for parts, phrase in found.phrases.items()]
    assert in_order == sorted(in_order)


@given(sentences, options)
def test_phrases_follow_from_the_definitions(sentences, options):
    check(sentences, options)


@given(any_sentences, options)
def test_words_may_contain_the_delimiter(sentences, options):
    check(sentences, options)


def test_a_score_equal_to_the_threshold_is_not_a_phrase():
    text = [["a", "b"]] * 3 + [["c"]]  # 4 words and pairs; (3 - 1) / 9 * 4
    for threshold, phrases in ((8 / 9, 0), (0.88, 1)):
        options = PhraseOptions(min_count=1, threshold=threshold)
        assert len(found_in(text_of(text), options, 1).phrases) == phrases


def test_dropped_pairs_are_a_warning():
    text = text_of([["a", "b", "c", "d"]] * 3)
    with pytest.warns(RuntimeWarning, match="rare pairs were dropped 3 times because of max_vocab=5: counts of pairs"):
        found = found_in(text, PhraseOptions(min_count=1, threshold=0.1, max_vocab=5), 1)
    assert (found.pairs_dropped, found.vocab_size, found.phrases) == (3, 4, {})


def test_the_default_score_needs_more_than_min_count():
    text = text_of([["a", "b"]] * 3)
    assert found_in(text, PhraseOptions(min_count=3, threshold=1e-9), 1).phrases == {}
    npmi = PhraseOptions(min_count=3, threshold=0, scoring="npmi")
    assert list(found_in(text, npmi, 1).phrases) == [("a", "b")]
