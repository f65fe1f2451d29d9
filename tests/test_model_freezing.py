"""Frozen vectors: their bits stay as they are, and all else is trained as if they had a learning rate of zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from training.loop._runs import KINDS, ONE_WORKER, Interrupts, ids, model_of, saved

from firth import KeyedVectors, Word2Vec, cli
from firth.errors import CheckpointError, OptionError
from firth.training.hierarchical_softmax.reference import path_step
from firth.training.negative_sampling.reference import window_step
from firth.training.windows.frozen import copy_frozen, drop_frozen, unchanged

NEWS = ids(seed=6, V=300)
SMALL = {"vector_size": 12, "window": 3, "min_count": 1, "sample": 0, "workers": 1}


def even_words(model):
    return [word for word in model.wv.index_to_key if word % 2 == 0]


def vectors_of(model):
    return {word: model.wv[word].copy() for word in model.wv.index_to_key}


@pytest.mark.parametrize("average", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_frozen_vectors_keep_their_bits_and_all_others_change(kind, average):
    model = model_of(kind).fit(ids(), progress=False)
    before, frozen = vectors_of(model), even_words(model)
    output = (model.nodes if model.options.has_nodes else model.outside).copy()
    model.partial_fit(NEWS, 1, update_vocab=True, freeze=frozen, average=average, progress=False)
    changed = [word for word, vector in before.items() if model.wv[word].tobytes() != vector.tobytes()]
    assert set(changed).isdisjoint(frozen)
    assert len(changed) + len(frozen) == len(before), "every other word occurs, and is trained"
    assert model.corpus["frozen"] == len(frozen)
    after = model.nodes if model.options.has_nodes else model.outside
    assert after.shape != output.shape or not (after[: len(output)] == output).all(axis=1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernels_train_what_the_reference_trains(kind):
    def further(kernels):
        model = model_of(kind, 1, negative=11).fit(ids(), progress=False)  # two tiles of outputs
        return model.partial_fit(ids(2_000, seed=7), 1, freeze=even_words(model), kernels=kernels, progress=False)

    compiled, reference = further("compiled"), further("reference")
    # A float32 sum of a dozen products is off by some 1e-7 of its size, and steps add up some hundred of them.
    np.testing.assert_allclose(compiled.wv.vectors, reference.wv.vectors, atol=3e-5)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ONE_WORKER])
def test_the_result_is_the_same_on_any_number_of_workers_and_after_an_interrupt(kind, tmp_path, monkeypatch):
    model_of(kind).fit(ids(), progress=False).save(tmp_path / "before.firth")

    def further(workers, **more):
        model = Word2Vec.load(tmp_path / "before.firth")
        model.workers = workers
        return model.partial_fit(NEWS, 3, update_vocab=True, freeze=True, progress=False, **more)

    whole = saved(further(1))
    assert saved(further(3)) == whole
    interrupts, came = Interrupts(monkeypatch), 0
    for at in (2, 3, 4):
        interrupts.after(at)
        try:
            further(2, checkpoint=tmp_path / "run", resume=True)
        except KeyboardInterrupt:
            came += 1
    interrupts.after(None)
    assert came > 0
    assert saved(further(2, checkpoint=tmp_path / "run", resume=True)) == whole


@pytest.mark.parametrize("kind", ONE_WORKER)
def test_frozen_vectors_keep_their_bits_when_threads_race(kind):
    model = model_of(kind).fit(ids(), progress=False)
    before, frozen = vectors_of(model), even_words(model)
    model.workers = 4
    model.partial_fit(ids(60_000, seed=6), 2, freeze=frozen, progress=False)
    assert all(model.wv[word].tobytes() == before[word].tobytes() for word in frozen)


def test_no_frozen_words_train_what_fit_trains():
    plain, empty = (
        model_of("blocks").fit(ids(), init=start(), freeze=freeze, progress=False) for freeze in (False, [])
    )
    assert saved(plain) == saved(empty)
    assert "frozen" not in empty.corpus


def start(V=200, D=12):
    rng = np.random.default_rng(3)
    vectors = KeyedVectors(list(range(V)), rng.normal(0, 0.3, (V, D)).astype(np.float32))
    vectors[0] = np.full(D, -0.0)  # a sum with zero would turn it into 0.0
    return vectors


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "cold"])  # which needs a whole model
def test_a_new_model_keeps_the_vectors_that_it_starts_from(kind):
    model = model_of(kind).fit(NEWS, init=start(), freeze=True, progress=False)
    for word in range(200):
        assert model.wv[word].tobytes() == start()[word].tobytes()
    assert model.corpus["frozen"] == 200
    assert len(model.wv) > 200


def test_what_was_frozen_is_reported(capsys):
    Word2Vec(**SMALL).fit(ids(V=50), init=start(), freeze=[1, 2, 60], progress=None)
    assert "2 of 3 frozen vectors belong to words of the vocabulary" in capsys.readouterr().err


def test_a_frozen_word_is_a_center_with_a_learning_rate_of_zero():
    """New words come to stand near the frozen words that they occur with."""
    rng = np.random.default_rng(1)
    topics = rng.integers(0, 2, (600, 1))
    model = Word2Vec(**SMALL | {"epochs": 20}).fit(rng.integers(0, 10, (600, 8)) + 1000 * topics, progress=False)
    before = vectors_of(model)
    news = np.concatenate([rng.integers(0, 10, (600, 6)), rng.integers(500, 505, (600, 2))], axis=1) + 1000 * topics
    model.partial_fit(news, 20, update_vocab=True, freeze=True, progress=False)
    assert all(np.array_equal(model.wv[word], vector) for word, vector in before.items())
    for new in [*range(500, 505), *range(1500, 1505)]:
        near = [word for word, _ in model.wv.most_similar(new, topn=8)]
        assert all((word >= 1000) == (new >= 1000) for word in near)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"freeze": "king", "init": start()}, "freeze='king' is not allowed: give a list of words, or True"),
        ({"freeze": 3, "init": start()}, "freeze=3 is not allowed: give a list of words"),
        ({"freeze": None, "init": start()}, "freeze=None is not allowed"),
        ({"freeze": [1, "king", [2]], "init": start()}, r"freeze lists 2 keys without a vector in init, .* 'king'"),
        ({"freeze": True}, "freeze keeps vectors of init as they are: give init"),
        ({"freeze": [1]}, "freeze keeps vectors of init as they are: give init"),
    ],
)
def test_wrong_requests_fail_before_the_corpus_is_read(arguments, message):
    with pytest.raises(OptionError, match=message):
        Word2Vec(**SMALL).fit("no such file", progress=False, **arguments)


def test_a_run_with_other_frozen_words_is_not_resumed(tmp_path):
    arguments = {"init": start(), "checkpoint": tmp_path / "run", "progress": False}
    Word2Vec(**SMALL).fit(ids(), freeze=[1], callbacks=lambda _: True, **arguments)
    with pytest.raises(CheckpointError, match=r"vectors to start from \(sha256\)"):
        Word2Vec(**SMALL).fit(ids(), freeze=[2], resume=True, **arguments)


def test_the_command_line_freezes_all_vectors_of_init(tmp_path, capsys):
    text, init, output = tmp_path / "text", tmp_path / "init.txt", tmp_path / "out.firth"
    text.write_text("the king and the queen\n" * 50)
    KeyedVectors(["king", "and"], np.ones((2, 12))).save_word2vec_format(init)
    flags = ["--vector-size", "12", "--min-count", "1", "--sample", "0", "--quiet"]
    assert cli.main(["train", str(text), "-o", str(output), "--init", str(init), "--freeze", *flags]) == 0
    vectors = KeyedVectors.load(output)
    assert (vectors["king"] == 1).all()
    assert (vectors["queen"] != 1).any()
    assert cli.main(["train", str(text), "-o", str(output), "--freeze", *flags]) == 2
    assert "give --init, or leave --freeze out" in capsys.readouterr().err


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_a_step_changes_everything_but_the_frozen_rows(seed):
    rng = np.random.default_rng(seed)
    V, U = rng.normal(0, 1, (6, 4)), rng.normal(0, 1, (6, 4))
    around, frozen = rng.integers(0, 6, 5).astype(np.int32), rng.random(6) < 0.5
    path = np.array([3, 1], np.int32), np.array([0, 1], np.int8)
    for step in (
        lambda V, U: window_step(V, U, around, 2, np.array([1, 4], np.int32), 0.1),
        lambda V, U: path_step(V, U, around, path, 0.1),
    ):
        free, kept = [V.copy(), U.copy()], [V.copy(), U.copy()]
        loss = step(*free)
        with unchanged(kept[0], frozen, around):
            assert step(*kept) == loss
        np.testing.assert_array_equal(kept[0], np.where(frozen[:, np.newaxis], V, free[0]))
        np.testing.assert_array_equal(kept[1], free[1])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_addresses_of_frozen_rows_are_replaced_or_left_out(seed):
    rng = np.random.default_rng(seed)
    V, n, row_bytes = int(rng.integers(1, 9)), int(rng.integers(0, 9)), 64
    center, frozen = rng.normal(0, 1, (V, 16)).astype(np.float32), rng.random(V) < 0.5
    chosen, copies = rng.integers(0, V, n), np.zeros((9, 16), np.float32)
    rows = center.ctypes.data + chosen * row_bytes
    left = rows.copy()
    kept = drop_frozen(left, n, center, frozen, row_bytes)
    assert left[:kept].tolist() == rows[~frozen[chosen]].tolist()
    addresses = rows.copy()
    copy_frozen(addresses, n, center, frozen, copies, row_bytes)
    for i, row in enumerate(chosen.tolist()):
        assert addresses[i] == (copies.ctypes.data + i * row_bytes if frozen[row] else rows[i])
        np.testing.assert_array_equal(copies[i], center[row] if frozen[row] else np.zeros(16))
