import matplotlib.pyplot as plt
import numpy as np
import pytest

from firth import KeyedVectors


@pytest.fixture(autouse=True)
def without_a_display():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture(scope="session")
def wv():
    """Sixty random vectors in twenty dimensions, of words that are ever rarer."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(60, 20)).astype(np.float32)
    words = [f"word{i}" for i in range(60)]
    return KeyedVectors(words, vectors, counts=np.arange(60, 0, -1) ** 2)
