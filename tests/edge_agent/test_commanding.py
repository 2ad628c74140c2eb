"""Which commands are obeyed: those for this gateway that are not too old, each once."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from edge_agent.commanding import CommandDesk
from edge_agent.identity import GatewaySigner, Identity
from tests.edge_agent.scripted import GATEWAY, GATEWAY_KEY, SITE, T0

if TYPE_CHECKING:
    from edge_agent.outbox.store import Outbox


class Listener:
    """Counts what is asked of the agent."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def tell(self, text: str) -> None:
        self.asked.append(text)

    def flush(self) -> None:
        self.asked.append("flush")

    def identify(self) -> dict[str, object]:
        return {}

    def rotate_key(self) -> str:
        self.asked.append("rotate-key")
        return "0" * 16


@pytest.mark.parametrize("operation", ["flush", "rotate-key"])
def test_a_command_for_another_gateway_is_not_obeyed(operation: str) -> None:
    """The server signed it, but a broker decides to whom it is brought."""
    identity = Identity(GATEWAY, SITE, GatewaySigner.from_bytes(GATEWAY_KEY), None)
    desk = CommandDesk(identity, cast("Outbox", None))  # no command here touches it
    desk.listener = listener = Listener()
    said: dict[str, object] = {"op": operation, "args": {}, "exp": T0 + 60}
    refused = desk.obey({**said, "id": "1", "gw": "kh-f0123-q"}, T0)
    assert refused is not None
    assert (refused["ok"], listener.asked) == (False, [])
    for name, more in (("2", {"gw": GATEWAY}), ("3", {})):  # servers of before say no `gw`
        for _ in range(2):
            answer = desk.obey({**said, **more, "id": name}, T0)
            assert answer is not None
            assert answer["ok"] is True
    assert listener.asked == [operation] * 2
