"""The second thread for large files, and what happens where it cannot be started."""

import threading

import pytest

from firth.formats import helper_thread
from firth.messages import advice, command_line


@pytest.fixture
def many_bytes() -> int:
    return helper_thread._WORTH_A_THREAD


def test_tasks_for_many_bytes_run_in_order_in_one_other_thread(many_bytes):
    done = []
    with helper_thread.helper(many_bytes) as other:
        threads = {other.submit(lambda n=n: (done.append(n), threading.get_ident())[1]).result() for n in range(5)}
    assert done == [0, 1, 2, 3, 4]
    assert len(threads - {threading.get_ident()}) == 1


def test_tasks_for_few_bytes_run_at_once(many_bytes):
    with helper_thread.helper(many_bytes - 1) as other:
        assert other.submit(threading.get_ident).result() == threading.get_ident()


def test_where_no_thread_can_be_started_tasks_run_at_once(many_bytes, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with helper_thread.helper(many_bytes) as other:
        assert other.submit(max, 1, 2).result() == 2


def test_messages_are_for_the_same_interface_in_the_other_thread(many_bytes):
    with command_line(), helper_thread.helper(many_bytes) as other:
        assert other.submit(advice, "python", "command line").result() == "command line"


@pytest.mark.parametrize("n_bytes", [0, 1 << 40])
def test_errors_reach_the_caller(n_bytes):
    with pytest.raises(ZeroDivisionError), helper_thread.helper(n_bytes) as other:
        other.submit(divmod, 1, 0).result()
