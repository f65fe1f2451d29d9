"""Measured speeds: each is the amount of work that was done, divided by time."""

from math import isfinite

import pytest

from firth import Options
from firth.planning import Shape, Speeds, measure
from firth.planning.measuring_exchange import measure_exchange
from firth.planning.measuring_training import steps_per_second


@pytest.mark.slow
def test_all_speeds_of_this_machine_are_measured(tmp_path):
    options = Options(vector_size=20)
    speeds = measure(options, Shape(1000, 10_000), tmp_path)
    numbers = [speeds.steps, speeds.steps_alone, speeds.read_words, speeds.written_bytes, speeds.moved_bytes]
    assert all(isfinite(number) and number > 1000 for number in numbers)
    assert Options.from_dict(speeds.options) == options
    speeds.save(tmp_path / "speeds.json")
    assert Speeds.load(tmp_path / "speeds.json") == speeds
    assert [path.name for path in tmp_path.iterdir()] == ["speeds.json"]  # what was written to measure is removed


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"schedule": "hogwild"},
        {"architecture": "cbow"},
        {"objective": "hierarchical_softmax"},
        {"objective": "softmax"},
    ],
)
def test_every_objective_is_measured(options):
    assert steps_per_second(Options(vector_size=16, **options), Shape(1000, 10_000), 1) > 1000


def test_the_exchange_of_rows_is_measured_in_bytes_per_second():
    speeds = measure_exchange()
    assert set(speeds) == {"sent_bytes", "cpu_per_byte", "moved_bytes"}
    assert 1e6 < speeds["sent_bytes"] < 1e12
    assert 1e6 < speeds["moved_bytes"] < 1e12
    assert 0 < speeds["cpu_per_byte"] < 1e-6
