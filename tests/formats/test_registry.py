"""All formats: detection, options, compression, and what they have in common."""

import gzip
import json
import lzma
import os
import pickle
import tracemalloc
import warnings
from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from formats._files import refused
from hypothesis import given, settings
from hypothesis import strategies as st
from stress._corpus import COMPRESS

import firth
from firth import KeyedVectors, Word2Vec, resources, unpacking
from firth.errors import FormatError, NotEnoughMemoryError, OptionError
from firth.formats import (
    COMPRESSIBLE,
    FORMATS,
    detect,
    diagnose,
    format_of_name,
    read_vectors,
    write_vectors,
)
from firth.formats.native import read_native
from firth.formats.word2vec import read_word2vec

WORDS = ["</s>", "the", "naïve", "non\u00a0breaking", "wide\u3000space", "日本", "next\u0085line", "1.5"]

VECTORS = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)[:, :5]  # rows with padding

COUNTS = np.arange(100, 108)

WRITTEN = [name for name, known in FORMATS.items() if known.write]

WITH_COUNTS = {"native", "npz", "safetensors", "huggingface", "projector", "arrow", "parquet", "fasttext-bin"}

WITH_ANY_WORD = {"native", "npz", "safetensors", "huggingface", "arrow", "parquet"}

WITH_WHOLE_NUMBERS = WITH_ANY_WORD - {"huggingface"}

DETECTED_AS = {"fasttext-vec": "word2vec-text", "spacy": "word2vec-text"}  # the same bytes except for whitespace


@pytest.mark.parametrize("counts", [None, COUNTS])
@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_round_trips_exactly_and_is_detected(tmp_path, name, named, counts):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS, counts)
    found = read_vectors(tmp_path / "v", name if named else None)
    assert found.keys == WORDS
    assert found.vectors.dtype == np.float32
    assert found.vectors.tobytes() == VECTORS.tobytes()
    assert found.format == (name if named else DETECTED_AS.get(name, name))
    if counts is not None and name in WITH_COUNTS:
        assert found.counts.tolist() == COUNTS.tolist()
    elif name == "fasttext-bin":  # it always has counts
        assert found.counts.tolist() == [1] * 8
    else:
        assert found.counts is None


@pytest.mark.parametrize("name", WRITTEN)
def test_a_limit_keeps_the_first_rows(tmp_path, name):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS, COUNTS)
    found = read_vectors(tmp_path / "v", limit=3)
    assert found.keys == WORDS[:3]
    assert np.array_equal(found.vectors, VECTORS[:3])
    assert found.counts is None or found.counts.tolist() == [100, 101, 102]
    assert read_vectors(tmp_path / "v", limit=99).keys == WORDS


@pytest.mark.parametrize("limit", [0, -1, 1.5, "2", True])
@pytest.mark.parametrize("name", ["npz", "word2vec-text"])
def test_an_invalid_limit_is_refused(tmp_path, name, limit):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS)
    message = rf"limit={limit!r} is not allowed: give a whole number of at least 1 or None"
    for read in (read_vectors, KeyedVectors.load_word2vec_format):
        with pytest.raises(OptionError, match=message):
            read(tmp_path / "v", limit=limit)


REMEDIES = {
    **dict.fromkeys(WRITTEN, r"give limit= to read fewer rows \(read_vectors and load_word2vec_format take it\)"),
    **dict.fromkeys(["native", "safetensors", "huggingface"], r"map its vectors .* KeyedVectors\.load\(.*mmap=True"),
    "npz": "use a machine with more memory",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_vectors_larger_than_memory_are_refused_with_a_remedy(tmp_path, monkeypatch, name):
    write_vectors(tmp_path / "v", name, [f"word{i}" for i in range(3000)], np.ones((3000, 100), np.float32))
    monkeypatch.setattr(resources, "memory_rooms", lambda unused=0: [("a limit", 1 << 17)])
    with pytest.raises(NotEnoughMemoryError, match=rf"^reading {tmp_path / 'v'}.* needs .*{REMEDIES[name]}"):
        KeyedVectors.load(tmp_path / "v", name)
    if name == "native":
        with pytest.raises(NotEnoughMemoryError, match=REMEDIES[name]):
            Word2Vec.load(tmp_path / "v")
    if "limit" in REMEDIES[name]:
        assert read_vectors(tmp_path / "v", name, limit=100).vectors.shape == (100, 100)
    elif name != "npz":
        assert len(KeyedVectors.load(tmp_path / "v", name, mmap=True)) == 3000
    problems = diagnose(tmp_path / "v").problems
    assert all("word0" not in problem and str(tmp_path / "v") in problem for problem in problems)
    assert bool(problems) == (name not in ("word2vec-text", "word2vec-binary", "glove", "fasttext-vec", "spacy"))


@pytest.mark.parametrize("name", WRITTEN)
@settings(max_examples=20, deadline=None)
@given(
    numbers=st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=2, max_size=9),
    words=st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters=" \t\n\v\f\r\0"), min_size=1, max_size=9),
        min_size=1,
        max_size=9,
        unique=True,
    ),
)
def test_every_float32_and_every_word_comes_back(tmp_path_factory, name, numbers, words):
    path = tmp_path_factory.mktemp("formats") / "v"
    vectors = np.array([np.roll(numbers, shift) for shift in range(len(words))], np.float32)
    write_vectors(path, name, words, vectors)
    found = read_vectors(path, name)
    assert found.keys == words
    assert found.vectors.tobytes() == vectors.tobytes()  # bytes: -0.0 is not 0.0


@pytest.mark.parametrize("name", sorted(WITH_ANY_WORD))
def test_words_with_whitespace_are_kept_by_formats_that_can(tmp_path, name):
    words = ["new york", "tab\there", "line\nbreak", " ", "cr\r"]
    write_vectors(tmp_path / "v", name, words, VECTORS[:5])
    assert read_vectors(tmp_path / "v").keys == words


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - WITH_ANY_WORD))
def test_words_with_newlines_are_refused_by_line_formats(tmp_path, name):
    with pytest.raises(FormatError, match=r"word 'line\\nbreak' holds '\\n'.*Rename it"):
        write_vectors(tmp_path / "v", name, ["ok", "line\nbreak"], VECTORS[:2])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", sorted(WITH_WHOLE_NUMBERS))
def test_whole_number_keys_stay_whole_numbers(tmp_path, name):
    write_vectors(tmp_path / "v", name, [7, -1, 1 << 40], VECTORS[:3])
    assert read_vectors(tmp_path / "v").keys == [7, -1, 1 << 40]


@pytest.mark.parametrize("kind", ["f2", "f8"])
@pytest.mark.parametrize("name", sorted(WITH_ANY_WORD))
def test_half_and_double_precision_are_kept(tmp_path, name, kind):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS.astype(kind))
    found = read_vectors(tmp_path / "v").vectors
    assert found.dtype == kind
    assert np.array_equal(found, VECTORS.astype(kind))


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("name", COMPRESSIBLE)
def test_a_suffix_compresses(tmp_path, name, suffix):
    path = tmp_path / f"v{suffix}"
    many = [f"word{i}" for i in range(1000)]
    write_vectors(path, name, many, np.ones((1000, 8), np.float32))
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 12_000
    found = read_vectors(path)
    assert found.keys == many
    assert (found.vectors == 1).all()


def test_compressing_the_same_vectors_twice_gives_the_same_bytes(tmp_path):
    for name in ("a.txt.gz", "b.txt.gz"):
        write_vectors(tmp_path / name, None, WORDS, VECTORS)
    assert (tmp_path / "a.txt.gz").read_bytes() == (tmp_path / "b.txt.gz").read_bytes()


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
def test_compressed_streams_are_all_read_and_a_damaged_one_is_refused(tmp_path, suffix):
    path, packed = tmp_path / f"v.glove{suffix}", COMPRESS[suffix](b"a 1 2\n")
    path.write_bytes(packed + COMPRESS[suffix](b"b 3 4\n"))
    assert read_vectors(path).keys == ["a", "b"]
    for damaged in (packed[:-9], packed + b"garbage", packed + b"\x01" + packed[1:], packed + b"x" * 100_000):
        path.write_bytes(damaged)
        with pytest.raises(FormatError, match=rf"v\.glove\{suffix} is not a complete \{suffix} file"):
            read_vectors(path)
        assert not diagnose(path).is_sound


def test_an_xz_file_that_needs_too_much_memory_is_refused(tmp_path, monkeypatch):
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    (tmp_path / "v.glove.xz").write_bytes(lzma.compress(b"a 1 2\n", filters=filters, check=lzma.CHECK_NONE))
    assert read_vectors(tmp_path / "v.glove.xz").keys == ["a"]
    monkeypatch.setattr(unpacking, "XZ_MEMORY", 2**20)
    with pytest.raises(FormatError, match=r"is not a complete \.xz file: Memory usage limit exceeded"):
        read_vectors(tmp_path / "v.glove.xz")


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - set(COMPRESSIBLE)))
def test_other_formats_are_not_written_compressed(tmp_path, name):
    with pytest.raises(OptionError, match=r"v\.gz: the .* format is never compressed: remove \.gz from the name"):
        write_vectors(tmp_path / "v.gz", name, WORDS, VECTORS)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("m.firth", "native"),
        ("v.txt", "word2vec-text"),
        ("v.TXT.gz", "word2vec-text"),
        ("v.bin", "word2vec-binary"),
        ("v.vec", "fasttext-vec"),
        ("v.npz", "npz"),
        ("v.safetensors", "safetensors"),
        ("v.tsv", "projector"),
        ("v.arrow", "arrow"),
        ("v.feather", "arrow"),
        ("v.parquet", "parquet"),
    ],
)
def test_the_suffix_chooses_the_format(name, chosen):
    assert format_of_name(name).name == chosen


@pytest.mark.parametrize("name", sorted(set(WRITTEN) - set(COMPRESSIBLE) - {"huggingface"}))
def test_a_compressed_file_of_another_format_is_refused_with_a_remedy(tmp_path, name):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS)
    (tmp_path / "v.gz").write_bytes(gzip.compress((tmp_path / "v").read_bytes()))
    with pytest.raises(FormatError, match=r"is a compressed file of format .*unpack it first"):
        read_vectors(tmp_path / "v.gz")


READERS = {
    "firth.load": firth.load,
    "Word2Vec.load": Word2Vec.load,
    "KeyedVectors.load": KeyedVectors.load,
    "KeyedVectors.load as native": partial(KeyedVectors.load, format="native"),
    "read_vectors": read_vectors,
    "load_word2vec_format": KeyedVectors.load_word2vec_format,
}

ADVICE = r"KeyedVectors\.load|unpack it first|no_header=True|its first line is|with single spaces"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
@pytest.mark.parametrize("name", sorted(set(WRITTEN) - {"huggingface"}))
def test_no_reader_asks_for_a_suffix_that_the_file_has(tmp_path, name, suffix, reader):
    """A compressed file of any format is read, or refused with advice that is true."""
    write_vectors(tmp_path / "v", name, WORDS, VECTORS)
    for file in list(tmp_path.iterdir()):
        file.with_name(f"{file.name}{suffix}").write_bytes(COMPRESS[suffix](file.read_bytes()))
        file.unlink()
    path = next(iter(tmp_path.iterdir())) if name == "projector" else tmp_path / f"v{suffix}"
    with suppress(FormatError), warnings.catch_warnings(action="error"):
        READERS[reader](path)
        return
    with pytest.raises(FormatError, match=ADVICE) as error:
        READERS[reader](path)
    assert "a name ending in" not in str(error.value)


@pytest.mark.parametrize("read", [firth.load, Word2Vec.load, partial(KeyedVectors.load, format="native")])
def test_a_compressed_word2vec_file_is_not_a_native_file(tmp_path, read):
    write_vectors(tmp_path / "v.bin.gz", None, WORDS, VECTORS)
    message = r"v\.bin\.gz is a gzip file, and a file that firth saved is never compressed: read .*KeyedVectors\.load"
    with pytest.raises(FormatError, match=message):
        read(tmp_path / "v.bin.gz")
    assert KeyedVectors.load(tmp_path / "v.bin.gz").index_to_key == WORDS
    (tmp_path / "v.bin.gz").rename(tmp_path / "v.bin")
    with pytest.raises(FormatError, match=r"v\.bin is a gzip file, .*, or give it a name ending in \.gz"):
        read(tmp_path / "v.bin")


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
def test_a_file_compressed_twice_is_refused(tmp_path, suffix):
    path = tmp_path / f"v.bin{suffix}"
    path.write_bytes(COMPRESS[suffix](COMPRESS[suffix](b"1 2\na 1 2\n")))
    for read in (read_vectors, KeyedVectors.load, KeyedVectors.load_word2vec_format):
        with pytest.raises(FormatError, match=r" file inside a compressed file.*: unpack it first$"):
            read(path)


def test_a_wrong_compression_suffix_is_reported(tmp_path):
    (tmp_path / "v.txt.gz").write_bytes(b"1 2\na 1 2\n")
    with pytest.raises(FormatError, match=r"is not a complete \.gz file: .* Download it again, or correct its name"):
        read_vectors(tmp_path / "v.txt.gz")


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
def test_a_model_is_not_saved_under_the_name_of_a_compressed_file(tmp_path, suffix):
    model = Word2Vec(vector_size=2, min_count=1, sample=0, epochs=1, workers=1).fit([["a", "b"]] * 50, progress=False)
    for save in (model.save, model.wv.save):
        with pytest.raises(OptionError, match=rf"the native format is never compressed: remove \{suffix} from"):
            save(tmp_path / f"v.bin{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_a_compressed_vocabulary_is_read_for_counts(tmp_path):
    write_vectors(tmp_path / "v.txt.gz", None, WORDS, VECTORS, COUNTS, fvocab=tmp_path / "vocab.gz")
    assert gzip.decompress((tmp_path / "vocab.gz").read_bytes()).startswith(b"</s> 100\n")
    assert read_vectors(tmp_path / "v.txt.gz", fvocab=tmp_path / "vocab.gz").counts.tolist() == COUNTS.tolist()


def test_a_name_without_a_known_suffix_is_refused(tmp_path):
    with pytest.raises(OptionError, match=r"'vectors' has no suffix of a known format: use one of \.firth, \.txt"):
        write_vectors("vectors", None, WORDS, VECTORS)
    assert format_of_name(tmp_path).name == "huggingface"


def test_unknown_formats_and_options_are_refused_with_a_hint(tmp_path):
    with pytest.raises(OptionError, match=r"format='parket' is unknown: did you mean 'parquet'\?"):
        read_vectors(tmp_path / "v", "parket")
    with pytest.raises(OptionError, match="the npz format does not accept fvocab='x': leave it out"):
        write_vectors(tmp_path / "v", "npz", WORDS, VECTORS, fvocab="x")
    write_vectors(tmp_path / "v", "word2vec-text", WORDS, VECTORS)
    with pytest.raises(OptionError, match="the word2vec-text format does not accept mmap=True"):
        read_vectors(tmp_path / "v", mmap=True)


def test_a_format_without_a_writer_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(FORMATS, "npz", replace(FORMATS["npz"], write=None))
    with pytest.raises(OptionError, match="'npz' can be read but not written: write one of native"):
        write_vectors(tmp_path / "v", "npz", WORDS, VECTORS)


@pytest.mark.parametrize("name", WRITTEN)
def test_shapes_that_differ_are_refused_before_anything_is_written(tmp_path, name):
    with pytest.raises(OptionError, match="8 keys"):
        write_vectors(tmp_path / "v", name, WORDS, VECTORS[:2])
    with pytest.raises(OptionError, match="give one count for each of 8 keys"):
        write_vectors(tmp_path / "v", name, WORDS, VECTORS, COUNTS[:2])
    if np.dtype(np.longdouble).name != "float64":  # as long doubles are on some processors
        with pytest.raises(OptionError, match=r"one row of .*float64 for each of 8 keys: .* dtype float"):
            write_vectors(tmp_path / "v", name, WORDS, VECTORS.astype(np.longdouble))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps({"a": 1}),
            r"a Python pickle or a gensim model.*never unpickles.*Word2Vec.load\(...\).wv.save_word2vec_format",
        ),
        (b"\x93NUMPY\x01\x00", "a NumPy .npy array.*numpy.load"),
        (b"PK\x03\x04 and no more", "a zip archive"),
        (gzip.compress(b"2 2\na 1 2\nb 3 4\n", mtime=0), r"a gzip file.*name ending in \.gz"),
        (b"", "not in a format that firth reads: it begins with b''"),
        (b"Once upon a time there was\n", "not in a format that firth reads: it begins with b'Once upon"),
    ],
)
def test_other_kinds_of_file_are_named_and_never_run(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    own = () if "not in a format" in message else (read_native, read_word2vec)
    for read in (detect, read_vectors, KeyedVectors.load, *own):
        with pytest.raises(FormatError, match=message):
            read(tmp_path / "v")


def test_a_folder_and_a_missing_file(tmp_path):
    with pytest.raises(FormatError, match=r"is a folder without model\.safetensors in it"):
        read_vectors(tmp_path)
    with pytest.raises(FileNotFoundError):
        read_vectors(tmp_path / "none")


@pytest.mark.parametrize("name", [*sorted(WITH_ANY_WORD), "word2vec-text", "word2vec-binary"])
def test_no_keys_at_all(tmp_path, name):
    write_vectors(tmp_path / "v", name, [], np.empty((0, 4), np.float32))
    assert read_vectors(tmp_path / "v").vectors.shape == (0, 4)


@pytest.mark.parametrize("name", ["safetensors", "huggingface", "npz", "arrow", "parquet"])
def test_a_file_cut_anywhere_is_refused(tmp_path, name):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS, COUNTS)
    path = tmp_path / "v" / "model.safetensors" if name == "huggingface" else tmp_path / "v"
    whole = path.read_bytes()
    for size in range(0, len(whole), 7):
        path.write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_vectors(tmp_path / "v", name)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name not in ("native", "huggingface")])
def test_of_repeated_keys_the_first_is_kept_and_the_rest_counted(tmp_path, name):
    write_vectors(tmp_path / "v", name, ["a", "b", "a"], VECTORS[:3], [5, 6, 7])
    with pytest.warns(UserWarning, match=r"dropped 1 of 3 rows \(repeated words\)"):
        found = read_vectors(tmp_path / "v")
    assert found.keys == ["a", "b"]
    assert np.array_equal(found.vectors, VECTORS[:2])
    assert found.counts is None or found.counts.tolist() == [5, 6]


@pytest.mark.parametrize("name", WRITTEN)
def test_rows_with_not_a_numbers_are_counted(tmp_path, name):
    vectors = VECTORS.copy()
    vectors[1, 2], vectors[3, 0] = np.nan, np.inf
    write_vectors(tmp_path / "v", name, WORDS, vectors)
    if name == "native":  # the training run reported them
        assert np.isnan(read_vectors(tmp_path / "v").vectors[1, 2])
        return
    with pytest.warns(UserWarning, match="infinities or not-a-numbers in 2 rows"):
        read_vectors(tmp_path / "v")


@pytest.mark.parametrize("read", [read_vectors, KeyedVectors.load])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("v.npz", "repeated words"),
        ("v.txt", "repeated words"),
        ("broken.safetensors", "infinities or not-a-numbers in 1 row"),
        ("cut.txt", "does not end in a newline"),
        ("v_metadata.tsv", "only the first is read, as the word"),
    ],
)
def test_a_warning_points_at_the_caller_of_firth(tmp_path, read, name, message):
    write_vectors(tmp_path / "v.npz", None, ["a", "a"], VECTORS[:2])
    write_vectors(tmp_path / "v.txt", None, ["a", "a"], VECTORS[:2])
    write_vectors(tmp_path / "broken.safetensors", None, ["a"], np.full((1, 2), np.nan, np.float32))
    (tmp_path / "cut.txt").write_bytes(b"1 2\na 1 2")
    (tmp_path / "v_metadata.tsv").write_bytes(b"word\tcolour\na\tred\n")
    (tmp_path / "v_tensor.tsv").write_bytes(b"1\t2\n")
    with pytest.warns(UserWarning, match=message) as caught:
        read(tmp_path / name)
    assert [warning.filename for warning in caught] == [__file__]


def test_a_warning_of_absent_counts_points_at_the_caller_of_firth(tmp_path):
    write_vectors(tmp_path / "v.txt", None, ["a", "b"], VECTORS[:2])
    (tmp_path / "counts").write_bytes(b"a 1\n")
    for read in (read_vectors, KeyedVectors.load_word2vec_format):
        with pytest.warns(UserWarning, match="has no count for 1 of 2 words") as caught:
            read(tmp_path / "v.txt", fvocab=tmp_path / "counts")
        assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize("name", ["native", "safetensors", "huggingface"])
def test_a_mapped_matrix_is_read_only_and_gives_the_same_answers(tmp_path, name):
    KeyedVectors(WORDS, VECTORS, COUNTS).save(tmp_path / "v", name)
    mapped, read = (KeyedVectors.load(tmp_path / "v", mmap=mmap) for mmap in ("r", None))
    assert isinstance(read_vectors(tmp_path / "v", mmap=True).vectors, np.memmap)
    assert mapped.index_to_key == read.index_to_key == WORDS
    assert np.array_equal(mapped.vectors, read.vectors)
    assert mapped.most_similar("the") == read.most_similar("the")
    with pytest.raises(ValueError, match="read-only"):
        mapped.vectors[0, 0] = 1


def test_mapping_checks_the_keys_but_not_the_matrix(tmp_path):
    KeyedVectors(["needle", *WORDS[1:]], VECTORS).save(tmp_path / "v")
    whole = (tmp_path / "v").read_bytes()
    (tmp_path / "v").write_bytes(whole.replace(VECTORS.tobytes(), bytes(VECTORS.nbytes)))
    assert not KeyedVectors.load(tmp_path / "v", mmap=True).vectors.any()
    with pytest.raises(FormatError, match="the checksum of center differs"):
        KeyedVectors.load(tmp_path / "v")
    (tmp_path / "v").write_bytes(whole.replace(b"needle", b"nettle"))
    with pytest.raises(FormatError, match="the checksum of words differs"):
        KeyedVectors.load(tmp_path / "v", mmap=True)


def test_mapped_vectors_can_be_queried_and_extended(tmp_path):
    keys = [f"w{i}" for i in range(100)]
    vectors = np.random.default_rng(0).normal(size=(100, 5)).astype(np.float32)
    KeyedVectors(keys, vectors).save(tmp_path / "v")
    mapped = KeyedVectors.load(tmp_path / "v", mmap=True)
    assert mapped.get_index("w42") == 42
    assert mapped.most_similar("w42", topn=3) == KeyedVectors(keys, vectors).most_similar("w42", topn=3)
    mapped.add_vector("new", np.ones(5, np.float32))
    assert mapped.get_index("new") == 100
    assert mapped.get_index("w99") == 99
    assert not KeyedVectors.load(tmp_path / "v").has_index_for("new")


def test_every_format_has_one_line_of_description():
    descriptions = [known.description for known in FORMATS.values()]
    assert all(text and "\n" not in text and len(text) <= 80 for text in descriptions)


def test_reading_and_writing_take_little_memory_beside_the_matrix(tmp_path):

    V, D = 20_000, 200  # 16 MB
    words = [f"w{i}" for i in range(V)]
    vectors = np.random.default_rng(1).random((V, D), dtype=np.float32)
    for name in ("native", "word2vec-binary", "npz", "safetensors", "huggingface", "arrow"):
        tracemalloc.start()
        write_vectors(tmp_path / name, name, words, vectors)
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        read_vectors(tmp_path / name)
        read = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        # the words take some 3 MB more than once; a second copy of the matrix would take 16
        assert written < 14e6, name
        assert read < vectors.nbytes + 15e6, name


# --- detection


@pytest.mark.parametrize("name", ["native", "safetensors"])
def test_a_header_of_any_length_is_detected(tmp_path, name):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS)
    content = (tmp_path / "v").read_bytes()
    size = int.from_bytes(content[:8], "little")
    for longer in (10, 522, 2616, 2826):  # among whose bytes is that of a newline
        padding = b" " * (longer - size)
        if longer > size:
            header = longer.to_bytes(8, "little") + content[8 : 8 + size] + padding
            (tmp_path / "v").write_bytes(header + content[8 + size :])
            assert detect(tmp_path / "v").name == name


BEGINNINGS = [b"", b"PAR1", b"ARROW1\0\0", b"PK\3\4", b"9 9\n", b'\x10\0\0\0\0\0\0\0{"', b"\xba\x16\x4f\x2f", b"\x80\4"]


@given(st.builds(lambda first, rest: first + rest, st.sampled_from(BEGINNINGS), st.binary(max_size=300)))
def test_any_bytes_are_a_known_format_or_refused(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "anything"
    path.write_bytes(content)
    with suppress(FormatError):
        detect(path)
    json.dumps(diagnose(path).to_dict())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"9" * 5000 + b" 3\n", "not in a format that firth reads: it begins with b'9{40}'"),
        (b"3 " + b"9" * 5000 + b"\n", "not in a format that firth reads: it begins with b'3 9{38}'"),
        (b"3 " + b"9" * 60 + b"\nabc", "not in a format that firth reads: it begins with b'3 9{38}'"),
        (b"3" + b" " * 200 + b"3\na 1 2 3\n", "not in a format that firth reads: it begins with b'3 {39}'"),
        (b"0" * 120 + b"3 0002\na 1 2\n", "not in a format that firth reads: it begins with b'0{40}'"),
        (b"3 999999999999999999\na 1 2 3\n", "declares vectors of 999,999,999,999,999,999 dimensions; from 1 to 65536"),
        (b"1000000000000 3\na 1 2 3\n", "declares 1,000,000,000,000 rows of 3 dimensions, which need at least"),
    ],
)
def test_a_first_line_of_absurd_numbers_is_refused(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    refused(tmp_path / "v", message)


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize(
    "read",
    [
        detect,
        Word2Vec.load,
        KeyedVectors.load_word2vec_format,
        *(partial(read_vectors, format=name) for name in [None, *FORMATS]),
    ],
)
@pytest.mark.parametrize("name", ["pipe", "pipe.gz"])
def test_a_pipe_is_refused_without_waiting(tmp_path, read, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(FormatError, match=f"{name} is a pipe, a socket or a device"):
        read(tmp_path / name)


@pytest.mark.timeout(20)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_beside_a_file_of_vectors_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "p_metadata.tsv")
    (tmp_path / "p_tensor.tsv").write_bytes(b"1\t2\n")
    (tmp_path / "v.txt").write_bytes(b"1 2\na 1 2\n")
    for path, options in [("p", {"format": "projector"}), ("v.txt", {"fvocab": tmp_path / "p_metadata.tsv"})]:
        with pytest.raises(FormatError, match=r"p_metadata\.tsv is a pipe, a socket or a device"):
            read_vectors(tmp_path / path, **options)
