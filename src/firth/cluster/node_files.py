"""The files of a corpus that lie on some nodes alone: each node looks up the paths, and reads the files that it has.

The nodes follow one another in the order of their first files. So the corpus does not depend on which node has which
number: it is that of one machine that is given all these files, in the same order.
"""

import os
from collections.abc import Sequence
from hashlib import blake2b
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

from firth.cluster.file_shares import SharePlan, regular_files
from firth.cluster.handles import Handle, call_all
from firth.errors import ClusterError, CorpusError, OptionError
from firth.messages import counted, option
from firth.options import shortened
from firth.text import ReadOptions, check_corpus
from firth.text.opening import STDIN
from firth.text.sources import is_files, is_found
from firth.training.loop.progress import Reporter
from firth.training.run import Texts

_COMPARED_BYTES = 2**16  # at the beginning of a file


class NodeFile(NamedTuple):
    """A file on a node: the position in the corpus of the path that led to it, its own path, and what it holds."""

    position: int
    path: str
    size: int
    beginning: bytes  # a digest


def checked_paths(corpus: Any) -> list[str]:
    """Return the paths of a corpus that each node looks up, absolute; raise `OptionError` for anything else."""
    names = [corpus] if isinstance(corpus, (str, os.PathLike)) else corpus
    if not is_files(corpus) or STDIN in names or "" in names:
        raise OptionError(
            f"{option('node_files', True)} needs paths that each node can look up, and the corpus is "
            f"{shortened(corpus)}: give files, folders or patterns"
        )
    return [os.path.abspath(name) for name in names]  # noqa: PTH100 keeps a pattern as it is


def find_files(paths: Sequence[str], how: ReadOptions, apart: str | None) -> list[NodeFile]:
    """Return the files of this machine that belong to a corpus, in order; a path need not exist here.

    Raises what `check_corpus` raises for those that do; `apart` is its argument.
    """
    here = [(position, path) for position, path in enumerate(paths) if is_found(path)]
    if here:
        check_corpus([path for _, path in here], how, apart=apart)
    files = [(position, Path(str(file))) for position, path in here for file in regular_files(path, how)]
    return [NodeFile(position, str(file), file.stat().st_size, _beginning(file)) for position, file in files]


class NodeFiles:
    """Looks up the files of a run on all nodes; after a failure they must still be there.

    texts   the corpus, as paths, and how to read it
    folder  that of the checkpoints, which must not be inside the corpus
    """

    def __init__(self, texts: Texts, folder: str | os.PathLike[str] | None, report: Reporter):
        self._paths, self._how, self._report = checked_paths(texts.corpus), texts.how, report
        self._folder = None if folder is None else os.path.abspath(folder)  # noqa: PTH100 as the paths
        self._seen: set[str] = set()

    def check_number(self, nodes: int | None, found: int) -> None:
        """Raise `ClusterError` if fewer nodes were asked for than the cluster has: each of them may have files."""
        if not self._seen and nodes not in (None, found):
            raise ClusterError(
                f"{option('nodes', nodes)}, but the cluster has {counted(found, 'node')} with cores, and with "
                f"{option('node_files')} each of them reads its own files: leave out {option('nodes')}"
            )

    def find(self, handles: Sequence[Handle], hosts: Sequence[str]) -> tuple[list[int], SharePlan]:
        """Return the numbers of the nodes in the order of their files, and the files of each in this order.

        Raises what `find_files` and `order_nodes` raise, and `ClusterError` if files are not there any more.
        """
        found = call_all(handles, "find_files", self._paths, self._how, self._folder)
        self._check_seen({file.path for files in found for file in files})
        order = order_nodes(self._paths, found, hosts)
        for node in order:
            self._report.show(f"the node {hosts[node]} has {describe(found[node])}")
        return order, SharePlan([[Path(file.path) for file in found[node]] for node in order], 0)

    def _check_seen(self, paths: set[str]) -> None:
        if lost := sorted(self._seen - paths):
            raise ClusterError(
                f"the cluster has lost {counted(len(lost), 'file')} of the corpus, such as {lost[0]}, with a node: "
                f"start Ray on that machine again, and resume from the last checkpoint with {option('resume', True)}"
            )
        self._seen = paths


def order_nodes(paths: Sequence[str], found: Sequence[Sequence[NodeFile]], hosts: Sequence[str]) -> list[int]:
    """Return the numbers of the nodes in the order of their first files; `found` are the files of each.

    Raises `CorpusError` if a node has no file, if a path leads to none, and if two nodes have a file of the same path.
    `hosts` are their addresses, for the messages.
    """
    for position, path in enumerate(paths):
        if not any(file.position == position for files in found for file in files):
            raise CorpusError(f"no node has a file {path}: check the path")
    for files, host in zip(found, hosts, strict=True):
        if not files:
            raise CorpusError(
                f"the node {host} has none of the files of the corpus ({', '.join(paths[:3])}): put some there, or "
                "start Ray on that node without cores (ray start --num-cpus=0), and it trains nothing"
            )
    for one, other in combinations(range(len(found)), 2):
        _refuse_same_path(found[one], found[other], f"the nodes {hosts[one]} and {hosts[other]}")
    return sorted(range(len(found)), key=lambda node: found[node][0][:2])


def describe(files: Sequence[NodeFile]) -> str:
    """Return the number and the size of the files of a node, and the first and the last of them."""
    size = sum(file.size for file in files)
    first, last = files[0].path, files[-1].path
    return f"{counted(len(files), 'file')}, {size / 1e6:,.1f} MB, " + (f"{first} to {last}" if files[1:] else first)


def _refuse_same_path(ones: Sequence[NodeFile], others: Sequence[NodeFile], nodes: str) -> None:
    contents = {file.path: file[2:] for file in ones}
    for file in others:
        if file.path not in contents:
            continue
        if contents[file.path] == file[2:]:
            raise CorpusError(
                f"{nodes} both have {file.path}, with the same size and beginning, so it would be "
                f"counted twice: if all nodes see the same files, leave out {option('node_files')}; otherwise remove "
                "one of the copies"
            )
        raise CorpusError(
            f"{nodes} have different files of the same path, {file.path}: give them different names, "
            "because their order in the corpus follows from these"
        )


def _beginning(file: Path) -> bytes:
    with file.open("rb") as opened:
        return blake2b(opened.read(_COMPARED_BYTES), digest_size=16).digest()
