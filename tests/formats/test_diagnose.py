"""Diagnosis: all errors of a file are reported, in bounded memory."""

import gzip
import json

import numpy as np
import pytest
from formats._files import memory_of_diagnosis

from firth.cli import main
from firth.formats import FORMATS, diagnose, read_vectors, write_vectors

WORDS = ["the", "naïve", "日本", "cat"]

VECTORS = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)

WRITTEN = [name for name, known in FORMATS.items() if known.write]


@pytest.mark.parametrize("name", WRITTEN)
def test_no_errors_are_found_in_a_sound_file(tmp_path, name):
    write_vectors(tmp_path / "v", name, WORDS, VECTORS)
    found = diagnose(tmp_path / "v")
    assert found.is_sound, found.problems
    assert (found.rows, found.dimensions) == (4, 3)
    assert found.bytes > 4 * 3 * 4
    assert found.format in (name, "word2vec-text")
    json.dumps(found.to_dict())


@pytest.mark.parametrize("name", WRITTEN)
def test_rows_that_are_broken_or_zero_are_counted(tmp_path, name):
    vectors = VECTORS.copy()
    vectors[1, 0], vectors[2] = np.nan, 0
    write_vectors(tmp_path / "v", name, WORDS, vectors)
    found = diagnose(tmp_path / "v")
    assert (found.broken_rows, found.zero_rows) == (1, 1)
    assert any("infinities or not-a-numbers: 1 of 4 rows" in problem for problem in found.problems)
    assert any("only zeros: 1 of 4 rows" in problem for problem in found.problems)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("name", ["word2vec-text", "word2vec-binary", "glove"])
def test_all_faults_of_a_word2vec_file_are_found_at_once(tmp_path, name, suffix):

    write_vectors(tmp_path / "v", name, ["a", "caf?", "a", "d"], VECTORS)
    content = (tmp_path / "v").read_bytes().replace(b"caf?", b"caf\xc3").replace(b"4 3\n", b"9 3\n")
    (tmp_path / f"v{suffix}").write_bytes(gzip.compress(content) if suffix else content)
    found = diagnose(tmp_path / f"v{suffix}")
    assert found.format == name
    assert found.rows == 4
    assert found.promised_rows == (None if name == "glove" else 9)
    assert (found.duplicates, found.undecodable) == (1, 1)
    wanted = ["repeated words: 1 of 4 rows", "not UTF-8: 1 of 4 words"]
    wanted += [] if name == "glove" else ["the header declares 9 rows, but 4 can be read"]
    assert all(any(sentence in problem for problem in found.problems) for sentence in wanted)
    assert len(found.problems) == len(wanted)


def test_bad_lines_are_counted_and_the_first_shown(tmp_path):
    lines = [b"w%d 1 2" % i for i in range(100)]
    lines[20], lines[60], lines[61] = b"short 1", b"x 1 two", b"new york 3 4"
    (tmp_path / "v").write_bytes(b"100 2\n" + b"\n".join(lines))
    found = diagnose(tmp_path / "v")
    assert (found.rows, found.bad_lines, found.spaced) == (98, 2, 1)
    assert found.problems[0] == "line 22 is not a word and 2 numbers: 'short 1'"
    assert "the next is line 62" in found.problems[1]
    assert any("the last line does not end in a newline" in problem for problem in found.problems)
    assert any("whitespace inside: 1 of 98 words" in problem for problem in found.problems)


def test_a_first_word_with_spaces_does_not_hide_the_dimensions(tmp_path):
    (tmp_path / "v.glove").write_bytes(b". . . 1 2 3\n" + b"".join(b"w%d 4 5 6\n" % i for i in range(20)))
    found = diagnose(tmp_path / "v.glove")
    assert (found.rows, found.dimensions) == read_vectors(tmp_path / "v.glove").vectors.shape == (21, 3)
    assert (found.bad_lines, found.spaced) == (0, 1)


def test_a_cut_binary_file(tmp_path):
    write_vectors(tmp_path / "v", "word2vec-binary", WORDS, VECTORS)
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:-5])
    found = diagnose(tmp_path / "v")
    assert (found.rows, found.promised_rows) == (3, 4)
    assert any("11 bytes after the last whole record" in problem for problem in found.problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\x80\x04\x95 a pickle", "a Python pickle or a gensim model"),
        (b"nothing of the kind", "not in a format that firth reads"),
        (b"PAR1 and no more", "not a complete Arrow or Parquet file"),
    ],
)
def test_an_error_of_a_reader_is_a_problem(tmp_path, content, message):
    (tmp_path / "v").write_bytes(content)
    found = diagnose(tmp_path / "v")
    assert len(found.problems) == 1
    assert message in found.problems[0]


def test_a_damaged_native_file_is_reported(tmp_path):
    write_vectors(tmp_path / "v", "native", WORDS, VECTORS)
    content = bytearray((tmp_path / "v").read_bytes())
    content[content.index(VECTORS.tobytes())] ^= 1
    (tmp_path / "v").write_bytes(content)
    assert "the checksum of center differs" in diagnose(tmp_path / "v").problems[0]


def test_a_missing_file_is_the_systems_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        diagnose(tmp_path / "none")


# --- memory


def test_long_lines_are_read_a_few_at_a_time(tmp_path):
    (tmp_path / "small").write_bytes(b"w 0.25 0.25\n")
    (tmp_path / "v").write_bytes((b"w" + b" 0.25" * 60_000 + b"\n") * 300)
    (_, _, base), (rows, D, peak) = memory_of_diagnosis(tmp_path / "small", tmp_path / "v")
    assert (rows, D) == (300, 60_000)
    assert peak - base < (tmp_path / "v").stat().st_size


# --- the command line

BEGINNINGS = [b"", b"PAR1", b"ARROW1\0\0", b"PK\3\4", b"9 9\n", b'\x10\0\0\0\0\0\0\0{"', b"\xba\x16\x4f\x2f", b"\x80\4"]


@pytest.mark.parametrize("content", [*BEGINNINGS, b"3 2\na 1", b"x" * 100])
@pytest.mark.parametrize("name", ["v", "v.npz", "v.firth", "new\nline"])
def test_info_on_a_broken_file_exits_with_1_and_reports_the_error(tmp_path, capsys, content, name):
    (tmp_path / name).write_bytes(content)
    assert main(["info", str(tmp_path / name)]) == 1
    said = "".join(capsys.readouterr())
    assert "Traceback" not in said
    assert str(tmp_path) in said
