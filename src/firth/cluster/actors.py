"""Runs a `MemberProcess` on each of several nodes of a Ray cluster, as an actor, and calls its parts."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from secrets import token_hex
from typing import Any, NamedTuple

from firth.cluster.joining import Joined
from firth.cluster.member_process import PROCESS, MemberProcess
from firth.errors import ClusterError, MemberLostError
from firth.messages import counted, option

_POLL_SECONDS = 0.5
_CORES_SECONDS = 60.0  # to wait for cores that other programs use
_CALLS_AT_ONCE = 8  # of one process: one works, the others look at it or stop it


class ActorHandle:
    """One part of the process of a member: `submit` calls a method of it.

    number, host  the member's number, and the address of its node
    """

    def __init__(self, ray: Any, actor: Any, number: int, host: str, part: str = PROCESS):
        self._ray, self._actor, self._part = ray, actor, part
        self.number, self.host = number, host

    @property
    def name(self) -> str:
        """The member, for messages."""
        return f"member {self.number} on {self.host}"

    def part(self, part: str) -> "ActorHandle":
        """Return the handle of another part of the same process."""
        return ActorHandle(self._ray, self._actor, self.number, self.host, part)

    def numbered(self, number: int) -> "ActorHandle":
        """Return the handle of the same process as that of another member."""
        return ActorHandle(self._ray, self._actor, number, self.host, self._part)

    def submit(self, method: str, *arguments: Any) -> "Future[Any]":
        """Call a method, and return its future result.

        The future raises `MemberLostError` if the process or its node stopped, and otherwise what the method raised.
        """
        result: Future[Any] = Future()
        try:
            call = self._actor.call.remote(self._part, method, *arguments)
        except self._ray.exceptions.RayError as error:
            result.set_exception(self._translated(error))
            return result
        call.future().add_done_callback(partial(self._pass_on, result))
        return result

    def stop(self) -> None:
        """Kill the process."""
        self._ray.kill(self._actor)

    def _pass_on(self, result: "Future[Any]", call: "Future[Any]") -> None:
        error = call.exception()
        if error is None:
            result.set_result(call.result())
        else:
            result.set_exception(self._translated(error))

    def _translated(self, error: BaseException) -> BaseException:
        exceptions = self._ray.exceptions
        if isinstance(error, exceptions.RayTaskError):
            return error.cause if isinstance(error.cause, Exception) else error
        if isinstance(error, exceptions.RayError):
            reason = " ".join(str(error).partition("Some common causes")[0].split())
            return MemberLostError(f"the process of {self.name} stopped: {reason[:500]}")
        return error


class Place(NamedTuple):
    """Where the members of a run are: a reservation of cores on several nodes."""

    group: Any  # Ray's placement group
    hosts: list[str]  # the address of each node
    workers: int  # cores on each of them


@contextmanager
def started_members(joined: Joined, place: Place) -> Iterator[list[ActorHandle]]:
    """Start a process on each reserved node, and yield their handles; all are killed when the block ends."""
    ray, token = joined.ray, token_hex(32)
    handles: list[ActorHandle] = []
    try:
        for number, host in enumerate(place.hosts):
            handles.append(ActorHandle(ray, _start(ray, place, number, token), number, host))
        yield handles
    finally:
        for handle in handles:
            handle.stop()


def _start(ray: Any, place: Place, bundle: int, token: str) -> Any:
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    options = {
        "num_cpus": place.workers,
        "max_restarts": 0,  # a member alone cannot start again: all of them go back to the last checkpoint
        "max_concurrency": _CALLS_AT_ONCE,
        "scheduling_strategy": PlacementGroupSchedulingStrategy(place.group, placement_group_bundle_index=bundle),
    }
    members, host = len(place.hosts), place.hosts[bundle]
    return ray.remote(MemberProcess).options(**options).remote(members, host, token, place.workers)


@contextmanager
def reserved(joined: Joined, nodes: int | None, workers: int | None, *, fewer: bool = False) -> Iterator[Place]:
    """Reserve cores on different nodes for the `with` block.

      nodes    how many; None for all that have cores
      workers  cores on each; None for as many as the smallest of these nodes has
      fewer    make do with the nodes that there are

    Raises `ClusterError` if there are not as many nodes, or if other programs keep their cores for a minute.
    """
    from ray.util import placement_group, remove_placement_group

    ray, began, group = joined.ray, time.monotonic(), None
    try:
        while True:
            found = _nodes(ray)
            n = _checked_number(nodes, found, fewer=fewer)
            cores = min(int(node["Resources"]["CPU"]) for node in found[:n])
            used = min(cores, workers or cores)
            group = placement_group([{"CPU": used}] * n, strategy="STRICT_SPREAD")
            if _is_ready(ray, group, found, began):
                break
            remove_placement_group(group)
        yield Place(group, _hosts(ray, group), used)
    finally:
        if group is not None and ray.is_initialized():
            remove_placement_group(group)


def _nodes(ray: Any) -> list[dict[str, Any]]:
    """Return the nodes that are alive and have a core, those with the most cores first."""
    nodes = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    return sorted(nodes, key=lambda node: (-node["Resources"]["CPU"], node["NodeID"]))


def _checked_number(nodes: int | None, found: Sequence[Any], *, fewer: bool) -> int:
    wanted = nodes or len(found)
    if not found or (wanted > len(found) and not fewer):
        raise ClusterError(
            f"{option('nodes', wanted)}, but the cluster has {counted(len(found), 'node')} with cores: start Ray on "
            "more machines, or give a smaller number"
        )
    return min(wanted, len(found))


def _is_ready(ray: Any, group: Any, found: Sequence[Any], began: float) -> bool:
    """Wait for the cores of a group; return False if nodes came or went meanwhile."""
    while not group.wait(_POLL_SECONDS):
        if [node["NodeID"] for node in _nodes(ray)] != [node["NodeID"] for node in found]:
            return False
        if time.monotonic() - began > _CORES_SECONDS:
            raise ClusterError(
                f"the cores of {counted(len(found), 'node')} were not free within {_CORES_SECONDS:.0f} seconds: other "
                f"programs use the cluster. Wait for them, or give fewer {option('nodes')} or {option('workers')}"
            )
    return True


def _hosts(ray: Any, group: Any) -> list[str]:
    """Return the address of the node of each bundle of a group."""
    from ray.util import placement_group_table

    address = {node["NodeID"]: str(node["NodeManagerAddress"]) for node in ray.nodes()}
    nodes = placement_group_table(group)["bundles_to_node_id"]
    return [address[nodes[number]] for number in sorted(nodes)]
