"""Trainings in threads, forks, pools and event loops: the same bytes as alone, and no hang."""

import pytest
from stress import hosts


def test_four_trainings_at_once_give_the_same_bytes_as_alone():
    alone = hosts.alone(1)
    found = hosts.four_threads_at_once("blocks", 1)
    assert len(found) == 4
    assert all(digest == alone[kind] for kind, digest in found)


@pytest.mark.parametrize(
    ("name", "kind", "seed"),
    [
        ("after_a_fork_while_another_thread_compiles", "blocks", 1),
        *(("a_daemon_at_the_end", kind, 3) for kind in hosts.KINDS),
    ],
)
def test_a_training_in_any_host_gives_the_same_bytes_and_ends_in_good_order(name, kind, seed, tmp_path):
    hosts.run_host(name, kind, seed, tmp_path)
