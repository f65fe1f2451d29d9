"""Files of phrases: everything comes back, and damage is always an error."""

import numpy as np
import pytest

from firth.errors import FormatError, OptionError
from firth.formats.phrases import PhraseFile, read_phrases, write_phrases
from firth.formats.sealed import PHRASES, write_sealed

CONTENT = PhraseFile(
    [("new", "york"), ("bank", "of", "america"), ("ü", "new")], [3, 2, 7], [1.5, 0.1, -0.25], {"a": 1}, {"b": 2}
)


def tensors(**changed):
    sound = {
        "words": np.frombuffer(b"ab", np.uint8), "word_ends": np.array([1, 2]), "parts": np.array([0, 1, 1, 0]),
        "part_ends": np.array([2, 4]), "counts": np.array([3, 4]), "scores": np.array([0.5, 1]),
    }  # fmt: skip
    return {name: array for name, array in (sound | changed).items() if array is not None}


def test_everything_comes_back(tmp_path):
    write_phrases(tmp_path / "x.firth", CONTENT)
    assert read_phrases(tmp_path / "x.firth") == CONTENT


def test_no_phrases_come_back(tmp_path):
    empty = PhraseFile([], [], [], {}, {})
    write_phrases(tmp_path / "x.firth", empty)
    assert read_phrases(tmp_path / "x.firth") == empty


def test_equal_phrases_give_equal_bytes(tmp_path):
    for name in "ab":
        write_phrases(tmp_path / name, CONTENT)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_every_changed_byte_and_every_cut_is_an_error(tmp_path):
    write_phrases(tmp_path / "sound", CONTENT)
    sound, path = (tmp_path / "sound").read_bytes(), tmp_path / "damaged"
    for i in range(len(sound)):
        changed = bytes([*sound[:i], sound[i] ^ 0x11, *sound[i + 1 :]])
        for data in (changed, sound[:i]):
            path.write_bytes(data)
            with pytest.raises(FormatError):
                read_phrases(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"counts": None}, r"its tensors are \['part_ends', "),
        ({"more": np.array([1])}, "its tensors are"),
        ({"scores": np.array([1, 2])}, "its tensors are"),
        ({"scores": np.array([1.0])}, "its counts or scores do not fit the phrases"),
        ({"scores": np.array([1.0, np.nan])}, "its counts or scores do not fit the phrases"),
        ({"counts": np.array([[1, 2]])}, "its counts or scores do not fit the phrases"),
        ({"parts": np.array([0, 1, 2, 0])}, "its phrases do not fit its words"),
        ({"parts": np.array([0, 1, -1, 0])}, "its phrases do not fit its words"),
        ({"part_ends": np.array([3, 4])}, "its phrases do not fit its words"),
        ({"part_ends": np.array([6, 4])}, "its phrases do not fit its words"),
        ({"part_ends": np.array([[2, 4]])}, "do not fit"),
        ({"word_ends": np.array([1, 3])}, "the words cannot be decoded"),
        ({"word_ends": np.array([2, 1])}, "the words cannot be decoded"),
        ({"words": np.frombuffer(b"a\xff", np.uint8)}, "the words cannot be decoded"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(tmp_path, changed, message):
    path = tmp_path / "x.firth"
    for some, found in ((tensors(), None), (tensors(**changed), message)):
        with path.open("wb") as file:
            write_sealed(file, PHRASES, some, {"options": "{}", "corpus": "{}"})
        if found is None:
            assert read_phrases(path).phrases == [("a", "b"), ("b", "a")]
        else:
            with pytest.raises(FormatError, match=found):
                read_phrases(path)


def test_a_compressed_name_is_refused(tmp_path):
    with pytest.raises(OptionError, match="the phrases format is never compressed"):
        write_phrases(tmp_path / "x.firth.gz", CONTENT)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "x.txt").write_text("new york\n" * 100)
    with pytest.raises(FormatError):
        read_phrases(tmp_path / "x.txt")
    with pytest.raises(FileNotFoundError):
        read_phrases(tmp_path / "absent")
