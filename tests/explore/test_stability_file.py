"""The file of `firth stability --words`: read by words, and refused if it is something else."""

import json

import numpy as np
import pytest

from firth.errors import FormatError, OptionError
from firth.explore.stability_file import read_stability

ROWS = {"a": 0, "b": 1, "c": 2}


def test_values_are_found_by_word(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"word": ["c", "other", "a"], "count": [3, 2, 1], "stability": [0.5, 0.25, 1]}))
    assert read_stability(path, ROWS) == pytest.approx([1, np.nan, 0.5], nan_ok=True)


@pytest.mark.parametrize(
    "content",
    [
        "", "word", "[]", "{}", '{"word": ["a"]}', '{"word": ["a"], "stability": []}',
        '{"word": [1], "stability": [1]}',
        '{"word": ["a"], "stability": [1.5]}', '{"word": ["a"], "stability": ["1"]}', '{"word": "a", "stability": "1"}',
        '{"word": ["a"], "stability": [NaN]}', "[" * 100_000, "\x00\xff",
    ],
)  # fmt: skip
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "words.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(FormatError, match="firth stability --words writes"):
        read_stability(path, ROWS)


def test_a_file_of_another_vocabulary_is_refused(tmp_path):
    path = tmp_path / "words.json"
    path.write_text(json.dumps({"word": ["x"], "stability": [0.5]}))
    with pytest.raises(OptionError, match="none of its words is in the model"):
        read_stability(path, ROWS)
