"""Reads what gateways say about themselves: state and birth, which are not signed, so neither is evidence;
and the words in sealed batches that intake acts on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from ingest_service.auth.server_key import verify_ed25519
from ingest_service.ledger.port import BirthNote, Remark, StateNote
from ingest_service.ledger.word import Word
from osh_domain import strict_json
from osh_domain.batch import Header
from osh_domain.gateway_keys import read_statement, statement_name
from osh_domain.readings import SYSTEM_SENSOR
from osh_domain.senml import Record
from osh_domain.topics import TopicName
from osh_domain.wire_error import WireError

LONGEST_STATE = 4096
LONGEST_BIRTH = 262_144
STATES = ("online", "offline", "stopping")
CLONE = "clone suspected"


def read_state(payload: bytes, name: TopicName, at: float) -> StateNote:
    """A state, or the will that the broker published in the gateway's name. Raises WireError."""
    said = _read(payload, LONGEST_STATE)
    state = said.get("state")
    if state not in STATES:
        raise WireError("json", f"state is not one of {', '.join(STATES)}")
    conn = said.get("conn")
    return StateNote(
        name.site,
        name.gateway,
        at,
        str(state),
        _text(said.get("boot")),
        _text(said.get("ep")),
        conn if type(conn) is int and abs(conn) < 2**53 else None,
    )


def read_birth(payload: bytes, name: TopicName, at: float) -> BirthNote:
    """A birth with its configuration document. Raises WireError."""
    said = _read(payload, LONGEST_BIRTH)
    if said.get("gw") != name.gateway:
        raise WireError("topic", f"the birth is from {str(said.get('gw'))[:60]}, it came as {name.gateway}")
    cfg = said.pop("cfg", None)
    configuration = _configuration(cfg) if isinstance(cfg, dict) else None
    if configuration is not None:
        said["cfg"] = configuration[0]  # the document itself is kept once, under its hash
    backlog = said.get("backlog")
    waiting = backlog.get("batches") if isinstance(backlog, dict) else None
    drops = said.get("drops")
    return BirthNote(
        name.site,
        name.gateway,
        at,
        strict_json.write(said).decode(),
        _text(said.get("ep")),
        configuration,
        waiting if type(waiting) is int and 0 <= waiting < 2**53 else None,
        drops if type(drops) is int and 0 <= drops < 2**53 else 0,
    )


def _configuration(document: dict[str, object]) -> tuple[str, str]:
    """Hash and text of a configuration document: compact JSON, keys sorted, UTF-8."""
    text = json.dumps(document, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32], text


def _read(payload: bytes, longest: int) -> dict[str, object]:
    if len(payload) > longest:
        raise WireError("size", f"{len(payload)} bytes, at most {longest} are read")
    return strict_json.read_object(payload)


def _text(value: object) -> str | None:
    # PostgreSQL keeps no NUL in a text.
    return value if isinstance(value, str) and len(value) <= 64 and "\0" not in value else None


def words_of(
    header: Header, pack: bytes, records: Sequence[Record], ended: str | None = None
) -> tuple[tuple[Word, ...], list[Remark]]:
    """What a signed batch says to intake, and remarks on what it says wrongly.

    `ended`: why the key that signed it may introduce no other, though it vouches for the batch. Looked for in
    the bytes first: hardly any batch says anything of the kind.
    """
    if b"key" not in pack and CLONE.encode() not in pack:
        return (), []
    words, remarks = [], []
    next_key, status = statement_name(header.gw), f"{header.gw}/{SYSTEM_SENSOR}/status"
    for record in records:
        if not isinstance(record.value, str):
            continue
        if record.name == next_key:
            try:
                introduced = read_statement(record.value, header.gw, header.kid, verify_ed25519)
            except WireError as error:
                wrong: str | None = error.message
            else:
                wrong = ended and f"{header.kid} can introduce no key any more: {ended}"
                if wrong is None:
                    words.append(Word("key", introduced.hex()))
            if wrong is not None:
                remarks.append(Remark("key", f"{next_key} {header.kid}", f"{next_key}: {wrong}"))
        elif record.name == status and record.value.startswith(CLONE):
            words.append(Word("clone", record.value))
    return tuple(words), remarks
