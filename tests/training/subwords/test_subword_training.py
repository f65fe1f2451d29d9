"""Training with subwords, from a text to a model and its file."""

import threading

import numpy as np
import pytest
from training.loop._runs import Interrupts, saved

from firth import KeyedVectors, OptionError, Word2Vec, load
from firth.errors import CorpusError
from firth.options import Options
from firth.text import read_corpus
from firth.training.subwords.hogwild import SubwordSampling

SMALL = {
    "vector_size": 12,
    "window": 3,
    "min_count": 1,
    "sample": 0.01,
    "epochs": 2,
    "subwords": (2, 4),
    "buckets": 500,
}
FIT = {"kernels", "validation", "callbacks", "checkpoint", "resume"}
LETTERS = np.array(list("abcdeé강語"))


def text(n=6_000, V=150, seed=5):
    """Return sentences of 20 words whose frequencies follow Zipf's law, and which share n-grams."""
    rng = np.random.default_rng(seed)
    words = sorted({"".join(rng.choice(LETTERS, rng.integers(1, 7))) for _ in range(V)})
    weights = 1 / np.arange(1, len(words) + 1)
    return rng.choice(words, (n // 20, 20), p=weights / weights.sum()).tolist()


def fitted(corpus=None, workers=1, **more):
    for_fit = {name: more.pop(name) for name in FIT & more.keys()}
    return Word2Vec(**SMALL | more, workers=workers).fit(corpus or text(), progress=False, **for_fit)


def engine_of(kernels="compiled"):
    options = Options(**SMALL)
    return SubwordSampling(read_corpus(text(), options), options, kernels)


def test_one_worker_gives_the_same_bytes():
    assert saved(fitted()) == saved(fitted())
    assert saved(fitted()) != saved(fitted(seed=2))


def test_several_workers_reach_about_the_same_loss():
    one, several = (fitted(workers=workers).history[-1] for workers in (1, 3))
    assert several.end_loss == pytest.approx(one.end_loss, rel=0.02)
    assert several.pairs == one.pairs


def test_the_schedule_is_hogwild_and_blocks_are_refused():
    assert Word2Vec(subwords=(3, 6)).options.schedule == "hogwild"
    with pytest.raises(OptionError, match=r"schedule=blocks is not available with subwords=\(3, 6\): .* same bits"):
        Word2Vec(subwords=(3, 6), schedule="blocks")
    with pytest.raises(OptionError, match=r"objective=softmax is not available with subwords=\(3, 6\): use obj"):
        Word2Vec(subwords=[3, 6], objective="softmax")


def test_whole_numbers_have_no_ngrams():
    with pytest.raises(CorpusError, match="the corpus holds whole numbers"):
        fitted([[1, 2, 3, 4]] * 10)


def test_training_lowers_the_loss_and_the_vectors_are_composed():
    model = fitted(epochs=6)
    assert model.history[-1].end_loss < model.history[0].end_loss < 6 * np.log(2)
    engine = engine_of()
    before = engine.inputs.copy()
    engine.refresh()
    for word in (0, 7):
        rows = engine._lists.rows[slice(*engine._lists.starts[word : word + 2])]
        np.testing.assert_allclose(engine.center[word], before[rows].mean(axis=0), atol=1e-6)


def test_the_reference_gives_the_same_model_up_to_rounding():
    compiled, reference = fitted(epochs=1), fitted(epochs=1, kernels="reference")
    np.testing.assert_allclose(compiled.wv.vectors, reference.wv.vectors, atol=1e-5)  # 6,000 windows of float32 steps
    np.testing.assert_allclose(compiled.wv.subwords.rows, reference.wv.subwords.rows, atol=1e-5)
    assert compiled.history[0].loss == pytest.approx(reference.history[0].loss, rel=1e-5)


def test_the_end_loss_is_that_of_the_reference_and_changes_no_byte():
    engine, reference = engine_of(), engine_of("reference")
    rng = np.random.default_rng(1)
    for matrix in (engine.inputs, engine.outside):
        matrix[:] = rng.normal(0, 0.3, matrix.shape)
    reference.inputs[:], reference.outside[:] = engine.inputs, engine.outside
    before = engine.inputs.tobytes(), engine.outside.tobytes()
    loss = engine.end_loss(engine.workspace())
    assert (engine.inputs.tobytes(), engine.outside.tobytes()) == before
    assert loss == pytest.approx(reference.end_loss(reference.workspace()), rel=1e-5)


def test_rows_start_uniform_as_in_fasttext():
    rows = engine_of().inputs
    assert np.abs(rows).max() <= 1 / 12
    assert np.abs(rows).mean() == pytest.approx(0.5 / 12, rel=0.05)


# --- the model


@pytest.fixture(scope="module")
def model():
    return fitted(epochs=3)


def test_a_word_that_is_not_in_the_text_has_a_vector(model):
    wv = model.wv
    assert "abcabc" in wv
    assert not wv.has_index_for("abcabc")
    assert wv["abcabc"].any()
    assert wv.most_similar("abcabc", topn=1)[0][1] > 0
    assert "" in wv  # <> is an n-gram of two characters


def test_vectors_of_the_vocabulary_are_those_of_the_rows(model):
    wv = model.wv
    words = [word.encode() for word in wv.index_to_key]
    own = wv.subwords.own_rows(words, wv.vectors)
    np.testing.assert_allclose(wv.subwords.compose(words, own), wv.vectors, atol=1e-6)


def test_a_saved_model_gives_the_same_vectors_for_all_words(model, tmp_path):
    model.save(tmp_path / "m.firth")
    back, vectors = load(tmp_path / "m.firth"), KeyedVectors.load(tmp_path / "m.firth")
    mapped = KeyedVectors.load(tmp_path / "m.firth", mmap=True)
    for other in (back.wv, vectors, mapped):
        for word in [*model.wv.index_to_key[:9], "abcabc", "語語"]:
            assert np.array_equal(other[word], model.wv[word])
    assert back.options == model.options
    assert saved(back) == saved(model)


def test_a_model_for_fasttext_gives_the_same_vectors_for_all_words(model, tmp_path):
    model.save_fasttext(tmp_path / "m.bin")
    back = KeyedVectors.load(tmp_path / "m.bin")
    words = [*model.wv.index_to_key, "abcabc", "語語"]
    np.testing.assert_allclose(back[words], model.wv[words], atol=1e-6)
    fasttext = pytest.importorskip("gensim.models.fasttext")
    theirs = fasttext.load_facebook_model(str(tmp_path / "m.bin"))
    np.testing.assert_allclose(np.array([theirs.wv[word] for word in words]), model.wv[words], atol=1e-6)
    assert np.array_equal(theirs.syn1neg, model.outside)


def test_held_out_pairs_are_scored_with_composed_vectors(model):
    losses = [record.validation_loss for record in fitted(epochs=3, validation=text(seed=6)).history]
    assert losses[-1] < losses[0]
    assert losses[-1] < np.log(len(model.wv))  # that of vectors of zero


def test_callbacks_see_composed_vectors_and_unseen_words():
    seen = []
    fitted(callbacks=lambda model: seen.append((model.wv["abcabc"].copy(), model.wv.vectors.copy())))
    assert len(seen) == 2
    assert not np.array_equal(seen[0][0], seen[1][0])
    assert seen[0][1].any(axis=1).all()


# --- checkpoints


def test_an_interrupted_run_ends_with_the_same_file(tmp_path, monkeypatch):
    corpus = text(120_000)
    expected = saved(fitted(corpus))
    interrupts, came = Interrupts(monkeypatch), 0
    for at in (1, 2, 3):
        interrupts.after(at)
        try:
            fitted(corpus, checkpoint=tmp_path / "run", resume=True)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    assert came > 0
    assert saved(fitted(corpus, checkpoint=tmp_path / "run", resume=True)) == expected


def test_an_interrupt_leaves_the_vectors_trained_so_far(monkeypatch):
    interrupts, model = Interrupts(monkeypatch), Word2Vec(**SMALL, workers=1)
    interrupts.after(2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(text(120_000), progress=False)
    assert model.wv.vectors.any(axis=1).all()
    assert model.outside.any()
    assert threading.active_count() < 20
