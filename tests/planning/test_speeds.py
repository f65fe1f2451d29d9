"""The file of a machine's speeds, and speeds with other options."""

import json

import pytest

from firth import Options
from firth.errors import FormatError
from firth.planning import Speeds
from planning._speeds import SPEEDS


def test_a_file_holds_all_speeds(tmp_path):
    SPEEDS.save(tmp_path / "speeds.json")
    assert Speeds.load(tmp_path / "speeds.json") == SPEEDS


def test_a_step_takes_time_in_proportion_to_its_arithmetic():
    assert SPEEDS.steps_with(Options()) == SPEEDS.steps
    assert SPEEDS.steps_with(Options(vector_size=97)) == SPEEDS.steps  # rows are padded to 112 numbers
    assert SPEEDS.steps_with(Options(vector_size=224)) == pytest.approx(SPEEDS.steps / 2)
    assert SPEEDS.steps_with(Options(negative=11)) == pytest.approx(SPEEDS.steps / 2)


def test_speeds_of_another_objective_are_refused():
    known, given = "objective='negative_sampling'", "'hierarchical_softmax'"
    with pytest.raises(FormatError, match=f"speeds were measured with {known}, .*{given}"):
        SPEEDS.steps_with(Options(objective="hierarchical_softmax"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "other"}, '"format" is not "firth-speeds"'),
        ({"steps": -1}, "steps is -1, and must be a number above 0"),
        ({"making": 1}, "making is 1, and must be below 1"),
        ({"steps": "many"}, "steps is 'many', and must be"),
        ({"read_words": float("inf")}, "read_words is inf"),
        ({"cores": 1.5}, "cores is 1.5, and must be a whole number"),
        ({"options": {"window": 0}}, "window=0 is not allowed"),
        ({"options": []}, "options is .*must be names and values"),
        ({"unknown": 1}, "unexpected keyword argument 'unknown'"),
    ],
)
def test_a_file_of_anything_else_is_refused(tmp_path, changes, message):
    path = tmp_path / "speeds.json"
    SPEEDS.save(path)
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(FormatError, match=f"is not a file of speeds .*{message}"):
        Speeds.load(path)


@pytest.mark.parametrize("text", ["", "{", "[1]", "\x00", '{"format": "firth-speeds"}'])
def test_a_file_that_is_damaged_is_refused(tmp_path, text):
    (tmp_path / "speeds.json").write_text(text)
    with pytest.raises(FormatError, match="is not a file of speeds"):
        Speeds.load(tmp_path / "speeds.json")
