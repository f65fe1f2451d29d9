"""The objectives that a cluster trains: the members and the driver of each, and what they need and send.

negative_sampling  `Member` or `LoneMember`, and `ClusterTrainer`
softmax            `SoftmaxMember` and `SoftmaxClusterTrainer`
"""

from collections.abc import Sequence
from typing import TypeAlias

from firth.cluster import expected
from firth.cluster.driver import ClusterTrainer
from firth.cluster.exchange import Exchange
from firth.cluster.handles import Handle
from firth.cluster.lone_member import LoneMember
from firth.cluster.member import Member
from firth.cluster.setup import Setup, share_of_rows
from firth.cluster.softmax_driver import SoftmaxClusterTrainer
from firth.cluster.softmax_member import SoftmaxMember
from firth.text import Corpus, TokenStore
from firth.training.loop.progress import Reporter
from firth.training.loop.state import Checkpointer
from firth.training.loop.trainer import EpochRecord
from firth.training.softmax import memory

AnyMember: TypeAlias = Member | LoneMember | SoftmaxMember
AnyTrainer: TypeAlias = ClusterTrainer | SoftmaxClusterTrainer


def make_member(setup: Setup, tokens: TokenStore, exchange: Exchange, workers: int = 1) -> AnyMember:
    """Return the member of a cluster; the arguments are those of `Member`."""
    if setup.options.objective == "softmax":
        return SoftmaxMember(setup, tokens, exchange, workers)
    return (LoneMember if setup.members == 1 else Member)(setup, tokens, exchange, workers)


def make_trainer(
    handles: Sequence[Handle], setup: Setup, reporter: Reporter, checkpointer: Checkpointer | None = None
) -> AnyTrainer:
    """Return what trains on the members behind `handles`; the arguments are those of `ClusterTrainer`."""
    is_softmax = setup.options.objective == "softmax"
    return (SoftmaxClusterTrainer if is_softmax else ClusterTrainer)(handles, setup, reporter, checkpointer)


def memory_needed(corpus: Corpus, setup: Setup, workers: int) -> dict[str, int]:
    """Return the name and the bytes of each part of the memory that training allocates on a member."""
    if setup.options.objective == "softmax":
        return memory.memory_needed(corpus, setup.options, workers, share=share_of_rows(setup))
    return expected.memory_needed(corpus, setup, workers)


def expected_bytes(setup: Setup, trained: Sequence[EpochRecord]) -> float | None:
    """Return the bytes that all members together should have sent in whole epochs; None if that is not predicted."""
    if setup.options.objective == "softmax":
        return None
    return setup.members * sum(expected.sent_bytes(setup, each.pairs, each.epoch - 1).total for each in trained)
