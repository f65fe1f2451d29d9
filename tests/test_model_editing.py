"""Editing the vectors of a model: the rows of both matrices stay with their words."""

import copy
import gc
import pickle
import weakref
from unittest.mock import Mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import firth
from firth import FirthError, FormatError, KeyedVectors, OptionError, Word2Vec
from firth.formats.native import write_native

D = 6
SMALL = {"vector_size": D, "window": 2, "negative": 3, "min_count": 1, "sample": 0, "epochs": 2, "workers": 1}
LINES = [line.split() for line in ["the king and the queen ruled", "the queen and the king had a land"] * 40]
WORDS = sorted({word for line in LINES for word in line})


@pytest.fixture(scope="module", params=["negative_sampling", "softmax"])
def trained(request):
    return Word2Vec(**SMALL, objective=request.param).fit(LINES, progress=False)


@pytest.fixture
def model(trained):
    return copy.deepcopy(trained)


def rows(model):
    """Return each word's center row, outside row and count."""
    counts = model.wv.counts
    return {
        word: (model.wv.vectors[row].tolist(), model.outside[row].tolist(), None if counts is None else counts[row])
        for word, row in ((word, model.wv.get_index(word)) for word in model.wv.index_to_key)
    }


def saved(model, folder):
    model.save(folder / "model.firth")
    return firth.load(folder / "model.firth")


def test_an_added_word_has_an_outside_row_of_zeros(model, tmp_path):
    before = rows(model)
    model.wv["new"] = np.ones(D)
    model.wv.add_vectors(["newer", "king"], np.full((2, D), 2), extras={"count": np.array([7, 0])})
    expected = before | {"new": ([1] * D, [0] * D, 0), "newer": ([2] * D, [0] * D, 7)}
    assert rows(model) == expected
    assert model.outside.dtype == np.float32
    assert rows(saved(model, tmp_path)) == expected


def test_adding_words_one_by_one_rarely_moves_the_arrays(model):
    addresses = set()
    for i in range(1000):
        model.wv[f"w{i}"] = np.full(D, i)
        arrays = model.wv.vectors, model.outside, model.wv.counts
        addresses.add(tuple(array.__array_interface__["data"][0] for array in arrays))
    assert model.outside.shape == model.wv.vectors.shape == (1000 + len(WORDS), D)
    assert len(addresses) < 30  # room grows by half: log(1000) / log(1.5) = 17 times, all arrays at once
    model.wv.counts = np.arange(len(model.wv))
    model.wv["last"] = np.ones(D)
    assert model.wv.counts[-2:].tolist() == [1000 + len(WORDS) - 1, 0]


NEW = [f"new{i}" for i in range(4)]
STEPS = st.one_of(
    st.tuples(st.just("assign"), st.sampled_from(WORDS + NEW), st.integers(-5, 5)),
    st.tuples(st.just("count"), st.sampled_from(WORDS), st.integers(0, 100)),
    st.tuples(st.sampled_from(["sort", "scale", "double", "append", "copy", "pickle", "save"])),
)


def step(model, expected, folder, name, *given):
    """Make one edit, in the model and in the expected rows, and return the model."""
    wv = model.wv
    if name == "assign":
        wv[given[0]] = np.full(D, given[1])
        expected[given[0]] = [np.full(D, given[1]), expected.get(given[0], [None, np.zeros(D)])[1]]
    elif name == "count":
        wv.set_vecattr(given[0], "count", given[1])
    elif name == "sort":
        wv.sort_by_descending_frequency()
    elif name == "scale":
        wv.unit_normalize_all()
        for pair in expected.values():
            pair[0] = pair[0] / (np.linalg.norm(pair[0]) or 1)
    elif name == "double":
        wv.vectors = wv.vectors * np.float32(2)
        for pair in expected.values():
            pair[0] = 2 * pair[0]
    elif name == "append":
        wv.index_to_key.append(f"appended{len(wv)}")
        wv.resize_vectors(seed=3)
        expected[wv.index_to_key[-1]] = [wv[wv.index_to_key[-1]].copy(), np.zeros(D)]
    else:
        model = {"copy": copy.deepcopy, "pickle": pickled, "save": lambda model: saved(model, folder)}[name](model)
    return model


def pickled(model):
    return pickle.loads(pickle.dumps(model))


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(STEPS, max_size=12))
def test_any_sequence_of_edits_keeps_the_rows_of_each_word_together(steps, trained, tmp_path_factory):
    model, folder = copy.deepcopy(trained), tmp_path_factory.mktemp("models")
    expected = {word: [np.array(center), np.array(outside)] for word, (center, outside, _) in rows(model).items()}
    for given_ in steps:
        model = step(model, expected, folder, *given_)
    found = rows(model)
    assert set(found) == set(expected)
    for word, (center, outside) in expected.items():
        np.testing.assert_allclose(found[word][0], center, rtol=1e-5)  # float32
        np.testing.assert_array_equal(found[word][1], outside)
    np.testing.assert_allclose(model.wv.norms, np.linalg.norm(model.wv.vectors, axis=1), rtol=1e-5)


@pytest.mark.parametrize("change", [lambda a: a[:, :2], lambda a: a.astype(np.float16), lambda a: a.astype(float)])
def test_vectors_that_do_not_fit_the_outside_matrix_are_refused(model, change):
    before = rows(model)
    message = rf"shape and dtype of its outside matrix, \({len(WORDS)}, {D}\) float32: found .* KeyedVectors\(keys"
    with pytest.raises(OptionError, match=message):
        model.wv.vectors = change(model.wv.vectors)
    assert rows(model) == before
    assert KeyedVectors(model.wv.index_to_key, change(model.wv.vectors)).vectors.dtype.kind == "f"


def test_a_word_removed_by_hand_is_refused(model):
    del model.wv.index_to_key[0]
    with pytest.raises(OptionError, match="outside matrix"):
        model.wv.vectors = model.wv.vectors[1:]
    with pytest.raises(OptionError, match="8 vectors and only 7 keys"):
        model.save("never.firth")


def test_an_appended_word_without_a_row_is_not_saved(model, tmp_path):
    model.wv.index_to_key.append("new")
    with pytest.raises(OptionError, match=r"9 keys and only 8 vectors: call resize_vectors\(\)"):
        model.save(tmp_path / "model.firth")
    model.wv.resize_vectors()
    assert not saved(model, tmp_path).outside[-1].any()


def test_a_model_without_counts_is_saved(model, tmp_path):
    model.wv.counts = None
    assert rows(saved(model, tmp_path)) == rows(model)


def test_vectors_are_imported_and_exported_without_moving_rows(model, tmp_path):
    KeyedVectors(["queen", "other"], np.ones((2, D))).save_word2vec_format(tmp_path / "v")
    model.wv.set_vecattr("had", "count", 1000)
    expected = rows(model) | {"queen": ([1] * D, *rows(model)["queen"][1:])}
    assert model.wv.intersect_word2vec_format(tmp_path / "v") == 1
    model.wv.save_word2vec_format(tmp_path / "sorted")
    assert KeyedVectors.load_word2vec_format(tmp_path / "sorted").index_to_key[0] == "had"
    assert rows(model) == expected


def test_a_model_in_another_precision_is_not_loaded(tmp_path):
    matrix = np.ones((2, 3), np.float64)
    write_native(tmp_path / "m", keys=["a", "b"], center=matrix, outside=matrix, options={}, history=[])
    with pytest.raises(FormatError, match=r"a model in float64 and float64, .* must be float32: .* KeyedVectors\.load"):
        firth.load(tmp_path / "m")
    assert KeyedVectors.load(tmp_path / "m").vectors.dtype == np.float64


# --- copies, parts, and vectors that outlive their model


@pytest.mark.parametrize("duplicate", [lambda model: model, copy.copy, copy.deepcopy, pickled])
def test_sorting_a_model_or_its_copy_moves_the_rows_of_both_matrices(model, duplicate, tmp_path):
    other = duplicate(model)
    del model
    other.wv["new"] = np.ones(D)
    other.wv.set_vecattr("new", "count", 1000)
    expected = rows(other)
    other.wv.sort_by_descending_frequency()
    assert other.wv.index_to_key[0] == "new"
    assert rows(other) == rows(saved(other, tmp_path)) == expected


DERIVED = {
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": pickled,
    "part": lambda wv: wv.vectors_for_all(wv.index_to_key, copy_vecattrs=True),
    "astype": lambda wv: wv.astype(np.float32),
    "align": lambda wv: wv.align(wv).vectors,
}


@pytest.mark.parametrize("derive", DERIVED.values(), ids=DERIVED)
def test_vectors_made_from_those_of_a_model_do_not_change_it(model, derive):
    before, plain = rows(model), derive(model.wv)
    plain.set_vecattr("had", "count", 1000)
    plain.sort_by_descending_frequency()
    plain["new"] = np.ones(D)
    plain.vectors = plain.vectors[:, :2]
    assert rows(model) == before


def test_vectors_that_outlive_their_model_do_not_keep_its_outside_matrix():
    model = Word2Vec(**SMALL).fit(LINES, progress=False)
    wv, outside = model.wv, weakref.ref(model.outside.base)  # its rows are padded
    del model
    gc.collect()
    assert outside() is None
    wv["new"] = np.ones(D)
    wv.vectors = wv.vectors[:, :2]
    assert wv.vectors.shape == (9, 2)


# --- while training


EDITS = {
    "sort": lambda wv: wv.sort_by_descending_frequency(),
    "add": lambda wv: wv.add_vector("new", np.ones(D)),
    "assign": lambda wv: wv.add_vectors("king", np.ones(D), replace=True),
    "replace": lambda wv: setattr(wv, "vectors", wv.vectors * 2),
    "rename": lambda wv: setattr(wv, "index_to_key", wv.index_to_key[::-1]),
    "resize": lambda wv: wv.resize_vectors(),
    "scale": lambda wv: wv.unit_normalize_all(),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_vectors_cannot_be_edited_while_they_are_trained(edit, trained):
    def refused(model):
        model.wv.set_vecattr("had", "count", 1000)
        with pytest.raises(FirthError, match=r"being trained and cannot be edited: edit model\.wv after fit returns"):
            edit(model.wv)
        edit(copy.deepcopy(model.wv))

    options = SMALL | {"objective": trained.options.objective}
    model = Word2Vec(**options).fit(LINES, callbacks=[refused], progress=False)
    model.wv.counts = trained.wv.counts
    assert rows(model) == rows(trained)
    edit(model.wv)


def test_vectors_can_be_edited_after_a_callback_failed():
    model = Word2Vec(**SMALL)
    with pytest.raises(LookupError, match="its own"):
        model.fit(LINES, callbacks=[Mock(side_effect=LookupError("its own"))], progress=False)
    assert len(model.history) == 1
    model.wv["new"] = np.ones(D)
    assert not model.outside[-1].any()


def test_a_model_copied_by_a_callback_can_be_edited_and_fitted(trained):
    copies = []
    Word2Vec(**SMALL).fit(LINES, callbacks=[lambda model: copies.append(copy.deepcopy(model))], progress=False)
    assert [len(kept.history) for kept in copies] == [1, 2]
    assert not np.array_equal(copies[0].outside, copies[1].outside)
    copies[0].wv["new"] = np.ones(D)
    assert "new" not in copies[0].fit(LINES, progress=False, overwrite=True).wv


def test_norms_are_those_of_each_epoch():
    def ask(model):
        np.testing.assert_allclose(model.wv.norms, np.linalg.norm(model.wv.vectors, axis=1), rtol=1e-5)

    ask(Word2Vec(**SMALL).fit(LINES, callbacks=[ask], progress=False))


def test_the_outside_matrix_assigned_to_the_vectors_is_copied(model):
    model.wv.vectors = model.outside
    before = model.outside.copy()
    model.wv["king"] = np.ones(D)
    assert np.array_equal(model.outside, before)
    model.wv.vectors = model.outside[::-1]
    assert not np.shares_memory(model.wv.vectors, model.outside)
