"""Tests training in threads, forks and programs that end meanwhile: the same bytes as alone, and no hang."""

import pytest
from stress import hosts


def test_four_training_runs_at_once_give_the_same_bytes_as_alone():
    found = hosts.HOSTS["four_threads_at_once"]("blocks", 1)
    assert len(found) == 4
    assert all(digest == hosts.alone(1)[kind] for kind, digest in found)


@pytest.mark.parametrize(
    ("name", "kind", "seed"),
    [
        ("after_a_fork_while_another_thread_compiles", "blocks", 1),
        *(("a_daemon_at_the_end", kind, 3) for kind in hosts.KINDS),
    ],
)
def test_training_in_a_host_gives_the_same_bytes_and_ends_without_an_error(name, kind, seed, tmp_path):
    hosts.run_host(name, kind, seed, tmp_path)
