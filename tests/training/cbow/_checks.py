"""What the tests of both kernels of CBOW share."""

import numpy as np
from hypothesis import strategies as st

from firth.text import END

SEED = 20261122


@st.composite
def texts(draw):
    """Return (V, tokens): small vocabularies, so that words repeat in contexts, and targets are equal or noise."""
    V = draw(st.integers(2, 12))
    sentences = draw(st.lists(st.lists(st.integers(0, V - 1), max_size=12), min_size=1, max_size=4))
    return V, [token for sentence in sentences for token in [*sentence, END]]


def assert_same_training(train, block, expected, outputs, D):
    """Compare (words, positions, loss) and both matrices after `train(block)` and `train(expected)`.

    train: (block, reference: bool) -> words, positions, loss; outputs: the field of the output matrix.
    """
    *counts, loss = train(block, False)
    doubles = {name: getattr(expected, name).astype(np.float64) for name in ("center", outputs)}  # no roundings to add
    expected = expected._replace(**doubles)
    *expected_counts, expected_loss = train(expected, True)
    assert counts == expected_counts
    for name in ("center", outputs):
        found = getattr(block, name)
        # Some 50 positions change rows of size ~1, by a sum of up to 14; each adds a few roundings of 6e-8 of that sum.
        np.testing.assert_allclose(found, getattr(expected, name), atol=5e-5)
        assert not found[:, D:].any(), "the padding of a row must stay zero"
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-5, atol=1e-6)
