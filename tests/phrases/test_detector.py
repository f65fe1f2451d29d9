"""`Phrases`: the same phrases as gensim, on any input, over several passes; errors; save and load."""

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

import firth
from firth import CorpusError, FirthError, FormatError, OptionError, Pairs, Phrases, Word2Vec
from firth.options import ENGLISH_CONNECTOR_WORDS
from phrases._oracle import any_sentences, joined, options, sentences_with_names

SENTENCES = [
    ["new", "york", "city", "is", "in", "the", "state", "of", "new", "york"],
    ["the", "bank", "of", "america", "is", "in", "new", "york", "city"],
    ["a", "bank", "is", "a", "new", "bank"],
] * 10
LOOSE = {"min_count": 1, "threshold": 0.5}


def in_gensim(sentences, options: dict[str, object]):
    return pytest.importorskip("gensim.models.phrases").Phrases(sentences, **options)


def gensim_options(phrases: Phrases) -> dict[str, object]:
    return {name: value for name, value in vars(phrases.options).items() if name != "max_vocab"}


def check_like_gensim(sentences, phrases: Phrases):
    """Compare vocabulary, scores and joined sentences."""
    theirs = in_gensim(sentences, gensim_options(phrases))
    assert phrases.corpus["vocab_size"] == len(theirs.vocab)
    assert phrases.corpus["raw_words"] == theirs.corpus_word_count
    for parts, found in phrases._phrases.items():
        text, score = theirs.score_candidate(parts[0], parts[-1], list(parts[1:-1]))
        assert (text, score) == (phrases.options.delimiter.join(parts), found.score)
        assert found.count == theirs.vocab[text]
    assert list(phrases.transform(sentences)) == [theirs[sentence] for sentence in sentences]
    assert set(theirs.find_phrases(sentences)) <= set(phrases.scores)


@settings(max_examples=200)
@given(any_sentences, options)
def test_vocabulary_scores_and_sentences_are_gensims(sentences, options):
    given = {name: value for name, value in vars(options).items() if name != "max_vocab"}
    check_like_gensim(sentences, Phrases(**given).fit(sentences, progress=False))


@settings(max_examples=100)
@given(any_sentences, any_sentences, options)
def test_texts_counted_one_after_the_other_are_one_text(first, second, options):
    given = {name: value for name, value in vars(options).items() if name != "max_vocab"}
    together = Phrases(**given).fit(first + second, progress=False)
    apart = Phrases(**given).partial_fit(first, progress=False).partial_fit(second, progress=False)
    assert (apart.scores, apart.counts, apart._phrases) == (together.scores, together.counts, together._phrases)
    assert apart.corpus == together.corpus
    theirs = in_gensim(first, gensim_options(together))
    theirs.add_vocab(second)
    assert apart.vocab == theirs.vocab


def test_counts_are_added_only_to_counts_that_were_kept():
    fitted = Phrases().fit(SENTENCES, progress=False)
    with pytest.raises(FirthError, match=r"the counts of the earlier text were not kept.*begin with partial_fit"):
        fitted.partial_fit(SENTENCES)
    with pytest.raises(FirthError, match="are kept by partial_fit only"):
        fitted.vocab  # noqa: B018


def test_pairs_beyond_max_vocab_are_dropped_from_the_sum_of_counts():
    with pytest.warns(RuntimeWarning, match="rare pairs were dropped"):
        once = Phrases(max_vocab=20).partial_fit(SENTENCES, progress=False)
    with pytest.warns(RuntimeWarning, match="rare pairs were dropped"):
        twice = once.partial_fit([["other", "words"], *SENTENCES], progress=False)
    assert len(twice.vocab) <= 20
    assert twice.vocab["new_york"] == 60
    assert "other" in twice.vocab


def smoothed(worda_count, wordb_count, bigram_count, len_vocab, min_count, corpus_word_count):
    return bigram_count / (worda_count + wordb_count + min_count) * len_vocab / corpus_word_count


def test_scores_of_a_function_are_gensims(tmp_path):
    phrases = Phrases(min_count=1, threshold=0.01, scoring=smoothed).fit(SENTENCES, progress=False)
    assert phrases.scores
    check_like_gensim(SENTENCES, phrases)
    phrases.save(tmp_path / "phrases")
    loaded = Phrases.load(tmp_path / "phrases")
    assert loaded.scores == phrases.scores
    assert (
        repr(loaded) == repr(phrases) == f"<Phrases: {len(phrases.scores)} phrases, scoring='custom', threshold=0.01>"
    )
    with pytest.raises(FirthError, match="scored by a function of the program that saved them"):
        loaded.fit(SENTENCES, progress=False)


@pytest.mark.parametrize("result", [None, "1", float("nan"), 1j])
def test_a_function_that_returns_no_number_is_refused(result):
    phrases = Phrases(min_count=1, scoring=lambda **counts: result)
    with pytest.raises(OptionError, match=re.escape(f"returned {result!r}: return a number")):
        phrases.fit(SENTENCES, progress=False)


@pytest.mark.parametrize("function", [len, lambda a, b: 1.0, max])
def test_a_function_of_other_arguments_is_refused(function):
    with pytest.raises(OptionError, match="give a function that takes the keywords worda_count, wordb_count, bigram_"):
        Phrases(scoring=function)


@pytest.mark.parametrize("more", [{}, {"scoring": "npmi", "threshold": 0.2}, {"connector_words": {"w0", "w1"}}])
def test_two_passes_are_gensims(more):
    sentences = sentences_with_names(1)
    once = Phrases(min_count=2, **{"threshold": 2, **more}).fit(sentences, progress=False)
    check_like_gensim(sentences, once)
    theirs = in_gensim(sentences, gensim_options(once))
    assert once.scores == pytest.approx(theirs.export_phrases(), abs=0)
    again = [theirs[sentence] for sentence in sentences]
    twice = Phrases(min_count=2, **{"threshold": 2, **more}).fit(once.transform(sentences), progress=False)
    check_like_gensim(again, twice)
    assert any(text.count("_") >= 2 for text in twice.scores)


def test_the_documented_differences_from_gensim():
    sentences = [["new", "", "york"], ["new", "york"], ["b_c"]] * 4
    phrases = Phrases(**LOOSE).fit(sentences, progress=False)
    theirs = in_gensim(sentences, gensim_options(phrases))
    assert phrases.join(["x", "", "y"]) == ["x", "", "y"]
    assert theirs[["x", "", "y"]] == ["x", "y"]
    seen_apart = [["a", "x"], ["y", "b"], ["a_b"]] * 4
    phrases = Phrases(**LOOSE).fit(seen_apart, progress=False)
    assert phrases.join(["a", "b"]) == ["a", "b"]
    assert in_gensim(seen_apart, gensim_options(phrases))[["a", "b"]] == ["a_b"]
    again = [["new_york", "times"], ["new", "car"], ["new", "shop"], ["old", "times"]] * 4
    phrases = Phrases(**LOOSE).fit(again, progress=False)
    theirs = in_gensim(again, gensim_options(phrases))
    assert phrases.scores["new_york_times"] == theirs.score_candidate("new_york", "times", [])[1]
    assert phrases.scores["new_york_times"] != theirs.export_phrases().get("new_york_times")


def test_the_english_connector_words_are_gensims():
    theirs = pytest.importorskip("gensim.models.phrases").ENGLISH_CONNECTOR_WORDS
    assert theirs == ENGLISH_CONNECTOR_WORDS == Phrases(connector_words="english").options.connector_words


def test_scores_and_counts_are_in_the_same_order():
    phrases = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    assert list(phrases.scores) == list(phrases.counts)
    assert phrases.counts["new_york"] == 30
    assert list(phrases.scores.values()) == sorted(phrases.scores.values(), reverse=True)


def test_of_phrases_with_the_same_text_the_higher_score_is_shown():
    sentences = [["new", "york_times"], ["new_york", "times"], ["new", "car"]] * 5
    phrases = Phrases(min_count=1, threshold=1e-3).fit(sentences, progress=False)
    both = [phrases._phrases[parts].score for parts in (("new", "york_times"), ("new_york", "times"))]
    assert both[0] != both[1]
    assert phrases.scores["new_york_times"] == max(both)


def as_text(sentences) -> str:
    return "".join(" ".join(sentence) + "\n" for sentence in sentences)


@pytest.fixture
def corpus(tmp_path):
    """A folder with the sentences in two files, one of them compressed."""
    (tmp_path / "a.txt").write_text(as_text(SENTENCES[:7]))
    (tmp_path / "b.txt.gz").write_bytes(gzip.compress(as_text(SENTENCES[7:]).encode()))
    return tmp_path


def test_all_kinds_of_input_give_the_same(corpus):
    from_lists = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    expected = list(from_lists.transform(SENTENCES))
    assert expected[0][0] == "new_york"
    files = [corpus / "a.txt", corpus / "b.txt.gz"]
    for source in (corpus, str(corpus), files, f"{corpus}/*.*", (sentence for sentence in SENTENCES)):
        phrases = Phrases(**LOOSE).fit(source, progress=False)
        assert phrases.scores == from_lists.scores
        assert phrases.corpus == from_lists.corpus
    for source in (corpus, files, (tuple(sentence) for sentence in SENTENCES)):
        assert list(from_lists.transform(source)) == expected


def test_a_tokenizer_splits_files(corpus):
    def letters(line):
        return re.findall("[a-z]", line)

    phrases = Phrases(**LOOSE).fit(corpus, tokenizer=letters, progress=False)
    sentences = [letters(" ".join(sentence)) for sentence in SENTENCES]
    assert phrases.scores == Phrases(**LOOSE).fit(sentences, progress=False).scores
    found = list(phrases.transform(corpus, tokenizer=letters))
    assert found == [joined(sentence, phrases._phrases, phrases.options) for sentence in sentences]


def test_tables_texts_and_other_encodings_are_read(tmp_path):
    texts = [" ".join(sentence) for sentence in SENTENCES]
    frame = pd.DataFrame({"id": range(len(texts)), "text": texts})
    frame.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "a.txt").write_text("\n".join(texts), encoding="utf-16")
    expected = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    joined_sentences = list(expected.transform(SENTENCES))
    for corpus, how in (
        (frame, {"column": "text"}),
        (tmp_path / "t.parquet", {"column": "text"}),
        (frame["text"], {}),
        (frame["text"], {"tokenizer": str.split}),
        (frame.to_dict("records"), {"column": "text"}),
        (tmp_path / "a.txt", {"encoding": "utf-16"}),
    ):
        phrases = Phrases(**LOOSE).fit(corpus, **how, progress=False)
        assert phrases.scores == expected.scores
        assert list(phrases.transform(corpus, **how)) == joined_sentences
    with pytest.raises(CorpusError, match=r"its columns are id \(int64\), text"):
        expected.transform(frame)


def test_transformed_sentences_can_be_read_again_and_trained_on(corpus):
    phrases = Phrases(**LOOSE).fit(corpus, progress=False)
    for source in (corpus, SENTENCES):
        sentences = phrases.transform(source)
        assert list(sentences) == list(sentences)
        model = Word2Vec(vector_size=4, epochs=1, min_count=1, sample=0, workers=1).fit(sentences, progress=False)
        assert "new_york" in model.wv


def test_token_lists_are_read_one_at_a_time():
    phrases = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    taken = []

    def endless():
        while True:
            taken.append(1)
            yield ["in", "new", "york"]

    sentences = iter(phrases.transform(endless()))
    assert taken == []
    assert next(sentences) == ["in", "new_york"]
    assert len(taken) == 1


@pytest.mark.parametrize("corpus", [None, 5, b"new york", {"text": ["new york"]}])
def test_only_files_and_sentences_are_transformed(corpus):
    phrases = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    with pytest.raises(
        CorpusError, match=rf"the corpus is of type {type(corpus).__name__}: give files, or an iterable"
    ):
        phrases.transform(corpus)


def test_an_iterator_cannot_be_read_twice():
    phrases = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    sentences = phrases.transform(iter(SENTENCES))
    assert len(list(sentences)) == len(SENTENCES)
    with pytest.raises(CorpusError, match="came from an iterator, which can be read only once: give a list"):
        list(sentences)


def test_one_sentence_is_joined():
    phrases = Phrases(**LOOSE, connector_words={"of"}).fit(SENTENCES, progress=False)
    assert phrases.join(["bank", "of", "america", "of"]) == ["bank_of_america", "of"]
    assert phrases.join(iter(["new", "york"])) == ["new_york"]
    assert phrases.join([]) == []
    with pytest.raises(CorpusError, match=r"the sentence is the string 'new york': split it into words"):
        phrases.join("new york")
    with pytest.raises(CorpusError, match=r"the sentence is the string 'new york': split it into words"):
        list(phrases.transform(sentence for sentence in ["new york"]))


@pytest.mark.parametrize("use", [lambda p: p.scores, lambda p: p.counts, lambda p: p.join([]), lambda p: p.save("x"),
                                 lambda p: p.transform([])])  # fmt: skip
def test_before_fit_there_are_no_phrases(use, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FirthError, match=r"^no phrases have been found yet: call fit\(corpus\) first"):
        use(Phrases())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "the corpus is empty"),
        ("absent.txt", "'absent.txt' does not exist"),
        (["new york"], "none of them exists: 'new york'"),
        ([[1, 2], [2, 3]], r"the corpus holds integers \(2 \.\.\.\), and phrases join words: give lists of str"),
        (np.arange(6).reshape(2, 3), "the corpus holds integers"),
        (Pairs(["a"], ["b"]), "the corpus is Pairs, and phrases are found in sentences: give a text or token lists"),
    ],
)
def test_a_corpus_that_cannot_be_used_changes_nothing(corpus, message):
    phrases = Phrases(**LOOSE).fit(SENTENCES, progress=False)
    scores, counts = phrases.scores, dict(phrases.corpus)
    with pytest.raises(CorpusError, match=message):
        phrases.fit(corpus, progress=False)
    assert (phrases.scores, phrases.corpus) == (scores, counts)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"max_vocab_size": 1}, "unknown option 'max_vocab_size': use max_vocab$"),
        ({"sentences": []}, r"unknown option 'sentences': give the corpus to fit: Phrases\(\.\.\.\)\.fit\(corpus\)$"),
        ({"common_terms": ["of"]}, "use connector_words$"),
        ({"treshold": 3}, "did you mean 'threshold'?"),
        ({"workers": 0}, "workers=0 is not allowed"),
    ],
)
def test_unknown_options_are_refused_with_advice(given, message):
    with pytest.raises(OptionError, match=message):
        Phrases(**given)


def test_a_corpus_is_not_an_option():
    with pytest.raises(OptionError, match=r"give the corpus to fit, as Phrases\(\.\.\.\)\.fit\(corpus\)"):
        Phrases(SENTENCES)


def test_progress_names_the_stages(capsys):
    Phrases(**LOOSE).fit(SENTENCES, progress=True)
    assert "read 250 words in 30 sentences" in capsys.readouterr().err
    Phrases(**LOOSE).fit(SENTENCES, progress=False)
    assert capsys.readouterr() == ("", "")


def test_saved_phrases_are_the_same(tmp_path):
    options = {"scoring": "npmi", "threshold": 0.1, "min_count": 2, "delimiter": "-", "max_vocab": None}
    phrases = Phrases(**options, connector_words={"of", "ü"}).fit(SENTENCES, progress=False)
    phrases.save(tmp_path / "phrases.firth")
    loaded = Phrases.load(tmp_path / "phrases.firth")
    assert loaded.options == phrases.options
    assert loaded._phrases == phrases._phrases
    assert loaded.corpus == phrases.corpus
    assert list(loaded.transform(SENTENCES)) == list(phrases.transform(SENTENCES))
    assert repr(loaded) == repr(phrases) == f"<Phrases: {len(phrases.scores)} phrases, scoring='npmi', threshold=0.1>"


def test_no_phrases_are_saved_too(tmp_path):
    Phrases().fit(SENTENCES[:1], progress=False).save(tmp_path / "none.firth")
    assert Phrases.load(tmp_path / "none.firth").scores == {}
    assert repr(Phrases()) == "<Phrases: not fitted, scoring='default', threshold=10>"


def test_models_and_phrases_are_not_mistaken_for_each_other(tmp_path):
    Phrases(**LOOSE).fit(SENTENCES, progress=False).save(tmp_path / "phrases.firth")
    Word2Vec(vector_size=4, epochs=1, min_count=1, sample=0, workers=1).fit(SENTENCES, progress=False).save(
        tmp_path / "model.firth"
    )
    for load in (firth.load, firth.KeyedVectors.load, Word2Vec.load):
        with pytest.raises(FormatError, match=r"is a file of phrases, not a model: load it with Phrases\.load"):
            load(tmp_path / "phrases.firth")
    with pytest.raises(FormatError, match=r"is a model, not a file of phrases: load it with firth\.load"):
        Phrases.load(tmp_path / "model.firth")
