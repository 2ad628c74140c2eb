"""Reads what gateways say about themselves: state and birth. Neither is signed, so neither is evidence."""

from __future__ import annotations

import hashlib
import json

from ingest_service.ledger.port import BirthNote, StateNote
from osh_domain import strict_json
from osh_domain.topics import TopicName
from osh_domain.wire_error import WireError

LONGEST_STATE = 4096
LONGEST_BIRTH = 262_144
STATES = ("online", "offline", "stopping")


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
    return value if isinstance(value, str) and len(value) <= 64 else None
