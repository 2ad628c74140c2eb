"""Says to each gateway what of it is in the ledger, signed.

An acknowledgement is a statement of fact about the ledger, made after the commit; it may be lost, doubled or
late without harm. Rejections are named by the hash of the bytes and repeated until the gateway's next birth,
or until those bytes are in the ledger after all.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice

from ingest_service import metrics
from ingest_service.ledger.port import Ledger, Outcome
from osh_domain.acknowledgement import Ack, Rejection, speak
from osh_domain.signing import Signer
from osh_domain.topics import ACK, topic
from osh_domain.wire_error import WireError

MOST_REJECTIONS = 64
MOST_GATEWAYS = 10_000
NO_EPOCH = "0" * 16


@dataclass(slots=True)
class _Due:
    """Whom to tell: the epochs of a gateway that were touched, and whether it has to stop."""

    site: str
    epochs: set[str] = field(default_factory=set)
    stop: bool = False


class Acknowledger:
    """Gathers what happened to payloads and turns it into one acknowledgement per gateway and epoch."""

    def __init__(
        self,
        ledger: Ledger,
        signer: Signer,
        *,
        window: int,
        rate: float,
        connection: Callable[[], str | None] = lambda: None,
    ) -> None:
        """``connection`` names the one to the broker through which gateways are heard, if there is one."""
        self._connection = connection
        self._ledger = ledger
        self._signer = signer
        self._window = window
        self._rate = rate
        self._due: dict[str, _Due] = {}
        self._rejections: OrderedDict[str, OrderedDict[str, Rejection]] = OrderedDict()
        self._stopped: dict[str, str] = {}  # gateways that were asked to stop -> their site

    def born(self, site: str, gateway: str, epoch: str | None) -> None:
        """A gateway connected: its old rejections are history, and it wants to know where it stands."""
        self._rejections.pop(gateway, None)
        self._owe(site, gateway, epoch)

    def note(self, outcomes: Iterable[Outcome]) -> None:
        """What became of payloads; each touched gateway is owed an acknowledgement. As soon as anything is
        kept again, so is every gateway that was asked to stop: else it would learn so by its own timer."""
        told = list(outcomes)
        if self._stopped and any(outcome.verdict != "refused" for outcome in told):
            for gateway, site in self._stopped.items():
                self._owe(site, gateway, None).stop = False
            self._stopped.clear()
        for outcome in told:
            if not outcome.site or not outcome.gateway:
                continue  # nobody we could answer
            due = self._owe(outcome.site, outcome.gateway, outcome.epoch)
            if outcome.verdict == "refused":
                due.stop = True
                self._stopped[outcome.gateway] = outcome.site
            elif outcome.verdict in ("new", "duplicate"):
                self._forgive(outcome)
            elif outcome.code is not None:
                self._remember(outcome, outcome.code)

    def say(self, now: float, *, most: int | None = None) -> list[tuple[str, bytes]]:
        """Topic and payload of the acknowledgements owed, to at most so many gateways, longest waiting first.

        Raises LedgerError when the ledger cannot be read; then they stay owed.
        """
        chosen = list(islice(self._due.items(), most))
        said = [
            (topic(due.site, gateway, ACK), self._statement(gateway, epoch, now, stop=due.stop))
            for gateway, due in chosen
            for epoch in due.epochs
        ]
        for gateway, _ in chosen:
            del self._due[gateway]
        metrics.ACKNOWLEDGEMENTS.inc(len(said))
        return said

    def statement(self, gateway: str, epoch: str | None, now: float) -> bytes:
        """The acknowledgement for one epoch, as the answer to a frame posted over HTTP."""
        return self._statement(gateway, epoch or self._epoch_of(gateway), now, stop=False)

    def _statement(self, gateway: str, epoch: str, now: float, *, stop: bool) -> bytes:
        standing = self._ledger.standing(gateway, epoch)
        ack = Ack(
            v=1,
            gw=gateway,
            ep=epoch,
            cum=standing.cum,
            sel=tuple(standing.sel),
            rej=tuple(self._rejections.get(gateway, {}).values()),
            head=standing.head,
            win=0 if stop else self._window,
            rate=self._rate,
            t=round(now, 3),
            conn=self._connection(),
        )
        return speak(ack.to_dict(), self._signer)

    def _owe(self, site: str, gateway: str, epoch: str | None) -> _Due:
        due = self._due.get(gateway)
        if due is None:
            due = self._due[gateway] = _Due(site)
        due.epochs.add(epoch or self._epoch_of(gateway))
        return due

    def _epoch_of(self, gateway: str) -> str:
        """The epoch to speak of when a payload was too broken to name one: the newest we know."""
        status = self._ledger.status(gateway)
        return (status.epoch if status is not None else None) or NO_EPOCH

    def _remember(self, outcome: Outcome, code: str) -> None:
        known = self._rejections.setdefault(outcome.gateway, OrderedDict())
        self._rejections.move_to_end(outcome.gateway)
        known[outcome.payload_hash] = Rejection(outcome.payload_hash, outcome.seq, code)
        if len(known) > MOST_REJECTIONS:
            known.popitem(last=False)
        if len(self._rejections) > MOST_GATEWAYS:
            self._rejections.popitem(last=False)

    def _forgive(self, outcome: Outcome) -> None:
        known = self._rejections.get(outcome.gateway)
        if known is not None:
            known.pop(outcome.payload_hash, None)


def readable(site: str, gateway: str) -> bool:
    """Whether a gateway can be answered under these ids at all."""
    try:
        topic(site, gateway, ACK)
    except WireError:
        return False
    return True
