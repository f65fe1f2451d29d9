"""Forecasts: their arithmetic, what limits a run, advice, and refused arguments."""

from dataclasses import replace

import pytest

from firth import Options
from firth.cluster import expected
from firth.errors import OptionError
from firth.options import BOTH
from firth.planning import Machines, Phase, Seconds, advice, plan
from firth.planning.sized_corpus import sized_corpus
from firth.training.registry import objective_of
from planning._speeds import SPEEDS

WORDS, VOCABULARY = 10**9, 200_000


def forecast(options=None, words=WORDS, vocabulary=VOCABULARY, **machines):
    machines = {"cores": 4, "memory_gb": 64, "network_gbits": 10} | machines
    return plan(words, vocabulary, Options(**options or {}), Machines(**machines), SPEEDS)


def test_an_epoch_of_one_machine_takes_its_pairs_divided_by_the_speed_of_its_cores():
    found = forecast()
    row = found.on(1)
    assert row.seconds.epoch == pytest.approx(found.workload.steps / (4 * SPEEDS.steps))
    assert row.reading_seconds == pytest.approx(WORDS / SPEEDS.read_words)
    assert row.total_seconds == pytest.approx(row.reading_seconds + 5 * row.seconds.epoch)
    assert row.sent == {"ring": 0, "moves": 0, "pairs": 0}
    assert row.limit == "processor"


def test_the_memory_of_one_machine_is_that_which_is_checked_before_a_run():
    memory = forecast().on(1).memory
    checked = objective_of(Options()).memory_needed(sized_corpus(WORDS, VOCABULARY), Options(), 4)
    assert {name: memory[name] for name in checked} == checked
    assert set(memory) - set(checked) == {"Python and libraries", "words of the vocabulary", "text"}


@pytest.mark.parametrize(
    "options",
    [{"schedule": "hogwild"}, {"architecture": "cbow"}, {"objective": "hierarchical_softmax"},
     {"objective": "hierarchical_softmax", "schedule": "blocks"}, {"objective": BOTH}],
)  # fmt: skip
def test_other_objectives_and_schedules_are_planned_for_one_machine(options):
    speeds = replace(SPEEDS, options=Options(**options).to_dict())
    found = plan(10**7, 30_000, Options(**options), Machines(cores=4, memory_gb=64), speeds)
    assert found.on(1).seconds.epoch > 0
    assert found.on(1).memory_bytes > 2 * 30_000 * 400
    assert advice(found) == ["more machines are of no use: a cluster trains skip-gram with negative sampling in blocks"]
    with pytest.raises(OptionError, match="does not run on a cluster"):
        found.on(2)


def test_the_softmax_is_planned_for_one_machine_though_a_cluster_trains_it():
    speeds = replace(SPEEDS, options=Options(objective="softmax").to_dict())
    found = plan(10**7, 30_000, Options(objective="softmax"), Machines(cores=4, memory_gb=64), speeds)
    assert found.on(1).seconds.epoch > 0
    assert found.on(1).memory_bytes > 2 * 30_000 * 400
    assert [each.partition(":")[2] for each in advice(found)] == [" how long it takes is not predicted"]
    with pytest.raises(OptionError, match="objective='softmax' takes on several machines is not predicted"):
        found.on(2)


def test_the_phases_of_a_chunk_follow_each_other_and_what_a_phase_does_happens_at_once():
    seconds = Seconds(Phase(1.0, 2.0), Phase(3.0), Phase(0.0, 1.5), Phase(4.0, 5.0, 6.0))
    assert seconds.epoch == 2.0 + 3.0 + 1.5 + 6.0
    assert seconds.limit == "hottest word"
    assert seconds._replace(training=Phase(1.0)).limit == "processor"
    assert seconds._replace(training=Phase(0.0, 1.0)).limit == "network"


def test_members_make_pairs_then_move_rows_then_train():
    found = forecast(network_gbits=8)
    setup, load, row = found.workload.on(2), found.workload, found.on(2)
    sent, moved = expected.sent_bytes(setup, load.steps, 1), expected.moved_bytes(setup, 1)
    seconds = row.seconds
    alone = load.steps / SPEEDS.steps
    assert row.sent == sent._asdict()
    assert seconds.making.processor == pytest.approx((0.2 * alone / 2 + sent.pairs * 1e-9) / 4)
    assert seconds.sorting.processor == pytest.approx(moved / 1e9)
    assert [phase.network for phase in seconds] == pytest.approx(
        [sent.pairs / 1e9, 0, sent.moves / 1e9, sent.ring / 1e9]
    )
    share = expected.largest_share(setup, load.block_loads)
    assert seconds.training.processor == pytest.approx((0.8 * alone * share + sent.ring * 1e-9) / 4)
    assert seconds.training.hottest_word == pytest.approx(0.8 * alone * load.block_loads.max())


def test_a_doubled_text_takes_twice_the_time():
    one, two = forecast(words=WORDS).on(1), forecast(words=2 * WORDS).on(1)
    assert two.seconds.epoch == pytest.approx(2 * one.seconds.epoch, rel=0.03)  # rare words are a little more frequent


def test_machines_share_the_work_the_rows_and_the_text():
    found = forecast()
    one, four = found.on(1), found.on(4)
    worked = sum(phase.processor for phase in (four.seconds.making, four.seconds.training))
    assert worked == pytest.approx(one.seconds.training.processor / 4, rel=0.2)
    rows = "2 matrices of 200,000 x 100 floats"
    assert four.memory[f"25% of {rows}"] == one.memory[rows] / 4
    assert four.memory["pairs"] == pytest.approx(one.memory["pairs"] / 4)
    assert four.disk["temporary file of the text"] == pytest.approx(one.disk["temporary file of the text"] / 4)


def test_each_machine_sends_one_matrix_per_chunk_and_rows_and_pairs_in_proportion_to_its_share():
    found = forecast()
    two, four = found.on(2).sent, found.on(4).sent
    matrix = VOCABULARY * 448  # rows of 100 floats are padded to 112
    assert two["ring"] == four["ring"]
    assert two["ring"] % matrix == 0
    assert two["moves"] == pytest.approx(two["ring"] / 2)  # half of the two matrices, of which half has a new owner
    assert four["moves"] == pytest.approx(two["moves"] * 0.75)
    assert two["pairs"] == pytest.approx(12 * found.workload.steps / 4, rel=1e-3)  # and their numbers, which are few
    assert four["pairs"] == pytest.approx(two["pairs"] * 0.75, rel=1e-3)


def test_a_faster_network_shortens_only_what_it_limits():
    slow, fast = forecast(network_gbits=1).on(4).seconds, forecast(network_gbits=2).on(4).seconds
    for before, after in zip(slow, fast, strict=True):
        assert before.network == pytest.approx(2 * after.network)
        assert (before.processor, before.hottest_word) == (after.processor, after.hottest_word)


@pytest.mark.parametrize(
    ("machines", "limit"),
    [
        ({"nodes": 2}, "processor"),
        ({"nodes": 2, "network_gbits": 0.01}, "network"),
        ({"nodes": 8, "cores": 64, "network_gbits": 1000}, "hottest word"),
        ({"nodes": 2, "memory_gb": 0.2}, "memory"),
    ],
)
def test_what_limits_a_run(machines, limit):
    assert forecast(**machines).rows()[-1].limit == limit


def test_rows_double_the_machines_up_to_those_asked_for():
    assert [row.nodes for row in forecast(nodes=6).rows()] == [1, 2, 4, 6]
    assert [row.nodes for row in forecast().rows()] == [1]


def test_advice_names_the_machines_that_memory_requires_and_those_that_are_worth_it():
    found = forecast({"blocks": 64, "vector_size": 300}, vocabulary=500_000, words=10**10, memory_gb=1.5)
    lines = advice(found)
    assert lines[0].startswith("the run needs the memory of ")
    fewest = int(lines[0].split()[6])
    assert found.on(fewest).limit != "memory"
    assert found.on(fewest // 2).limit == "memory"
    assert " are enough: an epoch takes " in lines[1]


def test_machines_are_enough_once_twice_as_many_save_less_than_a_quarter_of_the_time():
    found = forecast(network_gbits=100)
    enough = int(advice(found)[0].split()[0])
    times = {nodes: found.seconds(nodes).epoch for nodes in (1, 2, 4, 8, 16)}
    assert 1 < enough < 16
    assert times[enough] <= 0.75 * times[enough // 2]
    assert times[2 * enough] > 0.75 * times[enough]
    assert advice(found)[0].startswith(f"{enough} machines are enough: an epoch takes ")


def test_advice_on_a_slow_network_is_to_stay_on_one_machine():
    line = advice(forecast(network_gbits=0.001))[0]
    assert line.startswith("1 machine is enough: an epoch takes ")
    assert line.endswith(", limited by the network")


def test_advice_on_too_little_memory_says_how_much_is_needed():
    (line,) = advice(forecast(memory_gb=0.1))
    assert "of memory on each of 16 machines, and 100.0 MB is free" in line


def test_advice_recommends_more_blocks_if_they_save_time():
    (line,) = [line for line in advice(forecast(nodes=8, cores=16)) if line.startswith("with blocks=")]
    assert line.startswith("with blocks=32 an epoch takes ")
    assert not [line for line in advice(forecast(cores=2)) if line.startswith("with blocks=")]


def test_a_forecast_is_ready_for_json():
    values = forecast(nodes=2).to_dict()
    assert [row["nodes"] for row in values["forecasts"]] == [1, 2]
    assert values["forecasts"][1]["memory_bytes"] == sum(values["forecasts"][1]["memory"].values())
    assert values["speeds"]["steps"] == 1e6


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 1), "words=0 is not allowed"),
        ((10**14, 1000), "words=100000000000000 is not allowed"),
        ((100, 1), "vocabulary=1 is not allowed"),
        ((100, 10**9), "vocabulary=1000000000 is not allowed"),
        ((100, 1000), "a vocabulary of 1,000 is not possible for 100 words"),
        ((100.5, 10), "words=100.5 is not allowed"),
        ((100, 10, Options(subwords=(3, 6))), "subwords cannot be planned"),
    ],
)
def test_sizes_that_are_not_possible_are_refused(arguments, message):
    with pytest.raises(OptionError, match=message):
        plan(*arguments, speeds=SPEEDS)


@pytest.mark.parametrize(
    "values",
    [{"nodes": 0}, {"cores": 0}, {"cores": 1.5}, {"memory_gb": 0}, {"memory_gb": float("nan")}, {"network_gbits": -1}],
)
def test_machines_that_are_not_possible_are_refused(values):
    (name,) = values
    with pytest.raises(OptionError, match=f"{name}=.* is not allowed"):
        Machines(**values)


def test_more_machines_than_blocks_are_refused_before_anything_is_measured():
    with pytest.raises(OptionError, match="17 nodes cannot share 16 blocks"):
        plan(WORDS, VOCABULARY, machines=Machines(nodes=17, cores=1, memory_gb=1))


def test_a_tiny_corpus_can_be_planned():
    found = forecast(words=10, vocabulary=3)
    assert found.on(1).seconds.epoch < 1
    (line,) = advice(found)
    assert line.startswith("1 machine is enough: ")
    assert line.endswith("; more cannot share 1 block of rows")
