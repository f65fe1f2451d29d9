"""Starts a Ray cluster of one or several nodes on this machine, closed to everybody else."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from firth.cluster.probe import PRIVATE, missing_ray, token_is_set, token_path
from firth.errors import ClusterError
from firth.messages import counted, option

LOOPBACK = "127.0.0.1"
NO_TOKEN = ("", "disabled")
"""Values of RAY_AUTH_MODE under which Ray does not ask for a token."""

_MOST_NODES = 16
_OBJECT_STORE_BYTES = 80 * 2**20  # a node's; the least is 75 MiB, and firth sends rows without it


@contextmanager
def local_cluster(nodes: int = 1, cpus: int = 1) -> Iterator[str]:
    """Start a cluster of `nodes` nodes with `cpus` cores each on this machine, and yield its address.

    All nodes listen on the loopback interface only, without the dashboard, and ask for a token: that of this user, in
    `~/.ray/auth_token`, which is created if need be. They end with the `with` block, or with this process.

    Raises `MissingExtraError` if Ray is not installed, and `ClusterError` if it does not start. Each node takes some
    hundred MB of memory, so more than 16 are refused.
    """
    if nodes > _MOST_NODES:
        raise ClusterError(
            f"{counted(nodes, 'node')} on this machine would take too much of its memory, and no cluster runs here: "
            f"give at most {_MOST_NODES} {option('nodes')}, or the address of a cluster"
        )
    prepare_environment()
    try:
        from ray.cluster_utils import Cluster
    except ImportError as error:
        raise missing_ray() from error
    ensure_token()
    quiet = logging.getLogger("ray")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    cluster = Cluster()
    try:
        for number in range(nodes):
            _add_node(cluster, cpus, is_head=number == 0)
        yield str(cluster.address)
    finally:
        cluster.shutdown()
        quiet.setLevel(level)


def _add_node(cluster: Any, cpus: int, *, is_head: bool) -> None:
    try:
        cluster.add_node(
            num_cpus=cpus,
            include_dashboard=False,
            node_ip_address=LOOPBACK,
            object_store_memory=_OBJECT_STORE_BYTES,
            resources={PRIVATE: 1},
            wait=True,
        )
    except Exception as error:
        what = "the first node" if is_head else "another node"
        raise ClusterError(f"Ray did not start {what} of a cluster on this machine: {error}") from error


def prepare_environment(*, is_open: bool = False) -> None:
    """Make Ray show and ask for a token, unless the cluster is open, and send no statistics of its use.

    Ray reads these variables when it is imported, and passes them to the processes that it starts.
    """
    if is_open:
        os.environ["RAY_AUTH_MODE"] = "disabled"  # otherwise this process refuses answers that show no token
    elif os.environ.get("RAY_AUTH_MODE", "").lower() in NO_TOKEN:
        os.environ["RAY_AUTH_MODE"] = "token"
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # without it, Ray issues a FutureWarning
    if "ray" in sys.modules:
        from ray._raylet import Config

        Config.initialize("")  # reads them again


def ensure_token() -> None:
    """Create this user's token for Ray if there is none, readable by this user alone; raise `ClusterError` if not."""
    if token_is_set():
        return
    try:
        path = token_path()
        if not path.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _write_token(path)
    except (OSError, RuntimeError) as error:
        raise ClusterError(
            f"no token for Ray could be created: {error}. Set RAY_AUTH_TOKEN to a long secret"
        ) from error


def _write_token(path: Path) -> None:
    """Write a new token; if another process was faster, keep its token."""
    new = path.with_name(f"auth_token-{token_hex(8)}")
    file = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(file, token_hex(32).encode())
        with suppress(FileExistsError):
            path.hardlink_to(new)
    finally:
        os.close(file)
        new.unlink()
