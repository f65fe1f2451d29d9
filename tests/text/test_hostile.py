"""Text from strangers: hostile bytes, damaged and changing files, limits, interrupts, and what reaches a saved file."""

import gzip
import io
import lzma
import os
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stress import text
from stress._corpus import ALL, COMPRESS, check, split_bytes
from stress._text_child import child

import firth
from firth import unpacking
from firth.errors import CorpusError, OptionError
from firth.options import Options
from firth.text import encoding, read_corpus, sources
from firth.text.store import DiskStorage, StoreBuilder

linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")

TABLE = {
    "one word": b"word",
    "one word a million times": b"word " * 10**6,
    "a token of 10^6 letters": b"a " + b"x" * 10**6 + b" b",
    "a token of 1,024 bytes, and one of 1,025": b"x" * 1024 + b" " + b"y" * 1025,
    "a line of only long tokens": b"a\n" + b"x" * 3000 + b" " + b"y" * 2000 + b"\nb",
    "a line of 10^6 tokens": b" ".join(b"%d" % (i % 1000) for i in range(10**6)),
    "10^5 lines of nothing": b"\n" * 10**5 + b"a",
    "NUL": b"a\0b \0 \0\0\n\0",
    "all 256 bytes": bytes(range(256)),
    "all pairs of bytes": bytes(byte for first in range(256) for second in range(256) for byte in (first, second, 32)),
    "overlong UTF-8": b"\xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf \xc1\xbf",
    "surrogates in UTF-8": b"\xed\xa0\x80 \xed\xbf\xbf a\xed\xa0\xbd\xed\xb8\x80b",
    "truncated UTF-8": b"\xe6\x97 \xf0\x9f\x98 \xc3\n\xe6",
    "beyond Unicode": b"\xf4\x90\x80\x80 \xf8\x88\x80\x80\x80 \xff\xfe",
    "a byte-order mark at the start": b"\xef\xbb\xbfa b",
    "a byte-order mark in the middle": b"a \xef\xbb\xbfb\n\xef\xbb\xbfc \xef\xbb\xbf",
    "two byte-order marks": b"\xef\xbb\xbf\xef\xbb\xbfa",
    "CR": b"a\rb\rc",
    "CRLF": b"a b\r\nc d\r\n\r\n",
    "other white space of Unicode": "a\x85b c\u2028d \u00a0 e\u3000f\x1cg".encode(),
    "the words of other programs": b"</s> NaN nan inf -inf null None True 0 -1 1e999 <unk> __label__x </s>",
    "Zalgo": ("Z" + "\u0300\u0316" * 200 + " H\u0351e\u0352\u0357").encode(),
    "bidirectional and control characters": "\u202eabc\u202c \x1b[31m \x07 \u200b \u2066x\u2069".encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
@pytest.mark.parametrize("suffix", [".txt", ".xz"])
def test_hostile_bytes_give_what_plain_python_gives(tmp_path, name, suffix):
    path = tmp_path / f"corpus{suffix}"
    path.write_bytes(COMPRESS[suffix](TABLE[name]))
    lines, replaced, too_long = split_bytes(TABLE[name])
    corpus = read_corpus(path, ALL, workers=2)
    check(corpus, lines)
    assert (corpus.replaced, corpus.too_long) == (replaced, too_long)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the corpus is empty: 0 words were read"),
        (b" \n\t\r\n\v\f\n" * 10**5, "the corpus is empty: 0 words were read"),
        (b"\xef\xbb\xbf", "the corpus is empty: 0 words were read"),
        (b"a b a b c", "no word occurs at least min_count=3 times"),
        (b"x" * 1025, "no word: its only token is longer than 1,024 bytes.*give tokenizer="),
        (b"x" * 1025 + b" " + b"y" * 1025, "no word: all of its 2 tokens are longer than 1,024 bytes"),
        (b"a", "min_count=3 times: the corpus has only 1 word, 'a'; give more text$"),
        (b"a b", "the most frequent, 'a', occurs 1 time; give min_count=1, or more text$"),
    ],
)
def test_a_text_of_which_nothing_is_left_is_an_error_that_says_why(tmp_path, data, message):
    path = tmp_path / "corpus.txt"
    path.write_bytes(data)
    with pytest.raises(CorpusError, match=message):
        read_corpus(path, Options(min_count=3))


@pytest.mark.parametrize("case", text.IN_PROCESS, ids=lambda case: case.__name__)
def test_a_few_seeds_of_the_campaign(tmp_path, case):
    few = {"examples": 100} if case in (text.any_bytes, text.token_lists) else {}
    assert all(case(np.random.default_rng(7), tmp_path, **few).values())


@linux
def test_memory_stays_flat_for_huge_tokens_and_lines(tmp_path):
    text.long_token(np.random.default_rng(0), tmp_path, suffix=".gz")
    text.long_line(np.random.default_rng(0), tmp_path, words=10**6)
    text.one_gigabyte_of_nothing(np.random.default_rng(0), tmp_path, size=7 * 10**8)


@pytest.mark.parametrize("chunk", range(1, 36))
def test_a_word_cut_by_a_chunk_is_whole_however_long_its_line(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(sources, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(encoding, "LONGEST_WORD", 5)
    path = tmp_path / "corpus.txt"
    path.write_text("one two\nthree four five sixsix seven")
    corpus = read_corpus(path, ALL)
    check(corpus, [["one", "two"], ["three", "four", "five", "seven"]])
    assert corpus.too_long == 1


@settings(max_examples=150, deadline=None)
@given(data=st.text(st.sampled_from("a \n\ré日😀\u0301"), max_size=80), chunk=st.integers(1, 20))
def test_a_tokenizer_gets_every_character_even_without_white_space(tmp_path_factory, data, chunk):
    path = tmp_path_factory.mktemp("text") / "corpus.txt"
    path.write_bytes(b"a\n" + data.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", chunk)
        patch.setattr(encoding, "LONGEST_WORD", 4)
        corpus = read_corpus(path, ALL, tokenizer=lambda line: [letter for letter in line if not letter.isspace()])
    check(corpus, [["a"]] + [[letter for letter in line if not letter.isspace()] for line in data.split("\n")])
    assert corpus.replaced == 0


# Limits, and files that are not what they seem


def test_a_limit_to_the_plain_bytes_of_all_files(tmp_path):
    bomb = tmp_path / "b.gz"
    (tmp_path / "a.txt").write_bytes(b"a b c\n")
    bomb.write_bytes(gzip.compress(b"a " * 10**6))
    assert bomb.stat().st_size < 3000
    size = 6 + 2 * 10**6
    assert read_corpus(tmp_path, ALL, max_input_bytes=size).raw_words == 3 + 10**6
    message = (
        rf"larger than max_input_bytes={size - 1:,}: {bomb} and the files before it have more bytes, decompressed, than"
    )
    with pytest.raises(CorpusError, match=message):
        read_corpus(tmp_path, ALL, max_input_bytes=size - 1)


def test_a_limit_to_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a b c d")))
    with pytest.raises(
        CorpusError, match=r"max_input_bytes=5: standard input has more bytes than the limit allows; give a"
    ):
        read_corpus("-", ALL, max_input_bytes=5)


def test_a_limit_that_makes_no_sense_is_refused():
    for wrong in (0, 1.5, "5"):
        with pytest.raises(OptionError, match=r"max_input_bytes=.* is not allowed: give a whole number of at least 1"):
            read_corpus("corpus.txt", ALL, max_input_bytes=wrong)
    with pytest.raises(CorpusError, match="max_input_bytes limits files, and this corpus is not files: leave it out"):
        read_corpus([["a"]], ALL, max_input_bytes=5)


@linux
def test_a_bomb_of_a_gigabyte_is_refused_in_little_memory(tmp_path):
    text.bomb(np.random.default_rng(0), tmp_path, size=10**9, limit=2 * 10**7)


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix != ".txt"])
def test_what_follows_a_compressed_text_is_not_passed_over(tmp_path, suffix):
    path, packed = tmp_path / f"corpus{suffix}", COMPRESS[suffix](b"one two\n")
    for tail in (b"garbage", b"\x01" + packed[1:], b"x" * 100_000):
        path.write_bytes(packed + tail)
        with pytest.raises(CorpusError, match=rf"corpus\{suffix} cannot be decompressed .*cut short, damaged"):
            read_corpus(path, ALL)
    path.write_bytes(b"")
    with pytest.raises(CorpusError, match=rf"corpus\{suffix} cannot be decompressed \(it is empty\)"):
        read_corpus(path, ALL)


def test_zeros_between_and_behind_xz_streams_are_padding(tmp_path):
    path = tmp_path / "corpus.xz"
    path.write_bytes(lzma.compress(b"one ") + bytes(200_000) + lzma.compress(b"two") + bytes(8))
    check(read_corpus(path, ALL), [["one", "two"]])


def test_an_xz_file_that_wants_gigabytes_of_memory_is_refused(tmp_path):
    path = tmp_path / "corpus.xz"
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 2**20}]
    packed = lzma.compress(b"one two", filters=filters, check=lzma.CHECK_NONE)
    path.write_bytes(packed)
    check(read_corpus(path, ALL), [["one", "two"]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unpacking, "XZ_MEMORY", 2**20)
        with pytest.raises(CorpusError, match=r"corpus.xz cannot be decompressed \(Memory usage limit exceeded\)"):
            read_corpus(path, ALL)


@pytest.mark.parametrize("how", text.CHANGES)
@pytest.mark.parametrize("workers", [1, 3])
def test_a_file_that_changes_while_it_is_read_is_an_error(tmp_path, how, workers):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"some words of a text\n" * 5000)
    os.utime(path, ns=(0, 0))
    text.change_while_read(path, *text.CHANGES[how], workers, 3)


@pytest.mark.parametrize("how", text.CHANGES)
def test_a_file_that_changes_after_it_was_read_has_no_effect(tmp_path, how):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"some words of a text\n" * 50)
    with read_corpus(path, ALL).tokens as tokens:
        before = tokens.fingerprint()
        text.CHANGES[how][0](path)
        assert tokens.fingerprint() == before


def test_a_folder_with_a_pipe_in_it_is_refused_and_not_waited_for(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CorpusError, match=rf"holds {tmp_path}/pipe, which is no regular file: move it away"):
        read_corpus(tmp_path, ALL)


def test_a_closed_standard_input_is_named(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match="standard input is closed: give it a text, or name a file"):
        read_corpus("-", ALL)


@pytest.mark.parametrize(("error", "reason"), [(PermissionError, "Permission denied"), (IsADirectoryError, "Is a dir")])
def test_a_file_that_cannot_be_opened_is_named(tmp_path, monkeypatch, error, reason):
    path = tmp_path / "corpus.txt"
    path.write_text("one")

    def refuse(*_, **__):
        raise error(13 if error is PermissionError else 21, f"{reason}", str(path))  # root may read any file

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(CorpusError, match=rf"{path} cannot be read \({reason}\), 0 bytes into the file"):
        read_corpus(path, ALL)


# The token store


def disk_store(tmp_path, blocks=3):
    builder = StoreBuilder(0, tmp_path)
    entries = np.tile(np.array([0, 1, 2, -1], np.int32), 8192 * blocks)
    builder.append(entries)
    return builder.finish(np.arange(3, dtype=np.int32))


@pytest.mark.parametrize("data", [b"\xff", b"\xff" * 4000, bytes(4000), b"\1"])
def test_a_store_overwritten_on_disk_is_an_error_that_names_the_block(tmp_path, data):
    with disk_store(tmp_path) as tokens:
        head, tail = tokens.split(1)
        os.pwrite(tokens._storage._file, data, 4 * 32768 + 80)
        assert len(head.read_block(0)) == len(tokens.read_block(2)) == len(tail.read_block(1)) == 32768
        for part, b in ((tokens, 1), (tail, 0)):
            message = rf"block {b} of the token store is not what was written.*read the corpus again"
            with pytest.raises(CorpusError, match=message):
                part.read_block(b)


def test_a_disk_that_cannot_be_read_is_an_error_that_names_the_block(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(5, "Input/output error")

    with disk_store(tmp_path) as tokens:
        monkeypatch.setattr(os, "preadv", fail)
        with pytest.raises(CorpusError, match=r"block 2 of the token store is lost: .*byte 262,144 \(Input/output"):
            tokens.read_block(2)


def test_the_file_of_a_store_never_has_a_name(tmp_path, monkeypatch):
    try:
        os.close(os.open(tmp_path, getattr(os, "O_TMPFILE", os.O_RDONLY) | os.O_WRONLY, 0o600))
    except OSError as error:
        pytest.skip(f"the system makes no file without a name: {error}")
    monkeypatch.setattr(os, "unlink", lambda *_, **__: None)
    storage = DiskStorage(tmp_path)
    assert list(tmp_path.iterdir()) == []
    storage.close()


@linux
@pytest.mark.parametrize("kind", ["words", "generator"])
def test_a_kill_leaves_no_file(tmp_path, kind):
    text.interrupt(kind, tmp_path, 0.4, 2, signal.SIGKILL)


@linux
def test_a_store_overwritten_while_training_is_an_error(tmp_path):
    error = text.damage_while_training("0xff", "hogwild", tmp_path)
    assert "of the token store is not what was written" in error


@linux
def test_a_full_disk_is_an_error_that_says_where(tmp_path):
    text.full_disks(np.random.default_rng(0), tmp_path, times=1)


# Interrupts, threads, processes


@linux
@pytest.mark.parametrize("kind", ["words", "zeros", "generator", "silent pipe", "tokenizer"])
def test_an_interrupt_reaches_the_caller_and_leaves_nothing(tmp_path, kind):
    text.interrupt(kind, tmp_path, 0.3, 2)


def test_a_pipe_is_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = os.fork()
    if not writer:
        pipe.write_bytes(b"a b\nc")
        os._exit(0)
    check(read_corpus(pipe, ALL, workers=2), [["a", "b"], ["c"]])
    assert os.waitpid(writer, 0)[1] == 0


def test_reading_in_threads_and_in_processes_gives_the_same(tmp_path):
    text.everywhere(np.random.default_rng(0), tmp_path)
    assert len(set(child("read_everywhere", *tmp_path.glob("corpus*"))["prints"])) == 1


# What reaches a saved file


def test_hostile_words_come_back_from_a_saved_model_as_they_were(tmp_path):
    words = [
        "a b",
        "\n",
        "",
        "\0",
        "</s>",
        "NaN",
        " ",
        "\u2028",
        "\ufeffx",
        "Z" + "\u0301" * 300,
        "x" * 10**6,
        "\ufffd",
    ]
    model = firth.Word2Vec(vector_size=4, epochs=1, min_count=1, sample=0, workers=1).fit(
        [words, words[::-1]], progress=False
    )
    model.save(tmp_path / "model.firth")
    again = firth.load(tmp_path / "model.firth")
    assert again.wv.index_to_key == model.wv.index_to_key
    assert sorted(again.wv.index_to_key) == sorted(words)
    assert np.array_equal(again.wv.vectors, model.wv.vectors)


def test_half_a_surrogate_pair_is_refused_before_training():
    with pytest.raises(CorpusError, match=r"the word 'a\\udc80' holds '\\udc80', half of a surrogate pair.*clean"):
        firth.Word2Vec(min_count=1).fit([["fine", "a\udc80"]], progress=False)
