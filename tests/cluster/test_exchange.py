"""Memory of arrays that travel."""

import numpy as np

from firth.cluster.exchange import page_zeros, release


def test_released_rows_lose_their_contents_and_all_others_keep_theirs():
    rows = page_zeros((5_000, 304))
    rows[:] = 1
    release(rows[100:2_000])
    n_rows_of_two_pages = 8
    assert rows[:100].all()
    assert not rows[100 + n_rows_of_two_pages : 2_000 - n_rows_of_two_pages].any()
    assert rows[2_000:].all()


def test_arrays_that_share_their_pages_with_others_are_not_released():
    rows, part = np.ones((20, 16), np.float32), page_zeros((5_000, 304))
    part[:] = 1
    for array in (rows, rows[3:5], part[7:8]):
        release(array)
        assert array.all()
