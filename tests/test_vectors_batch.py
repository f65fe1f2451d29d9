"""Many queries at once, half precision, vectors mapped from a file, and the approximate index."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.errors import MissingExtraError, OptionError, UnknownWordError
from firth.vectors import KeyedVectors, cosines, search, table
from firth.vectors.half_precision import widened
from firth.vectors.search import SearchedRows, nearest

V, D = 500, 12
RNG = np.random.default_rng(11)
WORDS = [f"w{i}" for i in range(V)]
MATRIX = RNG.normal(size=(V, D)).astype(np.float32)


@pytest.fixture
def wv():
    return KeyedVectors(WORDS, MATRIX)


def same(ours, expected, atol=1e-6):  # both sum D products in float32, in different orders
    assert [key for key, _ in ours] == [key for key, _ in expected]
    np.testing.assert_allclose([s for _, s in ours], [s for _, s in expected], atol=atol)


@pytest.mark.parametrize(
    "limits", [{}, {"restrict_vocab": 130}, {"clip_start": 70, "clip_end": 300}, {"topn": 1}, {"topn": 2 * V}]
)
def test_a_batch_answers_as_one_by_one(wv, limits):
    words = ["w3", "w499", "w0", "w3"]
    for ours, word in zip(wv.most_similar_batch(words, **limits), words, strict=True):
        same(ours, wv.most_similar(word, **limits))


def test_a_batch_of_vectors_leaves_nothing_out(wv):
    for ours, row in zip(wv.most_similar_batch(3 * MATRIX[5:8], topn=4), MATRIX[5:8], strict=True):
        same(ours, wv.most_similar([row], topn=4))
        assert ours[0][1] == pytest.approx(1, abs=1e-6)


def test_a_batch_of_whole_number_keys():
    wv = KeyedVectors(np.arange(V)[::-1], MATRIX)
    assert [key for key, _ in wv.most_similar_batch(np.array([V - 1]))[0]] == [key for key, _ in wv.most_similar(V - 1)]


def test_batches_that_ask_nothing_or_nonsense(wv):
    assert wv.most_similar_batch([]) == []
    assert wv.most_similar_batch(["w1", "w2"], topn=0) == [[], []]
    assert wv.most_similar_batch(["w1"], clip_start=9, clip_end=9) == [[]]
    with pytest.raises(OptionError, match=r"'w1' is one key where several belong: give a list of keys, such as"):
        wv.most_similar_batch("w1")
    with pytest.raises(UnknownWordError, match="'w1x'"):
        wv.most_similar_batch(["w1", "w1x"])
    with pytest.raises(OptionError, match=r"must be \(n, 12\): found shape \(2, 3\)"):
        wv.most_similar_batch(np.ones((2, 3)))


def test_blocks_of_any_size_give_the_same(wv, monkeypatch):
    whole = wv.most_similar_batch(WORDS[:40], topn=7)
    for rows, together in ((64, 3), (1, 40), (77, 1), (600, 7)):
        monkeypatch.setattr(search, "_ROWS", rows)
        monkeypatch.setattr(search, "_QUERIES", together)
        for ours, expected in zip(wv.most_similar_batch(WORDS[:40], topn=7), whole, strict=True):
            same(ours, expected)


@settings(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.sampled_from([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0, float("nan")]), min_size=1, max_size=200),
    topn=st.integers(1, 30),
    out=st.integers(-1, 5),
    first=st.integers(0, 60),
)
def test_the_best_are_kept_lowest_row_first_among_equals(scores, topn, out, first):
    first = min(first, len(scores) - 1)
    numbers = np.array(scores, dtype=np.float32)[:, None]
    matrix = SearchedRows(numbers, np.ones(len(scores), np.float32), first, len(scores))
    best = nearest(matrix, np.ones((1, 1), np.float32), np.array([[out]]), topn)
    sound = [row for row in range(first, len(scores)) if scores[row] == scores[row] and row != out]
    expected = sorted(sound, key=lambda row: (-scores[row], row))[:topn]
    assert [row for row in best.rows[0].tolist() if row >= 0] == expected


def test_zero_and_broken_rows_in_a_batch():
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1], [-1, 0]], dtype=np.float32)
    wv = KeyedVectors(["one", "zero", "near", "nan", "far"], matrix)
    one, zero, nan = wv.most_similar_batch(["one", "zero", "nan"])
    assert [key for key, _ in one] == ["near", "zero", "far"]
    assert zero == [("one", 0), ("near", 0), ("far", 0)]
    assert nan == []


# --- half precision, and files


def test_half_precision_is_stored_and_computed_in_single(wv):
    half = wv.astype(np.float16)
    assert half.vectors.dtype == np.float16
    assert half.vectors.nbytes == wv.vectors.nbytes // 2
    assert half.norms.dtype == np.float32
    exact = KeyedVectors(WORDS, MATRIX.astype(np.float16).astype(np.float32))
    same(half.most_similar("w3", negative="w4"), exact.most_similar("w3", negative="w4"))
    same(half.most_similar_batch(["w3"])[0], exact.most_similar("w3"))
    same(half.most_similar_cosmul("w3", "w4"), exact.most_similar_cosmul("w3", "w4"))
    assert half.similarity("w3", "w4") == exact.similarity("w3", "w4")
    with pytest.raises(OptionError, match="float16, float32 or float64"):
        wv.astype(np.int8)


def test_half_precision_does_not_overflow():
    wv = KeyedVectors(["a", "b", "c"], np.array([[300, 0], [300, 300], [0, -200]], dtype=np.float16))
    assert wv.norms.tolist() == pytest.approx([300, 300 * 2**0.5, 200])  # 300 squared is beyond half precision
    assert wv.similarity("a", "b") == pytest.approx(0.5**0.5)
    assert wv.n_similarity(["a", "b"], ["b"]) == pytest.approx(0.9486833)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, ">f4", np.float64])
def test_vectors_mapped_from_a_file(tmp_path, wv, dtype):
    np.save(tmp_path / "v.npy", MATRIX.astype(dtype))
    mapped = np.load(tmp_path / "v.npy", mmap_mode="r")
    there = KeyedVectors(WORDS, mapped)
    assert np.shares_memory(there.vectors, mapped)
    tolerance = 1e-2 if dtype == np.float16 else 1e-6
    np.testing.assert_allclose(there.most_similar("w3", topn=None), wv.most_similar("w3", topn=None), atol=tolerance)
    best, expected = there.most_similar_batch(["w3"])[0], wv.most_similar("w3")
    np.testing.assert_allclose([s for _, s in best], [s for _, s in expected], atol=tolerance)


def test_vectors_mapped_read_only_are_copied_before_they_change(tmp_path):
    np.save(tmp_path / "v.npy", MATRIX)
    there = KeyedVectors(WORDS, np.load(tmp_path / "v.npy", mmap_mode="r"))
    there["w3"] = np.ones(D)
    assert np.array_equal(there["w3"], np.ones(D))
    assert np.array_equal(np.load(tmp_path / "v.npy"), MATRIX)


# --- approximate


@pytest.fixture
def index(wv):
    pytest.importorskip("faiss")
    return wv.approximate_index(links=16, building=100)


def test_an_approximate_index_finds_nearly_all(wv, index):
    assert len(index) == V
    assert index.recall(n=200) > 0.97  # V is small, and effort looks at 64 candidates
    hits = sum(
        key in {k for k, _ in wv.most_similar(word)}
        for word in WORDS[:50]
        for key, _ in index.most_similar_batch([word])[0]
    )
    assert hits > 0.97 * 500
    same(index.most_similar_batch(["w7"], topn=1)[0], wv.most_similar("w7", topn=1), atol=1e-5)
    assert index.most_similar(MATRIX[7], topn=1)[0][0] == "w7"


def test_less_effort_finds_fewer(wv):
    pytest.importorskip("faiss")
    index = wv.approximate_index(links=2, building=2, effort=1)
    poor = index.recall(n=200)
    index.effort = V
    assert poor < index.recall(n=200)


def test_an_index_serves_most_similar_without_the_given_words(wv, index):
    index.effort = V  # then the graph is searched whole
    same(wv.most_similar("w3", "w4", indexer=index), wv.most_similar("w3", "w4"), atol=1e-5)
    with pytest.raises(OptionError, match=r"an indexer searches every row: leave .* restrict_vocab out"):
        wv.most_similar("w3", indexer=index, restrict_vocab=10)


def test_an_index_leaves_out_broken_rows():
    pytest.importorskip("faiss")
    matrix = np.array([[1, 0], [0, 0], [1, 1], [np.nan, 1]], dtype=np.float16)
    wv = KeyedVectors(["one", "zero", "near", "nan"], matrix)
    index = wv.approximate_index()
    assert len(index) == 2
    assert [key for key, _ in index.most_similar_batch(["one"])[0]] == ["near"]
    assert index.most_similar_batch([]) == []
    with pytest.raises(OptionError, match="has no vector to index"):
        KeyedVectors(["zero"], np.zeros((1, 2))).approximate_index()


def test_the_numbers_of_an_index_are_checked(wv, index):
    for name, low in {"links": 2, "building": 1, "effort": 1}.items():
        for value in (low - 1, 5.0, True, "5"):
            with pytest.raises(OptionError, match=f"{name}={value!r} is not allowed: give a whole number of at least"):
                wv.approximate_index(**{name: value})
    for name in ("topn", "n", "seed"):
        with pytest.raises(OptionError, match=rf"{name}=5\.0 is not allowed: give a whole number"):
            index.recall(**{name: 5.0})
    for ask in (lambda: index.most_similar(MATRIX[1], topn=5.0), lambda: index.most_similar_batch(["w1"], topn=5.0)):
        with pytest.raises(OptionError, match=r"topn=5\.0 is not allowed"):
            ask()
    with pytest.raises(OptionError, match="effort='all' is not allowed"):
        index.effort = "all"
    small = wv.approximate_index(links=np.int64(4), building=np.int32(8), effort=np.uint8(8))
    assert small.recall(n=np.int64(5), topn=np.int64(2), seed=np.int64(1)) <= 1


@pytest.mark.parametrize(
    "edit",
    [
        lambda wv: wv.sort_by_descending_frequency(),
        lambda wv: setattr(wv, "vectors", wv.vectors[::-1]),
        lambda wv: setattr(wv, "index_to_key", wv.index_to_key[::-1]),
    ],
    ids=["sorted", "replaced", "renamed"],
)
def test_an_index_of_rows_that_moved_is_refused(index, wv, edit):
    wv["new"] = wv["w3"]
    assert index.most_similar_batch(["new"], topn=1)[0][0][0] == "w3"  # an added word leaves the rows in place
    wv.counts = range(V + 1)
    edit(wv)
    ask = [lambda: wv.most_similar("w3", indexer=index), lambda: index.most_similar_batch(["w3"]), index.recall]
    for question in ask:
        with pytest.raises(OptionError, match=r"sorted or replaced after this index was built.*approximate_index\(\)"):
            question()


def test_without_faiss_the_way_to_it_is_named(wv, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "faiss", None)
    with pytest.raises(MissingExtraError, match=r"needs FAISS: install it with  pip install 'firth\[ann\]'"):
        wv.approximate_index()


def test_every_half_is_widened_to_the_same_single():
    halves = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
    for part in (halves, halves[np.isfinite(halves)], halves[:0], halves.reshape(256, 256)[:, ::2]):
        expected = part.astype(np.float32)
        assert np.array_equal(widened(part, np.dtype(np.float32)).view(np.uint32), expected.view(np.uint32))


def test_norms_unknown_are_computed_with_the_first_answer(monkeypatch):
    monkeypatch.setattr(cosines, "_LARGE", 0)
    fresh, known = KeyedVectors(WORDS, MATRIX), KeyedVectors(WORDS, MATRIX)
    known.fill_norms()
    for limits in ({"clip_start": 20, "clip_end": 90}, {}):
        fresh = KeyedVectors(WORDS, MATRIX)
        same(fresh.most_similar("w3", **limits), known.most_similar("w3", **limits))
        assert fresh._norms is not None
        np.testing.assert_allclose(fresh.norms, known.norms)


def test_many_blocks_are_shared_out(monkeypatch):
    monkeypatch.setattr(table, "_BLOCK_NUMBERS", 5 * D)
    for dtype in (np.float16, np.float32):
        wv = KeyedVectors(WORDS, MATRIX.astype(dtype))
        exact = MATRIX.astype(dtype).astype(np.float32)
        np.testing.assert_allclose(
            wv.most_similar("w3", topn=None), wv.get_normed_vectors() @ wv.get_vector("w3", norm=True), atol=1e-6
        )
        np.testing.assert_allclose(wv.norms, np.linalg.norm(exact, axis=1), rtol=1e-6)
        wv.unit_normalize_all()
        np.testing.assert_allclose(np.linalg.norm(wv.vectors.astype(np.float32), axis=1), 1, atol=1e-3)
