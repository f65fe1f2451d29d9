"""Tests compressed, damaged and changing files, limits to their size, pipes, and standard input."""

import bz2
import errno
import gzip
import io
import itertools
import lzma
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from stress import text
from stress._corpus import ALL, COMPRESS, LINES, check, linux, text_file

from firth import unpacking
from firth.errors import CorpusError, OptionError
from firth.text import read_corpus, sources
from firth.text.opening import BytesRead, FileRange, OpenText

TEXT = "\n".join(map(" ".join, LINES)) + "\n"
COMPRESSED = [suffix for suffix in COMPRESS if suffix != ".txt"]


@pytest.fixture
def standard_input(monkeypatch):
    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return give


@pytest.mark.parametrize("suffix", [*COMPRESS, ".GZ"])
@pytest.mark.parametrize("members", [1, 2])
def test_files_are_decompressed_by_their_suffix_and_their_bytes_counted(tmp_path, monkeypatch, suffix, members):
    monkeypatch.setattr(sources, "CHUNK_BYTES", 7)
    compress = COMPRESS[suffix.lower()]
    path = tmp_path / f"corpus{suffix}"
    parts = [TEXT] if members == 1 else [TEXT[:10], TEXT[10:]]
    path.write_bytes(b"".join(compress(part.encode()) for part in parts))
    seen = []
    check(read_corpus(path, ALL, progress=lambda *at: seen.append(at)), LINES)
    assert seen[-1] == (path.stat().st_size, path.stat().st_size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("suffix", COMPRESSED)
def test_damaged_compressed_files_and_trailing_bytes_are_errors(tmp_path, suffix):
    plain = " ".join(str(i) for i in np.random.default_rng(1).integers(0, 10**9, 2000)).encode()
    path = text_file(tmp_path, plain, suffix)
    packed = path.read_bytes()
    tails = (b"garbage", b"\x01" + packed[1:], b"x" * 100_000)
    for data in (packed[: len(packed) // 2], plain, *(packed + tail for tail in tails)):
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=rf"corpus\{suffix} cannot be decompressed .*truncated, damaged"):
            read_corpus(path, ALL)
    path.write_bytes(b"")
    with pytest.raises(CorpusError, match=rf"corpus\{suffix} cannot be decompressed \(it is empty\)"):
        read_corpus(path, ALL)


def test_zeros_between_and_after_xz_streams_are_padding(tmp_path):
    path = tmp_path / "corpus.xz"
    path.write_bytes(lzma.compress(b"one ") + bytes(200_000) + lzma.compress(b"two") + bytes(8))
    check(read_corpus(path, ALL), [["one", "two"]])


def test_an_xz_file_that_needs_gigabytes_of_memory_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "corpus.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    path.write_bytes(lzma.compress(b"one two", filters=filters, check=lzma.CHECK_NONE))
    check(read_corpus(path, ALL), [["one", "two"]])
    monkeypatch.setattr(unpacking, "XZ_MEMORY", 2**20)
    with pytest.raises(CorpusError, match=r"corpus.xz cannot be decompressed \(Memory usage limit exceeded\)"):
        read_corpus(path, ALL)


@pytest.mark.parametrize("how", text.CHANGES)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, how, workers):
    path = text_file(tmp_path, b"some words of a text\n" * 5000)
    os.utime(path, ns=(0, 0))  # a change within one tick of the clock would leave the same time
    text.change_while_read(path, *text.CHANGES[how], workers, 3)


def test_a_write_under_way_is_reported_with_its_size(tmp_path, monkeypatch):
    """Linux sets the time of a file before its size: the first look sees the new time alone."""
    path = text_file(tmp_path, b"some words")
    with ExitStack() as stack:
        opened = OpenText(path, stack, BytesRead([path]))
        os.utime(path, ns=(0, 0))
        monkeypatch.setattr(time, "sleep", lambda seconds: path.write_bytes(b"some words more"))
        with pytest.raises(CorpusError, match="went from 10 to 15 bytes while it was read"):
            opened.check_unchanged()


@pytest.mark.parametrize("how", text.CHANGES)
def test_a_file_that_changes_after_it_was_read_has_no_effect(tmp_path, how):
    path = text_file(tmp_path, b"some words of a text\n" * 50)
    with read_corpus(path, ALL).tokens as tokens:
        before = tokens.fingerprint()
        text.CHANGES[how][0](path)
        assert tokens.fingerprint() == before


def test_max_input_bytes_limits_all_files_together(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"a b c\n")
    bomb = text_file(tmp_path, b"a " * 10**6, ".gz")
    assert bomb.stat().st_size < 3000
    size = 6 + 2 * 10**6
    assert read_corpus(tmp_path, ALL, max_input_bytes=size).raw_words == 3 + 10**6
    message = rf"max_input_bytes={size - 1:,}: {bomb} and the files before it have more bytes, decompressed, than"
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path, ALL, max_input_bytes=size - 1)


def test_max_input_bytes_limits_standard_input(standard_input):
    standard_input(b"a b c d")
    with pytest.raises(CorpusError, match=r"max_input_bytes=5: standard input has more bytes than the limit; give a"):
        read_corpus("-", ALL, max_input_bytes=5)


def test_wrong_values_of_max_input_bytes_are_refused():
    for wrong in (0, 1.5, "5"):
        with pytest.raises(OptionError, match=r"max_input_bytes=.* is not allowed: give a whole number of at least 1"):
            read_corpus("corpus.txt", ALL, max_input_bytes=wrong)
    with pytest.raises(CorpusError, match="max_input_bytes limits files, and this corpus is not files: omit it"):
        read_corpus([["a"]], ALL, max_input_bytes=5)


@linux
def test_a_gzip_bomb_of_a_gigabyte_is_refused_in_little_memory(tmp_path):
    text.bomb(np.random.default_rng(0), tmp_path, size=10**9, limit=2 * 10**7)


# --- standard input, pipes, and files that cannot be read


def test_standard_input_is_read(standard_input):
    standard_input(TEXT.encode())
    seen = []
    check(read_corpus("-", ALL, progress=lambda *at: seen.append(at)), LINES)
    assert seen[-1] == (len(TEXT), None)


def test_a_closed_standard_input_is_reported(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match="standard input is closed: send text to it, or name a file"):
        read_corpus("-", ALL)


def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.fork()
    if not writer:
        pipe.write_bytes(b"a b\nc")
        os._exit(0)
    check(read_corpus(pipe, ALL, workers=2), [["a", "b"], ["c"]])
    assert os.waitpid(writer, 0)[1] == 0


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_a_file_that_cannot_be_opened_is_reported(tmp_path, monkeypatch, number):
    path, reason = text_file(tmp_path, "one"), os.strerror(number)
    monkeypatch.setattr(Path, "open", Mock(side_effect=OSError(number, reason, str(path))))  # root may read any file
    with pytest.raises(CorpusError, match=rf"{path} cannot be read \({reason}\), 0 bytes into the file"):
        read_corpus(path, ALL)


@linux
def test_a_file_that_fails_while_it_is_read_is_reported():
    with pytest.raises(CorpusError, match=r"/proc/self/mem cannot be read .Input/output error"):
        read_corpus("/proc/self/mem", ALL)


def ranges(path, *cuts):
    """Return the parts of a file between bytes."""
    found = path.stat()
    return [FileRange(str(path), *cut, found.st_size, found.st_mtime_ns) for cut in itertools.pairwise(cuts)]


def test_the_kind_of_a_compressed_file_is_found_if_its_first_part_is_short(tmp_path):
    (tmp_path / "a.bz2").write_bytes(bz2.compress(b"O") + bz2.compress(b"bj\1"))
    with pytest.raises(CorpusError, match=r"a\.bz2 is an Avro file, not a text"):
        read_corpus(tmp_path / "a.bz2", ALL)


def test_parts_of_a_file_are_read_as_the_file(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfa b\n%PDF-1 c\n\xef\xbb\xbfd")
    seen = []
    corpus = read_corpus(ranges(path, 0, 7, 16, 20), ALL, progress=lambda *at: seen.append(at))
    assert corpus.vocabulary.index_to_key == ["a", "b", "%PDF-1", "c", "\ufeffd"]
    assert (corpus.sentences, corpus.note, seen[-1]) == (3, "", (20, 20))
    assert read_corpus(path, ALL).vocabulary.index_to_key == corpus.vocabulary.index_to_key


def test_a_part_that_is_given_twice_is_read_twice_and_reported(tmp_path):
    (tmp_path / "a.txt").write_text("a\nb\n")
    part = ranges(tmp_path / "a.txt", 2, 4)
    corpus = read_corpus(part * 2, ALL)
    assert (corpus.raw_words, corpus.note) == (2, "1 file given more than once, and read each time")


def test_a_part_of_a_file_that_cannot_be_cut_or_was_changed_is_refused(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"a\nb\n"))
    (tmp_path / "a.txt").write_text("a\nb\n")
    with pytest.raises(CorpusError, match=r"a\.gz can only be read whole: give its path"):
        read_corpus(ranges(tmp_path / "a.gz", 0, 4), ALL)
    old = ranges(tmp_path / "a.txt", 0, 2, 4)
    with pytest.raises(CorpusError, match=r"a\.txt can only be read whole"):
        read_corpus(old, ALL, encoding="latin-1")
    (tmp_path / "a.txt").write_text("a\nb\nc")
    with pytest.raises(CorpusError, match=r"a\.txt was changed after it was divided"):
        read_corpus(old, ALL)
