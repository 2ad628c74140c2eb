"""Who should look after which shards: decided by each process alone, from what all of them see.

No input or output here. Every process asks again each second; whatever order they are asked in, after a few
rounds each shard has one holder and nobody holds more than one shard more than another.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple


class Lease(NamedTuple):
    """One row of the table of leases. `until` [s, the database's clock] says until when nobody else may take
    it; `term` grows each time it is taken, so that who lost it and took it again knows that it was away."""

    shard: int
    holder: str | None
    until: float
    term: int

    def free(self, now: float) -> bool:
        """Whether it may be taken."""
        return self.holder is None or self.until < now


class Decision(NamedTuple):
    """What one process does: take up to so many of the free leases, give these of its own up."""

    take: int
    release: tuple[int, ...]


def decide(me: str, leases: Sequence[Lease], live: Collection[str], now: float) -> Decision:
    """What `me` does now. `live`: the holders that gave a sign of life lately, this one or not."""
    mine = [lease.shard for lease in leases if lease.holder == me]
    quota = quotas(me, leases, live, now)[me]
    if len(mine) > quota:
        return Decision(0, tuple(sorted(mine)[quota:]))
    free = sum(lease.free(now) and lease.holder != me for lease in leases)
    return Decision(min(quota - len(mine), free), ())


def quotas(me: str, leases: Sequence[Lease], live: Collection[str], now: float) -> dict[str, int]:
    """How many shards each live holder should have.

    Where they cannot be divided evenly those that hold most keep one more, so that few change hands.
    """
    held = dict.fromkeys({me, *live}, 0)
    for lease in leases:
        if lease.holder in held and (lease.holder == me or not lease.free(now)):
            held[lease.holder] += 1
    each, more = divmod(len(leases), len(held))
    ranked = sorted(held, key=lambda holder: (-held[holder], holder))
    return {holder: each + (rank < more) for rank, holder in enumerate(ranked)}
