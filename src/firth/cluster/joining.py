"""Joins a Ray cluster that asks for a token, or starts one on this machine."""

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

from firth.cluster.arguments import AUTO, Cluster
from firth.cluster.local import local_cluster, prepare_environment
from firth.cluster.probe import Answer, ask, missing_ray, reachable
from firth.errors import ClusterError
from firth.messages import option

_FIRST_MODE: dict[str, str] = {}  # the value of RAY_AUTH_MODE with which this process joined a cluster first
_HOW = "docs/cluster.md shows how to start a cluster"


class Joined(NamedTuple):
    """A cluster that this process has joined."""

    ray: Any  # the module
    address: str
    is_local: bool  # firth started it, on this machine


@contextmanager
def joined(cluster: Cluster, cpus: int) -> Iterator[Joined]:
    """Join a cluster for the `with` block; "auto" is the one that runs on this machine, or else a new one.

    A new one has `cluster.nodes` nodes on this machine, with `cpus` cores each.

    Raises `MissingExtraError` if Ray is not installed, and `ClusterError` if there is no such cluster, if it does not
    ask for a token, or refuses that of this process.
    """
    with ExitStack() as stack:
        connected = _connected_address(cluster.address)
        own, random = ask(connected or cluster.address)
        is_local = (
            cluster.address == AUTO and own.reply == "absent" and not (connected or os.environ.get("RAY_ADDRESS"))
        )
        if is_local:
            address = stack.enter_context(local_cluster(cluster.nodes or 1, cpus))
        else:
            address = _checked(own, random, insecure=cluster.insecure)
            if not connected:
                prepare_environment(is_open=random.reply == "accepted")
        import ray

        if not connected:
            stack.enter_context(_connected(ray, address))
        yield Joined(ray, address, is_local)


def _connected_address(cluster: str) -> str:
    """Return the address of the cluster that this process is connected to already, or an empty string."""
    try:
        import ray
    except ImportError as error:
        raise missing_ray() from error
    if not ray.is_initialized():
        return ""
    address = str(ray.get_runtime_context().gcs_address)
    if cluster not in (AUTO, address):
        raise ClusterError(
            f"this process is connected to the Ray cluster at {address}: give {option('cluster', repr(AUTO))}, or call "
            "ray.shutdown() first"
        )
    return address


def _checked(own: Answer, random: Answer, *, insecure: bool) -> str:
    """Return the address of a cluster from its answers to our own token and to a random one; raise `ClusterError`."""
    address = own.address
    if own.reply == "absent":
        raise ClusterError(f"no Ray cluster answers at {address} ({own.detail}). {_HOW}")
    if random.reply == "accepted" and not insecure:
        raise ClusterError(
            f"the Ray cluster at {address} does not ask for a token, so everybody who can reach it can run programs on "
            f"its machines. Start it with a token ({_HOW}), or give {option('insecure', True)} if nobody else can "
            "reach it"
        )
    if own.reply == "no token":
        raise ClusterError(
            f"the Ray cluster at {address} asks for a token, and this process has none: write the cluster's token to "
            "~/.ray/auth_token, or to a file that RAY_AUTH_TOKEN_PATH names"
        )
    if own.reply == "refused":
        raise ClusterError(
            f"the Ray cluster at {address} refuses the token of this process. It is taken from RAY_AUTH_TOKEN, the "
            "file that RAY_AUTH_TOKEN_PATH names, or ~/.ray/auth_token, in this order: give the cluster's token there"
        )
    return address


@contextmanager
def _connected(ray: Any, address: str) -> Iterator[None]:
    """Connect this process to a cluster; Ray's handler of SIGTERM is replaced by the one that was there."""
    mode = os.environ.get("RAY_AUTH_MODE", "")
    if _FIRST_MODE.setdefault("mode", mode) != mode:
        raise ClusterError(
            "one process cannot join a cluster that asks for a token and one that does not, because Ray keeps the "
            "setting of the first: start another process"
        )
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM) if is_main else None
    try:
        ray.init(address=reachable(address), logging_level=logging.ERROR, log_to_driver=False)
    except Exception as error:
        raise ClusterError(
            f"this machine cannot join the Ray cluster at {address}: {error}. The program must run on a machine that "
            f"belongs to the cluster: `ray start --address={address} --num-cpus=0` adds this machine, which then "
            "trains nothing"
        ) from error
    finally:
        if handler is not None:
            signal.signal(signal.SIGTERM, handler)
    try:
        yield
    finally:
        ray.shutdown()
