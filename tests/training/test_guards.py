"""No id, row number, offset or size that is wrong reaches a compiled loop, and none leaves the arrays it was given."""

import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from stress import guards

from firth import KeyedVectors, Options
from firth.errors import CorpusError, OptionError
from firth.sorted_runs import DIGIT_BITS
from firth.text import BLOCK_WORDS, END, read_corpus
from firth.text.store import MemoryStorage, TokenStore
from firth.training.guards import checked_ids
from firth.training.negative_sampling import hogwild, window_kernels
from firth.training.softmax import kernels
from firth.training.softmax.cooccurrence import count_pairs
from firth.training.windows import layout
from firth.training.windows.token_blocks import TokenBlockTask
from firth.vectors.search_kernels import keep_best

SOURCE = guards.SOURCE


def test_kernels_stay_within_their_arrays_and_bad_numbers_stay_outside():
    assert guards.child(1, 3, 180) == {"cases between guard pages": 324, "bad numbers": 180}


def test_kernels_stay_within_their_arrays_as_plain_python():
    assert guards.child(0, 3, 0, NUMBA_DISABLE_JIT="1") == {"cases between guard pages": 192, "bad numbers": 0}


@pytest.mark.parametrize(("at_end", "place"), [(True, 12), (False, -1)])
def test_an_access_outside_a_fenced_array_is_deadly(at_end, place):
    code = (
        "import ctypes, numpy as np; from stress._kernels import Fence;"
        f"a = Fence({at_end})(np.arange(3, dtype=np.int32)); assert a.sum() == 3;"
        f"print('alive', flush=True); ctypes.string_at(a.ctypes.data + {place}, 1)"
    )
    child = subprocess.run([sys.executable, "-c", code], cwd=guards.TESTS, capture_output=True, text=True)
    assert child.stdout == "alive\n"
    assert child.returncode == -signal.SIGSEGV


def test_every_compiled_function_is_between_guard_pages_or_called_by_one_that_is():
    assert guards.unguarded(SOURCE) == set()


@pytest.mark.parametrize(
    "code",
    [
        "from numba import njit\n@njit\ndef new(a):\n    return a[5]\n",
        "import numba\ndef make():\n    @numba.njit\n    def new(a):\n        return a[5]\n    return new\n",
        "import numba\ndef new(a):\n    return a[5]\nfast = numba.njit(nogil=True)(new)\n",
        "from numba.extending import intrinsic\n@intrinsic\ndef new(context, a):\n    return a[5]\n",
    ],
)
def test_a_new_kernel_without_a_case_is_noticed(tmp_path, code):
    shutil.copytree(SOURCE, tmp_path / "firth", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "firth/training/fresh.py").write_text(code)
    assert guards.unguarded(tmp_path / "firth") == {"training.fresh.new"}


# --- numbers beyond 32 bits


def test_rows_beyond_two_gigabytes_are_the_rows_that_are_meant():
    """A matrix of 2**25 + 4 rows takes address space; memory only for the rows that are touched."""
    V, last = 2**25 + 4, np.array([2**25 + 3, 0, 2**25 + 2, 7, 2**25 + 1], np.int32)
    train = window_kernels.compile_train_block(*layout.tiles(2), layout.strips(16))
    changed = []
    for rows, n in ((last, V), (np.array([9, 0, 8, 7, 6], np.int32), 10)):
        center, outside = layout.aligned_zeros((n, 16)), layout.aligned_zeros((n, 16))
        center[rows] = np.random.default_rng(1).normal(size=(5, 16))
        keep, alias = np.broadcast_to(np.uint32(2**32 - 1), n), np.zeros(n, np.uint64)  # all noise is word 0
        work = window_kernels.make_workspace(5, 16, 3, 2, np.zeros(1, np.bool_))
        key, rate = np.uint64(5), np.float32(0.1)
        train(window_kernels.TokenBlock(center, outside, rows, keep, alias, key, 3, False, 2, rate), work)
        changed.append((center[rows], outside[rows]))
        assert outside[rows].any(axis=1).all()
    np.testing.assert_array_equal(*changed)


@given(st.integers(1, 31), st.data())
def test_cells_of_the_largest_vocabularies_keep_both_words(shift, data):
    V, bits = 2**shift, min(7, 63 - 2 * shift)
    word = st.one_of(st.integers(0, V - 1), st.sampled_from([0, V - 1]))
    pairs = data.draw(st.lists(st.tuples(word, word, st.integers(1, 2**bits - 1)), max_size=20))
    entries = np.array([(c << shift | o) << bits | weight for c, o, weight in pairs], np.int64)
    spare, sums = np.empty_like(entries), np.empty(len(entries), np.int32)
    positions = np.empty(1 << DIGIT_BITS, np.int64)
    if kernels.radix_sort(entries, spare, positions, bits, bits + 2 * shift):
        entries, spare = spare, entries
    n = kernels.sum_equal(entries, bits, spare, sums)
    expected = {}
    for c, o, weight in pairs:
        expected[c, o] = expected.get((c, o), 0) + weight
    found = {
        (cell >> shift, cell & (V - 1)): total
        for cell, total in zip(spare[:n].tolist(), sums[:n].tolist(), strict=True)
    }
    assert found == expected
    assert list(found) == sorted(expected)


def test_ids_outside_the_vocabulary_never_reach_a_kernel():
    good = np.array([0, 4, -1, 2], np.int32)
    assert checked_ids(good, 5, 0) is good
    for bad in ([0, 5], [-2, 1]):
        with pytest.raises(CorpusError, match=r"block 7 .* ids from .* where -1 to 4 are allowed"):
            checked_ids(np.array(bad, np.int32), 5, 7)


def test_an_id_is_refused_in_every_block_before_a_row_changes():
    corpus = read_corpus([["a", "b", "c"]], Options(min_count=1))
    engine = hogwild.Hogwild(corpus, Options(min_count=1))
    before = engine.center.copy()
    storage = MemoryStorage()
    storage.write(0, np.array([0, 1, END, 0, 1, 3, END], np.int32))
    engine._tokens = TokenStore(storage, np.array([0, 3, 7]), 5)
    with pytest.raises(ValueError, match="block 1 of the token store holds ids from -1 to 3 where -1 to 2 are allowed"):
        engine.train(TokenBlockTask(0, 1, 0.5), 0.1, engine.workspace())
    np.testing.assert_array_equal(engine.center, before)


def test_a_block_too_long_for_the_scratch_arrays_is_refused():
    corpus, options = read_corpus([["a", "b", "c"]], Options(min_count=1)), Options(min_count=1)
    storage, size = MemoryStorage(), BLOCK_WORDS + 1
    storage.write(0, np.zeros(size, np.int32))
    long = TokenStore(storage, np.array([0, size]), size)
    engine = hogwild.Hogwild(corpus, options)
    engine._tokens = long
    for act in (
        lambda: engine.train(TokenBlockTask(0, 0, 0.0), 0.1, engine.workspace()),
        lambda: count_pairs(long, corpus.vocabulary, options),
    ):
        with pytest.raises(CorpusError, match="has 32,769 entries where 32,768 are the most"):
            act()


def test_bounds_beyond_the_entries_in_memory_are_an_error():
    storage = MemoryStorage()
    storage.write(0, np.zeros(10, np.int32))
    storage.truncate(10)
    with pytest.raises(CorpusError, match="the token store has 10 of 15 entries from 0 on"):
        TokenStore(storage, np.array([0, 15]), 15).read_block(0)


def test_numbers_longer_than_double_are_refused():
    if np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("this machine has no longer numbers")
    with pytest.raises(OptionError, match="dtype"):
        KeyedVectors(["a"], np.ones((1, 2), np.longdouble))


# --- arrays of any layout, and numbers that are none


def misaligned(matrix):
    raw = np.zeros(matrix.nbytes + 1, np.uint8)[1:]
    raw[:] = np.frombuffer(matrix.tobytes(), np.uint8)
    odd = raw.view(matrix.dtype).reshape(matrix.shape)
    assert not odd.flags.aligned
    return odd


def read_only(matrix):
    view = matrix.view()
    view.flags.writeable = False
    return view


LAYOUTS = {
    "float16": lambda matrix: matrix.astype(np.float16),
    "float64": lambda matrix: matrix.astype(np.float64),
    "big-endian": lambda matrix: matrix.astype(">f4"),
    "by columns": np.asfortranarray,
    "backwards": lambda matrix: matrix[::-1, ::-1].copy()[::-1, ::-1],
    "every third": lambda matrix: np.repeat(np.repeat(matrix, 3, 0), 3, 1)[::3, ::3],
    "misaligned": misaligned,
    "read-only": read_only,
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_queries_answer_the_same_for_vectors_of_any_layout(layout):
    matrix = np.random.default_rng(2).integers(-9, 9, (300, 7)).astype(np.float32)  # whole in every dtype
    words = [f"w{i}" for i in range(300)]
    plain, other = KeyedVectors(words, matrix), KeyedVectors(words, LAYOUTS[layout](matrix))
    asked = ["w0", "w7", "w299"]
    for ours, expected in zip(other.most_similar_batch(asked, 5), plain.most_similar_batch(asked, 5), strict=True):
        assert [score for _, score in ours] == pytest.approx([score for _, score in expected], abs=1e-6)
    (one,), (batch,) = [other.most_similar("w3", topn=1)], other.most_similar_batch(["w3"], 1)
    assert one[0][1] == pytest.approx(batch[0][1], abs=1e-6)


@given(st.data(), st.integers(0, 9), st.sampled_from([1, 7, 63, 64, 65, 130]))
def test_scores_that_are_no_numbers_push_nothing_out(data, k, T):
    score = st.one_of(st.just(np.nan), st.sampled_from([np.inf, -np.inf]), st.integers(-3, 3))
    scores = data.draw(arrays(np.float32, (2, T), elements=score.map(float), fill=st.just(float("nan"))))
    out = data.draw(arrays(np.intp, (2, 2), elements=st.integers(-1, T)))
    values, rows = np.full((2, k), -np.inf, np.float32), np.full((2, k), -1, np.intp)
    keep_best(0, scores, out, values, rows)
    for q in range(2):
        offered = [row for row in range(T) if scores[q, row] > -np.inf and row not in out[q]]
        expected = sorted(offered, key=lambda row: (-scores[q, row], row))[:k]
        assert sorted(row for row in rows[q].tolist() if row >= 0) == sorted(expected)
        kept = rows[q] >= 0
        np.testing.assert_array_equal(values[q, kept], scores[q, rows[q, kept]])


def test_a_search_for_no_neighbours_finds_none():
    pytest.importorskip("faiss")
    vectors = KeyedVectors(range(40), np.random.default_rng(3).normal(size=(40, 4)).astype(np.float32))
    assert vectors.approximate_index().recall(n=10, topn=0) == 0
