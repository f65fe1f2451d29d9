"""TensorBoard's projector: its two files, as firth and others write them."""

import gzip
import tracemalloc

import numpy as np
import pytest
from formats._files import refused

from firth.errors import FormatError
from firth.formats import diagnose, read_vectors, write_vectors

VECTORS = np.arange(6, dtype=np.float32).reshape(3, 2)

KEYS = ["a", "b", "c"]


def test_the_projector_has_two_files_and_a_header_only_with_counts(tmp_path):
    write_vectors(tmp_path / "a", "projector", ["new york", "b"], np.array([[1, 2.5], [-3, 0]], np.float32))
    assert (tmp_path / "a_tensor.tsv").read_bytes() == b"1\t2.5\n-3\t0\n"
    assert (tmp_path / "a_metadata.tsv").read_bytes() == b"new york\nb\n"
    write_vectors(tmp_path / "b.tsv", None, ["x"], VECTORS[:1], [7])
    assert (tmp_path / "b_metadata.tsv").read_bytes() == b"word\tcount\nx\t7\n"


@pytest.mark.parametrize("name", ["v", "v.tsv", "v_tensor.tsv", "v_metadata.tsv"])
def test_either_file_or_their_common_name_can_be_given(tmp_path, name):
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


def test_half_of_a_projector_is_refused(tmp_path):
    write_vectors(tmp_path / "v", "projector", ["a", "b", "c"], VECTORS)
    (tmp_path / "v_metadata.tsv").unlink()
    with pytest.raises(FileNotFoundError, match="v_metadata"):
        read_vectors(tmp_path / "v", "projector")


@pytest.mark.parametrize(("word", "found"), [("a\tb", r"holds '\\t'"), ("", "is empty")])
def test_a_word_that_the_format_cannot_hold_is_refused(tmp_path, word, found):
    with pytest.raises(FormatError, match=f"word .* {found}: a file of tab-separated values cannot hold that"):
        write_vectors(tmp_path / "v", "projector", ["a b", word], VECTORS[:2])


@pytest.mark.parametrize(
    ("tensor", "metadata", "message"),
    [
        (b"1\t2\n3\t4\n", b"word\tcount\na\t99999999999999999999\nb\t1\n", "its column of counts is not whole numbers"),
        (b"1\t2\n3\t4\n", b"word\tcount\na\t" + b"9" * 5000 + b"\nb\t1\n", "its column of counts is not whole numbers"),
        (b"1\t2\n3\t4\n", b"word\tcount\na\t1\nb\tx\n", "its column of counts is not whole numbers"),
        (b"1\t2\n3\n5\t6\n", b"a\nb\nc\n", "line 2 is not 2 numbers: '3'"),
        (b"", b"a\n", "is empty"),
        (b"1\t2\n3\t4\n", b"word\tcount\na\t1\n", "has 1 word, and the file beside it 2 vectors"),
        (b"1\t2\n3\t4\n", b"a\n" * 100, "has more than 2 words, and the file beside it 2 vectors"),
        (b"1\t2\n3\t4\n", b"\xff\nb\n", "word 1 is not utf8"),
        (b"1\t2\n\n3\t4\n", b"a\nb\n", "line 2 is not 2 numbers"),
        (b"1\t2\n3\t0x1\n", b"a\nb\n", "lines 1 to 2"),
        (b"1\t" * (3 << 20), b"a\n", "is not .* numbers"),
    ],
)
def test_malformed_files_are_refused(tmp_path, tensor, metadata, message):
    (tmp_path / "p_tensor.tsv").write_bytes(tensor)
    (tmp_path / "p_metadata.tsv").write_bytes(metadata)
    refused(tmp_path / "p", message)


def test_quotes_and_backslashes_are_read_literally(tmp_path):
    (tmp_path / "p[1]_tensor.tsv").write_bytes(b"1\t2\r\n3\t4\r\n")
    (tmp_path / "p[1]_metadata.tsv").write_bytes(b'"a\\t\r\nb"\r\n')
    assert read_vectors(tmp_path / "p[1]").keys == ['"a\\t', 'b"']
    assert diagnose(tmp_path / "p[1]").bytes == 20


def test_an_endless_compressed_list_of_words_is_not_decompressed(tmp_path):
    (tmp_path / "p_tensor.tsv.gz").write_bytes(gzip.compress(b"1\t2\n"))
    (tmp_path / "p_metadata.tsv.gz").write_bytes(gzip.compress(b"word\n" * (1 << 20)))
    tracemalloc.start()
    refused(tmp_path / "p_tensor.tsv.gz", "has more than 1 word, and the file beside it 1 vector")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20
