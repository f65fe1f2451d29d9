"""Trainings in threads, forks, pools and event loops: the same bytes as alone, and no hang."""

import pytest
from stress import hosts


@pytest.mark.parametrize(
    "name",
    [
        "four_threads_at_once",
        "a_small_stack",
        "after_a_fork_of_one_that_has_trained",
        "after_a_fork_while_another_thread_compiles",
        "a_daemon_at_the_end",
    ],
)
def test_a_training_gives_the_same_bytes_in_any_host(name, tmp_path):
    assert hosts.run_host(name, 1, tmp_path) == 1
