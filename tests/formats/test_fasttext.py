import struct

import numpy as np
import pytest
from subwords._slowly import fnv, ngrams_of

from firth.errors import FormatError, NotEnoughMemoryError, OptionError
from firth.formats import read_vectors
from firth.formats.fasttext import MAGIC, read_fasttext, read_fasttext_model, write_fasttext
from firth.formats.streams import writing_set
from firth.objectives import hierarchical_softmax, huffman_tree, sigmoid
from firth.subwords import NgramScheme, SubwordVectors


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


# --- writing


VECTORS = np.random.default_rng(4).normal(size=(5, 4)).astype(np.float32)


def test_a_written_model_has_the_layout_of_one_that_fasttext_writes(tmp_path):
    """The bytes of `a_bin`, with the header's numbers from the options, and a matrix of zeros at the end."""
    scheme = NgramScheme(2, 3, 7)
    rows = np.random.default_rng(5).normal(size=(7, 4)).astype(np.float32)
    subwords = SubwordVectors(scheme, rows)
    vectors = subwords.compose([word.encode() for word in WORDS], VECTORS)
    write_fasttext(tmp_path / "m.bin", WORDS, vectors, np.arange(10, 5, -1), subwords=subwords)
    own = subwords.own_rows([word.encode() for word in WORDS], vectors)
    expected = a_bin(WORDS, np.concatenate([own, rows]), bucket=7, minn=2, maxn=3)
    expected = expected.replace(struct.pack("<id", 100, 1e-4), struct.pack("<id", 100, 1e-3))  # lrUpdateRate, t
    expected = expected.replace(struct.pack("<2q", 1000, -1), struct.pack("<2q", 40, -1))  # tokens, pruned
    written = (tmp_path / "m.bin").read_bytes()
    header = struct.Struct("<14id")
    assert header.unpack_from(written)[:8] == (MAGIC, 12, 4, 5, 5, 5, 5, 1)
    assert header.unpack_from(written)[8:] == (2, 2, 7, 2, 3, 100, 1e-3)
    zeros = struct.pack("<b2q", 0, 5, 4) + bytes(4 * 5 * 4)
    assert written[header.size :] == expected[header.size :] + zeros


def test_counts_below_one_are_written_as_one(tmp_path):
    write_fasttext(tmp_path / "m.bin", WORDS, VECTORS, np.array([9, 5, 1, 0, -3]))
    assert read_fasttext(tmp_path / "m.bin").counts.tolist() == [9, 5, 1, 1, 1]


@pytest.mark.parametrize("word", ["", "two words", "line\nbreak", "nul\0"])
def test_words_that_fasttext_cannot_hold_are_refused(tmp_path, word):
    with pytest.raises(FormatError, match=r"fastText's \.bin cannot hold that"):
        write_fasttext(tmp_path / "m.bin", [word], np.ones((1, 2), np.float32))
    assert list(tmp_path.iterdir()) == []


def test_matrices_of_other_shapes_are_refused(tmp_path):
    with pytest.raises(OptionError, match=r"outside has shape \(4, 4\): it must have that of the vectors, \(5, 4\)"):
        write_fasttext(tmp_path / "m.bin", WORDS, VECTORS, outside=VECTORS[:4])
    subwords = SubwordVectors(NgramScheme(2, 3, 7), np.ones((7, 3), np.float32))
    with pytest.raises(OptionError, match="the rows of n-grams have 3 numbers, and the vectors 4"):
        write_fasttext(tmp_path / "m.bin", WORDS, VECTORS, subwords=subwords)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("counts", [[9, 5, 4, 3, 1], [2, 2, 2, 2, 2], [16, 8, 4, 2, 2]])
def test_in_a_file_the_sigmoid_of_a_node_is_the_probability_of_child_1(tmp_path, counts):
    nodes, tree = np.random.default_rng(6).normal(size=(4, 4)).astype(np.float32), huffman_tree(counts)
    options = {"objective": "hierarchical_softmax"}
    write_fasttext(tmp_path / "m.bin", WORDS, VECTORS, np.array(counts), nodes=nodes, options=options)
    in_file = np.frombuffer((tmp_path / "m.bin").read_bytes()[-4 * 5 * 4 :], "<f4").reshape(5, 4).astype(float)
    for word, vector in enumerate(VECTORS.astype(float)):
        points, codes = tree.path(word)
        child_1 = sigmoid(in_file[points] @ vector)
        loss = -np.log(np.where(codes == 1, child_1, 1 - child_1)).sum()
        assert loss == pytest.approx(hierarchical_softmax(vector, word, nodes.astype(float), tree)[0], rel=1e-6)
    assert np.array_equal(read_fasttext_model(tmp_path / "m.bin").output, [*nodes, np.zeros(4)])


@pytest.mark.parametrize(
    ("rows", "counts", "message"),
    [
        (5, [5, 4, 3, 2, 1], r"nodes has shape \(5, 4\): it must be \(4, 4\), for the tree of 5 words"),
        (4, [5, 4, 3, 2, 9], "the counts do not descend, but fastText makes the tree .* from descending counts"),
        (4, None, "the counts are unknown, but fastText makes"),
    ],
)
def test_nodes_that_do_not_fit_the_tree_are_refused(tmp_path, rows, counts, message):
    with pytest.raises(OptionError, match=message):
        write_fasttext(
            tmp_path / "m.bin", WORDS, VECTORS, counts if counts is None else np.array(counts), nodes=VECTORS[:rows]
        )
    assert list(tmp_path.iterdir()) == []


def test_the_header_names_the_objective_and_the_architecture(tmp_path):
    for options, loss, model in [({}, 2, 2), ({"objective": "softmax"}, 3, 2), ({"architecture": "cbow"}, 2, 1)]:
        write_fasttext(tmp_path / "m.bin", WORDS, VECTORS, options=options)
        assert struct.unpack_from("<2i", (tmp_path / "m.bin").read_bytes(), 32) == (loss, model)


def test_the_ngrams_of_a_plain_file_are_mapped_and_unseen_words_have_vectors(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(len(WORDS) + 11, 4)).astype(np.float32)
    (tmp_path / "m.bin").write_bytes(a_bin(WORDS, matrix, bucket=11, minn=3, maxn=6))
    found = read_fasttext(tmp_path / "m.bin").subwords
    assert isinstance(found.rows, np.memmap)
    rows = [len(WORDS) + fnv(part) % 11 for part in ngrams_of("unseen", 3, 6)]
    np.testing.assert_allclose(found.vector("unseen"), matrix[rows].mean(axis=0), rtol=1e-5, atol=1e-6)
