"""firth.gensim's corpora: lines, text8 and Brown, and which of them firth reads by itself."""

import bz2
import gzip
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firth.gensim import BrownCorpus, LineSentence, PathLineSentences, Text8Corpus, corpora

LINES = "the cat sat\nönly\n\na b c d e\n"
WORDS = [line.split() for line in LINES.splitlines() if line]


@pytest.mark.parametrize("suffix", ["", ".gz", ".bz2"])
def test_lines_of_plain_and_compressed_files(tmp_path, suffix):
    pack = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress}[suffix]
    file = tmp_path / f"text.txt{suffix}"
    file.write_bytes(pack(LINES.encode()))
    corpus = LineSentence(str(file))
    assert list(corpus) == list(corpus) == WORDS
    assert list(LineSentence(file, limit=2)) == WORDS[:2]
    assert list(LineSentence(file, max_sentence_length=2))[3:] == [["a", "b"], ["c", "d"], ["e"]]


def test_an_open_file_is_rewound():
    corpus = LineSentence(io.BytesIO(LINES.encode()))
    assert list(corpus) == list(corpus) == WORDS


def test_the_files_of_a_folder_are_read_in_the_order_of_their_names(tmp_path):
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "a.txt").write_text("first\n")
    assert list(PathLineSentences(tmp_path)) == [["first"], ["second"]]
    assert list(PathLineSentences(tmp_path / "b.txt")) == [["second"]]
    with pytest.raises(ValueError, match="neither a file nor a folder"):
        PathLineSentences(tmp_path / "absent")


@given(words=st.lists(st.text("abö", min_size=1, max_size=5), max_size=40), longest=st.integers(1, 7))
def test_text8_is_cut_into_sentences_of_equal_length(tmp_path_factory, words, longest):
    file = tmp_path_factory.mktemp("text8") / "text8"
    file.write_text(" ".join(words))
    chunks = corpora._CHUNK_BYTES
    try:
        corpora._CHUNK_BYTES = 7  # words and characters are cut
        found = list(Text8Corpus(file, longest))
    finally:
        corpora._CHUNK_BYTES = chunks
    assert found == [words[first : first + longest] for first in range(0, len(words), longest)]


def test_brown_words_keep_two_letters_of_their_tag(tmp_path):
    (tmp_path / "ca01").write_text("The/at-tl Fulton/np ,/, said/vbd ``/`` x/y/z\n\n./.\n")
    assert list(BrownCorpus(tmp_path)) == [["the/at", "fulton/np", "said/vb"]]


def test_firth_reads_files_by_itself(tmp_path):
    file = tmp_path / "text.txt"
    file.write_text(LINES)
    assert corpora.readable(LineSentence(str(file)), None) == file
    assert corpora.readable(PathLineSentences(tmp_path), None) == [file]
    assert corpora.readable(None, str(file)) == Path(file)
    limited = LineSentence(file, limit=1)
    assert corpora.readable(limited, None) is limited
    (tmp_path / "text.gz").write_bytes(gzip.compress(b"a"))
    with pytest.raises(TypeError, match="is compressed: give LineSentence"):
        corpora.readable(None, tmp_path / "text.gz")
