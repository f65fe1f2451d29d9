"""firth.gensim.Word2Vec: gensim's steps, attributes and effects, without gensim."""

import numpy as np
import pytest

import firth
from firth import gensim as layer
from firth.errors import FormatError, NotAvailableError, OptionError
from firth.gensim.vocabulary import RULE_DEFAULT, RULE_DISCARD, RULE_KEEP
from firth.gensim.word2vec import LineSentence, Word2Vec
from firth.objectives import hierarchical_softmax, huffman_tree
from firth.options import BOTH

TEXT = [["the", "king", "and", "the", "queen"], ["a", "queen", "had", "land"]] * 40
MORE = [["the", "king", "saw", "a", "ship"], ["the", "ship", "left"]] * 30
SMALL = {"vector_size": 10, "window": 2, "negative": 3, "min_count": 1, "sample": 0, "epochs": 2, "workers": 1}


def trained(**options):
    return Word2Vec(TEXT, **SMALL | {"sg": 1} | options)


def in_steps(corpus=TEXT, **options):
    model = Word2Vec(**SMALL | {"sg": 1} | options)
    model.build_vocab(corpus)
    model.train(corpus, total_examples=model.corpus_count, epochs=model.epochs)
    return model


@pytest.mark.parametrize(
    ("gensims", "firths"),
    [
        ({"sg": 1}, {}),
        ({"sg": 0}, {"architecture": "cbow", "alpha": 0.025}),
        ({"sg": 1, "hs": 1, "negative": 0}, {"objective": "hierarchical_softmax"}),
        ({"sg": 1, "hs": 1, "negative": 5}, {"objective": BOTH, "negative": 5}),
        ({"sg": 0, "hs": 1, "negative": 5}, {"objective": BOTH, "negative": 5, "architecture": "cbow"}),
    ],
)
def test_the_vectors_are_those_that_firth_trains(gensims, firths):
    ours = trained(**gensims)
    native = firth.Word2Vec(**SMALL | firths).fit(TEXT, progress=False)
    assert ours.wv.index_to_key == native.wv.index_to_key
    np.testing.assert_array_equal(ours.wv.vectors, native.wv.vectors)
    if ours.hs:
        np.testing.assert_array_equal(ours.syn1[:-1], native.nodes)
    if ours.negative:
        np.testing.assert_array_equal(ours.syn1neg, native.outside)
    np.testing.assert_array_equal(ours.wv.vectors, in_steps(**gensims).wv.vectors)


def test_the_attributes_are_gensims():
    model = trained(comment="mine")
    assert (model.corpus_count, model.corpus_total_words) == (80, 360)
    assert model.effective_min_count == 1
    assert model.train_count == 1
    assert model.total_train_time > 0
    assert model.comment == "mine"
    assert model.wv.get_vecattr("the", "count") == 80
    assert model.syn1neg.shape == (7, 10)
    assert model.raw_vocab == {}
    assert model.cum_table[-1] == 2**31 - 1
    assert str(model) == "Word2Vec<vocab=7, vector_size=10, alpha=0.025>"


def test_the_loss_is_the_sum_over_the_pairs_of_the_last_call():
    model = trained(epochs=3)
    native = firth.Word2Vec(**SMALL | {"epochs": 3}).fit(TEXT, progress=False)
    assert model.get_latest_training_loss() == pytest.approx(sum(each.loss * each.pairs for each in native.history))
    model.train(TEXT, total_examples=80, epochs=1)
    assert 0 < model.get_latest_training_loss() < 3 * native.history[0].loss * native.history[0].pairs


class Recorder(layer.CallbackAny2Vec):
    def __init__(self):
        self.calls, self.vectors = [], []

    def on_train_begin(self, model):
        self.calls.append("train begins")

    def on_train_end(self, model):
        self.calls.append("train ends")

    def on_epoch_begin(self, model):
        self.calls.append("epoch begins")

    def on_epoch_end(self, model):
        self.calls.append("epoch ends")
        self.vectors.append(model.wv.vectors.copy())


def test_callbacks_are_called_in_gensims_order_with_the_vectors_of_the_moment():
    recorder = Recorder()
    model = trained(callbacks=[recorder])
    assert recorder.calls == ["train begins", *2 * ["epoch begins", "epoch ends"], "train ends"]
    assert not np.array_equal(*recorder.vectors)
    np.testing.assert_array_equal(recorder.vectors[-1], model.wv.vectors)


def test_an_epoch_without_pairs_is_skipped_and_reported(caplog):
    recorder = Recorder()
    model = Word2Vec(min_count=1, vector_size=4, sg=1, epochs=3)
    model.build_vocab([["alone"], ["single"]])
    before = model.wv.vectors.copy()
    model.train([["alone"], ["single"]], total_examples=2, epochs=3, callbacks=[recorder])
    np.testing.assert_array_equal(model.wv.vectors, before)
    assert recorder.calls.count("epoch ends") == 3
    assert "epoch 1 had nothing to train on" in caplog.text


def test_vectors_held_by_a_script_are_updated():
    model = Word2Vec(**SMALL, sg=1)
    model.build_vocab(TEXT)
    wv, before = model.wv, model.wv.vectors.copy()
    model.train(TEXT, total_examples=80, epochs=1)
    assert model.wv is wv
    assert not np.array_equal(wv.vectors, before)


def test_new_words_are_added_with_random_vectors_and_counts_grow():
    model = trained()
    queen = model.wv["queen"].copy()
    model.build_vocab(MORE, update=True)
    assert model.wv.index_to_key[7:] == ["saw", "ship", "left"]
    assert model.wv.get_vecattr("the", "count") == 80 + 60
    assert model.wv.get_vecattr("ship", "count") == 60
    np.testing.assert_array_equal(model.wv["queen"], queen)
    assert 0 < np.abs(model.wv["ship"]).max() <= 0.05
    assert not model.syn1neg[7:].any()
    model.train(MORE, total_examples=60, epochs=5)
    assert model.syn1neg[7:].any()
    assert model.wv.get_vecattr("ship", "count") == 60, "training does not count"


def test_a_trim_rule_decides_first():
    answers = {"king": RULE_DISCARD, "land": RULE_KEEP}
    model = trained(min_count=41, trim_rule=lambda word, count, least: answers.get(word, RULE_DEFAULT))
    assert set(model.wv.index_to_key) == {"the", "queen", "land"}


@pytest.mark.parametrize(("most", "kept", "least"), [(1, 1, 41 + 40), (2, 2, 41), (3, 2, 41), (7, 7, 1), (None, 7, 1)])
def test_max_final_vocab_raises_the_least_count(most, kept, least):
    if most == 1:  # the and queen both occur 80 times, so neither is kept
        with pytest.raises(RuntimeError, match="no words"):
            trained(max_final_vocab=1)
        return
    model = trained(max_final_vocab=most)
    assert (len(model.wv), model.effective_min_count) == (kept, least)


def test_frequencies_can_be_given_instead_of_sentences():
    model = Word2Vec(**SMALL | {"min_count": 2}, sg=1)
    model.build_vocab_from_freq({"rare": 1, "b": 3, "a": 5})
    assert model.wv.index_to_key == ["a", "b"]
    assert model.wv.counts.tolist() == [5, 3]


def test_files_are_read_as_their_sentences(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text("\n".join(map(" ".join, TEXT)))
    for model in (
        Word2Vec(corpus_file=str(file), **SMALL, sg=1),
        Word2Vec(LineSentence(str(file)), **SMALL, sg=1),
        Word2Vec(layer.PathLineSentences(str(tmp_path)), **SMALL, sg=1),
        Word2Vec(LineSentence(str(file), limit=80), **SMALL, sg=1),
    ):
        np.testing.assert_array_equal(model.wv.vectors, trained().wv.vectors)
        assert (model.corpus_count, model.corpus_total_words) == (80, 360)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"negative": 0}, OptionError, "hs=0 with negative=0 trains nothing"),
        ({"null_word": 1}, NotAvailableError, "null_word=1 is not available"),
        ({"sample": 5}, NotAvailableError, "sample=5 as a count"),
        ({"vector_size": 0}, OptionError, "vector_size=0"),
    ],
)
def test_what_cannot_be_done_raises_an_error(arguments, error, message):
    with pytest.raises(error, match=message):
        trained(**arguments)
    assert issubclass(NotAvailableError, NotImplementedError)


@pytest.mark.parametrize("sg", [0, 1])
def test_vectors_are_frozen_by_their_lock_factors(sg):
    model = trained(sg=sg)
    before = model.wv.vectors.copy()
    model.wv.vectors_lockf = np.ones(len(model.wv), np.float32)
    model.wv.vectors_lockf[[1, 3]] = 0
    model.train(TEXT, total_examples=80, epochs=2)
    same = (model.wv.vectors == before).all(axis=1)
    assert np.flatnonzero(same).tolist() == [1, 3]
    model.wv.vectors_lockf = np.zeros(1)
    before = model.wv.vectors.copy()
    model.train(TEXT, total_examples=80, epochs=2)
    np.testing.assert_array_equal(model.wv.vectors, before)


@pytest.mark.parametrize(
    ("lock", "message"), [(np.full(1, 0.5), "scales updates by other factors"), (np.ones(2), r"has the shape \(2,\)")]
)
def test_wrong_lock_factors_are_refused(lock, message):
    model = trained()
    model.wv.vectors_lockf = lock
    with pytest.raises((NotAvailableError, OptionError), match=message):
        model.train(TEXT, total_examples=80, epochs=1)


def test_wrong_calls_raise_gensims_kinds_of_error(tmp_path):
    model = Word2Vec(**SMALL, sg=1)
    with pytest.raises(RuntimeError, match="call build_vocab before train"):
        model.train(TEXT, total_examples=1, epochs=1)
    model.build_vocab(TEXT)
    with pytest.raises(ValueError, match=r"give total_examples=model\.corpus_count"):
        model.train(TEXT, epochs=1)
    with pytest.raises(ValueError, match="epochs=None is not allowed"):
        model.train(TEXT, total_examples=80)
    with pytest.raises(TypeError, match="a generator cannot be read 2 times"):
        model.train((sentence for sentence in TEXT), total_examples=80, epochs=2)
    with pytest.raises(TypeError, match="give either"):
        model.build_vocab()
    with pytest.raises(TypeError, match="is not the path of a file"):
        model.build_vocab(corpus_file=str(tmp_path / "absent"))
    with pytest.raises(AttributeError, match="call it on the class"):
        model.load("anything")
    with pytest.raises(RuntimeError, match="no vocabulary to update"):
        Word2Vec(**SMALL, sg=1).build_vocab(TEXT, update=True)


@pytest.mark.parametrize("arguments", [{}, {"sg": 0}, {"hs": 1, "negative": 0}, {"hs": 1, "negative": 5}])
def test_a_saved_model_continues_as_if_it_had_not_been_saved(arguments, tmp_path):
    model = trained(**arguments)
    model.save(tmp_path / "model")
    loaded = Word2Vec.load(tmp_path / "model")
    for each in (model, loaded):
        each.build_vocab(MORE, update=True)
        each.train(MORE, total_examples=60, epochs=2)
    np.testing.assert_array_equal(loaded.wv.vectors, model.wv.vectors)
    for name in ("syn1", "syn1neg"):
        np.testing.assert_array_equal(getattr(loaded, name, 0), getattr(model, name, 0))
    assert (loaded.train_count, loaded.corpus_count) == (model.train_count, model.corpus_count)
    assert {name: value for name, value in vars(loaded).items() if type(value) in (int, str, bool)} == {
        name: value for name, value in vars(model).items() if type(value) in (int, str, bool)
    }


def test_models_move_between_firth_and_this_layer(tmp_path):
    native = firth.Word2Vec(**SMALL).fit(TEXT, progress=False)
    native.save(tmp_path / "native.firth")
    loaded = Word2Vec.load(tmp_path / "native.firth")
    np.testing.assert_array_equal(loaded.wv.vectors, native.wv.vectors)
    np.testing.assert_array_equal(loaded.syn1neg, native.outside)
    loaded.save(tmp_path / "ours.firth")
    np.testing.assert_array_equal(firth.load(tmp_path / "ours.firth").outside, native.outside)
    native.wv.save(tmp_path / "vectors.firth")
    with pytest.raises(AttributeError, match="vectors without a model"):
        Word2Vec.load(tmp_path / "vectors.firth")
    (tmp_path / "pickle").write_bytes(b"\x80\x04" + bytes(20))
    with pytest.raises(FormatError, match="a Python pickle or a gensim model"):
        Word2Vec.load(tmp_path / "pickle")


def test_both_objectives_at_once_are_trained_with_gensims_warning(caplog):
    model = trained(hs=1, negative=5)
    assert "Both hierarchical softmax and negative sampling are activated." in caplog.text
    assert set(model.estimate_memory()) == {"vocab", "vectors", "syn1neg", "syn1", "total"}
    assert model.predict_output_word(["a", "had"], topn=1)
    assert model.score([["the", "queen"]])[0] < 0


@pytest.mark.parametrize("sg", [0, 1])
def test_scores_are_log_probabilities_of_the_windows(sg):
    model = trained(sg=sg, hs=1, negative=0)
    V, Q = model.wv.vectors.astype(float), model.syn1[:-1].astype(float)
    tree = huffman_tree(model.wv.counts.tolist())
    rows = [model.wv.get_index(word) for word in ("the", "queen", "had")]
    context = [[1, 2], [0, 2], [0, 1]]  # window 2
    if sg:
        wanted = -sum(hierarchical_softmax(V[rows[c]], rows[o], Q, tree)[0] for c in range(3) for o in context[c])
    else:
        wanted = -sum(
            hierarchical_softmax(V[[rows[o] for o in context[c]]].mean(axis=0), rows[c], Q, tree)[0] for c in range(3)
        )
    scores = model.score([["the", "queen", "unknown", "had"], ["unknown"]])
    np.testing.assert_allclose(scores, [wanted, 0], rtol=1e-5)


def test_the_most_probable_words_of_a_context_are_predicted():
    model = trained(epochs=20)
    found = model.predict_output_word(["a", "had", "unknown"], topn=7)
    hidden = (model.wv["a"] + model.wv["had"]) / 2
    shares = np.exp(model.syn1neg @ hidden)
    shares /= shares.sum()
    np.testing.assert_allclose([share for _, share in found], np.sort(shares)[::-1], rtol=1e-5)
    assert found[0][0] in ("queen", "land")
    assert model.predict_output_word(["unknown"]) is None
