"""What the parts of delivery tell the agent, and what they count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

NO_SUBSCRIBER = 0x10  # reason codes of a PUBACK
FAILED = 0x80


class Listener(Protocol):
    """What the publisher needs of the agent."""

    def tell(self, text: str) -> None:
        """Write a line to sys/status, so that it reaches the ledger."""

    def flush(self) -> None:
        """Seal what is open."""

    def identify(self) -> dict[str, object]:
        """Who and what this gateway is, for the engineer who asked."""

    def rotate_key(self) -> str:
        """Begin to change the gateway's key; answers the next one's name. Raises IdentityError, OSError."""


@dataclass
class Counters:
    """Since the start of the process."""

    connections: int = 0
    published: int = 0
    acknowledged: int = 0
    held: int = 0
    expired: int = 0
    no_subscriber: int = 0
    refused_by_broker: int = 0
    unsigned_words: int = 0
    strange_words: int = 0

    def broker_answered(self, code: int) -> None:
        """Count a PUBACK that says something."""
        self.no_subscriber += code == NO_SUBSCRIBER
        self.refused_by_broker += code >= FAILED
