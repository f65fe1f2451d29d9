"""Numbers in text: Arrow's CSV reader and the reader of single lines give the same results, bit for bit."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firth.errors import FormatError
from firth.formats import streams, word2vec_rows
from firth.formats.decimals import parse_fields, parse_lines, print_rows
from firth.formats.word2vec import read_word2vec, write_word2vec

FLOAT32 = np.dtype(np.float32)
NUMBER = st.one_of(
    st.floats(width=32, allow_nan=False, allow_infinity=False).map(lambda x: repr(float(np.float32(x)))),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r"-?[0-9]{0,12}\.?[0-9]{0,12}(e[+-]?[0-9]{1,2})?", fullmatch=True),
)


@settings(max_examples=300, deadline=None)
@given(NUMBER)
@example("1.00000005960464477539")  # half-way between two float32, exactly
@example("1.000000059604644775390625")
@example("1.00000005960464477540")
@example("3.4028236e38")
@example("-0.0")
@example("+1")
@example("1e")
@example("")
def test_csv_reads_the_number_that_python_reads_rounded_once(text):
    import pyarrow as pa

    parsed = parse_lines(b"word %s\n" % text.encode(), 1, np.dtype(np.float64))
    if parsed is None:
        with pytest.raises((pa.ArrowInvalid, ValueError)):
            parse_fields([text.encode()], 1, np.dtype(np.float64))
        return
    assert parsed[1][0, 0].tobytes() == np.float64(text).tobytes()
    expected = parse_fields([text.encode()], 1, FLOAT32)
    assert parse_lines(b"word %s\n" % text.encode(), 1, FLOAT32)[1].tobytes() == expected.tobytes()


@pytest.mark.parametrize("kind", ["f2", "f4", "f8"])
@pytest.mark.parametrize("end", [b"\n", b" \n", b"\r\n", b" \r\n", b"\n\n"])
def test_csv_reads_what_programs_write(kind, end):
    rows = np.random.default_rng(0).normal(size=(200, 20)).astype(kind)
    words, found = parse_lines(b"".join(b"w\xff %s%s" % (line, end) for line in print_rows(rows)), 20, rows.dtype)
    assert words == [b"w\xff"] * 200
    assert found.astype(kind).tobytes() == rows.tobytes()


@pytest.mark.parametrize("block", [b"a b 1\n", b"\xef\xbb\xbfa 1\n", b"a\tb 1\n", b"a\rb 1\n", b"a 1\nb\n", b"a 1  \n"])
def test_lines_that_csv_would_change_are_left_to_the_other_reader(block):
    assert parse_lines(block, 1, FLOAT32) is None


def test_a_line_of_a_megabyte_is_left_to_the_other_reader():
    line = b"a" * (2**20 - 2) + b" 1\n"
    assert parse_lines(b"b 1\n" + line[2:], 1, FLOAT32) is not None
    assert parse_lines(b"b 1\n" + line, 1, FLOAT32) is None
    assert parse_lines(line, 1, FLOAT32) is None


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(streams, "CHUNK_BYTES", 64)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("limit", [None, 1, 2, 7, 40, 100])
@pytest.mark.parametrize("header", [True, False])
def test_a_text_of_many_blocks_is_read(tmp_path, limit, header):
    words = [f"word {i}" if i % 7 == 3 else f"w{i}" for i in range(100)]
    vectors = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    lines = [b"%s %s\n" % (word.encode(), row) for word, row in zip(words, print_rows(vectors), strict=True)]
    (tmp_path / "v").write_bytes((b"100 3\n" if header else b"") + b"\n".join(lines))  # with blank lines
    found = read_word2vec(tmp_path / "v", no_header=not header, limit=limit)
    assert found.keys == words[:limit]
    assert found.vectors.tobytes() == vectors[:limit].tobytes()


FIELD = st.sampled_from([b"a", b"1", b"-2.5e-3", b"", b"nan", b"0.1\0", b"\xff", b"1e39", b"\t", b"\r", b'"', b"\\"])


@settings(max_examples=400, deadline=None)
@given(
    lines=st.lists(st.lists(FIELD, max_size=6).map(b" ".join), max_size=8),
    D=st.integers(1, 4),
    header=st.booleans(),
    ended=st.booleans(),
    limit=st.sampled_from([None, 1, 3]),
)
@example(lines=[b"a 1", b"\t"], D=1, header=False, ended=False, limit=None)
@example(lines=[b"a", b"b", b"c", b"d", b"a 1 2 3"], D=3, header=False, ended=True, limit=None)
def test_both_readers_read_any_lines_alike(tmp_path_factory, lines, D, header, ended, limit):
    path = tmp_path_factory.mktemp("any") / "v"
    rows = sum(bool(line.strip()) for line in lines)
    path.write_bytes(b"\n".join([b"%d %d" % (rows, D)] * header + lines) + b"\n" * ended)

    def read():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                table = read_word2vec(path, binary=False, no_header=not header, limit=limit)
            except FormatError as error:
                return str(error)
            return table.keys, table.vectors.tobytes(), [str(warning.message) for warning in caught]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word2vec_rows, "parse_lines", lambda *arguments: None)
        expected = read()
    assert read() == expected


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [*lines[:50], b"x 1 2", *lines[51:]], "line 52 is not a word and 3 numbers.*'x 1 2'"),
        (lambda lines: [*lines[:50], b"x 1 2 z", *lines[51:]], "line 52 is not a word and 3 numbers.*'x 1 2 z'"),
        (lambda lines: [*lines, b"more 1 2 3"], "declares 100 rows of 3 dimensions, but more follows"),
        (lambda lines: lines[:-1], "declares 100 rows of 3 dimensions, but ends after 99"),
    ],
)
def test_a_bad_line_among_many_blocks_is_reported_by_its_number(tmp_path, damage, message):
    lines = damage([b"w%d 1 2 3" % i for i in range(100)])
    (tmp_path / "v").write_bytes(b"100 3\n" + b"\n".join(lines) + b"\n")
    with pytest.raises(FormatError, match=message):
        read_word2vec(tmp_path / "v", binary=False)


@pytest.mark.usefixtures("small_blocks")
def test_lines_longer_than_a_block_are_read_and_a_cut_last_one_is_reported(tmp_path):
    vectors = np.random.default_rng(2).normal(size=(3, 200)).astype(np.float32)
    write_word2vec(tmp_path / "v", ["a", "b", "c"], vectors)
    assert np.array_equal(read_word2vec(tmp_path / "v").vectors, vectors)
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:-1])
    with pytest.warns(UserWarning, match="does not end in a newline"):
        read_word2vec(tmp_path / "v")
