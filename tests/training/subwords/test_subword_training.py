"""Training with subwords, from a text to a model and its file."""

import threading

import numpy as np
import pytest
from training.loop._runs import Interrupts, saved

from firth import KeyedVectors, OptionError, Word2Vec, load
from firth.errors import CorpusError
from firth.formats.fasttext import read_fasttext_model
from firth.objectives import hierarchical_softmax, huffman_tree
from firth.options import Options
from firth.text import read_corpus
from firth.training.subwords import kernels
from firth.training.subwords.hogwild import SubwordPaths, SubwordSampling, slice_size
from firth.training.windows import layout

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
EACH_OBJECTIVE = pytest.mark.parametrize("objective", ["negative_sampling", "hierarchical_softmax"])
ENGINES = {"negative_sampling": SubwordSampling, "hierarchical_softmax": SubwordPaths}
KERNELS = ["compiled", "reference"]
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


def engine_of(kernels="compiled", objective="negative_sampling"):
    options = Options(**SMALL, objective=objective)
    return ENGINES[objective](read_corpus(text(), options), options, kernels)


@EACH_OBJECTIVE
def test_one_worker_gives_the_same_bytes(objective):
    model = saved(fitted(objective=objective))
    assert model == saved(fitted(objective=objective))
    assert model != saved(fitted(objective=objective, seed=2))


@EACH_OBJECTIVE
def test_several_workers_reach_about_the_same_loss(objective):
    one, several = (fitted(workers=workers, objective=objective).history[-1] for workers in (1, 3))
    assert several.end_loss == pytest.approx(one.end_loss, rel=0.02)
    assert several.pairs == one.pairs


def test_the_schedule_is_hogwild_and_blocks_are_refused():
    assert Word2Vec(subwords=(3, 6)).options.schedule == "hogwild"
    with pytest.raises(OptionError, match=r"schedule=blocks is not available with subwords=\(3, 6\): .* same bits"):
        Word2Vec(subwords=(3, 6), schedule="blocks")
    with pytest.raises(OptionError, match=r"objective=softmax is not available with subwords=\(3, 6\): use .*hier"):
        Word2Vec(subwords=[3, 6], objective="softmax")


def test_whole_numbers_have_no_ngrams():
    with pytest.raises(CorpusError, match="the corpus holds whole numbers"):
        fitted([[1, 2, 3, 4]] * 10)


@EACH_OBJECTIVE
def test_training_lowers_the_loss_and_the_vectors_are_composed(objective):
    model = fitted(epochs=6, objective=objective)
    decisions = 6 if objective == "negative_sampling" else 6.5  # K + 1, and the nodes of a mean path
    assert model.history[-1].end_loss < model.history[0].end_loss < decisions * np.log(2)
    engine = engine_of(objective=objective)
    before = engine.inputs.copy()
    engine.refresh()
    for word in (0, 7):
        rows = engine._lists.rows[slice(*engine._lists.starts[word : word + 2])]
        np.testing.assert_allclose(engine.center[word], before[rows].mean(axis=0), atol=1e-6)


@pytest.fixture
def double_precision(monkeypatch):
    """Train matrices of float64 numbers, which the reference can do: its results are exact for our purpose."""

    def zeros(shape, dtype=None):
        return np.zeros(shape)

    monkeypatch.setattr(layout, "aligned_zeros", zeros)
    monkeypatch.setattr(kernels, "aligned_zeros", zeros)


def vectors_and_loss(code, objective):
    """Train at the usual rate; return all rows and the mean loss."""
    model = fitted(epochs=1, objective=objective, alpha=0.025, kernels=code)
    return np.concatenate([model.wv.vectors, model.wv.subwords.rows], dtype=np.float64), model.history[0].loss


@EACH_OBJECTIVE
def test_the_kernel_is_as_exact_as_single_precision_allows(objective, request):
    """6,000 windows, compared with the reference in double precision.

    Every number is within 1e-5, relative to numbers above one, whose roundings are larger. On average errors are no
    more than three times those of the reference in single precision: 2.4 times here at most, as the kernel rounds
    once more at the end of a slice, and its logistic function is a rational one.
    """
    (found, loss), (single, _) = (vectors_and_loss(code, objective) for code in KERNELS)
    request.getfixturevalue("double_precision")
    exact, exact_loss = vectors_and_loss("reference", objective)
    assert (np.abs(found - exact) / np.maximum(1, np.abs(exact))).max() < 1e-5
    ours, theirs = (np.sqrt(np.mean((vectors - exact) ** 2)) for vectors in (found, single))
    assert 0 < ours < 3 * theirs
    assert loss == pytest.approx(exact_loss, rel=1e-6)


@EACH_OBJECTIVE
def test_the_end_loss_is_that_of_the_reference_and_changes_no_byte(objective):
    engine, reference = (engine_of(kernels, objective) for kernels in KERNELS)
    rng = np.random.default_rng(1)
    for matrix in (engine.inputs, engine.outside):
        matrix[:] = rng.normal(0, 0.3, matrix.shape)
    reference.inputs[:], reference.outside[:] = engine.inputs, engine.outside
    before = engine.inputs.tobytes(), engine.outside.tobytes()
    loss = engine.end_loss(engine.workspace())
    assert (engine.inputs.tobytes(), engine.outside.tobytes()) == before
    assert loss == pytest.approx(reference.end_loss(reference.workspace()), rel=1e-5)


@pytest.mark.parametrize("architecture", ["skip_gram", "cbow"])
@EACH_OBJECTIVE
def test_words_that_share_most_ngrams_are_trained_without_overshooting(objective, architecture):
    """In slices of 512 windows the changes of 100 words of a common prefix add up to a loss of 1e6."""
    topics = np.random.default_rng(1).integers(0, 2, (600, 1))
    ids = np.random.default_rng(2).integers(0, 50, (600, 10)) + 50 * topics
    words = [[f"commonprefix{i:03d}" for i in row] for row in ids.tolist()]
    options = {"subwords": (3, 6), "sample": 0, "window": 5, "epochs": 3, "vector_size": 20}
    history = fitted(words, objective=objective, architecture=architecture, **options).history
    start = (6 if objective == "negative_sampling" else np.log2(100)) * np.log(2)  # of vectors of zero
    assert all(record.end_loss < start for record in history)
    assert history[-1].end_loss < history[0].end_loss


def test_slices_are_short_only_where_words_share_most_ngrams():
    assert 1 < engine_of()._slice < 512, "its words have eight letters in common"
    apart = ["".join(word) for word in np.random.default_rng(1).choice(list("abcdefghijklmnopqrstuvwxyz"), (200, 9))]
    options = Options(subwords=(3, 6), min_count=1)
    assert SubwordSampling(read_corpus([apart], options), options)._slice == 512
    options = Options(subwords=(3, 6), window=5)
    assert slice_size(0.003, options) == 512, "English Wikipedia"
    assert slice_size(0.5, options) == 8
    assert slice_size(1, Options(subwords=(3, 6), window=100)) == 1


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


@pytest.fixture(scope="module")
def with_nodes():
    return fitted(epochs=3, objective="hierarchical_softmax")


@pytest.mark.parametrize("name", ["model", "with_nodes"])
def test_a_saved_model_gives_the_same_vectors_for_all_words(name, request, tmp_path):
    model = request.getfixturevalue(name)
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


def test_a_model_of_hierarchical_softmax_is_written_for_fasttext(with_nodes, tmp_path):
    with_nodes.save_fasttext(tmp_path / "m.bin")
    file = read_fasttext_model(tmp_path / "m.bin")
    assert (file.header["loss"], file.header["model"]) == (1, 2)
    assert np.array_equal(file.output[:-1], with_nodes.nodes)
    assert not file.output[-1].any()
    words = [*with_nodes.wv.index_to_key, "abcabc"]
    back = KeyedVectors.load(tmp_path / "m.bin")
    np.testing.assert_allclose(back[words], with_nodes.wv[words], atol=1e-6)
    fasttext = pytest.importorskip("gensim.models.fasttext")
    theirs = fasttext.load_facebook_model(str(tmp_path / "m.bin"))
    np.testing.assert_allclose(np.array([theirs.wv[word] for word in words]), with_nodes.wv[words], atol=1e-6)


def test_further_training_continues_with_the_nodes_and_the_ngrams(with_nodes):
    model, text_before = fitted(epochs=3, objective="hierarchical_softmax"), text()
    model.partial_fit(text_before, 1, progress=False)
    losses = [record.loss for record in model.history]
    assert losses[3] < losses[0], "a new model would begin far above"
    model.partial_fit([["abcabcabc", *sentence] for sentence in text_before], 1, update_vocab=True, progress=False)
    assert model.nodes.shape == (len(with_nodes.wv), 12), "there is one word more"
    assert np.isfinite(model.wv["abcabcabc"]).all()


def test_held_out_pairs_are_scored_with_composed_vectors(model):
    losses = [record.validation_loss for record in fitted(epochs=3, validation=text(seed=6)).history]
    assert losses[-1] < losses[0]
    assert losses[-1] < np.log(len(model.wv))  # that of vectors of zero


def test_the_loss_of_held_out_pairs_is_that_of_the_tree_and_the_composed_vectors():
    model = fitted(epochs=3, objective="hierarchical_softmax", sample=0, validation=[["강", "a"], ["b", "강"]])
    found, tree, rows = model.history, huffman_tree(model.wv.counts), model.wv.key_to_index
    pairs = [("강", "a"), ("a", "강"), ("b", "강"), ("강", "b")]
    losses = [
        hierarchical_softmax(model.wv[c].astype(float), rows[o], model.nodes.astype(float), tree)[0] for c, o in pairs
    ]
    assert found[-1].validation_loss == pytest.approx(np.mean(losses), rel=1e-5)


def test_callbacks_see_composed_vectors_and_unseen_words():
    seen = []
    fitted(callbacks=lambda model: seen.append((model.wv["abcabc"].copy(), model.wv.vectors.copy())))
    assert len(seen) == 2
    assert not np.array_equal(seen[0][0], seen[1][0])
    assert seen[0][1].any(axis=1).all()


# --- checkpoints


@EACH_OBJECTIVE
def test_an_interrupted_run_ends_with_the_same_file(tmp_path, monkeypatch, objective):
    corpus = text(120_000)
    expected = saved(fitted(corpus, objective=objective))
    interrupts, came = Interrupts(monkeypatch), 0
    for at in (1, 2, 3):
        interrupts.after(at)
        try:
            fitted(corpus, objective=objective, checkpoint=tmp_path / "run", resume=True)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    assert came > 0
    assert saved(fitted(corpus, objective=objective, checkpoint=tmp_path / "run", resume=True)) == expected


def test_an_interrupt_leaves_the_vectors_trained_so_far(monkeypatch):
    interrupts, model = Interrupts(monkeypatch), Word2Vec(**SMALL, workers=1)
    before = threading.active_count()
    interrupts.after(2)
    with pytest.raises(KeyboardInterrupt):
        model.fit(text(120_000), progress=False)
    assert model.wv.vectors.any(axis=1).all()
    assert model.outside.any()
    assert threading.active_count() <= before
