"""Asks a Ray cluster, before it is joined, whether it takes the token of this process, and whether it takes any.

Ray reads its token once in a process, so each question is asked by a process of its own:
`python -m firth.cluster.probe ADDRESS`, which prints an `Answer` in JSON. The address "auto" is that in RAY_ADDRESS, or
that of the cluster that runs on this machine.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from typing import Literal, NamedTuple, TypeAlias

from firth.cluster.arguments import AUTO
from firth.errors import ClusterError, MissingExtraError

Reply: TypeAlias = Literal["accepted", "refused", "absent", "no token"]
_SECONDS = 60.0  # for a process to start, import Ray and ask
_SECONDS_TO_ANSWER = 5.0
_TIMEOUTS = {  # without them, a cluster that does not answer takes Ray 40 seconds
    "RAY_gcs_rpc_server_connect_timeout_s": "2",
    "RAY_gcs_server_request_timeout_seconds": "3",
    "RAY_py_gcs_connect_timeout_s": "3",
}
PRIVATE = "firth_local"
"""A resource of the nodes of a cluster that `local_cluster` started for one run, which others do not join."""

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class Answer(NamedTuple):
    """The address of a cluster, and its reply: whether it accepted the token. `detail` is the text of an error."""

    address: str
    reply: Reply
    detail: str = ""


def ask(address: str) -> tuple[Answer, Answer]:
    """Return the answers of the cluster at an address to the token of this process, and to a random one.

    Raises `MissingExtraError` if Ray is not installed.
    """
    with ThreadPoolExecutor(2) as pool:
        own, random = pool.submit(_ask, address, {}), pool.submit(_ask, address, {"RAY_AUTH_TOKEN": token_hex(32)})
        return own.result(), random.result()


def _ask(address: str, variables: dict[str, str]) -> Answer:
    command = [sys.executable, "-m", "firth.cluster.probe", address]
    environment = {**os.environ, **_TIMEOUTS, **variables, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    lines = done.stdout.splitlines()
    if not lines:
        raise ClusterError(f"the Ray cluster at {address} could not be queried: {done.stderr.strip()[-500:]}")
    if lines[-1] == "null":
        raise missing_ray()
    return Answer(*json.loads(lines[-1]))


def missing_ray() -> MissingExtraError:
    """Return the error for a Python without Ray."""
    return MissingExtraError("Ray", "ray", "training on a cluster")


def reachable(address: str) -> str:
    """Return an address that Ray leaves as it is.

    Ray replaces 127.0.0.1 by the machine's other address, on which a cluster of the loopback interface does not listen.
    """
    host, _, port = address.rpartition(":")
    return f"[::ffff:127.0.0.1]:{port}" if host in _LOOPBACK else address


def _question(address: str) -> Answer | None:
    """Ask a cluster with the token of this process; None if Ray is not installed."""
    has_token = token_is_set() or token_path().exists()
    os.environ["RAY_AUTH_MODE"] = "token" if has_token else "disabled"
    is_found = address == AUTO and not os.environ.get("RAY_ADDRESS")
    try:
        from ray import _raylet
        from ray._private import services
        from ray.exceptions import AuthenticationError
    except ImportError:
        return None
    try:
        if address == AUTO:
            address = services.get_ray_address_from_environment(address, None)
        nodes = _raylet.GcsClient(address=reachable(address)).get_all_node_info(timeout=_SECONDS_TO_ANSWER)
        if is_found and any(PRIVATE in node.resources_total for node in nodes.values()):
            return Answer(address, "absent", "the cluster on this machine belongs to another run")
    except AuthenticationError as error:
        return Answer(address, "refused" if has_token else "no token", str(error))
    except Exception as error:  # Ray has an error for every state of the connection
        return Answer(address, "absent", f"{type(error).__name__}: {error}")
    return Answer(address, "accepted")


def token_is_set() -> bool:
    """Return whether the environment has a token for Ray, or names its file."""
    return any(os.environ.get(name) for name in ("RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"))


def token_path() -> Path:
    """Return the file in which Ray looks for a token if the environment has none."""
    return Path.home() / ".ray" / "auth_token"


def main(arguments: Sequence[str]) -> None:
    """Print the answer for an address."""
    sys.stdout.write(f"\n{json.dumps(_question(arguments[0]))}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
