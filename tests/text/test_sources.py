"""Tests how files are found, and how their bytes are cut into chunks."""

import gzip
import os
import re
from pathlib import Path
from unittest.mock import Mock

import pytest
from stress._corpus import ALL, check, text_file

from firth.errors import CorpusError
from firth.text import ReadOptions, check_corpus, encoding, read_corpus, sources


def test_a_folder_is_searched_in_order_without_hidden_files(tmp_path):
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


def test_a_file_whose_name_is_also_a_pattern_is_read(tmp_path):
    (tmp_path / "a[1].txt").write_text("one")
    (tmp_path / "a1.txt").write_text("two")
    check(read_corpus(str(tmp_path / "a[1].txt"), ALL), [["one"]])


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ("no/such/file.txt", r"'no/such/file.txt' does not exist: .*\[text.split\(\)\]"),
        (Path("no/such/file.txt"), r"'no/such/file.txt' does not exist"),
        ("the cat sat\0" * 1000, r"^'the cat sat.*\(12,000 long\) does not exist: give the path"),
        ("word " * 1000, r"^'(word ){20}'\.\.\. \(5,000 long\) does not exist"),
        ("", "the path of the corpus is empty"),
        ("no/such/*.txt", r"the pattern 'no/such/\*.txt' matches no files"),
        (["the cat", "the dog"], r"read as paths, and none of them exists: 'the cat', 'the dog'\. If .*\[words\]"),
        ([f"text {i}" for i in range(1000)], "none of them exists: 'text 0', 'text 1', 'text 2' and 997 more. If"),
    ],
)
def test_missing_files_are_reported(corpus, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(corpus, ALL)


def test_a_list_of_texts_is_refused_with_or_without_a_tokenizer():
    texts = ["the cat sat", "the dog ran"]
    for tokenizer, split in ((None, r"text\.split\(\)"), (str.split, r"tokenizer\(text\)")):
        with pytest.raises(CorpusError, match=rf"split each into words: \[{split} for text in texts\]"):
            read_corpus(texts, ALL, tokenizer=tokenizer)
        with pytest.raises(CorpusError, match=rf"split each into words: \[{split} for text in texts\]"):
            check_corpus(texts, ReadOptions(tokenizer=tokenizer))
        with pytest.raises(CorpusError, match=rf"to train on a text itself, split it: \[{split}\]"):
            read_corpus("the cat sat", ALL, tokenizer=tokenizer)


def test_one_missing_file_is_reported_by_its_full_path(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    missing = tmp_path.joinpath(*["a_folder"] * 30, "missing.txt")
    with pytest.raises(CorpusError, match=f"^{re.escape(repr(str(missing)))} does not exist"):
        read_corpus([tmp_path / "a.txt", missing], ALL)


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        (".hidden", Path.touch, r"the folder .* holds no file to read \(hidden files, skipped: 1\)"),
        ("link.txt", lambda path: path.symlink_to("gone"), "link.txt does not exist"),
        ("pipe", os.mkfifo, "holds .*/pipe, which is not a regular file: move it elsewhere"),
    ],
)
def test_folders_without_files_or_with_special_files_are_refused(tmp_path, name, make, message):
    make(tmp_path / name)
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path, ALL)


def test_an_unreadable_folder_is_reported(tmp_path, monkeypatch):
    refusal = PermissionError(13, "Permission denied", str(tmp_path))
    monkeypatch.setattr("os.scandir", Mock(side_effect=refusal))  # root may read any folder
    with pytest.raises(CorpusError, match=rf"the folder {tmp_path} cannot be read .Permission denied"):
        read_corpus(tmp_path, ALL)


def test_a_sentence_continues_over_chunks_but_not_over_files(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 4)
    (tmp_path / "a").write_text("one two three four")
    (tmp_path / "b").write_text("five six seven \t ")
    (tmp_path / "c").write_text("eight")
    check(read_corpus(tmp_path, ALL), [["one", "two", "three", "four"], ["five", "six", "seven"], ["eight"]])


@pytest.mark.parametrize("chunk", range(1, 36))
def test_a_word_cut_by_a_chunk_is_whole_however_long_its_line(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(sources, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(encoding, "LONGEST_WORD", 5)
    corpus = read_corpus(text_file(tmp_path, "one two\nthree four five sixsix seven"), ALL)
    check(corpus, [["one", "two"], ["three", "four", "five", "seven"]])
    assert corpus.too_long == 1
