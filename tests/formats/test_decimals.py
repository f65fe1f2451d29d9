import tracemalloc
import warnings

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firth.errors import FormatError
from firth.formats import decimals, word2vec_rows
from firth.formats.decimals import parse_fields, parse_lines, print_rows
from firth.formats.word2vec import read_word2vec, write_word2vec

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
@example("16777217")
@example("1.17549435e-38")
@example("3.4028236e38")
@example("-0.0")
@example("1e")
@example(".")
@example("-")
@example("+1")
@example("0.000000000000000000000000000001")
def test_the_compiled_loop_says_what_arrow_says_or_leaves_it_to_it(text):
    import pyarrow as pa

    parsed = parse_lines(b"word %s\n" % text.encode(), 1)
    if not len(parsed.sure) or not parsed.sure[0]:
        return
    try:
        expected = parse_fields([text.encode()], 1, np.dtype(np.float32))
    except pa.ArrowInvalid:
        pytest.fail(f"Arrow takes {text!r} for no number, and the loop made {parsed.rows}")
    assert parsed.rows.tobytes() == expected.tobytes()


def test_the_compiled_loop_is_sure_of_what_trained_vectors_hold():
    rows = np.random.default_rng(0).normal(size=(2000, 20)).astype(np.float32)
    block = b"".join(b"w %s\n" % line for line in print_rows(rows))
    parsed = parse_lines(block, 20)
    assert parsed.sure.all()
    assert parsed.rows.tobytes() == rows.tobytes()


def test_lines_are_where_the_loop_says():
    block = "naïve 1 2 \r\n\n  \nb 3 4\na b 5 6\nlast 7 8".encode()
    parsed = parse_lines(block, 2)
    found = [(block[start:word], block[start:end]) for start, word, end in parsed.lines.tolist()]
    assert found == [
        ("naïve".encode(), "naïve 1 2".encode()),
        (b"b", b"b 3 4"),
        (b"a", b"a b 5 6"),
        (b"last", b"last 7 8"),
    ]
    assert parsed.numbers.tolist() == [0, 3, 4, 5]
    assert parsed.sure.tolist() == [True, True, False, True]


@pytest.fixture
def compiled_at_once(monkeypatch):
    monkeypatch.setattr(word2vec_rows, "_BLOCKS_BEFORE_COMPILING", 0)


@pytest.fixture
def small_blocks(monkeypatch):
    from firth.formats import streams

    monkeypatch.setattr(streams, "CHUNK_BYTES", 64)


@pytest.mark.usefixtures("compiled_at_once", "small_blocks")
@pytest.mark.parametrize("limit", [None, 1, 2, 7, 40, 100])
@pytest.mark.parametrize("header", [True, False])
def test_the_compiled_reader_gives_the_same_rows(tmp_path, limit, header):
    words = [f"word {i}" if i % 7 == 3 else f"w{i}" for i in range(100)]
    vectors = np.random.default_rng(1).normal(size=(100, 3)).astype(np.float32)
    vectors[::9] *= 1e-38  # numbers the loop is not sure of
    lines = [b"%s %s\n" % (word.encode(), row) for word, row in zip(words, print_rows(vectors), strict=True)]
    (tmp_path / "v").write_bytes((b"100 3\n" if header else b"") + b"\n".join(lines))  # with blank lines
    found = read_word2vec(tmp_path / "v", no_header=not header, limit=limit)
    assert found.keys == words[:limit]
    assert found.vectors.tobytes() == vectors[:limit].tobytes()


FIELD = st.sampled_from([b"a", b"1", b"-2.5e-3", b"", b"nan", b"0.1\0", b"\xff", b"1e39", b"\t", b"\r"])


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
def test_both_readers_make_the_same_of_any_lines(tmp_path_factory, lines, D, header, ended, limit):
    path = tmp_path_factory.mktemp("any") / "v"
    rows = sum(bool(line.strip()) for line in lines)
    content = b"\n".join([b"%d %d" % (rows, D)] * header + lines) + b"\n" * ended
    path.write_bytes(content)

    def read(before):
        with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            patch.setattr(word2vec_rows, "_BLOCKS_BEFORE_COMPILING", before)
            try:
                table = read_word2vec(path, binary=False, no_header=not header, limit=limit)
            except FormatError as error:
                return str(error)
            return table.keys, table.vectors.tobytes(), [str(warning.message) for warning in said]

    assert read(0) == read(1000)


def test_blank_lines_take_no_rows():
    block = b"\n" * 1000 + b"a" + b" 1" * 50 + b"\n" + b"\n" * 1000
    tracemalloc.start()
    parsed = parse_lines(block, 50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert parsed.rows.tolist() == [[1] * 50]
    assert parsed.numbers.tolist() == [1000]
    assert peak < 100_000


def test_lines_too_short_for_their_numbers_do_not_lead_beyond_the_arrays(monkeypatch):
    monkeypatch.setattr(decimals, "_compiled", lambda: decimals._parse)  # not compiled, it checks every index
    parsed = parse_lines(b"a\n" * 50 + b"a 1 2 3\n", 3)
    assert not parsed.sure.any()
    assert 0 < len(parsed.sure) < 50


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("before", [0, 2, 1000])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda lines: [*lines[:50], b"x 1 2", *lines[51:]], "line 52 is not a word and 3 numbers.*'x 1 2'"),
        (lambda lines: [*lines[:50], b"x 1 2 z", *lines[51:]], "line 52 is not a word and 3 numbers.*'x 1 2 z'"),
        (lambda lines: [*lines, b"more 1 2 3"], "promises 100 rows of 3 dimensions, but more follows"),
        (lambda lines: lines[:-1], "promises 100 rows of 3 dimensions and ends after 99"),
    ],
)
def test_bad_lines_are_named_by_either_reader(tmp_path, monkeypatch, before, damage, message):
    monkeypatch.setattr(word2vec_rows, "_BLOCKS_BEFORE_COMPILING", before)
    lines = damage([b"w%d 1 2 3" % i for i in range(100)])
    (tmp_path / "v").write_bytes(b"100 3\n" + b"\n".join(lines) + b"\n")
    with pytest.raises(FormatError, match=message):
        read_word2vec(tmp_path / "v", binary=False)


@pytest.mark.usefixtures("compiled_at_once", "small_blocks")
def test_a_cut_last_line_is_warned_of_by_the_compiled_reader(tmp_path):
    write_word2vec(tmp_path / "v", ["a", "b"], np.ones((2, 30), np.float32))
    (tmp_path / "v").write_bytes((tmp_path / "v").read_bytes()[:-1])
    with pytest.warns(UserWarning, match="does not end in a newline"):
        read_word2vec(tmp_path / "v")


@pytest.mark.usefixtures("compiled_at_once", "small_blocks")
def test_a_line_longer_than_a_block_is_read(tmp_path):
    vectors = np.random.default_rng(2).normal(size=(3, 200)).astype(np.float32)
    write_word2vec(tmp_path / "v", ["a", "b", "c"], vectors)
    assert np.array_equal(read_word2vec(tmp_path / "v").vectors, vectors)
