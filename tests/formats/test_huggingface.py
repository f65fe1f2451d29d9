"""The Hugging Face folder, as firth and other programs write it."""

import json

import numpy as np
import pytest
from formats._files import refused
from safetensors.numpy import save_file

from firth.errors import FormatError
from firth.formats import detect, read_vectors, write_vectors

VECTORS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


def a_folder(path, tensors, vocabulary, added=(), config=b"{}"):
    """Make a folder of vectors; `vocabulary` may be JSON as bytes."""
    rows = vocabulary if isinstance(vocabulary, bytes) else json.dumps(vocabulary).encode()
    path.mkdir()
    save_file(tensors, path / "model.safetensors")
    added_tokens = json.dumps(list(added)).encode()
    (path / "tokenizer.json").write_bytes(b'{"model": {"vocab": %s}, "added_tokens": %s}' % (rows, added_tokens))
    (path / "config.json").write_bytes(config)
    return path


def test_a_word_piece_vocabulary_is_read_in_the_order_of_its_rows(tmp_path):
    vocabulary = {"##ing": 2, "the": 0, "[UNK]": 1}
    folder = a_folder(tmp_path / "m", {"embeddings": VECTORS}, vocabulary, [{"id": 3, "content": "[PAD]"}])
    found = read_vectors(folder)
    assert found.keys == ["the", "[UNK]", "##ing", "[PAD]"]
    assert np.array_equal(found.vectors, VECTORS)


def test_a_unigram_vocabulary_is_a_list(tmp_path):
    folder = a_folder(tmp_path / "m", {"embeddings": VECTORS}, [["a", -1.0], ["b", -2.0], ["c", -3], ["d", -4]])
    assert read_vectors(folder).keys == ["a", "b", "c", "d"]


def test_the_rows_and_weights_of_a_quantised_vocabulary_are_applied(tmp_path):
    tensors = {"embeddings": VECTORS[:2], "mapping": np.array([1, 0, 1]), "weights": np.array([1.0, 2.0, 0.5])}
    found = read_vectors(a_folder(tmp_path / "m", tensors, {"a": 0, "b": 1, "c": 2}))
    assert np.array_equal(found.vectors, VECTORS[[1, 0, 1]] * np.array([[1], [2], [0.5]], np.float32))


def test_the_folder_of_older_sentence_transformers_is_read(tmp_path):
    outer = tmp_path / "m"
    outer.mkdir()
    a_folder(outer / "0_StaticEmbedding", {"embedding.weight": VECTORS}, {"a": 0, "b": 1, "c": 2, "d": 3})
    assert np.array_equal(read_vectors(outer).vectors, VECTORS)


def test_a_key_that_is_the_unknown_token_needs_no_row_of_zeros(tmp_path):
    write_vectors(tmp_path / "m", "huggingface", ["a", "[UNK]", "b", "c"], VECTORS)
    found = read_vectors(tmp_path / "m")
    assert found.keys == ["a", "[UNK]", "b", "c"]
    assert np.array_equal(found.vectors, VECTORS)


def test_writing_again_replaces_the_files_in_the_folder(tmp_path):
    write_vectors(tmp_path / "m", "huggingface", list("abcd"), VECTORS)
    (tmp_path / "m" / "notes.txt").write_text("mine")
    write_vectors(tmp_path / "m", "huggingface", ["x"], -VECTORS[:1])
    assert read_vectors(tmp_path / "m").keys == ["x"]
    assert sorted(file.name for file in (tmp_path / "m").iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "modules.json",
        "notes.txt",
        "tokenizer.json",
    ]


@pytest.mark.parametrize(
    ("tensors", "vocabulary", "message"),
    [
        ({"embeddings": VECTORS, "weights": np.ones(3)}, {"a": 0, "b": 1}, "3 weights, but 2 keys"),
        ({"x": VECTORS, "y": VECTORS}, {"a": 0}, "does not hold exactly one matrix of vectors"),
        (
            {"embeddings": VECTORS.astype(np.int8)},
            {"a": 0},
            "exactly one matrix of vectors.*float16, 32 or 64",
        ),
    ],
)
def test_a_folder_with_parts_that_do_not_match_is_refused(tmp_path, tensors, vocabulary, message):
    with pytest.raises(FormatError, match=message):
        read_vectors(a_folder(tmp_path / "m", tensors, vocabulary))


def test_a_folder_without_a_tokenizer_and_a_file_in_the_way(tmp_path):
    a_folder(tmp_path / "m", {"embeddings": VECTORS}, {}).joinpath("tokenizer.json").unlink()
    with pytest.raises(FormatError, match=r"model\.safetensors and tokenizer\.json must be in it"):
        read_vectors(tmp_path / "m")
    with pytest.raises(FormatError, match=r"holds vectors but no keys, and there is no tokenizer\.json beside it"):
        read_vectors(tmp_path / "m" / "model.safetensors")
    (tmp_path / "f").write_text("")
    with pytest.raises(FormatError, match="is a file, but this format is a folder"):
        write_vectors(tmp_path / "f", "huggingface", ["a"], VECTORS[:1])
    with pytest.raises(FormatError, match="cannot be written in UTF-8"):
        write_vectors(tmp_path / "g", "huggingface", ["\ud800"], VECTORS[:1])


def test_the_only_matrix_of_a_safetensors_file_needs_no_usual_name(tmp_path):
    folder = a_folder(tmp_path / "m", {"syn0": VECTORS}, {"a": 0, "b": 1, "c": 2, "d": 3})
    assert np.array_equal(read_vectors(folder / "model.safetensors").vectors, VECTORS)


# --- malformed folders


THREE = {"embeddings": VECTORS[:3]}
ABC = {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (b'{"a": 0, "b": 1, "a": 2}', "'a' comes 2 times"),
        (b'[["a", 0], ["b", 0], ["a", 0]]', "'a' comes 2 times"),
        (b'{"a": 1e999}', r"\('a', inf\) is not a token and the number of its row"),
        (b'{"a": NaN}', r"\('a', nan\) is not"),
        (b'{"a": 1.5}', r"\('a', 1.5\) is not"),
        (b'{"a": true}', r"\('a', True\) is not"),
        (b'{"a": "0"}', r"\('a', '0'\) is not"),
        (b'{"a": -1}', r"\('a', -1\) is not"),
        (b'{"a": ' + b"9" * 300 + b"}", r"\('a', 999.*\) is not"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is not a tokenizer.json with a vocabulary"),
        (b"[" * 100_000, "is not a tokenizer.json with a vocabulary"),
        (b"5", "is not a tokenizer.json with a vocabulary"),
        (b'["abc"]', "is not a tokenizer.json with a vocabulary"),
        (b"[[5, 0]]", r"\(5, 0\) is not"),
        (b'{"a": 0}, "vocab": {"b": 0}', "'vocab' comes 2 times"),
        (b'{"a": 3}', "a key's row is 3, but the matrix has 3 rows"),
    ],
)
def test_a_tokenizer_without_a_row_for_each_token_is_refused(tmp_path, rows, message):
    refused(a_folder(tmp_path / "m", THREE, rows), message)


def test_rows_that_no_token_has_are_left_out(tmp_path):
    found = read_vectors(a_folder(tmp_path / "m", THREE, {"c": 2, "a": 0}))
    assert found.keys == ["a", "c"]
    assert np.array_equal(found.vectors, VECTORS[[0, 2]])


@pytest.mark.parametrize("config", [b"[" * 100_000, b"\xff", b"{", b"", b"9" * 5000])
def test_a_damaged_config_is_refused(tmp_path, config):
    refused(a_folder(tmp_path / "m", THREE, ABC, config=config), "config.json is not JSON")


def test_a_config_that_names_an_absent_token_is_refused(tmp_path):
    folder = a_folder(tmp_path / "m", THREE, ABC, config=b'{"firth_added_unknown": true}')
    refused(folder, r"declares \[UNK\] the last token, but that is \['c'\]")


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        (np.ones(3), "its mapping are F64"),
        (np.ones((3, 1), int), r"its mapping are I64 of shape \[3, 1\]"),
        (np.array([0, -1, 1]), "a key's row is"),
        (np.array([0]), "a key's row is 2, but the matrix has 1 row"),
    ],
)
def test_a_mapping_that_does_not_lead_to_rows_is_refused(tmp_path, mapping, message):
    refused(a_folder(tmp_path / "m", {**THREE, "mapping": mapping}, ABC), message)


def test_links_are_followed_and_dangling_ones_refused(tmp_path):
    there = a_folder(tmp_path / "m", THREE, ABC)
    link = tmp_path / "link"
    link.mkdir()
    for name in ("model.safetensors", "tokenizer.json"):
        (link / name).symlink_to(there / name)
    assert read_vectors(link).keys == ["a", "b", "c"]
    (there / "model.safetensors").unlink()
    refused(link, "is a folder without model.safetensors")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(OSError, match="loop"):
        detect(tmp_path / "loop")
