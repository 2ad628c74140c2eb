"""What to do with a payload, decided from its bytes, the road it came by and the register; pure.

Checks run in a fixed order: size, frame, version, topic, key, signature, JSON, SenML. What fails one is kept
in the quarantine with its bytes and the code of that check. What passes is appended to the ledger, also when
it holds something a person should see (see `pack_reading`): then a remark refers to the ledger row.

Bare SenML is taken from devices registered as ``foreign`` only. A pack with absolute times is recognised by
its bytes when it comes again. A pack with relative times is not: the same bytes a second later are a new
measurement, so its identity includes the millisecond of its arrival.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest_service.auth.server_key import verify_ed25519
from ingest_service.fast_senml import read_sealed_pack
from ingest_service.gateway_words import words_of
from ingest_service.ledger.port import Accepted, Rejected, Source
from ingest_service.pack_reading import read_foreign, relative_to, remarks_on, time_quality_of, time_remark
from ingest_service.register.entries import Gateway
from ingest_service.register.snapshot import RegisterSnapshot
from osh_domain.batch import (
    MAX_FRAME,
    Frame,
    Header,
    check_contents,
    first_byte_kind,
    open_frame,
    payload_hash,
    text_hash,
)
from osh_domain.senml import parse_bare, resolve
from osh_domain.topics import DATA_BACK, DATA_LIVE, parse_topic
from osh_domain.wire_error import WireError

CONTENT_TYPES = {
    "frame": "application/x-osh-batch",
    "senml": "application/senml+json",
    "cbor": "application/senml+cbor",
}


@dataclass(frozen=True, slots=True)
class Arrival:
    """A payload as it came, at ``received_at`` (s since 1970 UTC).

    ``topic`` is None where there is none (HTTP): then a frame speaks for itself, and a bare pack needs
    ``gateway``, the device whose credential was used. ``retained``: the broker kept it from earlier.
    """

    payload: bytes = field(repr=False)
    received_at: float
    source: Source = "mqtt"
    topic: str | None = None
    gateway: str | None = None
    content_type: str | None = None
    retained: bool = False


@dataclass(slots=True)
class _Findings:
    """What is known about a payload so far, for the quarantine when a later check fails."""

    site: str = ""
    gateway: str = ""
    header: Header | None = None
    batch_hash: str | None = None
    trusted: bool = False


def check(
    arrival: Arrival, register: RegisterSnapshot, now: float, *, max_payload: int = MAX_FRAME
) -> Accepted | Rejected:
    """What to do with a payload; pure. ``now`` decides whether a key is in force.

    Whatever the bytes, the answer is one of the two; WireError never gets out.
    """
    findings = _Findings()
    try:
        return _check(arrival, register, now, max_payload, findings)
    except WireError as error:
        header = findings.header
        return Rejected(
            arrival.received_at,
            arrival.source,
            arrival.topic,
            findings.site,
            findings.gateway,
            known=register.gateway(findings.gateway) is not None,
            payload=arrival.payload,
            payload_hash=payload_hash(arrival.payload),
            code=error.code,
            detail=str(error),
            epoch=header.ep if header else None,
            seq=header.seq if header else None,
            trusted=findings.trusted,
            batch_hash=findings.batch_hash,
        )


def _check(
    arrival: Arrival, register: RegisterSnapshot, now: float, max_payload: int, findings: _Findings
) -> Accepted:
    misplaced = _place(arrival, register, findings)
    if len(arrival.payload) > max_payload:
        raise WireError("size", f"{len(arrival.payload)} bytes, at most {max_payload} are taken")
    kind = first_byte_kind(arrival.payload)
    if arrival.content_type is not None and arrival.content_type != CONTENT_TYPES[kind]:
        raise WireError(
            "frame", f"the content type is {arrival.content_type[:60]}, the content {CONTENT_TYPES[kind]}"
        )
    frame = open_frame(arrival.payload) if kind == "frame" else None
    if misplaced is not None:
        raise misplaced
    if frame is None:
        return _check_bare(arrival, register, now, findings)
    return _check_frame(frame, arrival, register, now, findings)


def _place(arrival: Arrival, register: RegisterSnapshot, findings: _Findings) -> WireError | None:
    """Note who is said to have sent it, as far as the road tells; the answer is for later, see the order."""
    if arrival.topic is not None:
        try:
            name = parse_topic(arrival.topic)
        except WireError as error:
            return error
        findings.site, findings.gateway = name.site, name.gateway
        if name.leaf not in (DATA_LIVE, DATA_BACK):
            return WireError("topic", f"{name.leaf} carries no data")
    elif arrival.gateway is not None:
        registered = register.gateway(arrival.gateway)
        findings.gateway = arrival.gateway
        findings.site = registered.site if registered else ""
    return None


def _check_frame(
    frame: Frame, arrival: Arrival, register: RegisterSnapshot, now: float, findings: _Findings
) -> Accepted:
    header = findings.header = frame.header
    findings.batch_hash = frame.batch_hash
    if not findings.gateway:
        registered = register.gateway(header.gw)
        findings.gateway, findings.site = header.gw, registered.site if registered else ""
    if header.gw != findings.gateway:
        raise WireError("topic", f"the frame is from {header.gw}, it came as {findings.gateway}")
    gateway = _known_gateway(register, findings, now)
    signed = _verify(frame, gateway, register, now)
    findings.trusted = True
    records = read_sealed_pack(frame.pack, relative_to(header, arrival.received_at))
    check_contents(header, records)
    remarks = remarks_on(records)
    key = register.key(header.kid) if signed else None
    ended = None if key is None else key.validity.why_ended(now)
    words, doubtful = words_of(header, frame.pack, records, ended) if signed else ((), [])
    remarks += doubtful
    untimely = time_remark(header, time_quality_of(header, records, arrival.received_at))
    if untimely is not None:
        remarks.append(untimely)
    return Accepted(
        arrival.received_at,
        arrival.source,
        findings.site,
        header.gw,
        "sealed",
        header.ep,
        header.seq,
        frame.batch_hash,
        header.prev,
        signed,
        arrival.payload,
        payload_hash(arrival.payload),
        arrival.topic,
        header.clk,
        header.err,
        len(records),
        tuple(remarks),
        header.kid if signed else None,
        words,
    )


def _check_bare(arrival: Arrival, register: RegisterSnapshot, now: float, findings: _Findings) -> Accepted:
    if not findings.gateway:
        raise WireError(
            "key", "a bare pack does not say which device sent it; post it under the device's name"
        )
    gateway = _known_gateway(register, findings, now)
    if gateway.kind != "foreign":
        raise WireError("sig", f"{gateway.id} is registered as signed, this pack carries no signature")
    pack = parse_bare(arrival.payload)
    records = resolve(pack, arrival.received_at)
    relative = records != resolve(pack, arrival.received_at + 1.0)
    if relative and arrival.retained:
        raise WireError(
            "senml", "relative times in a retained message: nobody knows when they were meant", rule="R6"
        )
    readings, remarks = read_foreign(
        gateway.id, records, register.foreign_names(gateway.id), arrival.received_at
    )
    hashed = payload_hash(arrival.payload)
    identity = text_hash(f"{hashed}:{round(arrival.received_at * 1000)}".encode()) if relative else hashed
    return Accepted(
        arrival.received_at,
        arrival.source,
        findings.site,
        gateway.id,
        "senml",
        None,
        None,
        identity,
        None,
        signed=False,
        payload=arrival.payload,
        payload_hash=hashed,
        topic=arrival.topic,
        readings=len(readings),
        remarks=tuple(remarks),
    )


def _known_gateway(register: RegisterSnapshot, findings: _Findings, now: float) -> Gateway:
    gateway = register.gateway(findings.gateway)
    if gateway is None:
        raise WireError("key", f"{findings.gateway} is not in the register; add it, then replay this")
    if gateway.revoked_at is not None and now >= gateway.revoked_at:
        raise WireError("key", f"{gateway.id} is revoked")
    if gateway.site != findings.site:
        raise WireError("topic", f"{gateway.id} belongs to {gateway.site}, it came as {findings.site}")
    return gateway


def _verify(frame: Frame, gateway: Gateway, register: RegisterSnapshot, now: float) -> bool:
    """Whether the frame is signed, and well; an unsigned one is taken from a foreign device only."""
    header = frame.header
    if frame.signature is None:
        if gateway.kind == "signed":
            raise WireError("sig", "the frame is not signed")
        return False
    key = register.key(header.kid)
    if key is None or key.gateway != gateway.id:
        raise WireError("key", f"{gateway.id} has no key {header.kid} in the register")
    if reason := key.validity.why_not(gateway.id, header.ep, header.seq, now):
        raise WireError("key", f"key {key.kid} of {gateway.id}: {reason}")
    if not verify_ed25519(key.public_key, frame.signature, frame.signed_bytes):
        raise WireError("sig", f"the signature is not good under key {key.kid}")
    return True
