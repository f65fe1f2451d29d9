"""MemberProcess: what runs on each node of a cluster: a share of the text, a member, and the files they write."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from firth.cluster.local import NO_TOKEN
from firth.cluster.machines import describe_machine
from firth.cluster.setup import Setup
from firth.errors import ClusterError, CorpusError
from firth.options import Options
from firth.resources import require_memory, return_freed_memory
from firth.text import ReadOptions

_MORE_NODES = "train on more nodes, or with a smaller vector_size, a larger min_count, or max_vocab"

TEXT, MEMBER, PROCESS = "text", "member", "process"
"""The parts of a process, whose methods the driver calls."""


class NodeReport(NamedTuple):
    """What a process reports of its node before anything is read."""

    machine: dict[str, str]
    asks_for_token: bool
    sees_folder: bool


class MemberProcess:
    """One member of a training run, in a process of its own.

    members  how many there are
    host     the address of the node, on which this member receives rows and pairs
    token    the secret of the run, which every transfer between members shows
    workers  threads that read and train
    """

    def __init__(self, members: int, host: str, token: str, workers: int):
        return_freed_memory()
        self._members, self._host, self._token, self._workers = members, host, token, workers
        self._parts: dict[str, Any] = {PROCESS: self}

    def call(self, part: str, method: str, *arguments: Any) -> Any:
        """Call a method of a part."""
        function: Callable[..., Any] = getattr(self._parts[part], method)
        return function(*arguments)

    def report(self, file: str) -> NodeReport:
        """Return what the driver checks: software and processor, and whether this node sees a file of the driver."""
        asks_for_token = os.environ.get("RAY_AUTH_MODE", "").lower() not in NO_TOKEN
        return NodeReport(describe_machine(), asks_for_token, Path(file).is_file())

    def find_files(self, paths: Sequence[str], how: ReadOptions, apart: str | None) -> list[Any]:
        """Return the files of this node that belong to a corpus: `node_files.find_files`."""
        from firth.cluster.node_files import find_files

        try:
            return find_files(paths, how, apart)
        except CorpusError as error:
            raise CorpusError(f"on the node {self._host}: {error}") from error

    def open_text(self, files: list[Any], options: Options, how: ReadOptions) -> None:
        """Prepare to read this node's share of the text."""
        from firth.cluster.text import TextShare

        self._parts[TEXT] = TextShare(files, options, how, workers=self._workers)

    def open_received(self, block_starts: Any, longest: int) -> None:
        """Prepare to receive this node's share of the text: the arguments of `ReceivedText`."""
        from firth.cluster.sent_text import ReceivedText

        self._parts[TEXT] = ReceivedText(block_starts, longest)

    def open_member(self, number: int, setup: Setup, needed: dict[str, int]) -> str:
        """Allocate the member with a number, from 0; return the address at which it receives rows and pairs.

        Raises `NotEnoughMemoryError` if the parts of the member, with the bytes `needed`, do not fit in memory.
        """
        from firth.cluster.objectives import make_member
        from firth.cluster.transport import FlightExchange

        require_memory(needed, f"member {number} on {self._host}", _MORE_NODES)
        exchange = FlightExchange(number, self._members, self._token, self._host, tls=certificates())
        self._parts[MEMBER] = make_member(setup, self._parts[TEXT].tokens, exchange, self._workers)
        self._exchange = exchange
        return exchange.address

    def connect(self, addresses: Sequence[str]) -> None:
        """Set the addresses of all members, in order."""
        self._exchange.connect(addresses)

    def write_rows(self, target: Any) -> list[Any]:
        """Write this member's rows of both matrices into a file that `open_shards` created; return the shards.

        All members must be called at the same time, because rows are sorted by the vocabulary first.
        """
        from firth.formats.shards import write_shard

        member = self._parts[MEMBER]
        first, _ = member.collect()
        names = ("center", "outside")
        return [write_shard(target, name, first, blocks) for name, blocks in zip(names, member.rows(), strict=True)]


def certificates() -> Any:
    """Return the certificates of this node, which Ray uses too; None if Ray does not encrypt."""
    from firth.cluster.transport import Tls

    if os.environ.get("RAY_USE_TLS", "0").lower() not in ("1", "true"):
        return None
    paths = [os.environ.get(f"RAY_TLS_{name}", "") for name in ("SERVER_CERT", "SERVER_KEY", "CA_CERT")]
    if not all(paths):
        raise ClusterError(
            "RAY_USE_TLS is set, so rows are encrypted too: set RAY_TLS_SERVER_CERT, RAY_TLS_SERVER_KEY and "
            "RAY_TLS_CA_CERT on every node"
        )
    return Tls(*paths)
