"""`read_corpus` against a few lines of plain Python, for every kind of input."""

import bz2
import gzip
import io
import lzma
import re
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress._corpus import ALL, ANY_BYTES, check, check_any_bytes

from firth.errors import CorpusError, OptionError
from firth.options import Options
from firth.text import arrays, check_files, encoding, read_corpus, sentences, sources


@settings(max_examples=300, deadline=None)
@given(**ANY_BYTES)
def test_any_bytes_are_read_as_plain_python_reads_them(tmp_path_factory, data, **how):
    check_any_bytes(tmp_path_factory.mktemp("text"), data, **how)


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
def test_the_result_does_not_depend_on_workers(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 500)
    rng = np.random.default_rng(1)
    lines = [[f"w{i}" for i in rng.zipf(1.5, rng.integers(0, 30)) % 500] for _ in range(500)]
    path = tmp_path / "corpus.txt"
    path.write_text("\n".join(map(" ".join, lines)))
    check(read_corpus(path, Options(min_count=2), workers=workers), lines, Options(min_count=2))


LINES = [["the", "cat", "sat"], ["the", "dog"], ["a", "cat", "and", "the", "dog"]]
TEXT = "\n".join(map(" ".join, LINES)) + "\n"


@pytest.mark.parametrize(
    ("suffix", "compress"),
    [
        (".txt", lambda data: data),
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda data: pa.Codec("zstd").compress(data, asbytes=True)),
        (".GZ", lambda data: gzip.compress(data[:10]) + gzip.compress(data[10:])),
        (
            ".zst",
            lambda data: b"".join(pa.Codec("zstd").compress(d, asbytes=True) for d in (data[:9], data[9:])),
        ),
    ],
)
def test_files_plain_and_compressed(tmp_path, monkeypatch, suffix, compress):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 7)
    path = tmp_path / f"corpus{suffix}"
    path.write_bytes(compress(TEXT.encode()))
    seen = []
    check(read_corpus(path, ALL, progress=lambda *at: seen.append(at)), LINES)
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
@pytest.mark.parametrize("damage", ["cut", "other"])
def test_a_damaged_compressed_file_is_an_error(tmp_path, suffix, damage):
    compress = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}.get(
        suffix, lambda data: pa.Codec("zstd").compress(data, asbytes=True)
    )
    text = " ".join(str(i) for i in np.random.default_rng(1).integers(0, 10**9, 2000)).encode()
    data = compress(text)
    path = tmp_path / f"corpus{suffix}"
    path.write_bytes(data[: len(data) // 2] if damage == "cut" else text)
    with pytest.raises(CorpusError, match=rf"corpus\{suffix} cannot be decompressed .*cut short, damaged"):
        read_corpus(path, ALL)


def test_a_folder_is_read_through_in_order_without_hidden_files(tmp_path):
    (tmp_path / "b" / "c").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b" / "z.txt.gz").write_bytes(gzip.compress(b"two\nthree"))
    (tmp_path / "b" / "c" / "d").write_text("four")
    (tmp_path / ".hidden").write_text("no")
    (tmp_path / ".git" / "config").write_text("no")
    check(read_corpus(tmp_path, ALL), [["one"], ["two"], ["three"], ["four"]])
    check(read_corpus(str(tmp_path / "**" / "*.gz"), ALL), [["two"], ["three"]])
    check(read_corpus([tmp_path / "b", str(tmp_path / "a*")], ALL), [["two"], ["three"], ["four"], ["one"]])


def test_a_file_name_with_a_pattern_in_it_is_that_file(tmp_path):
    (tmp_path / "a[1].txt").write_text("one")
    (tmp_path / "a1.txt").write_text("two")
    check(read_corpus(str(tmp_path / "a[1].txt"), ALL), [["one"]])


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT.encode())))
    seen = []
    check(read_corpus("-", ALL, progress=lambda *at: seen.append(at)), LINES)
    assert seen[-1] == (len(TEXT), None)


def test_a_sentence_goes_on_over_chunks_but_not_over_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 4)
    (tmp_path / "a").write_text("one two three four")
    (tmp_path / "b").write_text("five six seven \t ")
    (tmp_path / "c").write_text("eight")
    check(
        read_corpus(tmp_path, ALL),
        [["one", "two", "three", "four"], ["five", "six", "seven"], ["eight"]],
    )


def test_words_that_lower_casing_makes_equal_are_one_word(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text("Cat cat CAT Dog\nΑΣ ας", encoding="utf-8")
    lower = Options(min_count=1, lowercase=True)
    lines = [["cat", "cat", "cat", "dog"], ["ας", "ας"]]
    check(read_corpus(path, lower), lines, lower)
    check(read_corpus([["Cat", "cat", "CAT", "Dog"], ["ΑΣ", "ας"]], lower), lines, lower)


def test_each_token_with_invalid_bytes_is_counted(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"\xff a\xffb \xff\n\xff \xef\xbf\xbd \xfe ok")  # U+FFFD itself is valid
    corpus = read_corpus(path, ALL)
    check(corpus, [["\ufffd", "a\ufffdb", "\ufffd"], ["\ufffd", "\ufffd", "\ufffd", "ok"]])
    assert corpus.replaced == 5


def test_a_tokenizer_sees_each_line_decoded(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 9)
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"\xef\xbb\xbfA-b-C\r\n\na-\xff-\xef\xbf\xbd\nx-\xef\xbf\xbd")
    seen = []

    def tokenizer(line):
        seen.append(line)
        return iter(line.split("-"))

    corpus = read_corpus(path, Options(min_count=1, lowercase=True), tokenizer=tokenizer)
    assert seen == ["A-b-C", "a-\ufffd-\ufffd", "x-\ufffd"]
    check(corpus, [["a", "b", "c"], ["a", "\ufffd", "\ufffd"], ["x", "\ufffd"]])
    assert corpus.replaced == 2  # in a line with invalid bytes the replaced and the written U+FFFD look the same


def test_a_tokenizer_gets_a_huge_line_in_parts_of_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 16)
    words = [f"w{i}" for i in range(100)]
    path = tmp_path / "corpus.txt"
    path.write_text(" ".join(words) + "\nend")
    check(read_corpus(path, ALL, tokenizer=str.split), [words, ["end"]])


def test_token_lists_from_lists_tuples_generators_and_arrays():
    check(read_corpus(LINES, ALL), LINES)
    check(read_corpus((tuple(line) for line in LINES), ALL), LINES)
    check(read_corpus([(word for word in line) for line in LINES], ALL), LINES)
    check(read_corpus([np.array(line) for line in LINES], ALL), LINES)
    check(read_corpus([[], ["a b", "c\nd"], [], ["c\nd"]], ALL), [["a b", "c\nd"], ["c\nd"]])


def test_integer_sentences_keep_their_ids():
    lines = [[7, -3, 7], [10**12], [-3, 2**63 - 1, -(2**63)]]
    check(read_corpus(lines, ALL), lines)
    corpus = read_corpus([np.array(line) for line in lines], ALL)
    check(corpus, lines)
    assert {type(key) for key in corpus.vocabulary.index_to_key} == {int}
    assert {type(k) for k in read_corpus([[np.int32(5), np.uint8(5)]], ALL).vocabulary.index_to_key} == {int}


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(st.lists(st.integers(-3, 5), max_size=9), max_size=9),
    chunk=st.integers(1, 10),
    dtype=st.sampled_from([np.int8, np.int32, np.int64]),
)
def test_a_flat_array_with_offsets_and_token_lists_say_the_same(lines, chunk, dtype):
    flat = np.array([i for line in lines for i in line], dtype)
    offsets = np.cumsum([0, *map(len, lines)])
    if not flat.size:
        lines, flat, offsets = [[1]], np.array([1]), [0, 1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrays, "CHUNK_IDS", chunk)
        patch.setattr(sentences, "CHUNK_TOKENS", chunk)
        patch.setattr(sentences, "PIECE_TOKENS", 3)
        check(read_corpus(flat, ALL, offsets=offsets, workers=2), lines)
        check(read_corpus(flat.tolist(), ALL, offsets=list(offsets)), lines)
        check(read_corpus(iter(lines), ALL), lines)


def test_a_two_dimensional_array_is_a_row_a_sentence(monkeypatch):
    monkeypatch.setattr(arrays, "CHUNK_IDS", 5)
    rows = np.arange(24, dtype=np.uint64).reshape(6, 4) % 7
    seen = []
    check(read_corpus(rows, ALL, progress=lambda *at: seen.append(at)), rows.tolist())
    assert seen[-1] == (24, 24)
    check(read_corpus(rows.T, ALL), rows.T.tolist())  # not contiguous


def test_the_vocabulary_is_by_count_and_ties_by_first_occurrence():
    corpus = read_corpus([["d", "b", "c", "b", "a", "c"]], Options(min_count=1, max_vocab=3))
    assert corpus.vocabulary.index_to_key == ["b", "c", "d"]
    assert corpus.vocabulary.key_to_index == {"b": 0, "c": 1, "d": 2}
    assert (corpus.beyond_max_vocab, corpus.below_min_count, corpus.dropped_words) == (1, 0, 1)


def test_one_word_is_a_corpus():
    check(read_corpus([["a"]], ALL), [["a"]])


def test_options_drop_words_and_the_numbers_say_so(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT)
    options = Options(min_count=2, max_vocab=2)
    corpus = read_corpus(path, options)
    check(corpus, LINES, options)
    assert (corpus.distinct_words, corpus.below_min_count, corpus.beyond_max_vocab) == (6, 3, 1)


def test_a_word_longer_than_a_chunk(tmp_path, monkeypatch):
    path = tmp_path / "corpus.txt"
    word = "x" * 1000
    path.write_text(f"a {word} b\n{word}")
    monkeypatch.setattr(sources, "CHUNK_BYTES", 64)
    check(read_corpus(path, ALL), [["a", word, "b"], [word]])
    monkeypatch.setattr(encoding, "LONGEST_WORD", 999)
    corpus = read_corpus(path, ALL)
    check(corpus, [["a", "b"], []])
    assert corpus.too_long == 2


# Errors


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ([], "the corpus is empty: 0 words were read"),
        ([[], []], "the corpus is empty: 0 words were read"),
        (np.empty((0, 3), int), "the corpus is empty"),
        ("no/such/file.txt", r"'no/such/file.txt' is not there: .*\[text.split\(\)\]"),
        (Path("no/such/file.txt"), r"'no/such/file.txt' is not there"),
        ("the cat sat\0" * 1000, r"^'the cat sat.*\(12,000 long\) is not there: no such file"),
        ("", "the path of the corpus is empty"),
        ("no/such/*.txt", r"the pattern 'no/such/\*.txt' matches no file"),
        (["the cat", "the dog"], r"read as paths, and none of them exists: 'the cat', 'the dog'\. If .*\[words\]"),
        ([f"text {i}" for i in range(1000)], "none of them exists: 'text 0', 'text 1', 'text 2' and 997 more. If"),
        (iter(["the cat"]), r"type list_iterator, holds strings .* sentence 0 is 'the cat'\. .*\[text\.split\(\) for"),
        (iter([b"the cat"]), r"sentence 0 is b'the cat'\. .*\[text\.decode\(\)\.split\(\) for text in texts\]"),
        ({"text": ["the cat"]}, "the corpus is a table, of type dict: give the token lists in one column"),
        ([["the"], "cat"], r"type list, holds strings where lists of words belong: sentence 1 is 'cat'"),
        ([[1, 2], 3], r"sentence 1 is 3, of type int.*\[\[1, 2, 3\]\].*offsets"),
        ([1, 2], "sentence 0 is 1, of type int"),
        (b"the cat", r"the corpus is of type bytes: .*\[text.split\(\)\]"),
        (7, "the corpus is of type int: give a path"),
        (None, "the corpus is of type NoneType: give a path"),
        ([["a", None]], "the token None is of type NoneType: tokens must be strings or whole numbers"),
        ([[True]], "the token True is of type bool"),
        ([[np.True_]], "the token .*True.* is of type bool"),
        ([[1.5]], r"the token 1.5 is of type float"),
        ([np.array([1.0])], r"the token 1.0 is of type float"),
        ([[b"a"]], "the token b'a' is of type bytes"),
        ([["a", ["b"]]], r"the token \['b'\] is of type list"),
        ([["a", ("b", [])]], r"the token \('b', \[\]\) is of type tuple"),
        ([["a", 3]], r"both strings \('a'\) and integers \(3\)"),
        ([[3, "a"]], r"both strings \('a'\) and integers \(3\)"),
        ([["a\ud800b"]], r"the word .a\\ud800b. holds .\\ud800., half of a surrogate pair"),
        ([[2**63]], r"the integer 9223372036854775808 is outside int64"),
        ([[0, -(2**63) - 1]], r"the integer -9223372036854775809 is outside int64"),
        (np.array([[2**63]], np.uint64), r"the id 9223372036854775808 is outside int64"),
        (np.array([1, 2]), r"integer array of shape \(2,\) without offsets"),
        (np.zeros((1, 2, 3), int), r"integer array of shape \(1, 2, 3\) without offsets"),
        (np.zeros((2, 2)), r"array of float64: ids must be whole numbers"),
        (np.zeros((2, 2), bool), r"array of bool: ids must be whole numbers"),
        ([np.zeros((2, 2), int)], r"sentence 0 is an array of shape \(2, 2\)"),
    ],
)  # fmt: skip
def test_what_is_no_corpus_is_refused_with_advice(corpus, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL)


@pytest.mark.parametrize(
    ("corpus", "offsets", "message"),
    [
        (np.arange(4), [0, 3, 2, 4], "offsets fall from 3 to 2 at place 2"),
        (np.arange(4), [0, 5], "offsets go from 0 to 5: they must go from 0 to 4"),
        (np.arange(4), [1, 4], "offsets go from 1 to 4: they must go from 0 to 4"),
        (np.arange(4), [], "give n_sentences \\+ 1 whole numbers"),
        (np.arange(4), [0.0, 4.0], "offsets are an array of float64"),
        (np.arange(4), [[0, 4]], r"of shape \(1, 2\)"),
        (np.arange(4).reshape(2, 2), [0, 4], r"the corpus has shape \(2, 2\)"),
        (["a", "b"], [0, 2], "array of <U1: ids must be whole numbers"),
    ],
)
def test_wrong_offsets_are_refused(corpus, offsets, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL, offsets=offsets)


def test_mixed_kinds_are_found_across_chunks(monkeypatch):
    monkeypatch.setattr(sentences, "CHUNK_TOKENS", 1)
    with pytest.raises(CorpusError, match=r"both strings \('a'\) and integers \(3\)"):
        read_corpus([["a"], [3]], ALL)
    with pytest.raises(CorpusError, match=r"both strings \('a'\) and integers \(3\)"):
        read_corpus([[3], ["a"]], ALL)


def test_nothing_above_min_count_gives_the_numbers():
    message = (
        r"no word occurs at least min_count=5 times: the corpus has 8 words, 5 of them distinct; "
        r"the most frequent, 'b', occurs 3 times; give min_count=3 or less"
    )
    with pytest.raises(CorpusError, match=message):
        read_corpus([["a", "b", "c", "b"], ["b", "d", "e", "a"]], Options(min_count=5))


def test_files_that_hold_nothing(tmp_path):
    (tmp_path / "empty.txt").write_bytes(b"\xef\xbb\xbf \n\r\n\t")
    with pytest.raises(CorpusError, match="the corpus is empty"):
        read_corpus(tmp_path / "empty.txt", ALL)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / ".hidden").touch()
    with pytest.raises(CorpusError, match=r"folder .*folder holds no file to read \(hidden and skipped: 1\)"):
        read_corpus(tmp_path / "folder", ALL)


def test_a_missing_file_among_others_is_named(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    with pytest.raises(CorpusError, match=r"missing.txt' is not there"):
        read_corpus([tmp_path / "a.txt", tmp_path / "missing.txt"], ALL)


def test_a_missing_file_is_named_in_full_however_deep_its_folder(tmp_path):
    missing = tmp_path.joinpath(*["a_folder"] * 30, "missing.txt")
    with pytest.raises(CorpusError, match=f"^{re.escape(repr(str(missing)))} is not there: no such file or folder"):
        read_corpus(missing, ALL)
    with pytest.raises(CorpusError, match=r"^'(word ){20}'\.\.\. \(5,000 long\) is not there"):
        read_corpus("word " * 1000, ALL)


def test_a_broken_link_in_a_folder_is_named(tmp_path):
    (tmp_path / "link.txt").symlink_to(tmp_path / "gone")
    with pytest.raises(CorpusError, match=r"link.txt is not there: no such file"):
        read_corpus(tmp_path, ALL)


def test_an_unreadable_folder_is_named(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))  # root may read any folder

    monkeypatch.setattr("os.scandir", refuse)
    with pytest.raises(CorpusError, match=rf"the folder {tmp_path} cannot be read .Permission denied"):
        read_corpus(tmp_path, ALL)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs Linux's /proc")
def test_a_file_that_fails_while_being_read_is_named():
    with pytest.raises(CorpusError, match=r"/proc/self/mem cannot be read .Input/output error"):
        read_corpus("/proc/self/mem", ALL)


class MadeUpError(Exception):
    pass


def test_an_exception_of_the_callers_iterator_goes_through_unchanged(tmp_path, monkeypatch):
    monkeypatch.setattr(sentences, "CHUNK_TOKENS", 10)

    def corpus():
        for _ in range(100):
            yield ["a"] * 7
        raise MadeUpError("from inside")

    with pytest.raises(MadeUpError, match="from inside"):
        read_corpus(corpus(), ALL, memory_limit=0, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []

    def sentence():
        yield "a"
        raise TypeError("mine")

    with pytest.raises(TypeError, match="mine"):
        read_corpus([sentence()], ALL)


def test_an_exception_of_the_tokenizer_goes_through_unchanged(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT)
    with pytest.raises(ZeroDivisionError):
        read_corpus(path, ALL, tokenizer=lambda line: [line, 1 // 0])
    with pytest.raises(CorpusError, match="the tokenizer returned the string 'the cat sat': it must return the words"):
        read_corpus(path, ALL, tokenizer=lambda line: line)
    for returned, shown in ((None, "None"), (3, "3, of type int")):
        with pytest.raises(CorpusError, match=f"the tokenizer returned {shown}: it must return the words of a line"):
            read_corpus(path, ALL, tokenizer=lambda line, returned=returned: returned)


TEXTS = ["the cat sat", "the dog ran"]


class Series:
    """As a column of pandas or polars: neither a list nor a tuple."""

    def __iter__(self):
        return iter(TEXTS)


def pandas_series():
    return pytest.importorskip("pandas").Series(TEXTS)


def arrow_chunks():
    return pa.chunked_array([TEXTS])


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (Series, "Series"),
        (pandas_series, "Series"),
        (lambda: np.array(TEXTS), "ndarray"),
        (lambda: np.array(TEXTS, object), "ndarray"),
        (lambda: pa.array(TEXTS), "StringArray"),
        (arrow_chunks, "ChunkedArray"),
        (lambda: (text for text in TEXTS), "generator"),
    ],
)
def test_a_column_of_texts_is_refused_with_what_to_do(make, kind):
    with pytest.raises(
        CorpusError, match=rf"of type {kind}, holds strings .* sentence 0 is 'the cat sat'\. Split each"
    ):
        read_corpus(make(), ALL)
    with pytest.raises(
        CorpusError, match=rf"tokenizer= splits the lines of files, and this corpus is of type {kind}: .*"
    ):
        read_corpus(make(), ALL, tokenizer=str.split)
    assert len(read_corpus([str(text).split() for text in make()], ALL).vocabulary) == 5


def test_a_list_of_texts_is_refused_with_or_without_a_tokenizer():
    for tokenizer, split in ((None, r"text\.split\(\)"), (str.split, r"tokenizer\(text\)")):
        with pytest.raises(CorpusError, match=rf"split each into words: \[{split} for text in texts\]"):
            read_corpus(TEXTS, ALL, tokenizer=tokenizer)
        with pytest.raises(CorpusError, match=rf"split each into words: \[{split} for text in texts\]"):
            check_files(TEXTS, None, tokenizer=tokenizer)
        with pytest.raises(CorpusError, match=rf"to train on a text itself, split it: \[{split}\]"):
            read_corpus("the cat sat", ALL, tokenizer=tokenizer)


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (5, r"the corpus is of type int: give a path.*\[tokenizer\(text\)\]"),
        (None, "the corpus is of type NoneType: give a path"),
        ({"text": TEXTS}, "the corpus is a table"),
        ([], "the corpus is empty: 0 words were read"),
    ],
)
def test_what_is_not_a_corpus_is_refused_alike_with_a_tokenizer(corpus, message):
    for tokenizer in (None, str.split):
        with pytest.raises(CorpusError, match=message.split(r".*\[")[0] if tokenizer is None else message):
            read_corpus(corpus, ALL, tokenizer=tokenizer)


def test_a_table_is_not_a_corpus():
    with pytest.raises(CorpusError, match="the corpus is a table, of type Table"):
        read_corpus(pa.table({"text": TEXTS}), ALL)


def test_arguments_that_do_not_go_together_are_refused(tmp_path):
    for corpus, offsets in ((LINES, None), (np.arange(4), [0, 4])):
        with pytest.raises(CorpusError, match=r"tokenizer= splits .*if it holds lists of words, leave tokenizer out"):
            read_corpus(corpus, ALL, tokenizer=str.split, offsets=offsets)
    with pytest.raises(OptionError, match=r"tokenizer='spacy' is not allowed: give a function that returns the words"):
        read_corpus(tmp_path, ALL, tokenizer="spacy")
    with pytest.raises(OptionError, match="workers=0 is not allowed"):
        read_corpus(LINES, ALL, workers=0)
    with pytest.raises(CorpusError, match=r"nowhere' is not there: give a folder for temporary files"):
        read_corpus(LINES, ALL, folder=tmp_path / "nowhere")


def test_an_exception_of_progress_stops_reading(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_text(TEXT)

    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_corpus(path, ALL, progress=stop, workers=2)
