import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firth.cluster.file_shares import plan_shares
from firth.errors import CorpusError
from firth.text import ReadOptions
from firth.text.opening import FileRange


def span(file):
    """Return the bytes of a planned file or range."""
    text = Path(file).read_bytes()
    return text[file.start : file.stop] if isinstance(file, FileRange) else text


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([b"a", b"bb c", b"", b"d" * 50])).map(b"\n".join), min_size=1), st.integers(1, 6)
)
def test_shares_are_whole_lines_of_about_the_same_size_in_order(tmp_path_factory, texts, n):
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{number:03}.txt" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_bytes(text)
    shares = plan_shares(folder, ReadOptions(), n).files
    parts = [b"".join(map(span, share)) for share in shares]
    assert b"".join(parts) == b"".join(texts)
    assert [os.fspath(file) for share in shares for file in share if span(file) == b""] == [
        os.fspath(path) for path, text in zip(paths, texts, strict=True) if text == b""
    ]
    ranges = [file for share in shares for file in share if isinstance(file, FileRange) and file.start]
    assert all(Path(file).read_bytes()[file.start - 1] == ord("\n") for file in ranges)
    longest_line = 51
    assert all(len(part) <= len(b"".join(texts)) // n + 1 + longest_line for part in parts)


def test_what_cannot_be_divided_stays_whole(tmp_path):
    for name in ("a.txt", "b.txt.gz", "c.txt"):
        (tmp_path / name).write_bytes(gzip.compress(os.urandom(250)) if "gz" in name else b"x y\n" * 100)
    plain, tokenized = ReadOptions(), ReadOptions(tokenizer=str.split)
    assert [len(share) for share in plan_shares(tmp_path, plain, 4).files] == [1, 1, 2, 1]
    packed = [file for share in plan_shares(tmp_path, plain, 4).files for file in share if "gz" in os.fspath(file)]
    assert packed == [tmp_path / "b.txt.gz"]
    for how in (tokenized, ReadOptions(encoding="latin-1")):
        files = [file for share in plan_shares(tmp_path, how, 4).files for file in share]
        assert files == sorted(tmp_path.iterdir())


def test_repeated_files_are_counted(tmp_path):
    (tmp_path / "a").write_bytes(b"x\n" * 9)
    assert plan_shares([tmp_path / "a", tmp_path], ReadOptions(), 2).repeats == 1


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        (
            [["a", "b"]],
            "of type list, and a cluster reads files: give paths, folders or patterns that all machines see",
        ),
        ({"a": ["b"]}, "of type dict, and a cluster reads files"),
        ("-", "standard input is not a regular file: a cluster cannot read it"),
        ("/dev/null", "/dev/null is not a regular file"),
        ("no such file", "'no such file' does not exist"),
    ],
)
def test_what_other_machines_cannot_read_is_refused(corpus, message):
    with pytest.raises(CorpusError, match=message):
        plan_shares(corpus, ReadOptions(), 2)
