"""Vectors as tables of pandas, Polars and Arrow, and back."""

import sys

import numpy as np
import pytest

from firth import KeyedVectors
from firth.errors import FormatError, MissingExtraError, OptionError
from vectors._gensim import MATRIX, WORDS, D, V

KEYS = {"words": WORDS, "numbers": list(range(100, 100 + V))}
CONTIGUOUS = MATRIX.copy()


@pytest.fixture(params=KEYS)
def keyed(request):
    return KeyedVectors(KEYS[request.param], CONTIGUOUS.copy(), counts=range(V, 0, -1))


def shares_memory(first, second) -> bool:
    return np.shares_memory(np.asarray(first), np.asarray(second))


def test_pandas_has_keys_as_its_index_and_shares_memory(keyed):
    pytest.importorskip("pandas")
    frame = keyed.to_pandas()
    assert frame.shape == (V, D)
    assert frame.index.name == ("word" if isinstance(keyed.index_to_key[0], str) else "id")
    assert frame.columns.tolist() == list(range(D))
    key = keyed.index_to_key[7]
    np.testing.assert_array_equal(frame.loc[key], keyed[key])
    assert shares_memory(frame.to_numpy(), keyed.vectors)
    with pytest.raises(ValueError, match="read-only"):
        frame.to_numpy()[0, 0] = 1
    changed = frame.copy()
    changed.iloc[0, 0] = 5
    assert keyed.vectors[0, 0] == CONTIGUOUS[0, 0]
    back = KeyedVectors(frame.index, frame.to_numpy())
    assert back.index_to_key == keyed.index_to_key
    np.testing.assert_array_equal(back.vectors, keyed.vectors)


def test_arrow_has_a_row_for_each_key_and_shares_memory(keyed, monkeypatch):
    monkeypatch.setattr("firth.formats.arrow.BLOCK_ROWS", 64)  # more than one chunk, the last one short
    table = keyed.to_arrow()
    assert table.column_names == ["word" if isinstance(keyed.index_to_key[0], str) else "id", "vector", "count"]
    assert table.column(0).to_pylist() == keyed.index_to_key
    assert table["count"].to_pylist() == list(range(V, 0, -1))
    assert str(table.schema.field("vector").type) == f"fixed_size_list<item: float not null>[{D}]"
    chunks = [chunk.flatten().to_numpy() for chunk in table["vector"].chunks]
    assert len(chunks) == 4
    assert all(shares_memory(chunk, keyed.vectors) for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks).reshape(V, D), keyed.vectors)


def test_polars_has_a_column_of_arrays(keyed):
    pl = pytest.importorskip("polars")
    frame = keyed.to_polars()
    assert frame.shape == (V, 3)
    assert frame.schema["vector"] == pl.Array(pl.Float32, D)
    np.testing.assert_array_equal(frame["vector"].to_numpy(), keyed.vectors)
    back = KeyedVectors(frame[:, 0], frame["vector"].to_numpy())
    assert back.index_to_key == keyed.index_to_key
    np.testing.assert_array_equal(back.vectors, keyed.vectors)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_precisions(dtype):
    pytest.importorskip("pandas")
    keyed = KeyedVectors(WORDS, MATRIX.astype(dtype))
    assert (keyed.to_pandas().dtypes == dtype).all()
    table = keyed.to_arrow()
    assert table.column_names == ["word", "vector"]  # no counts are known
    np.testing.assert_array_equal(table["vector"].combine_chunks().flatten().to_numpy().reshape(V, D), keyed.vectors)


def test_half_precision_in_polars():
    pytest.importorskip("polars")
    keyed = KeyedVectors(WORDS, MATRIX.astype(np.float16))
    found = keyed.to_polars()["vector"].to_numpy()
    assert found.dtype == np.float32  # not every version of Polars has float16
    np.testing.assert_array_equal(found, keyed.vectors)


def test_rows_of_a_padded_matrix_are_copied():
    padded = KeyedVectors(WORDS, MATRIX)
    assert not MATRIX.flags.c_contiguous
    flat = padded.to_arrow()["vector"].combine_chunks().flatten().to_numpy()
    np.testing.assert_array_equal(flat.reshape(V, D), MATRIX)


def test_no_keys():
    pytest.importorskip("pandas")
    pytest.importorskip("polars")
    empty = KeyedVectors(D)
    assert empty.to_pandas().shape == (0, D)
    assert empty.to_arrow().num_rows == 0
    assert empty.to_polars().height == 0


def test_edited_keys_and_words_that_are_not_unicode_raise():
    pytest.importorskip("pandas")
    keyed = KeyedVectors(WORDS, MATRIX.copy())
    assert "w1" in keyed
    keyed.index_to_key[3] = "other"
    for convert in (keyed.to_pandas, keyed.to_arrow):
        with pytest.raises(OptionError, match="index_to_key was edited in place"):
            convert()
    with pytest.raises(FormatError, match="surrogate"):
        KeyedVectors(["a", "\ud800"], np.eye(2)).to_arrow()
    with pytest.raises(FormatError, match="vectors of 0 numbers"):
        KeyedVectors(["a"], np.zeros((1, 0))).to_arrow()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_without_the_library_the_error_names_the_extra(wv, library, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtraError, match=rf"to_{library} needs {library}: .* 'firth\[{library}\]'"):
        getattr(wv, f"to_{library}")()
