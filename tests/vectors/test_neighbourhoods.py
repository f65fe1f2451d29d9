"""Neighbourhoods against the search for one word, and overlaps against sets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth import KeyedVectors
from firth.vectors.neighbourhoods import neighbourhoods, overlaps


def random_vectors(V: int, D: int = 6) -> KeyedVectors:
    rows = np.random.default_rng(1).normal(size=(V, D)).astype(np.float32)
    return KeyedVectors([f"w{i}" for i in range(V)], rows)


def test_the_neighbours_of_every_word_are_those_of_its_own_search():
    wv = random_vectors(300)
    found = neighbourhoods(wv, 200, 10)
    for row in (0, 1, 77, 199):
        expected = wv.most_similar(f"w{row}", topn=10, restrict_vocab=200)
        assert [f"w{other}" for other in found.rows[row]] == [word for word, _ in expected]
        assert found.scores[row] == pytest.approx([score for _, score in expected], abs=1e-6)


@pytest.mark.parametrize(("n", "topn", "k"), [(0, 10, 0), (1, 10, 0), (2, 10, 1), (5, 10, 4), (50, 3, 3)])
def test_few_words_have_few_neighbours(n, topn, k):
    found = neighbourhoods(random_vectors(50), n, topn)
    assert found.rows.shape == found.scores.shape == (n, k)
    assert (found.rows >= 0).all()


def test_a_vector_that_is_not_finite_has_no_neighbours_and_is_none():
    rows = np.random.default_rng(2).normal(size=(20, 4)).astype(np.float32)
    rows[3] = np.nan
    found = neighbourhoods(KeyedVectors([*range(20)], rows), 20, 5)
    assert (found.rows[3] == -1).all()
    assert 3 not in found.rows
    assert overlaps(found.rows, found.rows)[3] == 0


def test_progress_rises_and_may_end_the_work():
    shares = []
    neighbourhoods(random_vectors(9000, 2), 9000, 1, shares.append)
    assert shares == sorted(shares)
    assert len(shares) == 3

    def stop(share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        neighbourhoods(random_vectors(10), 10, 2, stop)


distinct = st.lists(st.integers(0, 12), min_size=4, max_size=4, unique=True)


@settings(max_examples=50)
@given(st.lists(st.tuples(distinct, distinct), min_size=1, max_size=6))
def test_overlap_is_the_share_of_common_neighbours_in_any_order(pairs):
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    expected = [len(set(a) & set(b)) / 4 for a, b in pairs]
    assert overlaps(one, other).tolist() == expected
    assert overlaps(other, one).tolist() == expected


def test_a_rotation_keeps_every_neighbourhood():
    wv = random_vectors(200)
    rotation, _ = np.linalg.qr(np.random.default_rng(3).normal(size=(6, 6)))
    rotated = KeyedVectors(wv.index_to_key, (wv.vectors @ rotation).astype(np.float64))
    one, other = (neighbourhoods(vectors, 200, 10).rows for vectors in (wv, rotated))
    assert overlaps(one, other).mean() > 0.999  # rounding may swap the tenth and the eleventh
