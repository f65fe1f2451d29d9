"""word2vec's formats and GloVe's text, as firth and other programs write them."""

import pickle
import warnings

import numpy as np
import pytest
from stress._targets import written

from firth.errors import FormatError, OptionError
from firth.formats import word2vec_rows
from firth.formats.decimals import parse_fields
from firth.formats.word2vec import read_word2vec, write_word2vec

WORDS = ["</s>", "the", "naïve", "non\u00a0breaking", "wide\u3000space", "日本", "next\u0085line", "1.5"]

VECTORS = np.random.default_rng(0).normal(size=(8, 16)).astype(np.float32)[:, :5]


def same(file, keys=WORDS, vectors=VECTORS):
    assert file.keys == list(keys)
    assert file.vectors.dtype == np.float32
    assert np.array_equal(file.vectors, vectors)


def c_text(words, vectors):
    """Return the bytes word2vec.c writes with -binary 0."""
    lines = [word.encode() + b" " + b"".join(b"%f " % x for x in row) for word, row in zip(words, vectors, strict=True)]
    return b"%d %d\n" % vectors.shape + b"".join(line + b"\n" for line in lines)


def c_binary(words, vectors):
    """Return the bytes word2vec.c writes with -binary 1."""
    records = [word.encode() + b" " + row.tobytes() + b"\n" for word, row in zip(words, vectors, strict=True)]
    return b"%d %d\n" % vectors.shape + b"".join(records)


def test_text_as_word2vec_c_writes_it(tmp_path):
    (tmp_path / "v").write_bytes(c_text(WORDS, VECTORS))
    file = read_word2vec(tmp_path / "v")
    assert file.keys == WORDS
    np.testing.assert_allclose(file.vectors, VECTORS, atol=5.1e-7)  # it writes six decimals


def test_binary_as_word2vec_c_writes_it(tmp_path):
    (tmp_path / "v").write_bytes(c_binary(WORDS, VECTORS))
    same(read_word2vec(tmp_path / "v"))


def test_floats_with_newlines_and_spaces_among_their_bytes_are_read(tmp_path):
    vectors = np.frombuffer(b"\n\n\n\n    \n \n \n\n\n\n", dtype="<f4").reshape(2, 2)
    (tmp_path / "v").write_bytes(c_binary(["a", "b"], vectors))
    same(read_word2vec(tmp_path / "v", binary=True), ["a", "b"], vectors)


def test_a_large_binary_file_is_read_across_chunks(tmp_path):
    vectors = np.random.default_rng(1).normal(size=(30_000, 50)).astype(np.float32)
    words = [f"w{i}" for i in range(30_000)]
    (tmp_path / "v").write_bytes(c_binary(words, vectors))
    same(read_word2vec(tmp_path / "v"), words, vectors)
    assert read_word2vec(tmp_path / "v", limit=25_000).vectors.shape == (25_000, 50)


def test_counts_are_written_to_and_read_from_a_vocabulary_file(tmp_path):
    counts = np.arange(100, 108)
    write_word2vec(tmp_path / "v", WORDS, VECTORS, counts=counts, fvocab=tmp_path / "vocab")
    assert (tmp_path / "vocab").read_bytes().startswith(b"</s> 100\nthe 101\n")
    assert read_word2vec(tmp_path / "v", fvocab=tmp_path / "vocab").counts.tolist() == counts.tolist()


def test_a_vocabulary_file_without_some_words_is_reported(tmp_path):
    write_word2vec(tmp_path / "v", ["a", "b"], VECTORS[:2])
    (tmp_path / "vocab").write_text("b 7\n")
    with pytest.warns(UserWarning, match="no count for 1 of 2 words, such as 'a'"):
        assert read_word2vec(tmp_path / "v", fvocab=tmp_path / "vocab").counts.tolist() == [0, 7]


@pytest.mark.parametrize("count", [b"seven", b"", b"-1", b"9" * 19, b"9" * 5000, b"\xd9\xa3", b"1_0", b"7\0"])
def test_a_vocabulary_file_with_an_invalid_count_is_refused(tmp_path, count):
    write_word2vec(tmp_path / "v", ["a", "b"], VECTORS[:2])
    (tmp_path / "vocab").write_bytes(b"a 5\nb " + count + b"\n")
    with pytest.raises(FormatError, match="vocab, line 2 is not a word and its count: 'b"):
        read_word2vec(tmp_path / "v", fvocab=tmp_path / "vocab")


def test_a_vocabulary_file_of_another_encoding_is_refused_and_one_that_is_cut_reported(tmp_path):
    write_word2vec(tmp_path / "v", ["a", "b"], VECTORS[:2])
    (tmp_path / "vocab").write_bytes(b"a 5\n\xff 7\n")
    with pytest.raises(FormatError, match=r"vocab: word 2 is not utf8: b'\\xff'"):
        read_word2vec(tmp_path / "v", fvocab=tmp_path / "vocab")
    (tmp_path / "vocab").write_bytes(b"a 5\r\na 6\n\nb 123456789012345678")
    with pytest.warns(UserWarning, match="vocab: the last line does not end in a newline"):
        assert read_word2vec(tmp_path / "v", fvocab=tmp_path / "vocab").counts.tolist() == [5, 123456789012345678]


def test_asking_for_counts_that_are_not_there_is_refused(tmp_path):
    with pytest.raises(OptionError, match="have none: leave it out"):
        write_word2vec(tmp_path / "v", WORDS, VECTORS, fvocab=tmp_path / "vocab")


def test_a_bad_line_behind_many_good_ones_is_found_by_halves(tmp_path, monkeypatch):
    n = 20_000
    (tmp_path / "v").write_bytes(b"%d 1\n" % n + b"".join(b"w%d 1\n" % i for i in range(n - 2)) + b"x y\nz -\n")
    sizes = []

    def counted(numbers, *arguments):
        sizes.append(len(numbers))
        return parse_fields(numbers, *arguments)

    monkeypatch.setattr(word2vec_rows, "parse_fields", counted)
    with pytest.raises(FormatError, match=f"line {n} is not a word and 1 number.*'x y'"):
        read_word2vec(tmp_path / "v", binary=False)
    assert sum(sizes) < 4 * n
    assert len(sizes) < 64


def test_text_without_a_header_is_read_on_request(tmp_path):
    write_word2vec(tmp_path / "v", WORDS, VECTORS)
    (tmp_path / "glove").write_bytes((tmp_path / "v").read_bytes().partition(b"\n")[2])
    same(read_word2vec(tmp_path / "glove", no_header=True))
    same(read_word2vec(tmp_path / "glove", no_header=True, limit=2), WORDS[:2], VECTORS[:2])
    with pytest.raises(FormatError, match="give no_header=True"):
        read_word2vec(tmp_path / "glove")
    with pytest.raises(OptionError, match="no_header=True is for text"):
        read_word2vec(tmp_path / "glove", no_header=True, binary=True)


def test_words_with_spaces_are_read_in_text(tmp_path):
    (tmp_path / "v").write_bytes(b"3 2\nnew york 1 2\n. . . 3 4\n at 5 6 \n")
    same(read_word2vec(tmp_path / "v"), ["new york", ". . .", " at"], np.arange(1, 7).reshape(3, 2))


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("word", ["new york", "a\nb", "tab\there", "cr\r", ""])
def test_words_the_formats_cannot_hold_are_refused_by_name(tmp_path, word, binary):
    with pytest.raises(FormatError, match=r"word .* cannot hold that\. Rename .* save the native format") as error:
        write_word2vec(tmp_path / "v", ["fine", word], VECTORS[:2], binary=binary)
    assert repr(word) in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_a_lone_surrogate_is_refused(tmp_path):
    with pytest.raises(FormatError, match="cannot be written in UTF-8"):
        write_word2vec(tmp_path / "v", ["\ud800"], VECTORS[:1])


@pytest.mark.parametrize("binary", [False, True])
def test_words_cut_within_a_character(tmp_path, binary):
    write_word2vec(tmp_path / "v", ["ok", "caf?"], VECTORS[:2], binary=binary)
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes().replace(b"caf?", b"caf\xc3"))
    with pytest.raises(FormatError, match=r"word 2 is not utf8: b'caf\\xc3'.*unicode_errors='replace'"):
        read_word2vec(tmp_path / "v")
    with pytest.raises(UnicodeDecodeError, match=r"word 2 is not utf8") as caught:
        read_word2vec(tmp_path / "v")
    assert (caught.value.encoding, caught.value.object, caught.value.start) == ("utf-8", b"caf\xc3", 3)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert read_word2vec(tmp_path / "v", unicode_errors="ignore").keys == ["ok", "caf"]
    assert read_word2vec(tmp_path / "v", unicode_errors="replace").keys == ["ok", "caf\ufffd"]
    assert read_word2vec(tmp_path / "v", encoding="latin-1").keys == ["ok", "cafÃ"]
    with pytest.raises(OptionError, match="encoding='klingon'"):
        read_word2vec(tmp_path / "v", encoding="klingon")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "its first line is ''"),
        (b"the 0.1 0.2\n", "its first line is 'the 0.1"),
        (b"3 2\na 1 2\nb 3 4\n", "declares 3 rows of 2 dimensions, but ends after 2"),
        (b"1 2\na 1 2\nb 3 4\n", "declares 1 row of 2 dimensions, but more follows"),
        (b"2 3\na 1 2 3\nb 3 4\n", "line 3 is not a word and 3 numbers.*'b 3 4'"),
        (b"2 2\na 1 2\nb 3 x\n", "line 3 is not a word and 2 numbers"),
        (b"2 2\na 1 2\n\nb 3  4\n", "line 4 is not a word and 2 numbers"),
        (b"999999999999 300\na 1 2\n", "declares 999,999,999,999 rows .*but has 23"),
        (b"1 99999999999\na 1 2\n", "declares vectors of 99,999,999,999 dimensions"),
        (b"1 0\na\n", "declares vectors of 0 dimensions"),
        (b"-1 2\n", "its first line is '-1 2"),
    ],
)
def test_malformed_text_is_refused(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(FormatError, match=message):
        read_word2vec(tmp_path / "v", binary=False)


def test_a_binary_file_cut_anywhere_is_refused(tmp_path):
    whole = c_binary(["a", "bb"], VECTORS[:2])
    for size in range(len(whole) - 1):  # the newline at the very end is no part of a record
        (tmp_path / "v").write_bytes(whole[:size])
        with pytest.raises(FormatError):
            read_word2vec(tmp_path / "v", binary=True)


def test_text_cut_anywhere_is_refused_or_warned_of(tmp_path):
    write_word2vec(tmp_path / "v", ["a", "bb"], VECTORS[:2])
    whole = (tmp_path / "v").read_bytes()
    for size in range(len(whole)):
        (tmp_path / "v").write_bytes(whole[:size])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises((FormatError, UserWarning), match=r"declares|is not|first line|last line"):
                read_word2vec(tmp_path / "v", binary=False)


def test_bytes_after_the_last_record_are_refused(tmp_path):
    (tmp_path / "v").write_bytes(c_binary(WORDS, VECTORS) + b"more")
    with pytest.raises(FormatError, match="more follows"):
        read_word2vec(tmp_path / "v", binary=True)


def test_binary_read_as_text_and_text_read_as_binary(tmp_path):
    write_word2vec(tmp_path / "b", WORDS, VECTORS, binary=True)
    with pytest.raises(FormatError, match="is not a word and 5 numbers"):
        read_word2vec(tmp_path / "b", binary=False)
    write_word2vec(tmp_path / "t", WORDS, VECTORS)
    with pytest.raises(FormatError, match="declares"):
        read_word2vec(tmp_path / "t", binary=True)


@pytest.mark.parametrize("kind", ["f2", "f8"])
def test_other_float_types(tmp_path, kind):
    vectors = VECTORS.astype(kind)
    write_word2vec(tmp_path / "v", WORDS, vectors)
    file = read_word2vec(tmp_path / "v", datatype=kind)
    assert file.vectors.dtype == kind
    assert np.array_equal(file.vectors, vectors)
    for other in ("i4", np.clongdouble, np.longdouble):
        if np.dtype(other).name != "float64":  # as long doubles are on some processors
            with pytest.raises(OptionError, match="is not allowed: give one of float16, float32, float64"):
                read_word2vec(tmp_path / "v", datatype=other)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_word2vec(tmp_path / "none.gz")
    with pytest.raises(FormatError, match="is a folder"):
        read_word2vec(tmp_path)


def test_glove_cut_within_a_row_is_refused_or_warned_of(tmp_path):
    whole = written(write_word2vec, WORDS, VECTORS, header=False)
    for size in range(1, len(whole)):
        (tmp_path / "v").write_bytes(whole[:size])
        if whole[size - 1 : size] == b"\n":  # nothing in the file says how many rows there were
            found = read_word2vec(tmp_path / "v", no_header=True)
            assert np.array_equal(found.vectors, VECTORS[: len(found.keys)])
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with pytest.raises((FormatError, UserWarning), match=r"(is|are) not a word and|does not end in a newline"):
                read_word2vec(tmp_path / "v", no_header=True)


@pytest.mark.parametrize("binary", [False, True])
def test_a_nul_may_be_in_a_word_but_not_in_a_number(tmp_path, binary):
    (tmp_path / "v").write_bytes(written(write_word2vec, ["a\0b", "\0"], VECTORS[:2], binary=binary))
    assert read_word2vec(tmp_path / "v").keys == ["a\0b", "\0"]
    (tmp_path / "v").write_bytes(b"1 2\na 1\x00 2\n")
    with pytest.raises(FormatError, match="line 2 is not a word and 2 numbers"):
        read_word2vec(tmp_path / "v", binary=False)


@pytest.mark.parametrize("number", [b"1_0", b"0x1p4", b"1,5", b"1e", b"--1", b"\xd9\xa3", b"1d0", b"true"])
def test_an_unusual_number_is_refused_with_its_line(tmp_path, number):
    (tmp_path / "v").write_bytes(b"2 2\na 1 2\nb 3 " + number + b"\n")
    with pytest.raises(FormatError, match=r"v, line 3 is not a word and 2 numbers.*'b 3"):
        read_word2vec(tmp_path / "v", binary=False)
