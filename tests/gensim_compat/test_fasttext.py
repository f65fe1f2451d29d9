"""firth.gensim.FastText: n-grams, unseen words, fastText's files, also of before version 11."""

import struct

import numpy as np
import pytest

import firth
from firth.errors import NotAvailableError
from firth.gensim.fasttext import FastText, load_facebook_model, load_facebook_vectors, save_facebook_model

TEXT = [["walking", "walked", "talks"], ["stone", "stones", "brick"]] * 60
MORE = [["walker", "walks", "stony"]] * 40
SMALL = {"vector_size": 8, "window": 2, "negative": 3, "min_count": 1, "sample": 0, "epochs": 3, "workers": 1, "sg": 1}
NGRAMS = {"min_n": 3, "max_n": 4, "bucket": 300}


def trained(**options):
    return FastText(TEXT, **SMALL | NGRAMS | options)


def test_the_vectors_are_those_that_firth_trains():
    options = {name: value for name, value in SMALL.items() if name != "sg"}
    native = firth.Word2Vec(**options, subwords=(3, 4), buckets=300).fit(TEXT, progress=False)
    model = trained()
    # Rows of words are computed from composed vectors when training starts.
    np.testing.assert_allclose(model.wv.vectors, native.wv.vectors, atol=1e-5)
    np.testing.assert_allclose(model.wv["stonework"], native.wv["stonework"], atol=1e-5)


def test_unseen_words_have_vectors_and_are_found():
    wv = trained().wv
    assert "stonework" in wv
    assert "stonework" not in wv.key_to_index
    assert wv.vectors_ngrams.shape == (300, 8)
    assert wv.vectors_vocab.shape == (6, 8)
    assert not wv[""].any()
    units = [wv["stone"] / np.linalg.norm(wv["stone"]), wv["brick"] / np.linalg.norm(wv["brick"])]
    np.testing.assert_allclose(wv.get_sentence_vector(["stone", "brick"]), np.mean(units, axis=0), rtol=1e-5)


def test_new_words_are_composed_of_the_ngrams_known():
    model = trained()
    unseen, walked = model.wv["walker"].copy(), model.wv["walked"].copy()
    model.build_vocab(MORE, update=True)
    np.testing.assert_allclose(model.wv["walked"], walked, atol=1e-6)
    assert np.dot(model.wv["walker"], unseen) > 0.5 * np.linalg.norm(model.wv["walker"]) * np.linalg.norm(unseen)
    before = model.wv["walkers"].copy()
    model.train(MORE, total_examples=40, epochs=2)
    assert not np.allclose(model.wv["walkers"], before)


def rows_of_ngrams(wv, word):
    _, ids = wv.subwords.scheme.lists([word.encode()])
    return wv.vectors_ngrams[ids]


def test_lock_factors_freeze_words_with_their_ngrams():
    model = trained()
    before, rows = model.wv["walked"].copy(), rows_of_ngrams(model.wv, "walked")
    model.wv.vectors_lockf = np.array([float(word != "walked") for word in model.wv.index_to_key])
    model.train(TEXT, total_examples=120, epochs=1)
    assert model.wv["walked"].tobytes() == before.tobytes()
    assert np.array_equal(rows_of_ngrams(model.wv, "walked"), rows)
    assert not np.array_equal(model.wv["talks"], trained().wv["talks"])
    model.wv.vectors_ngrams_lockf = np.zeros(1)
    with pytest.raises(
        NotAvailableError, match="vectors_ngrams_lockf is not available: leave it at 1, and set vectors"
    ):
        model.train(TEXT, total_examples=120, epochs=1)


def test_a_saved_model_is_loaded_unchanged(tmp_path):
    model = trained()
    model.save(tmp_path / "model")
    loaded = FastText.load(tmp_path / "model")
    assert (loaded.min_n, loaded.max_n, loaded.bucket) == (3, 4, 300)
    for word in ("walked", "stonework"):
        np.testing.assert_array_equal(loaded.wv[word], model.wv[word])
    loaded.train(TEXT, total_examples=120, epochs=1)


def old_layout(path):
    """Rewrite a `.bin` of version 12 as fastText wrote it before version 11."""
    data = path.read_bytes()[8:]  # without magic number and version
    header, rest = data[:76], data[84:]  # without the number of pruned n-grams
    D, entries = struct.unpack("<i", header[:4])[0], struct.unpack("<i", header[56:60])[0]
    end = 0
    for _ in range(entries):
        end = rest.index(b"\0", end) + 10
    rows = struct.unpack("<q", rest[end + 1 : end + 9])[0]
    matrix = end + 17 + 4 * rows * D
    old = path.with_name("old.bin")
    old.write_bytes(header + rest[:end] + rest[end + 1 : matrix] + rest[matrix + 1 :])
    return old


@pytest.mark.parametrize("is_old", [False, True])
def test_fasttexts_file_is_written_and_read(is_old, tmp_path):
    model = trained()
    save_facebook_model(model, tmp_path / "model.bin")
    path = old_layout(tmp_path / "model.bin") if is_old else tmp_path / "model.bin"
    loaded, vectors = load_facebook_model(path), load_facebook_vectors(path)
    for word in ("walked", "stonework"):
        np.testing.assert_allclose(loaded.wv[word], model.wv[word], atol=1e-6)
        np.testing.assert_array_equal(vectors[word], loaded.wv[word])
    assert (loaded.window, loaded.negative, loaded.sg, loaded.hs, loaded.epochs) == (2, 3, 1, 0, 3)
    order = [loaded.wv.get_index(word) for word in model.wv.index_to_key]
    np.testing.assert_array_equal(loaded.syn1neg[order], model.syn1neg)
    loaded.build_vocab(MORE, update=True)
    loaded.train(MORE, total_examples=40, epochs=1)


def test_hierarchical_softmax_trains_ngrams_and_its_file_is_read(tmp_path):
    model = trained(hs=1, negative=0)
    assert model.syn1[:-1].any(axis=1).all()
    save_facebook_model(model, tmp_path / "m.bin")
    loaded = load_facebook_model(tmp_path / "m.bin")
    assert (loaded.sg, loaded.hs, loaded.negative) == (1, 1, 0)
    for word in [*model.wv.index_to_key, "unseen"]:
        np.testing.assert_allclose(loaded.wv[word], model.wv[word], atol=1e-6)
    np.testing.assert_array_equal(loaded.syn1, model.syn1)
    loaded.train(TEXT, total_examples=120, epochs=1)
    assert not np.array_equal(loaded.syn1, model.syn1)


@pytest.mark.slow
def test_of_both_objectives_at_once_the_file_has_the_nodes_alone(tmp_path, caplog):
    model = trained(hs=1)
    save_facebook_model(model, tmp_path / "m.bin")
    assert "syn1neg is left out" in caplog.text
    loaded = load_facebook_model(tmp_path / "m.bin")
    assert (loaded.sg, loaded.hs, loaded.negative) == (1, 1, 0)
    np.testing.assert_array_equal(loaded.syn1, model.syn1)
    loaded.train(TEXT, total_examples=120, epochs=1)
    assert not np.array_equal(loaded.syn1, model.syn1)


def test_what_cannot_be_done_raises_an_error():
    with pytest.raises(NotAvailableError, match="word_ngrams=2 is not available"):
        FastText(word_ngrams=2)


def test_words_are_trained_alone_without_buckets():
    assert len(trained(sg=0, hs=1, negative=0, bucket=0).wv) == 6
