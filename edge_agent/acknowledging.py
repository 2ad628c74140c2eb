"""What an acknowledgement means for the outbox: confirm, hold, or stop believing."""

from __future__ import annotations

from collections import deque

from edge_agent.delivery import Delivery
from edge_agent.identity import Identity
from edge_agent.journal import Journal
from edge_agent.outbox.store import Outbox
from edge_agent.reporting import Counters, Listener
from osh_domain.acknowledgement import Ack, Rejection

DISPUTE = "ledger_differs:"
REMEMBERED = 16
log = Journal(__name__)


class AckReader:
    """Applies verified acknowledgements. They state facts: late, doubled or out of order does no harm."""

    def __init__(self, identity: Identity, outbox: Outbox, delivery: Delivery, counters: Counters) -> None:
        self.listener: Listener | None = None
        self._identity = identity
        self._outbox = outbox
        self._delivery = delivery
        self._counters = counters
        self._server_connections: deque[str] = deque(maxlen=REMEMBERED)

    @property
    def disputed(self) -> tuple[str, ...]:
        """Epochs of which an acknowledgement contradicted our own chain, and none has agreed since."""
        notes = self._outbox.notes_like(DISPUTE)
        return tuple(key.removeprefix(DISPUTE) for key, since in notes.items() if int(since))

    def read(self, said: dict[str, object], now: float) -> None:
        """Apply one acknowledgement. Raises WireError when it is not one."""
        ack = Ack.from_dict(said)
        if ack.gw != self._identity.gateway:
            self._counters.strange_words += 1
            return
        self._delivery.obey(ack.win, ack.rate)
        self._delivery.server_spoke(now)
        if not self._disputed(ack, now):
            ranges = [(1, ack.cum), *ack.sel] if ack.cum else list(ack.sel)
            confirmed = self._outbox.confirm(ack.ep, ranges)
            self._delivery.settle(confirmed, now)
            self._counters.acknowledged += len(confirmed)
        # After the confirmation, since a rejection wins; it names our own bytes, so no dispute matters.
        news = [rejection for rejection in ack.rej if self._hold(rejection, now)]
        if any(rejection.code == "conflict" for rejection in news):
            self._leave(
                ack.ep, self._outbox.head().seq, "the ledger holds other content under its numbers", now
            )
        if ack.conn is not None and ack.conn not in self._server_connections:
            self._server_connections.append(ack.conn)
            self._delivery.server_listens_anew(now)

    def _disputed(self, ack: Ack, now: float) -> bool:
        """Whether the server's ledger holds something else under our numbers; then nothing is confirmed.

        The dispute is written down and outlasts restarts, until an acknowledgement reaching as far agrees.
        """
        own = self._outbox.head_of(ack.ep)
        if own is None:
            self._counters.strange_words += 1
            return True
        highest = max([ack.cum, *(last for _, last in ack.sel)])
        if highest > own.seq and not own.ended:
            self._leave(
                ack.ep, highest, f"the ledger holds {highest} batches of it, this outbox {own.seq}", now
            )
            return True
        mine = own.batch_hash if ack.cum == own.seq else self._outbox.hash_of(ack.ep, ack.cum)
        note = DISPUTE + ack.ep
        since = int(self._outbox.note(note) or "0")
        if mine is not None and ack.head is not None and ack.head != mine:
            if not since:
                self._outbox.write_notes({note: str(max(1, ack.cum))})
                self._tell(f"ledger differs at {ack.ep}/{ack.cum}: nothing is deleted any more")
            return True
        if since and ack.cum >= since:
            self._outbox.write_notes({note: "0"})
            self._tell(f"ledger agrees again at {ack.ep}/{ack.cum}")
        return ack.cum < since

    def _leave(self, epoch: str, overtaken_to: int, reason: str, now: float) -> None:
        """The numbers of the epoch in force are used by somebody else, or were used in a past that this disk
        does not remember: another epoch, so that the two never meet."""
        if epoch != self._outbox.epoch:
            return
        held = self._outbox.leave_epoch(overtaken_to)
        self._delivery.reset(now)
        self._counters.held += held
        self._tell(
            f"clone suspected, or an outbox restored from a copy: {reason}; new epoch {self._outbox.epoch}"
            + (f", {held} batches of the old one are held" if held else "")
        )

    def _hold(self, rejection: Rejection, now: float) -> bool:
        """Whether this is news."""
        row = self._outbox.hold(rejection.h, rejection.code)
        if row is not None:
            self._delivery.settle([row], now)
            self._counters.held += 1
            log.error("the server refused a batch", seq=rejection.seq, code=rejection.code)
            self._tell(f"held: the server refused batch {rejection.seq} ({rejection.code})")
        return row is not None

    def _tell(self, text: str) -> None:
        if self.listener is not None:
            self.listener.tell(text)
