"""Ring: the order in which a member trains the buckets of a chunk, while outside blocks pass from member to member.

In round r, center block i is trained with outside block (i + r) mod P, as on one machine (`rotation`). So each outside
block goes from a center block to the one below: within a member first, and then on to the member before it. A member
sends each of the P outside blocks once per chunk, and after the last round each
is where it was before.
"""

from typing import NamedTuple

from firth.cluster.exchange import ROWS, Exchange, Key
from firth.cluster.rows import Blocks

SPARE_BLOCKS = 1  # outside blocks that a member takes beyond its share, before it has passed others on


class BucketTask(NamedTuple):
    """Train center block `center` with outside block `outside`."""

    round: int
    center: int
    outside: int


class Ring:
    """The queue of one of several members' buckets of a chunk; any number of threads take from it and finish tasks.

    outside  the member's outside blocks, changed in place
    own      the center blocks of this member
    """

    def __init__(self, exchange: Exchange, P: int, own: range, outside: Blocks, key: Key):
        self._exchange, self._P, self._own, self._outside, self._key = exchange, P, own, outside, key
        self._rounds = dict.fromkeys(own, 0)  # rounds that each center block has finished
        self._running: set[int] = set()

    def take(self) -> BucketTask | None:
        """Wait for the next bucket that may be trained, and return it; None after the last."""
        mailbox = self._exchange.mailbox
        with mailbox.changed:
            while min(self._rounds.values()) < self._P:
                mailbox.check()
                task = self._next()
                if task is not None:
                    return task
                mailbox.changed.wait()
            return None

    def _next(self) -> BucketTask | None:
        for center in sorted(self._own, key=self._rounds.__getitem__):
            round_ = self._rounds[center]
            if round_ < self._P and center not in self._running and self._is_here(center, round_):
                self._running.add(center)
                return BucketTask(round_, center, (center + round_) % self._P)
        return None

    def _is_here(self, center: int, round_: int) -> bool:
        """Return whether the outside block of a round is here, and trained with the center block before."""
        if round_ == 0 or center + 1 in self._rounds:
            return round_ == 0 or self._rounds[center + 1] >= round_
        return self._receive(round_)

    def _receive(self, round_: int) -> bool:
        """Take the outside block that arrives before a round, if it has; return whether it is here."""
        mailbox, key, block = self._exchange.mailbox, (*self._key, round_), (self._own.stop - 1 + round_) % self._P
        if block not in self._outside and self._has_room():
            mailbox.await_(key)
            if mailbox.has(key):
                self._outside[block] = mailbox.remove(key)
        return block in self._outside

    def _has_room(self) -> bool:
        """Return whether this member holds few outside blocks, those included that wait to be sent.

        There are P of them, and the members together have room for more, so that not all can be without.
        """
        return len(self._outside) + self._exchange.unsent(ROWS) < len(self._own) + SPARE_BLOCKS

    def finish(self, task: BucketTask) -> None:
        """Record that a bucket is trained, and pass its outside block on if it leaves this member."""
        mailbox = self._exchange.mailbox
        if task.center == self._own.start:
            before = (self._exchange.number - 1) % self._exchange.members
            self._exchange.send(before, (*self._key, task.round + 1), self._outside.pop(task.outside), ROWS)
        with mailbox.changed:
            self._rounds[task.center] += 1
            self._running.remove(task.center)
            mailbox.changed.notify_all()

    def close(self) -> None:
        """Take the block that comes home after the last round."""
        self._outside[self._own.stop - 1] = self._exchange.take((*self._key, self._P))
