"""Tests hostile bytes, invalid UTF-8, lower-casing, and tokens too long to be words."""

import numpy as np
import pytest
from stress import text
from stress._corpus import ALL, check, linux, split_bytes, text_file

from firth.errors import CorpusError
from firth.options import Options
from firth.text import read_corpus

HOSTILE = {
    "one word": b"word",
    "one word a million times": b"word " * 10**6,
    "a token of 10^6 letters": b"a " + b"x" * 10**6 + b" b",
    "a token of 1,024 bytes, and one of 1,025": b"x" * 1024 + b" " + b"y" * 1025,
    "a line of only long tokens": b"a\n" + b"x" * 3000 + b" " + b"y" * 2000 + b"\nb",
    "a line of 10^6 tokens": b" ".join(b"%d" % (i % 1000) for i in range(10**6)),
    "10^5 empty lines": b"\n" * 10**5 + b"a",
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
    "other whitespace of Unicode": "a\x85b c\u2028d \u00a0 e\u3000f\x1cg".encode(),
    "special words of other programs": b"</s> NaN nan inf -inf null None True 0 -1 1e999 <unk> __label__x </s>",
    "Zalgo": ("Z" + "\u0300\u0316" * 200 + " H\u0351e\u0352\u0357").encode(),
    "bidirectional and control characters": "\u202eabc\u202c \x1b[31m \x07 \u200b \u2066x\u2069".encode(),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("suffix", [".txt", ".xz"])
def test_hostile_bytes_are_read_as_plain_python_reads_them(tmp_path, name, suffix):
    lines, replaced, too_long = split_bytes(HOSTILE[name])
    corpus = read_corpus(text_file(tmp_path, HOSTILE[name], suffix), ALL, workers=2)
    check(corpus, lines)
    assert (corpus.replaced, corpus.too_long) == (replaced, too_long)


def test_words_that_lower_casing_makes_equal_are_one_word(tmp_path):
    lower = Options(min_count=1, lowercase=True)
    lines = [["cat", "cat", "cat", "dog"], ["ας", "ας"]]
    check(read_corpus(text_file(tmp_path, "Cat cat CAT Dog\nΑΣ ας"), lower), lines, lower)
    check(read_corpus([["Cat", "cat", "CAT", "Dog"], ["ΑΣ", "ας"]], lower), lines, lower)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the corpus is empty: 0 words were read"),
        (b" \n\t\r\n\v\f\n" * 10**5, "the corpus is empty: 0 words were read"),
        (b"\xef\xbb\xbf \n\r\n\t", "the corpus is empty: 0 words were read"),
        (b"x" * 1025, "no words: its only token is longer than 1,024 bytes.*give tokenizer="),
        (b"x" * 1025 + b" " + b"y" * 1025, "no words: all of its 2 tokens are longer than 1,024 bytes"),
    ],
)
def test_a_file_without_words_is_an_error_with_the_reason(tmp_path, data, message):
    with pytest.raises(CorpusError, match=message):
        read_corpus(text_file(tmp_path, data), ALL)


@linux
def test_memory_stays_flat_for_huge_tokens_and_lines(tmp_path):
    text.long_token(np.random.default_rng(0), tmp_path, suffix=".gz")
    text.long_line(np.random.default_rng(0), tmp_path, words=10**6)
    text.one_gigabyte_of_zeros(np.random.default_rng(0), tmp_path, size=7 * 10**8)
