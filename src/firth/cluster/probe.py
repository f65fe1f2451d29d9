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
from secrets import token_hex
from typing import Any, Literal, NamedTuple, TypeAlias

from firth.errors import ClusterError, MissingExtraError

Reply: TypeAlias = Literal["accepted", "refused", "absent", "no token"]
_SECONDS = 60.0  # for a process to start, import Ray and ask
_SECONDS_TO_ANSWER = 5.0


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
    environment = {**os.environ, "RAY_AUTH_MODE": "token", "PYTHONWARNINGS": "ignore", **variables}
    command = [sys.executable, "-m", "firth.cluster.probe", address]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=_SECONDS)
    lines = done.stdout.splitlines()
    if not lines:
        raise ClusterError(f"Ray could not be asked for the cluster at {address}: {done.stderr.strip()[-500:]}")
    if lines[-1] == "null":
        raise missing_ray()
    return Answer(*json.loads(lines[-1]))


def missing_ray() -> MissingExtraError:
    """Return the error for a Python without Ray."""
    return MissingExtraError("Ray", "ray", "training on a cluster")


def _question(address: str) -> Answer | None:
    """Ask a cluster with the token of this process; None if Ray is not installed."""
    try:
        from ray import _raylet
        from ray._private import services
        from ray.exceptions import AuthenticationError
    except ImportError:
        return None
    try:
        address = services.canonicalize_bootstrap_address_or_die(address)
        _raylet.GcsClient(address=address).get_all_node_info(timeout=_SECONDS_TO_ANSWER)
    except AuthenticationError as error:
        has_token = _raylet.AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True)
        return Answer(address, "refused" if has_token else "no token", str(error))
    except Exception as error:  # Ray has an error for every state of the connection
        return Answer(address, "absent", f"{type(error).__name__}: {error}")
    return Answer(address, "accepted")


def main(arguments: Sequence[str]) -> Any:
    """Print the answer for an address."""
    answer = _question(arguments[0])
    sys.stdout.write(f"\n{json.dumps(answer)}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
