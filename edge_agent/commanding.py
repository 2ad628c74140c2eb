"""Commands of the server: flush, resend, identify, rotate-key. Others are refused in words."""

from __future__ import annotations

from collections import OrderedDict

from edge_agent.identity import Identity, IdentityError
from edge_agent.journal import Journal
from edge_agent.outbox.store import Outbox
from edge_agent.reporting import Listener

REMEMBERED = 64
log = Journal(__name__)


class CommandDesk:
    """Obeys each verified command once; QoS 1 may bring it twice."""

    def __init__(self, identity: Identity, outbox: Outbox) -> None:
        self.listener: Listener | None = None
        self._identity = identity
        self._outbox = outbox
        self._answers: OrderedDict[str, dict[str, object]] = OrderedDict()

    def obey(self, said: dict[str, object], wall: float) -> dict[str, object] | None:
        """The answer to publish, or None when the command has no id to answer to."""
        name = said.get("id")
        if not isinstance(name, str):
            return None
        if name not in self._answers:
            self._answers[name] = {"id": name, **self._do(said, wall)}
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        return self._answers[name]

    def _do(self, said: dict[str, object], wall: float) -> dict[str, object]:
        if said.get("gw", self._identity.gateway) != self._identity.gateway:
            return _refuse("another gateway's: a command that was meant for another one came here")
        expires = said.get("exp")
        if not isinstance(expires, int | float) or wall > expires:
            return _refuse("expired: the command is too old, or does not say until when it holds")
        args = said.get("args")
        arguments = args if isinstance(args, dict) else {}
        operation = said.get("op")
        log.info("command", op=operation)
        if operation == "flush":
            if self.listener is not None:
                self.listener.flush()
            return {"ok": True}
        if operation == "identify":
            return {"ok": True, "is": self.listener.identify() if self.listener is not None else {}}
        if operation == "resend":
            return self._resend(arguments)
        if operation == "rotate-key":
            return self._rotate_key()
        return _refuse(f"unknown: {operation!r}; known are flush, resend, identify, rotate-key")

    def _rotate_key(self) -> dict[str, object]:
        if self.listener is None:
            return _refuse("not ready: try again")
        try:
            return {"ok": True, "kid": self.listener.rotate_key()}
        except (IdentityError, OSError) as error:
            return _refuse(f"the next key cannot be made: {error}")

    def _resend(self, arguments: dict[str, object]) -> dict[str, object]:
        epoch, first, last = (arguments.get(key) for key in ("ep", "from", "to"))
        if (
            not isinstance(epoch, str)
            or not isinstance(first, int)
            or not isinstance(last, int)
            or not 1 <= first <= last < 2**53
        ):
            return _refuse("arguments: resend needs ep, from and to")
        return {"ok": True, "batches": self._outbox.send_again(epoch, first, last)}


def _refuse(reason: str) -> dict[str, object]:
    return {"ok": False, "error": reason}
