"""What intake writes into the register by itself: keys that gateways introduce, signs of copied gateways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ingest_service.clone_suspicion import keep, signs_in
from ingest_service.database import write
from ingest_service.ledger.port import Accepted, LedgerError, Outcome, Rejected, StateNote
from ingest_service.register.key_changes import Introduction
from ingest_service.register.recorder import ChangeRefused
from ingest_service.register.snapshot import RegisterSnapshot
from ingest_service.register.store import Register
from osh_domain.acknowledgement import encode_signature
from osh_domain.batch import open_frame
from osh_domain.signing import key_id

SERVICE = "intake"
"""Who did it, in the audit log."""
log = structlog.get_logger(__name__)


class IntakeDesk:
    """Writes the register in the name of gateways. Safe to share between threads."""

    def __init__(self, register: Register) -> None:
        self._register = register

    def fresh(self) -> RegisterSnapshot:
        """The register as it is at this moment. Raises LedgerError, so that nothing is acknowledged."""
        try:
            return self._register.snapshot(fresh=True)
        except SQLAlchemyError as error:
            raise LedgerError(f"the register cannot be read ({error})") from error

    def introduce(self, entries: Iterable[Accepted]) -> list[str]:
        """Register the keys that batches of the ledger introduce; answers those that are new.

        Raises LedgerError when the register cannot be written: then the batches must not be acknowledged,
        or a gateway would sign with a key that nobody knows.
        """
        said = [one for entry in entries for one in introductions(entry)]
        if not said:
            return []
        try:
            with self._register.change(SERVICE) as change:
                new = [key_id(one.public_key) for one in said if change.follow_key(one)]
        except (SQLAlchemyError, ChangeRefused) as error:
            raise LedgerError(f"a gateway's next key cannot be registered ({error})") from error
        for kid in new:
            log.info("a gateway introduced its next key", kid=kid)
        return new

    def used(self, entries: Sequence[Accepted], register: RegisterSnapshot) -> None:
        """Note the first batch of each key that followed another."""
        first: dict[str, Accepted] = {}
        for entry in entries:
            key = register.key(entry.kid) if entry.kid else None
            if key is not None and key.replaces is not None and key.used_from is None:
                first.setdefault(key.kid, entry)
        if not first:
            return
        try:
            with self._register.change(SERVICE) as change:
                for kid, entry in first.items():
                    change.use_key(kid, entry.epoch or "", entry.seq or 0)
        except SQLAlchemyError as error:  # said again with the next batch
            log.warning("the first batch of a key could not be noted", reason=str(error))

    def notice(
        self,
        notes: Iterable[object],
        entries: Sequence[Accepted | Rejected | None],
        outcomes: Sequence[Outcome],
    ) -> None:
        """Keep signs of copied gateways. Bookkeeping: trouble with it stops nothing."""
        states = [note for note in notes if isinstance(note, StateNote) and note.state == "online"]
        signs = signs_in(entries, outcomes)
        if not states and not signs:
            return
        try:
            with write(self._register.engine) as connection:
                added = keep(connection, states, signs)
        except SQLAlchemyError as error:
            log.warning("signs of copied gateways could not be kept", reason=str(error))
            return
        if added:
            log.warning("a gateway may have been copied", signs=added)


def introductions(entry: Accepted) -> list[Introduction]:
    """The keys that a batch introduces, with its bytes as anyone can check them."""
    words = [word for word in entry.words if word.kind == "key"]
    if not words or entry.kid is None or entry.epoch is None or entry.seq is None:
        return []
    frame = open_frame(entry.payload)
    signature = b"" if frame.signature is None else encode_signature(frame.signature)
    return [
        Introduction(
            entry.gateway,
            bytes.fromhex(word.text),
            entry.kid,
            entry.epoch,
            entry.seq,
            entry.batch_hash,
            entry.received_at,
            frame.signed_bytes + b"\n" + signature,
        )
        for word in words
    ]
