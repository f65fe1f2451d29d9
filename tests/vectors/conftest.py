import pytest

from firth.vectors import KeyedVectors
from vectors._gensim import MATRIX, WORDS, V, in_gensim


@pytest.fixture
def wv():
    return KeyedVectors(WORDS, MATRIX.copy(), counts=range(V, 0, -1))


@pytest.fixture(scope="session")
def theirs():
    return in_gensim(WORDS, MATRIX)


@pytest.fixture
def index(wv):
    pytest.importorskip("faiss")
    return wv.approximate_index(links=16, building=100)
