"""What a gateway says of itself: the retained state (and its will), and the birth with its configuration."""

from __future__ import annotations

import platform

from edge_agent.identity import Identity
from edge_agent.mqtt_link import Post
from edge_agent.outbox.store import Outbox
from edge_agent.timekeeping import Timekeeper
from osh_domain import strict_json
from osh_domain.topics import BIRTH, STATE, topic


class Announcer:
    """Makes the messages; does not send them."""

    def __init__(self, identity: Identity, outbox: Outbox, timekeeper: Timekeeper, version: str) -> None:
        self._identity = identity
        self._outbox = outbox
        self._timekeeper = timekeeper
        self._software: dict[str, object] = {
            "agent": version,
            "python": platform.python_version(),
            "os": platform.platform(),
            "hw": platform.machine(),
        }

    def birth(self, configuration: bytes) -> Post:
        """Everything the server wants to know at a connection and after each change."""
        state, counts = self._timekeeper.state, self._outbox.counts()
        boot_time = self._timekeeper.clock.boot_time()
        born: dict[str, object] = {
            "v": 1,
            "gw": self._identity.gateway,
            "site": self._identity.site,
            "ep": self._outbox.epoch,
            "boot": self._timekeeper.clock.boot_id,
            "mono": round(boot_time, 3),
            "t": round(boot_time + state.off, 3),
            "clk": state.clk,
            "err": state.err,
            "kid": self._identity.kid,
            "sw": self._software,
            "next_seq": self._outbox.head().seq + 1,
            "oldest": counts.oldest_seq,
            "backlog": {"batches": counts.waiting, "bytes": counts.waiting_bytes},
        }
        # The document goes in as the very bytes that were hashed.
        payload = strict_json.write(born)[:-1] + b',"cfg":' + configuration + b"}"
        return Post(self._topic(BIRTH), payload, retain=True)

    def state(self, word: str, conn: int) -> Post:
        """`online`, `stopping`, or `offline` as the will of connection number `conn`."""
        said: dict[str, object] = {
            "v": 1,
            "state": word,
            "boot": self._timekeeper.clock.boot_id,
            "ep": self._outbox.epoch,
            "mono": round(self._timekeeper.clock.boot_time(), 3),
            "conn": conn,
        }
        return Post(self._topic(STATE), strict_json.write(said), retain=True)

    def _topic(self, leaf: str) -> str:
        return topic(self._identity.site, self._identity.gateway, leaf)
