"""FlightExchange: the exchange of members in several processes or on several machines, over Arrow Flight.

Each member has a server, and a stream to each other member for each lane. A stream holds arrays one after the other,
as batches of one column of bytes; the first batch of an array has its key, dtype and shape as metadata, in JSON. The
rest of a large array of rows follows when the receiver has replied that it has room.
Nothing is unpickled. Every stream must show the token of the run, and is refused otherwise; with certificates it is
encrypted.
"""

import hmac
import json
import math
import queue
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from firth.cluster.exchange import ROWS, Array, Exchange, Key, page_zeros
from firth.errors import MemberLostError
from firth.text.reading import return_free_memory

MOST_BYTES = 2**24  # of rows that were received before this member needs them
_BATCH_BYTES = 2**19
_TRIMMED_BYTES = 2**26  # received between two times that freed memory is returned to the system
_DTYPES = ("float32", "float64", "int32", "int64", "uint64")
_MOST_ARRAY_BYTES = 2**46
_END = b"end"  # closes a stream: one that ends without it was cut


class Tls(NamedTuple):
    """Paths of PEM files: this member's certificate and its key, and the certificates that signed those of all."""

    certificate: str
    key: str
    authority: str


class FlightExchange(Exchange):
    """One member's side of the exchange; its server runs at once, on `host`.

    token  the secret of the run, which all members share
    port   0 for any that is free
    """

    def __init__(
        self,
        number: int,
        members: int,
        token: str,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: Tls | None = None,
        most_bytes: int = MOST_BYTES,
    ):
        super().__init__(number, members, most_bytes)
        self._token, self._tls = token, tls
        self._streams: dict[tuple[int, str], _Stream] = {}
        self._addresses: Sequence[str] = ()
        self._opening = threading.Lock()
        self._server = _serve(self, f"{_scheme(tls)}://{host}:{port}")
        self.address = f"{_scheme(tls)}://{host}:{self._server.port}"

    def connect(self, addresses: Sequence[str]) -> None:
        """Set the addresses of all members, in order, before anything is sent."""
        self._addresses = list(addresses)

    def unsent(self, lane: str) -> int:
        return sum(stream.unsent for (_, each), stream in list(self._streams.items()) if each == lane)

    def close(self) -> None:
        for stream in self._streams.values():
            stream.close()
        self.fail(MemberLostError(f"member {self.number} has ended"))
        threading.Thread(target=self._server.shutdown, daemon=True).start()  # waits until the others end their streams

    def _send_away(self, member: int, key: Key, array: Array, lane: str) -> None:
        with self._opening:
            if (member, lane) not in self._streams:
                self._streams[member, lane] = _Stream(self, member, lane)
        self._streams[member, lane].put(key, array)

    def _client(self, member: int) -> Any:
        """Return a client for another member, and the options of its calls."""
        from pyarrow import flight

        tls = self._tls
        certificates = {} if tls is None else {
            "tls_root_certs": Path(tls.authority).read_bytes(),
            "cert_chain": Path(tls.certificate).read_bytes(),
            "private_key": Path(tls.key).read_bytes(),
        }  # fmt: skip
        client = flight.FlightClient(self._addresses[member], **certificates)
        return client, flight.FlightCallOptions(headers=[(b"authorization", f"Bearer {self._token}".encode())])


class _Stream:
    """A thread that sends the arrays of one lane to one member, in order."""

    def __init__(self, exchange: FlightExchange, member: int, lane: str):
        self._exchange, self._member, self._lane = exchange, member, lane
        self._waiting: queue.Queue[tuple[Key, Array] | None] = queue.Queue()
        self.unsent = 0
        self._thread = threading.Thread(target=self._run, daemon=True, name=f"firth-to-{member}")
        self._thread.start()

    def put(self, key: Key, array: Array) -> None:
        with self._exchange.mailbox.changed:
            self.unsent += 1
        self._waiting.put((key, array))

    def close(self) -> None:
        """Wait until everything is sent, and end the stream."""
        self._waiting.put(None)
        self._thread.join(10)

    def _run(self) -> None:
        try:
            self._send_all()
        except Exception as error:
            self._exchange.fail(
                MemberLostError(f"member {self._exchange.number} cannot send to member {self._member}: {error}")
            )

    def _send_all(self) -> None:
        import pyarrow
        from pyarrow import flight

        client, options = self._exchange._client(self._member)
        descriptor = flight.FlightDescriptor.for_path(self._lane, str(self._exchange.number))
        schema = pyarrow.schema([("bytes", pyarrow.uint8())])
        with client:
            writer, replies = client.do_put(descriptor, schema, options)
            with writer:
                if replies.read() is None:  # refused; leaving the block raises the reason
                    return
                while (item := self._waiting.get()) is not None:
                    self._write(writer, replies, schema, *item)
                    del item
                    with self._exchange.mailbox.changed:
                        self.unsent -= 1
                        self._exchange.mailbox.changed.notify_all()
                writer.write_with_metadata(_batch(schema, np.zeros(0, np.uint8)), pyarrow.py_buffer(_END))

    def _write(self, writer: Any, replies: Any, schema: Any, key: Key, array: Array) -> None:
        import pyarrow

        head = {"key": key, "dtype": array.dtype.name, "shape": array.shape}
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        first = pyarrow.py_buffer(json.dumps(head).encode())
        writer.write_with_metadata(_batch(schema, data[:_BATCH_BYTES]), first)
        if _waits_for_room(array, self._lane):
            replies.read()
        for start in range(_BATCH_BYTES, len(data), _BATCH_BYTES):
            writer.write_batch(_batch(schema, data[start : start + _BATCH_BYTES]))


def _batch(schema: Any, data: Array) -> Any:
    import pyarrow

    column = pyarrow.Array.from_buffers(pyarrow.uint8(), len(data), [None, pyarrow.py_buffer(data)])
    return pyarrow.RecordBatch.from_arrays([column], schema=schema)


def _waits_for_room(array: Array, lane: str) -> bool:
    """Return whether all but the first batch of an array is sent when the receiver has said that it has room.

    gRPC would otherwise hold as much as a whole block of rows in memory of its own, at the receiver.
    """
    return lane == ROWS and array.nbytes > _BATCH_BYTES


def _scheme(tls: Tls | None) -> str:
    return "grpc+tcp" if tls is None else "grpc+tls"


def _serve(exchange: FlightExchange, location: str) -> Any:
    """Start the server of a member; it runs in threads of its own."""
    from pyarrow import flight

    class TokenCheck(flight.ServerMiddlewareFactory):  # type: ignore[misc]
        """Refuses calls without the token of the run."""

        def start_call(self, info: Any, headers: dict[str, list[str]]) -> None:
            shown = headers.get("authorization", [""])[0]
            if not hmac.compare_digest(shown.encode(), f"Bearer {exchange._token}".encode()):
                raise flight.FlightUnauthenticatedError("the token is not that of this run")

    class Server(flight.FlightServerBase):  # type: ignore[misc]
        """Puts the arrays that arrive into the mailbox."""

        def do_put(self, context: Any, descriptor: Any, reader: Any, writer: Any) -> None:
            lane, sender = (part.decode() for part in descriptor.path)
            writer.write(b"ready")
            try:
                _receive(exchange, reader, writer, lane)
            except Exception as error:
                exchange.fail(MemberLostError(f"member {exchange.number} lost member {sender}: {error}"))
                raise

    tls = exchange._tls
    certificates = {} if tls is None else {
        "tls_certificates": [(Path(tls.certificate).read_bytes(), Path(tls.key).read_bytes())],
        "root_certificates": Path(tls.authority).read_bytes(),
        "verify_client": True,
    }  # fmt: skip
    return Server(location, middleware={"token": TokenCheck()}, **certificates)


def _receive(exchange: FlightExchange, reader: Any, replies: Any, lane: str) -> None:
    """Put the arrays of a stream into the mailbox, until its end."""
    received = 0
    for batch, metadata in reader:
        if metadata is not None and metadata.to_pybytes() == _END:
            return
        key, array = _announced(metadata)
        if lane == ROWS:
            exchange.mailbox.admit(key, array.nbytes)
        if _waits_for_room(array, lane):
            replies.write(b"room")
        data, filled = array.reshape(-1).view(np.uint8), 0
        while True:
            part = batch.column(0).to_numpy()
            data[filled : filled + len(part)] = part
            filled += len(part)
            if filled == len(data):
                break
            batch, _ = reader.read_chunk()
        exchange.mailbox.put(key, array, admitted=lane == ROWS)
        received += array.nbytes
        del array, data
        if received >= _TRIMMED_BYTES:
            return_free_memory()
            received = 0
    raise ConnectionError("the stream ended in the middle: its sender or the connection stopped")


def _announced(metadata: Any) -> tuple[Key, Array]:
    """Return the key of the next array, and memory for it; raise `ValueError` if that is not one firth announces."""
    head = json.loads(metadata.to_pybytes())
    key, dtype, shape = tuple(head["key"]), head["dtype"], tuple(head["shape"])
    is_key = all(isinstance(part, (str, int)) for part in key)
    is_shape = all(isinstance(n, int) and n >= 0 for n in shape) and 8 * math.prod(shape) <= _MOST_ARRAY_BYTES
    if not is_key or dtype not in _DTYPES or not is_shape:
        raise ValueError(f"an array of {dtype} {shape} under {key} is not one of a training run")
    return key, page_zeros(shape, dtype)
