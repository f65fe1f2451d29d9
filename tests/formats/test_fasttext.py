import struct

import numpy as np
import pytest
from subwords._slowly import fnv, ngrams_of

from firth.errors import FormatError, NotEnoughMemoryError
from firth.formats import read_vectors
from firth.formats.fasttext import MAGIC, read_fasttext
from firth.formats.streams import writing_set


def a_bin(words, matrix, *, bucket=0, minn=0, maxn=0, version=12, labels=(), quantised=0, pruned=-1, model=2):
    """Return the bytes of a fastText model up to its output matrix."""
    D = matrix.shape[1]
    head = struct.pack("<2i12id", MAGIC, version, D, 5, 5, 1, 5, 1, 2, model, bucket, minn, maxn, 100, 1e-4)
    head += struct.pack("<3i2q", len(words) + len(labels), len(words), len(labels), 1000, pruned)
    entries = b"".join(word.encode() + b"\0" + struct.pack("<qb", 10 - i, 0) for i, word in enumerate(words))
    entries += b"".join(label.encode() + b"\0" + struct.pack("<qb", 3, 1) for label in labels)
    return head + entries + struct.pack("<b2q", quantised, *matrix.shape) + matrix.astype("<f4").tobytes()


WORDS = ["the", "naïve", "日本", "</s>", "é"]


@pytest.mark.parametrize(("minn", "maxn"), [(3, 6), (1, 2), (2, 2), (0, 0), (0, 3)])
def test_a_vector_is_the_mean_of_those_of_the_word_and_its_ngrams(tmp_path, minn, maxn):
    bucket = 11
    matrix = np.random.default_rng(0).normal(size=(len(WORDS) + bucket, 4)).astype(np.float32)
    (tmp_path / "m.bin").write_bytes(a_bin(WORDS, matrix, bucket=bucket, minn=minn, maxn=maxn))
    found = read_fasttext(tmp_path / "m.bin")
    assert found.keys == WORDS
    assert found.counts.tolist() == [10, 9, 8, 7, 6]
    for index, word in enumerate(WORDS):
        parts = ngrams_of(word, minn, maxn)
        rows = [index, *(len(WORDS) + fnv(part) % bucket for part in parts)]
        # float32 sums in another order than here
        np.testing.assert_allclose(found.vectors[index], matrix[rows].mean(axis=0), rtol=1e-5, atol=1e-6)


def test_labels_are_skipped(tmp_path):
    matrix = np.ones((2, 3), np.float32)
    (tmp_path / "m.bin").write_bytes(a_bin(["a", "b"], matrix, labels=["__label__x"]))
    assert read_vectors(tmp_path / "m.bin").keys == ["a", "b"]


def test_a_classifier_of_version_11_has_no_ngrams(tmp_path):
    matrix = np.arange(16, dtype=np.float32).reshape(8, 2)
    content = a_bin(["aa", "bb"], matrix, bucket=6, minn=1, maxn=2, version=11, model=3)
    (tmp_path / "m.bin").write_bytes(content)
    assert np.array_equal(read_fasttext(tmp_path / "m.bin").vectors, matrix[:2])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"quantised": 1}, "a quantised fastText model"),
        ({"pruned": 4}, "a pruned fastText model"),
        ({"version": 13}, "in version 13 of fastText's format: 11 and 12 can be read"),
        ({"bucket": -5}, "its header is inconsistent"),
        ({"bucket": 5, "rows": 4}, "its matrix is 4 x 3, with 2 words and 5 buckets"),
    ],
)
def test_models_that_cannot_be_read_are_refused_by_name(tmp_path, changes, message):
    matrix = np.ones((changes.pop("rows", 2), 3), np.float32)
    (tmp_path / "m.bin").write_bytes(a_bin(["a", "b"], matrix, **changes))
    with pytest.raises(FormatError, match=message):
        read_fasttext(tmp_path / "m.bin")


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_model_cut_anywhere_is_refused(tmp_path, suffix):
    matrix = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    whole = a_bin(["the", "naïve"], matrix, bucket=5, minn=2, maxn=3)
    path = tmp_path / f"m.bin{suffix}"
    for size in range(4, len(whole)):
        with writing_set(path) as (file,):
            file.write(whole[:size])
        with pytest.raises(FormatError, match=rf"truncated or damaged.* at byte {size}\b"):
            read_vectors(path, "fasttext-bin")


def test_a_wrong_number_of_entries_is_refused(tmp_path):
    content = a_bin(["a"], np.ones((1, 3), np.float32))
    lying = content.replace(struct.pack("<3i", 1, 1, 0), struct.pack("<3i", 2**31 - 1, 2**31 - 1, 0))
    (tmp_path / "m.bin").write_bytes(lying)
    with pytest.raises(FormatError, match="truncated or damaged"):
        read_fasttext(tmp_path / "m.bin")


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_a_compressed_model_is_read(tmp_path, suffix):
    matrix = np.random.default_rng(0).normal(size=(7, 3)).astype(np.float32)
    whole = a_bin(["the", "naïve"], matrix, bucket=5, minn=2, maxn=3)
    (tmp_path / "m.bin").write_bytes(whole)
    with writing_set(tmp_path / f"m.bin{suffix}") as (file,):
        file.write(whole)
    plain, packed = read_fasttext(tmp_path / "m.bin"), read_vectors(tmp_path / f"m.bin{suffix}")
    assert packed.keys == plain.keys
    assert packed.vectors.tobytes() == plain.vectors.tobytes()


def test_a_compressed_matrix_larger_than_memory_is_refused_before_it_is_read(tmp_path):
    rows = 1 << 31
    content = a_bin(["a"], np.ones((1, 30_000), np.float32), bucket=rows - 1, minn=1, maxn=2)
    sizes = content.index(struct.pack("<2q", 1, 30_000))
    with writing_set(tmp_path / "m.bin.gz") as (file,):
        file.write(content[:sizes] + struct.pack("<q", rows) + content[sizes + 8 :])
    with pytest.raises(NotEnoughMemoryError, match=r"2,147,483,648 x 30,000 float32 .* unpack it first"):
        read_fasttext(tmp_path / "m.bin.gz")


def test_the_length_of_ngrams_has_a_limit(tmp_path):
    content = a_bin(["a" * 50_000], np.ones((2, 1), np.float32), bucket=1, minn=0, maxn=2**31 - 1)
    (tmp_path / "m.bin").write_bytes(content)
    with pytest.raises(FormatError, match=r"its header is inconsistent.*maxn=2147483647"):
        read_fasttext(tmp_path / "m.bin")


def test_words_that_are_not_utf8(tmp_path):
    content = a_bin(["caf?"], np.ones((1, 3), np.float32)).replace(b"caf?", b"caf\xc3")
    (tmp_path / "m.bin").write_bytes(content)
    with pytest.raises(FormatError, match="word 1 is not utf8"):
        read_vectors(tmp_path / "m.bin")
    assert read_vectors(tmp_path / "m.bin", unicode_errors="ignore").keys == ["caf"]
