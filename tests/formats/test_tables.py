"""Files of tables: the projector's tab-separated values, .npz, Arrow and Parquet, as others write them."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from firth.errors import FormatError
from firth.formats import read_vectors, write_vectors

VECTORS = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)


# --- the projector


def test_the_projector_has_two_files_and_a_header_only_with_counts(tmp_path):
    write_vectors(tmp_path / "a", "projector", ["new york", "b"], np.array([[1, 2.5], [-3, 0]], np.float32))
    assert (tmp_path / "a_tensor.tsv").read_bytes() == b"1\t2.5\n-3\t0\n"
    assert (tmp_path / "a_metadata.tsv").read_bytes() == b"new york\nb\n"
    write_vectors(tmp_path / "b.tsv", None, ["x"], VECTORS[:1], [7])
    assert (tmp_path / "b_metadata.tsv").read_bytes() == b"word\tcount\nx\t7\n"


@pytest.mark.parametrize("name", ["v", "v.tsv", "v_tensor.tsv", "v_metadata.tsv"])
def test_either_file_and_their_common_name_stand_for_both(tmp_path, name):
    write_vectors(tmp_path / name, "projector", ["a", "b", "c"], VECTORS)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["v_metadata.tsv", "v_tensor.tsv"]
    for other in ("v", "v_tensor.tsv", "v_metadata.tsv"):
        assert read_vectors(tmp_path / other).keys == ["a", "b", "c"]


def test_columns_of_metadata_that_are_not_known_are_left_out_with_a_warning(tmp_path):
    write_vectors(tmp_path / "v", "projector", ["a", "b", "c"], VECTORS)
    (tmp_path / "v_metadata.tsv").write_bytes(b"word\tcolour\na\tred\nb\tblue\nc\tred\n")
    with pytest.warns(UserWarning, match="only the first is read, as the word"):
        found = read_vectors(tmp_path / "v")
    assert found.keys == ["a", "b", "c"]
    assert found.counts is None


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("v_tensor.tsv", b"1\t2\n3\n5\t6\n", "line 2 is not 2 numbers: '3'"),
        ("v_tensor.tsv", b"1\t2\n3\tx\n5\t6\n", "lines 1 to 3"),
        ("v_tensor.tsv", b"", "is empty"),
        ("v_metadata.tsv", b"a\nb\n", "has 2 words, and the file beside it 3 vectors"),
        ("v_metadata.tsv", b"word\tcount\na\t1\nb\tx\nc\t1\n", "its column of counts is not whole numbers"),
    ],
)
def test_files_that_do_not_go_together_are_refused(tmp_path, file, content, message):
    write_vectors(tmp_path / "v", "projector", ["a", "b", "c"], VECTORS)
    (tmp_path / file).write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "v", "projector")


def test_half_of_a_projector_is_refused(tmp_path):
    write_vectors(tmp_path / "v", "projector", ["a", "b", "c"], VECTORS)
    (tmp_path / "v_metadata.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="v_metadata"):
        read_vectors(tmp_path / "v", "projector")


# --- .npz


def test_an_npz_with_other_names_and_layout_is_read(tmp_path):
    np.savez_compressed(tmp_path / "v.npz", words=np.array(["a", "b", "c"]), embeddings=np.asfortranarray(VECTORS))
    found = read_vectors(tmp_path / "v.npz")
    assert found.keys == ["a", "b", "c"]
    assert np.array_equal(found.vectors, VECTORS)


def test_an_npz_with_a_pickle_in_it_is_refused_and_never_run(tmp_path):
    np.savez(tmp_path / "v.npz", keys=np.array(["a", "b", "c"], dtype=object), vectors=VECTORS)
    with pytest.raises(FormatError, match=r"its keys are Python objects, stored as a pickle, which firth never opens"):
        read_vectors(tmp_path / "v.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": VECTORS}, r"has no vectors: it holds \['a'\]"),
        ({"vectors": VECTORS}, r"has no keys: it holds \['vectors'\]"),
        ({"vectors": VECTORS, "keys": np.array(["a"])}, "do not fit together"),
        ({"vectors": VECTORS, "keys": np.ones(3)}, "its keys are of dtype float64"),
        ({"vectors": VECTORS, "keys": np.arange(3), "counts": np.ones(2)}, "do not fit together"),
    ],
)
def test_an_npz_of_something_else_is_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "v.npz", **arrays)
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "v.npz")


def test_a_word_that_numpys_strings_cannot_hold_is_refused(tmp_path):
    with pytest.raises(FormatError, match=r"word 'nul\\x00' ends in a NUL"):
        write_vectors(tmp_path / "v.npz", None, ["nul\0"], VECTORS[:1])


# --- Arrow and Parquet


def test_a_table_of_others_is_read_by_the_kinds_of_its_columns(tmp_path):
    table = pa.table({"title": ["a", "b", "c"], "features": VECTORS.astype(float).tolist(), "year": [1, 2, 3]})
    pq.write_table(table, tmp_path / "v.parquet")
    found = read_vectors(tmp_path / "v.parquet")
    assert found.keys == ["a", "b", "c"]
    assert found.vectors.dtype == np.float64
    assert np.array_equal(found.vectors, VECTORS.astype(float))
    assert found.counts is None


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"word": ["a"], "x": [1.0]}, "has no column that is clearly that of the vectors"),
        ({"a": ["a"], "b": ["b"], "vector": [[1.0]]}, "has no column that is clearly that of the words"),
        ({"word": ["a", "b"], "vector": [[1.0], [1.0, 2.0]]}, "a vector is null, holds a null, or has not the length of the others"),
        ({"word": ["a", "b"], "vector": [[1.0], None]}, "a vector is null, holds a null"),
        ({"word": ["a", "b"], "vector": [[1.0], [None]]}, "a vector is null, holds a null"),
        ({"word": ["a", None], "vector": [[1.0], [2.0]]}, "a row of column 'word' has no key"),
    ],
)
def test_a_table_of_something_else_is_refused(tmp_path, columns, message):
    pq.write_table(pa.table(columns), tmp_path / "v.parquet")
    with pytest.raises(FormatError, match=message):
        read_vectors(tmp_path / "v.parquet")


@pytest.mark.parametrize("name", ["arrow", "parquet"])
def test_a_table_of_many_blocks(tmp_path, name):
    V = 20_000
    vectors = np.random.default_rng(1).random((V, 3), dtype=np.float32)
    write_vectors(tmp_path / "v", name, [f"w{i}" for i in range(V)], vectors, np.arange(V))
    found = read_vectors(tmp_path / "v", limit=17_000)
    assert found.keys[-1] == "w16999"
    assert np.array_equal(found.vectors, vectors[:17_000])
    assert found.counts.tolist() == list(range(17_000))


@pytest.mark.parametrize(("word", "found"), [("a\tb", r"holds '\\t'"), ("", "is empty")])
def test_a_word_that_a_projector_cannot_hold_is_refused_for_what_it_is(tmp_path, word, found):
    with pytest.raises(FormatError, match=f"word .* {found}: a file of tab-separated values cannot hold that"):
        write_vectors(tmp_path / "v", "projector", ["a b", word], VECTORS[:2])
