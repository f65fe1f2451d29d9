"""Connections that are slow, many or silent do not keep others from being answered, and Ctrl-C ends them all."""

import signal
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from cli._program import in_a_process

from explore._server import Server, parsed, read_all
from firth import KeyedVectors
from firth.explore.connections import HEAD_SECONDS


def memory(server: Server) -> int:
    """Return the resident bytes of the server."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def test_half_open_connections_are_closed_at_a_deadline_and_others_are_answered_meanwhile(server):
    start = time.monotonic()
    silent = [server.connect() for _ in range(60)]
    for connection in silent[:30]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: ")
    dripping = silent[0]
    while time.monotonic() - start < HEAD_SECONDS - 1:
        before = time.monotonic()
        assert server.request("/api/ask?q=king").status == 200
        assert time.monotonic() - before < 1
        dripping.sendall(b"a")
        time.sleep(0.5)
    for connection in silent:
        connection.settimeout(3)
        assert read_all(connection) == b""
        connection.close()
    assert time.monotonic() - start < HEAD_SECONDS + 3


def test_many_clients_at_once_are_answered_or_asked_to_wait(server):
    before = memory(server)
    statuses = []

    def ask() -> None:
        for word in ("king", "queen", "king - man + woman", "stone", "qeen"):
            statuses.append(server.request(f"/api/ask?q={word.replace(' ', '%20').replace('+', '%2B')}").status)

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(statuses) == 250
    assert set(statuses) <= {200, 503}
    assert statuses.count(200) > 100
    assert memory(server) - before < 64 * 2**20


def test_several_requests_on_one_connection_are_answered_in_turn(server):
    head = f"Host: 127.0.0.1:{server.port}\r\nCookie: {server.cookie}\r\n"
    one = f"GET /api/suggest?q=k HTTP/1.1\r\n{head}\r\n"
    last = f"GET /api/suggest?q=q HTTP/1.1\r\n{head}Connection: close\r\n\r\n"
    replies = server.raw((one + one + last).encode()).split(b"HTTP/1.1 ")[1:]
    assert [reply[:3] for reply in replies] == [b"200"] * 3
    assert b"queen" in replies[2]


@pytest.mark.parametrize("garbage", [b"\0" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET / HTTP/9.9\r\n\r\n",
                                     b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])  # fmt: skip
def test_what_is_not_http_is_refused(server, garbage):
    assert parsed(server.raw(garbage)).status in (400, 403)


def test_a_request_for_a_websocket_is_answered_as_any_other(server):
    upgrade = {"Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    assert server.request("/nothing", headers=upgrade).status == 404


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_server_within_two_seconds_whatever_is_open(model, number):
    server = Server(model)
    open_tabs = [server.connect() for _ in range(5)]
    for connection in open_tabs[:2]:
        connection.sendall(b"GET / HTTP/1.1\r\n")
    for connection in open_tabs[2:]:  # answered, and kept open for the next request
        head = f"Host: 127.0.0.1:{server.port}\r\nCookie: {server.cookie}\r\n"
        connection.sendall(f"GET /api/suggest?q=k HTTP/1.1\r\n{head}\r\n".encode())
        assert connection.recv(15).startswith(b"HTTP/1.1 200")
    assert server.stop(number) < 2
    out, err = server.process.communicate()
    assert server.process.returncode == (0 if number == signal.SIGINT else 143)
    assert err == ("" if number == signal.SIGINT else "firth: interrupted\n")
    assert out == ("stopped\n" if number == signal.SIGINT else "")
    for connection in open_tabs:
        connection.close()


def test_a_port_in_use_is_one_error(model, server):
    done = in_a_process("explore", model, "--port", server.port)
    assert done.code == 1
    assert done.err == f"firth: port {server.port} of 127.0.0.1 cannot be used: Address already in use; give another\n"


def test_two_servers_do_not_share_secrets(model, server):
    second = Server(model)
    assert second.token != server.token
    assert server.request("/", cookie=second.cookie).status == 401
    assert server.request(f"/enter?token={second.token}", cookie=None).status == 403
    assert second.stop() < 2
    second.process.communicate()


def test_an_interrupt_in_the_first_moment_ends_it(tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "large.firth"
    KeyedVectors([f"w{i}" for i in range(60_000)], rng.normal(size=(60_000, 100)).astype(np.float32)).save(path)
    for _ in range(3):  # while OpenBLAS computes the principal axes
        running = Server(path)
        assert running.stop() < 2
        assert running.process.returncode == 0
        running.process.communicate()


def test_a_client_that_does_not_read_is_no_burden(server):
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    head = f"Host: 127.0.0.1:{server.port}\r\nCookie: {server.cookie}\r\n"
    connection.sendall(f"GET /static/main.js HTTP/1.1\r\n{head}\r\n".encode() * 50)
    assert server.request("/api/ask?q=king").status == 200
    connection.close()
