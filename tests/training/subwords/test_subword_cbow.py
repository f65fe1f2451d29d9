"""CBOW with subwords: the kernel against its reference, the reference against the equations, and training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.loop._runs import Interrupts, saved
from training.negative_sampling._rows import random_rows
from training.subwords.test_subword_kernels import SEED, cases, copied, path_cases, random_lists
from training.subwords.test_subword_reference import RATE, blocks
from training.subwords.test_subword_training import fitted, text

from firth import Word2Vec, load
from firth.objectives import cbow, context_vector, hierarchical_softmax, huffman_tree, log_softmax, negative_sampling
from firth.options import Options
from firth.text import END
from firth.training.cbow import kernels as cbow_kernels
from firth.training.cbow import path_kernels
from firth.training.cbow.validation import Positions, positions_loss, positions_path_loss
from firth.training.draws import draw_noise
from firth.training.hierarchical_softmax.window_kernels import NodeTokenBlock
from firth.training.negative_sampling.reference import windows
from firth.training.negative_sampling.window_kernels import TokenBlock
from firth.training.sampling import alias_table, keep_thresholds
from firth.training.subwords import cbow_kernels as kernels
from firth.training.subwords import reference
from firth.training.subwords.kernels import SubwordBlock, make_subword_workspace
from firth.training.subwords.memory import slice_words
from firth.training.windows import layout

CBOW = {"architecture": "cbow"}
TWO_SHAPES = [(17, 5), (100, 5)]
EACH_OBJECTIVE = pytest.mark.parametrize("options", [CBOW, {**CBOW, "objective": "hierarchical_softmax"}])


def workspace(V, D, block, halted=False):
    tokens, halt = block.tokens, np.full(1, halted)
    if isinstance(tokens, TokenBlock):
        steps = cbow_kernels.make_workspace(len(tokens.tokens), D, tokens.window, tokens.K, halt)
    else:
        longest = int(tokens.tree.lengths.max())
        steps = path_kernels.make_workspace(len(tokens.tokens), D, tokens.window, longest, halt)
    return make_subword_workspace(V, D, slice_words(Options(architecture="cbow", window=tokens.window)), steps)


def train(function, block, V, D, *, is_mean=True, halted=False):
    """Train in place; return the words, the positions and the loss."""
    work = workspace(V, D, block, halted)
    block = block._replace(tokens=block.tokens._replace(center=work.vectors))
    return *function(block, is_mean, work), work.windows.loss.sum()


def compiled(tokens, D):
    """Return the kernel for the objective of a block of tokens."""
    if isinstance(tokens, TokenBlock):
        return kernels.compile_train_block(*layout.even_tiles(2 + tokens.K), layout.strips(D))
    return kernels.compile_train_paths(layout.strips(D))


def outputs_of(block):
    return block.tokens.outside if isinstance(block.tokens, TokenBlock) else block.tokens.nodes


def assert_like_the_reference(V, D, block, is_mean):
    # A sum of the rows of a context has some 50 rows of size 1, so a step of the sum is far shorter here.
    rate = block.tokens.rate * np.float32(0.2 if is_mean else 0.01)
    block = block._replace(tokens=block.tokens._replace(rate=rate))
    expected = copied(block)
    *counts, loss = train(compiled(block.tokens, D), block, V, D, is_mean=is_mean)
    *expected_counts, expected_loss = train(reference.train_positions, expected, V, D, is_mean=is_mean)
    assert counts == expected_counts
    # Up to some 800 positions change rows of size ~1; each adds a few roundings of 6e-8 and passes earlier ones on.
    np.testing.assert_allclose(block.inputs, expected.inputs, atol=2e-4)
    np.testing.assert_allclose(outputs_of(block), outputs_of(expected), atol=2e-4)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4, atol=1e-6)
    assert not block.inputs[:, D:].any(), "the padding of a row must stay zero"
    assert not outputs_of(block)[:, D:].any(), "the padding of a row must stay zero"


@settings(max_examples=100, deadline=None, derandomize=True)
@given(cases(), st.booleans())
def test_the_kernel_does_the_steps_of_the_reference(case, is_mean):
    assert_like_the_reference(*case, is_mean)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(path_cases(TWO_SHAPES), st.booleans())
def test_the_kernel_of_hierarchical_softmax_does_the_steps_of_the_reference(case, is_mean):
    assert_like_the_reference(*case, is_mean)


def test_several_slices():
    V, D, K, rng = 30, 20, 3, np.random.default_rng(SEED)
    tokens = np.append(rng.integers(0, V, 5 * cbow_kernels.SLICE), END).astype(np.int32)
    inputs, outside = random_rows(rng, V + 9, D), random_rows(rng, V, D)
    tables = np.full(V, 2**32 - 1, np.uint32), alias_table(np.ones(V, int), 0.75)
    block = TokenBlock(inputs[:0], outside, tokens, *tables, np.uint64(3), 4, True, K, np.float32(0.005))
    assert_like_the_reference(V, D, SubwordBlock(block, inputs, *random_lists(rng, V, 9)), True)


@given(st.one_of(cases(), path_cases(TWO_SHAPES)))
def test_at_rate_zero_no_byte_changes(case):
    V, D, block = case
    block = block._replace(tokens=block.tokens._replace(rate=np.float32(0)))
    before = copied(block)
    train(compiled(block.tokens, D), block, V, D)
    assert block.inputs.tobytes() == before.inputs.tobytes()
    assert outputs_of(block).tobytes() == outputs_of(before).tobytes()


def test_words_without_ngrams_train_as_without_subwords():
    V, D, K, rng = 9, 20, 5, np.random.default_rng(SEED)
    tokens = np.append(rng.integers(0, V, 2000), END).astype(np.int32)
    tables = np.full(V, 2**32 - 1, np.uint32), alias_table(np.bincount(tokens[:-1], minlength=V), 0.75)
    center, outside, *others = (random_rows(rng, V, D) for _ in range(4))
    for copy, rows in zip(others, (center, outside), strict=True):
        copy[:] = rows
    plain = TokenBlock(*others, tokens, *tables, np.uint64(7), 5, True, K, np.float32(0.01))
    work = cbow_kernels.make_workspace(len(tokens), D, 5, K, np.zeros(1, np.bool_))
    cbow_kernels.compile_train_block(*layout.even_tiles(2 + K), layout.strips(D))(plain, True, work)
    block = SubwordBlock(plain._replace(outside=outside), center, np.arange(V + 1), np.arange(V, dtype=np.int32))
    train(compiled(plain, D), block, V, D)
    np.testing.assert_allclose(center, plain.center, atol=1e-5)  # a change is rounded once more in each slice
    np.testing.assert_allclose(outside, plain.outside, atol=1e-5)


def test_words_without_ngrams_train_as_without_subwords_under_hierarchical_softmax():
    V, D, rng = 40, 20, np.random.default_rng(SEED)
    tokens = np.append(rng.integers(0, V, 2000), END).astype(np.int32)
    counts = np.sort(np.bincount(tokens[:-1], minlength=V))[::-1]
    center, nodes = random_rows(rng, V, D), random_rows(rng, V - 1, D)
    shared = tokens, keep_thresholds(counts, 0.01), huffman_tree(counts), np.uint64(7), 5, True, np.float32(0.01), 100
    plain = NodeTokenBlock(random_rows(rng, V, D), random_rows(rng, V - 1, D), *shared)
    plain.center[:], plain.nodes[:] = center, nodes
    work = path_kernels.make_workspace(len(tokens), D, 5, int(plain.tree.lengths.max()), np.zeros(1, np.bool_))
    path_kernels.compile_train_block(layout.strips(D))(plain, True, work)
    block = NodeTokenBlock(center[:0], nodes, *shared)
    block = SubwordBlock(block, center, np.arange(V + 1), np.arange(V, dtype=np.int32))
    train(compiled(plain, D), block, V, D)
    np.testing.assert_allclose(center, plain.center, atol=1e-5)  # a change is rounded once more in each slice
    np.testing.assert_allclose(nodes, plain.nodes, atol=1e-5)


@pytest.mark.parametrize("function", ["kernel", "reference"])
def test_halt_stops_before_the_first_slice(function):
    V, D, K, rng = 4, 8, 3, np.random.default_rng(SEED)
    inputs, outside = random_rows(rng, V, D), random_rows(rng, V, D)
    tables = np.full(V, 2**32 - 1, np.uint32), alias_table(np.ones(V, int), 0.75)
    tokens = rng.integers(0, V, 50).astype(np.int32)
    block = SubwordBlock(
        TokenBlock(inputs[:0], outside, tokens, *tables, np.uint64(3), 2, False, K, np.float32(0.1)),
        inputs, np.arange(V + 1), np.arange(V, dtype=np.int32),
    )  # fmt: skip
    before = inputs.copy()
    train_block = compiled(block.tokens, D) if function == "kernel" else reference.train_positions
    assert train(train_block, block, V, D, halted=True)[1:] == (0, 0.0)
    assert np.array_equal(inputs, before)


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_a_block_is_the_fasttext_step_of_each_two_positions(combine):
    """Every row of every word of a context moves by -eta dJ/dh, once for each time the word is there (36), (38)."""
    tokens = np.array([0, 3, 1, 1, 4, END, 2, 0, 2, END], np.int32)
    block = blocks(tokens)
    Z, U, noise, loss = block.inputs.copy(), block.tokens.outside.copy(), np.empty(3, np.int32), 0.0
    found = windows(block.tokens)
    n_steps = (len(found) + 1) // 2
    for i in range(n_steps):
        draw_noise(block.tokens.key, i * 3, 3, block.tokens.alias, noise)
        d_Z, d_U = np.zeros_like(Z), np.zeros_like(U)
        for o, around in found[i::n_steps]:
            rows = np.concatenate([reference.rows_of(block, c) for c in around.tolist()])
            position = cbow(
                rows, o, Z, U, lambda h, o, U: negative_sampling(h, o, noise[noise != o], U), combine
            )  # fmt: skip
            loss += position[0]
            d_Z += (len(rows) if combine == "mean" else 1) * position[1]
            d_U += position[2]
        Z -= RATE * d_Z
        U -= RATE * d_U
    *_, total = train(reference.train_positions, block, 5, 6, is_mean=combine == "mean")
    np.testing.assert_allclose(block.inputs, Z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(block.tokens.outside, U, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(total, loss, rtol=1e-12)


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_a_block_of_hierarchical_softmax_is_fasttexts_step_of_a_position(combine):
    tokens = np.array([0, 3, 1, 1, 4, END, 2, 0, 2, END], np.int32)
    block, tree = blocks(tokens), huffman_tree(np.array([3, 2, 2, 1, 1]))
    given, Q = block.tokens, np.random.default_rng(3).normal(size=(4, 6))
    paths = NodeTokenBlock(
        given.center, Q.copy(), tokens, given.keep, tree, given.key, given.window, False, given.rate, 1
    )
    block, Z, loss = block._replace(tokens=paths), block.inputs.copy(), 0.0
    for o, around in windows(paths):
        rows = np.concatenate([reference.rows_of(block, c) for c in around.tolist()])
        position = cbow(rows, o, Z, Q, lambda h, o, Q: hierarchical_softmax(h, o, Q, tree), combine)
        loss += position[0]
        Z -= RATE * (len(rows) if combine == "mean" else 1) * position[1]
        Q -= RATE * position[2]
    *_, total = train(reference.train_positions, block, 5, 6, is_mean=combine == "mean")
    np.testing.assert_allclose(block.inputs, Z, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(paths.nodes, Q, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(total, loss, rtol=1e-12)


@pytest.mark.parametrize("combine", ["mean", "sum"])
def test_the_validation_loss_counts_each_row_of_a_context(combine):
    rng = np.random.default_rng(SEED)
    Z, U, b = rng.normal(0, 0.5, (9, 7)), rng.normal(0, 0.5, (3, 7)), rng.normal(size=3)
    lists = [[0], [1, 3, 4, 5], [2, 6, 7]]
    positions = Positions(np.array([2, 0], np.int32), np.array([[0, 1], [2, -1]], np.int32))
    contexts = [[*lists[0], *lists[1]], lists[2]]
    expected = [
        -log_softmax(U @ context_vector(rows, Z, combine) + b)[o]
        for o, rows in zip(positions.targets, contexts, strict=True)
    ]
    center = np.array([Z[rows].mean(axis=0) for rows in lists], np.float32)
    counts = np.array([len(rows) for rows in lists], np.float32)
    outside, intercept, is_mean = U.astype(np.float32), b.astype(np.float32), combine == "mean"
    found = positions_loss(center, outside, positions, intercept, is_mean=is_mean, counts=counts)
    assert found.nats == pytest.approx(np.mean(expected), rel=1e-5)
    words, Q = np.array([3, 2, 1]), U[:2]
    expected = [
        hierarchical_softmax(context_vector(rows, Z, combine), o, Q, huffman_tree(words))[0]
        for o, rows in zip(positions.targets, contexts, strict=True)
    ]
    found = positions_path_loss(center, Q.astype(np.float32), positions, words, is_mean=is_mean, counts=counts)
    assert found.nats == pytest.approx(np.mean(expected), rel=1e-5)


# --- training


@EACH_OBJECTIVE
def test_one_worker_gives_the_same_bytes(options):
    assert saved(fitted(**options)) == saved(fitted(**options))
    assert saved(fitted(**options)) != saved(fitted())
    assert saved(fitted(**options)) != saved(fitted(**options, cbow_mean=False))


@EACH_OBJECTIVE
def test_several_workers_reach_about_the_same_loss(options):
    one, several = (fitted(workers=workers, **options).history[-1] for workers in (1, 3))
    assert several.end_loss == pytest.approx(one.end_loss, rel=0.02)
    assert several.pairs == one.pairs


@EACH_OBJECTIVE
@pytest.mark.parametrize("cbow_mean", [True, False])
def test_the_reference_gives_the_same_model_up_to_rounding(options, cbow_mean):
    options = {**options, "cbow_mean": cbow_mean, "epochs": 1, "alpha": 0.05 if cbow_mean else 0.001}
    compiled, reference = fitted(**options), fitted(**options, kernels="reference")
    np.testing.assert_allclose(compiled.wv.vectors, reference.wv.vectors, atol=1e-5)  # 3,000 steps in float32
    np.testing.assert_allclose(compiled.wv.subwords.rows, reference.wv.subwords.rows, atol=1e-5)
    assert compiled.history[0].loss == pytest.approx(reference.history[0].loss, rel=1e-5)
    assert not np.array_equal(compiled.wv.vectors, reference.wv.vectors), "rounding differs: `kernels` has an effect"


@EACH_OBJECTIVE
def test_training_lowers_the_loss_on_the_text_and_on_held_out_positions(options):
    history = fitted(**options, epochs=4, validation=text(seed=6)).history
    decisions = 6.5 if "objective" in options else 6  # nodes of a path; K + 1
    assert history[-1].end_loss < history[0].end_loss < decisions * np.log(2)
    assert history[-1].validation_loss < history[0].validation_loss


@EACH_OBJECTIVE
def test_words_that_are_not_in_the_text_have_vectors_in_the_model_and_in_its_files(options, tmp_path):
    model = fitted(**options)
    assert "abcabc" in model.wv
    assert not model.wv.has_index_for("abcabc")
    model.save(tmp_path / "m.firth")
    back = load(tmp_path / "m.firth")
    assert back.options == model.options
    assert np.array_equal(back.wv["abcabc"], model.wv["abcabc"])


@EACH_OBJECTIVE
def test_fasttext_and_gensim_read_the_model(options, tmp_path):
    model = fitted(**options)
    model.save_fasttext(tmp_path / "m.bin")
    fasttext = pytest.importorskip("gensim.models.fasttext")
    theirs = fasttext.load_facebook_model(str(tmp_path / "m.bin"))
    words = [*model.wv.index_to_key, "abcabc", "語語"]
    np.testing.assert_allclose(np.array([theirs.wv[word] for word in words]), model.wv[words], atol=1e-6)
    assert theirs.sg == 0


@EACH_OBJECTIVE
def test_an_interrupted_run_ends_with_the_same_file(options, tmp_path, monkeypatch):
    corpus = text(120_000)
    expected = saved(fitted(corpus, **options))
    interrupts, came = Interrupts(monkeypatch), 0
    for at in (1, 2, 3):
        interrupts.after(at)
        try:
            fitted(corpus, **options, checkpoint=tmp_path / "run", resume=True)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    assert came > 0
    assert saved(fitted(corpus, **options, checkpoint=tmp_path / "run", resume=True)) == expected


@EACH_OBJECTIVE
def test_further_training_adds_words(options):
    model = fitted(**options)
    before = model.wv.vectors.copy()
    model.partial_fit([["abc", "zzabcz", "abcd"]] * 50, update_vocab=True, progress=False)
    assert model.wv.has_index_for("zzabcz")
    assert not np.array_equal(model.wv.vectors[: len(before)], before)


def test_blocks_are_refused_and_the_mean_has_the_learning_rate_of_cbow():
    assert Word2Vec(subwords=(3, 6), **CBOW).options.schedule == "hogwild"
    assert Options(subwords=(3, 6), **CBOW).alpha == 0.05
