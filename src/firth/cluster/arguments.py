"""The arguments of `Word2Vec.fit` for a cluster, and those that cannot be combined with one."""

import re
from typing import Any, NamedTuple

from firth.errors import OptionError
from firth.messages import option
from firth.options import checked, limits, shortened

AUTO = "auto"
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+):[0-9]{1,5}")
_NODES = limits("machines of the cluster that train", 1, 1024, optional=True)
_INSECURE = limits("whether to join a cluster that does not ask for a token", optional=True, kind=bool)
_NODE_FILES = limits("whether each node looks up the files of the corpus", optional=True, kind=bool)


class Cluster(NamedTuple):
    """The cluster to train on.

    address     its address, or "auto"
    nodes       how many of its nodes train; None for all
    insecure    whether it may be open to everybody
    node_files  whether each node looks up the files of the corpus, and reads those that it has
    """

    address: str
    nodes: int | None = None
    insecure: bool = False
    node_files: bool = False


def checked_cluster(cluster: Any, nodes: Any, insecure: Any, node_files: Any = False) -> Cluster | None:
    """Return the cluster to train on, None for this machine; raise `OptionError` for a value that is not allowed."""
    number, is_insecure = checked("nodes", nodes, int, _NODES), checked("insecure", insecure, bool, _INSECURE)
    looks_up = checked("node_files", node_files, bool, _NODE_FILES)
    if cluster is None:
        named = {option("nodes"): nodes, option("insecure", True): is_insecure, option("node_files", True): looks_up}
        name = next((name for name, value in named.items() if value), None)
        if name is None:
            return None
        raise OptionError(f"{name} needs {option('cluster')}: give the address of a Ray cluster, or 'auto'")
    if not isinstance(cluster, str) or not (cluster == AUTO or _ADDRESS.fullmatch(cluster)):
        raise OptionError(
            f"{option('cluster', shortened(cluster))} is not allowed: give the address of a Ray cluster, such as "
            "10.0.0.1:6379, or 'auto' for the one that runs on this machine, or for a new one if none runs"
        )
    return Cluster(cluster, number, bool(is_insecure), bool(looks_up))


def refuse_reference(kernels: str) -> None:
    """Raise `OptionError` for any other `kernels` than the compiled ones."""
    if kernels != "compiled":
        raise OptionError(
            f"{option('kernels', repr(kernels))} is not available on a cluster: it is for stepping through the code "
            "with a debugger. Leave it out, or train on one machine"
        )
