"""How the sites of an installation are divided among several processes.

A *shard* is one of sixteen parts, each a small installation of its own: its own cursor into the ledger, its
own bookkeeping of the series, its own numbers of changed exposures, its own judging. A site is in one shard
for ever, so all that is known of a factory is computed in one place and in order. Where one process does
everything there are no shards, and `None` stands for all of it.
"""

from typing import Final
from zlib import crc32

SHARDS: Final = 16
"""More than anybody starts processes; never to be changed, since rows carry the number."""


def shard_of(site: str) -> int:
    """The shard of a site, 0 to 15: the same on every machine and in every version."""
    return crc32(site.encode()) % SHARDS
