"""Defines in plain Python what `read_corpus` must make of a text, and generates texts to compare the two on."""

import bz2
import gzip
import lzma
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import strategies as st

from firth.errors import CorpusError
from firth.options import Options
from firth.text import END, Corpus, encoding, kinds, merging, read_corpus, sources

ALL = Options(min_count=1)
LINES = [["the", "cat", "sat"], ["the", "dog"], ["a", "cat", "and", "the", "dog"]]
linux = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")

COMPRESS = {
    ".txt": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda data: pa.Codec("zstd").compress(data, asbytes=True),
}


def text_file(folder: Path, text: bytes | str, suffix: str = ".txt") -> Path:
    path = folder / f"corpus{suffix}"
    path.write_bytes(COMPRESS[suffix](text.encode() if isinstance(text, str) else text))
    return path


def expected(lines, options=ALL):
    """Return (keys, counts, sentences of keys, raw words) of already split lines."""
    counts = Counter(word for line in lines for word in line)  # a Counter keeps first occurrences in order
    frequent = [word for word, count in counts.most_common(options.max_vocab) if count >= options.min_count]
    in_vocabulary = set(frequent)
    kept = [[word for word in line if word in in_vocabulary] for line in lines]
    return frequent, [counts[word] for word in frequent], [line for line in kept if line], counts.total()


def decoded(corpus: Corpus) -> list[list[object]]:
    """Return the token store as sentences of keys."""
    kept: list[list[object]] = [[]]
    for i in (int(i) for b in range(corpus.tokens.n_blocks) for i in corpus.tokens.read_block(b)):
        if i == END:
            kept.append([])
        else:
            kept[-1].append(corpus.vocabulary.index_to_key[i])
    assert kept.pop() == []  # the store ends with END
    return kept


def check(corpus: Corpus, lines, options=ALL):
    """Assert that `corpus` is what plain Python makes of `lines`."""
    keys, counts, kept, raw_words = expected(lines, options)
    assert corpus.vocabulary.index_to_key == keys
    assert corpus.vocabulary.counts.tolist() == counts
    assert decoded(corpus) == kept
    assert corpus.raw_words == raw_words
    assert corpus.sentences == sum(bool(line) for line in lines)
    assert corpus.tokens.n_words == sum(counts)
    distinct = len({word for line in lines for word in line})
    assert corpus.distinct_words == distinct
    assert corpus.below_min_count + corpus.beyond_max_vocab + len(keys) == distinct


def split_bytes(data: bytes, lowercase=False, longest=1024):
    """Split as documented; return the lines, and the numbers of tokens with invalid UTF-8 and of too long tokens."""
    data = data.removeprefix(b"\xef\xbb\xbf")
    everything = [line.split() for line in data.split(b"\n")]
    raw = [[word for word in line if len(word) <= longest] for line in everything]
    too_long = sum(map(len, everything)) - sum(map(len, raw))
    lines = [[token.decode(errors="replace") for token in line] for line in raw]
    pairs = (pair for a, b in zip(raw, lines, strict=True) for pair in zip(a, b, strict=True))
    replaced = sum(word.encode() != token for token, word in pairs)
    return [[word.lower() for word in line] for line in lines] if lowercase else lines, replaced, too_long


def is_another_kind(data: bytes, suffix: str) -> bool:
    """Return whether the first bytes of a file are those of another kind of file than text."""
    try:
        kinds.refuse_other_kinds("", data[: kinds.START_BYTES], is_compressed=suffix != ".txt")
    except CorpusError:
        return True
    return kinds.table_kind("", data[: kinds.START_BYTES]) is not None


text_bytes = st.lists(
    st.sampled_from(
        [b"a", b"B", b"b", b"cat", b" ", b" ", b"\n", b"\n", b"\r\n", b"\r", b"\t\v\f", b"\0", b"\xff",
         b"\xc3", b"\x1c", b"\xc2\xa0", b"\xc2\x85", b"\xef\xbb\xbf", b"\xef\xbf\xbd", b"\xed\xa0\x80",
         "Σ".encode(), "ÉİΑΣ".encode(), "日本".encode(), "\u2028".encode(), b"\xf0\x9f",
         b"\xc0\xaf", b"\xef\xbf", b"</s>", b"NaN", b"x" * 9]
    ) | st.binary(max_size=4),
    max_size=60,
).map(b"".join)  # fmt: skip

ANY_BYTES = {
    "data": text_bytes,
    "chunk": st.integers(1, 40),
    "longest": st.sampled_from([4, 9, 1024]),
    "table": st.sampled_from([1, 2, 5, 2**17]),
    "suffix": st.sampled_from(list(COMPRESS)),
    "min_count": st.integers(1, 3),
    "max_vocab": st.none() | st.integers(1, 4),
    "lowercase": st.booleans(),
    "memory_limit": st.sampled_from([0, 40, 10**6]),
    "workers": st.integers(1, 4),
}


def check_any_bytes(folder: Path, data, *, chunk, longest, table, suffix, memory_limit, workers, **chosen):
    """Read `data` from a file, compressed in two parts, and compare with plain Python; `chosen` are options."""
    path, compress = folder / f"corpus{suffix}", COMPRESS[suffix]
    path.write_bytes(compress(data[:chunk]) + compress(data[chunk:]))
    options = Options(**chosen)
    lines, replaced, too_long = split_bytes(data, options.lowercase, longest)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sources, "CHUNK_BYTES", chunk)
        patch.setattr(encoding, "LONGEST_WORD", longest)
        patch.setattr(encoding, "WORDS_IN_TABLE", table)
        patch.setattr(merging, "WORDS_AT_A_TIME", 4 * table)
        if is_another_kind(data, suffix):
            with pytest.raises(CorpusError, match=r", not a text: |not in UTF-8|is a table"):
                read_corpus(path, options, workers=workers, memory_limit=memory_limit)
            return
        if not expected(lines, options)[0]:
            message = r"the corpus is empty|no word occurs at least min_count|the corpus has no words"
            with pytest.raises(CorpusError, match=message):
                read_corpus(path, options, workers=workers, memory_limit=memory_limit)
            return
        corpus = read_corpus(path, options, workers=workers, memory_limit=memory_limit)
    check(corpus, lines, options)
    assert (corpus.replaced, corpus.too_long) == (replaced, too_long)
    assert corpus.tokens.on_disk <= (memory_limit < 10**6)
    corpus.tokens.close()
