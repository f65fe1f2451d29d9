"""The table for embedding-atlas: text, x, y and neighbors, in the order of the vectors."""

import numpy as np
import pyarrow.parquet
import pytest

from explore._models import WORDS
from firth import KeyedVectors
from firth.explore.explored import Explored
from firth.explore.parquet import write_parquet


@pytest.fixture(scope="module")
def table(subject, tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "out.parquet"
    write_parquet(subject, path)
    return pyarrow.parquet.read_table(path)


def test_the_columns_are_those_that_embedding_atlas_opens(table):
    assert table.schema.names == ["text", "x", "y", "neighbors", "count"]
    assert str(table.schema.field("neighbors").type) == (
        "struct<ids: list<element: int64>, distances: list<element: float>>"
    )
    assert table["text"].to_pylist() == WORDS
    xy = np.stack([table["x"], table["y"]], axis=1)
    assert xy.dtype == np.float32
    assert xy.min() >= 0
    assert xy.max() <= 1
    assert np.ptp(xy, axis=0).max() == pytest.approx(1, abs=1e-4)


def test_neighbours_are_rows_with_one_minus_the_cosine(table, subject):
    for row in (0, 1, 57):
        found = table["neighbors"][row].as_py()
        expected = subject.vectors.most_similar(WORDS[row])
        assert [WORDS[other] for other in found["ids"]] == [word for word, _ in expected]
        np.testing.assert_allclose(found["distances"], [1 - score for _, score in expected], atol=1e-6)


def test_vectors_without_counts_and_without_words_are_written(tmp_path):
    for V in (0, 1):
        write_parquet(Explored("few", KeyedVectors(["w"][:V], np.ones((V, 3), np.float32))), tmp_path / "few.parquet")
        table = pyarrow.parquet.read_table(tmp_path / "few.parquet")
        assert table.num_rows == V
        assert "count" not in table.schema.names
