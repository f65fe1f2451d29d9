"""Frozen words with subwords: their vectors and the rows of their n-grams keep every bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.loop._runs import Interrupts, saved
from training.subwords import test_subword_cbow as positions
from training.subwords import test_subword_kernels as windows

from firth import KeyedVectors, OptionError, Word2Vec
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.subwords import kernels, reference
from firth.training.windows import layout

SMALL = {
    "vector_size": 12, "window": 3, "min_count": 1, "sample": 0.01, "epochs": 2, "subwords": (2, 4), "buckets": 5_000,
    "workers": 1,
}  # fmt: skip
EACH = [
    {"architecture": architecture, "objective": objective}
    for architecture in ("skip_gram", "cbow")
    for objective in ("negative_sampling", "hierarchical_softmax")
]
SHAPE = [(12, 5)]  # that of the models here, so that no other kernels are compiled
LETTERS = np.array(list("abcdefghijklmnopqrst강語"))


def text(seed, n=6_000, V=120):
    """Return sentences of words of one to five letters; of another seed, half of the words are others."""
    rng, common = np.random.default_rng(seed), np.random.default_rng(9)
    words = ["".join(draw.choice(LETTERS, draw.integers(1, 6))) for draw in (common, rng) for _ in range(V // 2)]
    return rng.choice(words, (n // 20, 20)).tolist()


def before(options):
    """Return a model, every third word to freeze, and copies of what must stay."""
    model = Word2Vec(**SMALL | options).fit(text(1), progress=False)
    frozen = model.wv.index_to_key[::3]
    return model, frozen, {word: model.wv[word].copy() for word in model.wv.index_to_key}


def rows_of_ngrams(wv, word):
    """Return the rows of the n-grams of a word."""
    _, ids = wv.subwords.scheme.lists([word.encode()])
    return wv.subwords.rows[np.searchsorted(wv.subwords.buckets, ids)]


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("options", EACH)
def test_frozen_words_keep_their_vectors_and_ngrams_and_all_others_change(options, average):
    model, frozen, vectors = before(options)
    ngrams = {word: rows_of_ngrams(model.wv, word) for word in frozen}
    unseen = "".join(frozen[:2])
    model.partial_fit(text(2), 1, update_vocab=True, freeze=frozen, average=average, progress=False)
    kept = [word for word, vector in vectors.items() if model.wv[word].tobytes() == vector.tobytes()]
    missing = vectors.keys() - {word for sentence in text(2) for word in sentence}
    assert set(frozen) <= set(kept)
    assert len(set(kept) - missing) < 1.1 * len(set(frozen) - missing), "others occur, and are trained"
    assert all(np.array_equal(rows_of_ngrams(model.wv, word), rows) for word, rows in ngrams.items())
    assert np.isfinite(model.wv[unseen]).all()


@pytest.mark.parametrize("options", EACH)
def test_frozen_words_are_still_centers_that_others_learn_from(options):
    model, _, _ = before(options)
    output = (model.nodes if model.options.has_nodes else model.outside).copy()
    model.partial_fit(text(1), 1, freeze=True, average=False, progress=False)
    after = model.nodes if model.options.has_nodes else model.outside
    assert not (after == output).all(axis=1).any()


@pytest.mark.parametrize("options", EACH)
def test_a_resumed_run_ends_with_the_same_file(options, tmp_path, monkeypatch):
    def further(**more):
        model, frozen, _ = before(options)
        model.partial_fit(text(3, 120_000), 2, update_vocab=True, freeze=frozen, progress=False, **more)
        return saved(model)

    expected, interrupts = further(), Interrupts(monkeypatch)
    interrupts.after(2)
    with pytest.raises(KeyboardInterrupt):
        further(checkpoint=tmp_path / "run")
    interrupts.after(None)
    assert further(checkpoint=tmp_path / "run", resume=True) == expected


def test_a_model_that_starts_from_another_keeps_its_words_and_their_ngrams():
    model, _, vectors = before({})
    new = Word2Vec(**SMALL).fit(text(2), init=model, freeze=True, progress=False)
    shared = vectors.keys() & new.wv.key_to_index.keys()
    assert len(shared) > 20
    assert all(new.wv[word].tobytes() == vectors[word].tobytes() for word in shared)
    assert new.corpus["frozen"] == len(shared)


@pytest.mark.parametrize("other", [{}, {"buckets": 400}, {"subwords": (3, 3)}])
def test_vectors_without_the_same_ngrams_cannot_be_frozen(other):
    if other:
        init = Word2Vec(**SMALL | other).fit(text(1), progress=False)
    else:
        init = KeyedVectors(["abc"], np.ones((1, 12), np.float32))
    message = r"freeze with subwords=\(2, 4\) also keeps the rows of n-grams, but the vectors .* the same subwords and"
    with pytest.raises(OptionError, match=message):
        Word2Vec(**SMALL).fit(text(2), init=init, freeze=True, progress=False)


def with_frozen_rows(train):
    """Let the windows of a block use the mask of a slice."""

    def trained(block, *arguments):
        work = arguments[-1]
        return train(block._replace(tokens=block.tokens._replace(frozen=work.frozen)), *arguments)

    return trained


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.one_of(windows.cases(shapes=SHAPE), windows.path_cases(SHAPE)), st.integers(0, 2**32), st.booleans())
def test_the_kernels_train_what_the_reference_trains(case, seed, is_cbow):
    V, D, block = case
    if is_cbow:
        block = block._replace(tokens=block.tokens._replace(rate=block.tokens.rate * np.float32(0.2)))
    block = block._replace(frozen=np.random.default_rng(seed).random(len(block.inputs)) < 0.4)
    expected, start = windows.copied(block), block.inputs.copy()
    plain = isinstance(block.tokens, TokenBlock)
    if is_cbow:
        kernel, train, slow = positions.compiled(block.tokens, D), positions.train, reference.train_positions
    else:
        strips = layout.strips(D)
        kernel = (
            kernels.compile_train_block(*layout.tiles(block.tokens.K), strips)
            if plain
            else kernels.compile_train_paths(strips)
        )
        train, slow = windows.train, reference.train_block
    *counts, loss = train(with_frozen_rows(kernel), block, V, D)
    *expected_counts, expected_loss = train(slow, expected, V, D)
    assert counts == expected_counts
    # Rows of size ~1, some 800 steps, as in the tests of each kernel without frozen rows.
    np.testing.assert_allclose(block.inputs, expected.inputs, atol=2e-4 if is_cbow else 5e-5)
    np.testing.assert_allclose(positions.outputs_of(block), positions.outputs_of(expected), atol=2e-4)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-6)
    assert block.inputs[block.frozen].tobytes() == start[block.frozen].tobytes()
