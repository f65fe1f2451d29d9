import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from firth.cluster import handles
from firth.cluster.handles import call_all


class Handle:
    """A function in a thread."""

    def __init__(self, function):
        self.function = function

    def submit(self, method, *arguments):
        pool = ThreadPoolExecutor(1)
        future = pool.submit(self.function, method, *arguments)
        pool.shutdown(wait=False)
        return future


def failing(text, after=None):
    def fail(*_):
        if after is not None:
            after.wait(10)
        raise ValueError(text)

    return Handle(fail)


def test_results_are_in_the_order_of_the_handles():
    second_is_done = threading.Event()
    slow = Handle(lambda *arguments: second_is_done.wait(10) and ("slow", *arguments))
    fast = Handle(lambda *arguments: second_is_done.set() or ("fast", *arguments))
    assert call_all([slow, fast], "read", 7) == [("slow", "read", 7), ("fast", "read", 7)]


def test_an_error_is_raised_although_others_still_work():
    end = threading.Event()
    try:
        with pytest.raises(ValueError, match="lost"):
            call_all([Handle(lambda *_: end.wait(10)), failing("lost")], "read")
    finally:
        end.set()


def test_of_two_errors_the_first_handle_has_precedence():
    futures = [failing("first").submit("read"), failing("second").submit("read")]
    for future in futures:
        future.exception()

    class Done:
        def __init__(self, future):
            self.future = future

        def submit(self, *_):
            return self.future

    with pytest.raises(ValueError, match="first"):
        call_all([Done(future) for future in futures], "read")


def test_meanwhile_is_called_until_all_results_are_there(monkeypatch):
    monkeypatch.setattr(handles, "POLL_SECONDS", 0.001)
    end, calls = threading.Event(), []

    def meanwhile():
        calls.append(1)
        if len(calls) == 3:
            end.set()

    assert call_all([Handle(lambda *_: end.wait(10))], "read", meanwhile=meanwhile) == [True]
    assert len(calls) >= 3
