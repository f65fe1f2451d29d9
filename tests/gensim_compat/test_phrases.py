"""firth.gensim's phrases: sentences, corpora, counts and files, as in gensim."""

import pytest

from firth.errors import FirthError, FormatError, NotAvailableError
from firth.gensim.phrases import FrozenPhrases, Phraser, Phrases, npmi_scorer, original_scorer

TEXT = [["new", "york", "is", "big"], ["new", "york", "and", "bank", "of", "america"], ["bank", "of", "america"]] * 4
OPTIONS = {"min_count": 2, "threshold": 0.5, "connector_words": {"of"}}


def test_a_sentence_gives_words_and_a_corpus_gives_sentences():
    phrases = Phrases(TEXT, **OPTIONS)
    assert phrases[["new", "york"]] == ["new_york"]
    joined = phrases[TEXT[:3]]
    assert list(joined) == list(joined) == [
        ["new_york", "is_big"], ["new_york", "and_bank", "of", "america"], ["bank_of_america"],
    ]  # fmt: skip
    assert list(phrases[iter(TEXT[2:3])]) == [["bank_of_america"]]
    assert list(phrases[[]]) == []


def test_counts_of_texts_add_up():
    parts = Phrases(**OPTIONS)
    assert parts.vocab == {}
    assert parts[["new", "york"]] == ["new", "york"]
    parts.add_vocab(TEXT[:5])
    parts.add_vocab(TEXT[5:])
    whole = Phrases(TEXT, **OPTIONS)
    assert parts.vocab == whole.vocab
    assert parts.export_phrases() == whole.export_phrases()
    assert parts.corpus_word_count == sum(map(len, TEXT))


def test_scores_are_those_of_the_scoring_functions():
    for name, scorer in (("default", original_scorer), ("npmi", npmi_scorer)):
        phrases = Phrases(TEXT, **OPTIONS, scoring=name)
        assert phrases.scoring is scorer
        n = phrases.vocab
        counts = n["new"], n["york"], n["new_york"], len(n), 2, phrases.corpus_word_count
        assert phrases.find_phrases([["new", "york"]])["new_york"] == pytest.approx(scorer(*counts), rel=1e-12)
        assert Phrases(TEXT, **OPTIONS, scoring=scorer).export_phrases() == phrases.export_phrases()


def test_analysis_names_the_score_of_each_phrase():
    phrases = Phrases(TEXT, **OPTIONS)
    scores = phrases.export_phrases()
    found = list(phrases.analyze_sentence(["the", "bank", "of", "america", "york"]))
    assert found == [("the", None), ("bank_of_america", scores["bank_of_america"]), ("york", None)]


def test_frozen_phrases_join_alike_and_are_saved(tmp_path):
    phrases = Phrases(TEXT, **OPTIONS)
    frozen = Phraser(phrases)
    assert Phraser is FrozenPhrases
    assert frozen.phrasegrams == phrases.freeze().phrasegrams == phrases.export_phrases()
    frozen.save(tmp_path / "phrases")
    for kind in (Phrases, FrozenPhrases):
        loaded = kind.load(tmp_path / "phrases")
        assert list(loaded[TEXT]) == list(phrases[TEXT])
        assert (loaded.min_count, loaded.threshold, loaded.connector_words) == (2, 0.5, {"of"})
    with pytest.raises(FirthError, match="counts"):
        Phrases.load(tmp_path / "phrases").add_vocab(TEXT)


def test_a_pickle_is_refused(tmp_path):
    (tmp_path / "phrases.pkl").write_bytes(b"\x80\x04" + bytes(70))
    with pytest.raises(
        FormatError, match=r"a Python pickle or a gensim model, not a file of phrases: .* --from-gensim"
    ):
        Phrases.load(tmp_path / "phrases.pkl")


def test_a_function_that_scores_cannot_be_saved(tmp_path):
    def always(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
        return 1.0

    phrases = Phrases(TEXT, **OPTIONS, scoring=always)
    assert set(phrases.export_phrases().values()) == {1.0}
    with pytest.raises(NotAvailableError, match="a file cannot hold the function"):
        phrases.save(tmp_path / "phrases")
