"""Members of a cluster in processes of their own, with handles to call them."""

import multiprocessing
import threading
from concurrent.futures import Future
from pathlib import Path

from cluster._members import store_of
from firth.cluster.objectives import make_member
from firth.cluster.transport import FlightExchange
from firth.errors import MemberLostError
from firth.resources import return_freed_memory


class MemberServer:
    """What a process runs: a member, or its parts before there is one."""

    def __init__(self, number, members, token):
        self.exchange = FlightExchange(number, members, token)
        self.member = None

    def address(self):
        return self.exchange.address

    def open(self, addresses, setup, entries, starts, workers):
        self.exchange.connect(addresses)
        self.member = make_member(setup, store_of(entries, starts), self.exchange, workers)

    def peak_memory(self):
        """Return the most resident memory of the process so far, in bytes."""
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

    def call(self, method, arguments):
        return getattr(self if hasattr(self, method) else self.member, method)(*arguments)


def _serve(connection, number, members, token):
    return_freed_memory()
    server = MemberServer(number, members, token)

    def answer(ticket, method, arguments):
        try:
            result = True, server.call(method, arguments)
        except Exception as error:
            result = False, error
        connection.send((ticket, *result))

    while True:
        try:
            call = connection.recv()
        except EOFError:
            return
        threading.Thread(target=answer, args=call, daemon=True).start()


class ProcessHandle:
    """A process with a member; `kill` ends it as a crash would."""

    def __init__(self, number, members, token="secret"):
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, number, members, token), daemon=True)
        self.process.start()
        theirs.close()
        self._futures, self._lock = {}, threading.Lock()
        threading.Thread(target=self._receive, daemon=True).start()

    def submit(self, method, *arguments):
        future = Future()
        with self._lock:
            ticket = len(self._futures)
            self._futures[ticket] = future
            self._connection.send((ticket, method, arguments))
        return future

    def _receive(self):
        while True:
            try:
                ticket, is_result, value = self._connection.recv()
            except (EOFError, OSError):
                break
            (self._futures[ticket].set_result if is_result else self._futures[ticket].set_exception)(value)
        for future in self._futures.values():
            if not future.done():
                future.set_exception(MemberLostError("the process of a member has ended"))

    def kill(self):
        self.process.kill()
        self.process.join()

    def close(self):
        self.kill()
        self._connection.close()
