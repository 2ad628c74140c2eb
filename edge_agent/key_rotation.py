"""Another key for the gateway, introduced by the old one, without a moment in which nobody would believe it.

Made: the next key lies beside the present one. Stated: a batch signed by the present key introduces it. Only
when the server's signed acknowledgement covers that batch does the gateway sign with it. A crash between any
two of these steps repeats the step: to state a key twice does no harm, and no batch is ever signed by a key
that the server cannot know, also when the outbox is lost meanwhile.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from edge_agent.identity import (
    KEY_FILE,
    GatewaySigner,
    Identity,
    IdentityError,
    decode_public_key,
    encode_public_key,
    load_or_create_key,
)
from edge_agent.journal import Journal
from edge_agent.outbox.records import OpenRecord, State
from edge_agent.outbox.store import Outbox
from osh_domain.crash_points import crash_here
from osh_domain.gateway_keys import QUANTITY, statement
from osh_domain.readings import SYSTEM_SENSOR
from osh_domain.signing import key_id

NEXT_FILE = f"{KEY_FILE}.next"
FORMER_FILE = "gateway.keys.former"
NOTE = "key_statement"
LOOK_S = 10.0
OVERTAKEN = ("overtaken", "conflict")  # the batch, not the key, was refused: say it again
log = Journal(__name__)


class Holder(Protocol):
    """Whose key it is."""

    def tell(self, text: str) -> None:
        """Write a line to sys/status."""

    def key_changed(self) -> None:
        """Another key signs from here on."""


class KeyRotation:
    """Carries a change of the key through. `seal_alone` makes a batch of one record, signed by the key of
    `identity`, and answers its number; None when the disk refuses."""

    def __init__(
        self,
        folder: Path,
        identity: Identity,
        outbox: Outbox,
        seal_alone: Callable[[OpenRecord], int | None],
        holder: Holder,
    ) -> None:
        self._folder, self._identity, self._outbox = folder, identity, outbox
        self._seal_alone, self._holder = seal_alone, holder
        self._next: GatewaySigner | None = None
        self._look_at = float("-inf")

    def begin(self) -> str:
        """Make the next key, if there is none yet, and answer its name. Raises IdentityError, OSError."""
        self._next = load_or_create_key(self._folder / NEXT_FILE)
        crash_here("rotation: key made")
        return key_id(self._next.public_key)

    def step(self, now: float) -> None:
        """Do what can be done next; `now` is boot time. A key that another process asked for is found."""
        if self._next is None and now >= self._look_at:
            self._look_at = now + LOOK_S
            self._find()
        if self._next is None:
            return
        note = json.loads(self._outbox.note(NOTE) or "{}")
        if note.get("kid") != key_id(self._next.public_key) or note.get("by") != self._identity.kid:
            self._state(self._next, now)
            return
        state, code = self._outbox.state_of(note["ep"], note["seq"])
        if state == State.HELD and code in OVERTAKEN:
            self._state(self._next, now)
        elif state == State.HELD:
            self._drop(f"the server refused its statement ({code})")
        elif state != State.SEALED:  # acknowledged, and perhaps pruned since
            self._switch(self._next)

    def _find(self) -> None:
        path = self._folder / NEXT_FILE
        if path.exists():
            try:
                self._next = load_or_create_key(path)
            except IdentityError as error:
                log.warning("the next key cannot be used", reason=str(error))

    def _state(self, signer: GatewaySigner, now: float) -> None:
        identity = self._identity
        text = statement(identity.gateway, identity.kid, signer)
        seq = self._seal_alone(OpenRecord(now, SYSTEM_SENSOR, QUANTITY, text, None, 0))
        crash_here("rotation: statement sealed")
        if seq is None:
            return
        note = {"kid": key_id(signer.public_key), "by": identity.kid, "ep": self._outbox.epoch, "seq": seq}
        self._outbox.write_notes({NOTE: json.dumps(note)})
        crash_here("rotation: statement noted")

    def _switch(self, signer: GatewaySigner) -> None:
        if not self._lies_there(signer):
            self._next = None  # another one may lie there: begin with that
            return
        old = self._identity.signer.public_key
        if old not in former_keys(self._folder):
            write_safely(self._folder / FORMER_FILE, [*former_keys(self._folder), old])
        crash_here("rotation: before the switch")
        (self._folder / NEXT_FILE).replace(self._folder / KEY_FILE)
        _sync(self._folder)
        crash_here("rotation: after the switch")
        self._identity.signer, self._next = signer, None
        self._identity.former = former_keys(self._folder)
        self._holder.tell(f"key changed: {key_id(signer.public_key)} signs instead of {key_id(old)}")
        self._holder.key_changed()

    def _lies_there(self, signer: GatewaySigner) -> bool:
        """Whether the next key's file still holds this key: what is renamed must be what will sign."""
        path = self._folder / NEXT_FILE
        try:
            return path.exists() and load_or_create_key(path).public_key == signer.public_key
        except IdentityError as error:
            log.warning("the next key cannot be used", reason=str(error))
            return False

    def _drop(self, reason: str) -> None:
        (self._folder / NEXT_FILE).unlink(missing_ok=True)
        self._next = None
        self._holder.tell(f"key not changed: {reason}")


def former_keys(folder: Path) -> tuple[bytes, ...]:
    """Public keys that signed before the present one, oldest first. Raises IdentityError."""
    try:
        lines = (folder / FORMER_FILE).read_text("ascii").split()
        return tuple(decode_public_key(line) for line in lines)
    except FileNotFoundError:
        return ()
    except ValueError as error:
        raise IdentityError(
            f"{folder / FORMER_FILE}: a line is no public key ({error}). Take the line out: only batches of a"
            " damaged outbox that were signed with that key are then not recognised."
        ) from error


def write_safely(path: Path, keys: list[bytes]) -> None:
    """Public keys, one a line, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="ascii") as file:
        file.writelines(f"{encode_public_key(key)}\n" for key in keys)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
