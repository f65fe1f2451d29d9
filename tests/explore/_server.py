"""A real server in a process of its own, and requests as raw bytes over real sockets."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple


class Reply(NamedTuple):
    """A response; names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Server:
    """`firth explore` of a model; `address` is what it printed."""

    def __init__(self, model: Path, *arguments: str):
        command = [sys.executable, "-m", "firth", "explore", str(model), "--no-browser", *arguments]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ,
            PYTHONUNBUFFERED="1"),
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        self.printed = [self.process.stdout.readline() for _ in range(3)]
        self.address = self.printed[1].strip()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/enter\?token=([\w-]{43})", self.address)
        assert found, (self.printed, self.process.poll())
        self.port, self.token = int(found[1]), found[2]
        self.cookie = self.request(f"/enter?token={self.token}", cookie=None).headers["set-cookie"].partition(";")[0]

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def raw(self, request: bytes) -> bytes:
        """Send bytes and return all that comes back until the connection closes."""
        with self.connect() as connection:
            connection.sendall(request)
            return read_all(connection)

    def request(self, target: str, cookie: str | None = "", host: str | None = "", method: str = "GET",
                headers: dict[str, str] | None = None, body: bytes = b"") -> Reply:  # fmt: skip
        """Send a request; "" for the right cookie or host, None for none."""
        lines = [f"{method} {target} HTTP/1.1", "Connection: close"]
        lines += [] if host is None else [f"Host: {host or f'127.0.0.1:{self.port}'}"]
        lines += [] if cookie is None else [f"Cookie: {cookie or self.cookie}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        return parsed(self.raw("\r\n".join([*lines, "", ""]).encode("latin-1") + body))

    def stop(self, number: int = signal.SIGINT) -> float:
        """Send a signal and return the seconds until the process ends."""
        start = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(10)
        return time.monotonic() - start


def read_all(connection: socket.socket) -> bytes:
    parts = []
    try:
        while part := connection.recv(1 << 16):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def parsed(response: bytes) -> Reply:
    head, _, body = response.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    return Reply(int(status.split()[1]) if status else 0, {name.lower(): value for name, _, value in pairs}, body)
