"""The key register of a bundle: each key is what its name says, and follows from the one before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from osh_domain import strict_json
from osh_domain.batch import Frame, open_frame
from osh_domain.evidence import bundle
from osh_domain.gateway_keys import Validity, read_batch, read_good, read_statement, statement_name
from osh_domain.senml import read_pack
from osh_domain.signing import Verifier, key_id
from osh_domain.wire_error import WireError
from oshwatch.verify.findings import Level, Report
from oshwatch.verify.unpacking import Unpacked

ODD: Final = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What a statement of another shape than ours leads to; nothing in a bundle is believed to be well-formed."""


@dataclass(frozen=True)
class KnownKey:
    """An entry of the key register."""

    public_key: bytes
    validity: Validity


def read_keys(files: Unpacked, report: Report, verify: Verifier) -> dict[str, KnownKey]:
    """The register by the names of its keys; what does not hold is noted."""
    found: dict[str, KnownKey] = {}
    introduced: list[tuple[str, str, str]] = []
    try:
        entries: Any = strict_json.read_objects(files.read(bundle.KEYS))
        for one in entries:
            kid, public = str(one["kid"]), bytes.fromhex(one["public_key"])
            if kid != key_id(public) or bundle.from_pem(files.read(bundle.key_name(kid))) != public:
                report.note(Level.BROKEN, bundle.KEYS, f"{kid} is not the name of its key")
            if kid in found:
                report.note(Level.BROKEN, bundle.KEYS, f"{kid} is there twice")
            found[kid] = KnownKey(public, _validity(one))
            if one.get("replaces") is not None:
                introduced.append((kid, one["replaces"], one["stated_in"]))
    except (*ODD, WireError) as error:
        report.note(Level.BROKEN, bundle.KEYS, f"it cannot be read ({error})")
    _compare_with_audit(files, found, report)
    for kid, old, stated_in in introduced:
        reason = _not_introduced(files, found, (kid, old, stated_in), verify)
        if reason is not None:
            report.note(Level.BROKEN, bundle.statement_name(kid), reason)
    report.keys = len(found)
    return found


def _compare_with_audit(files: Unpacked, keys: dict[str, KnownKey], report: Report) -> None:
    """Both are the service's own word; but who takes a revocation out of one must not forget the other."""
    ended: dict[str, Any] = {}
    try:
        for line in files.lines(bundle.AUDIT):
            said: dict[str, Any] = strict_json.read_object(line)
            if said["action"] == "key revoked":
                ended[str(said["object"])] = said["detail"]
        for kid, detail in ended.items():
            key = keys.get(kid)
            if key is None or key.validity.revoked_at is None:
                report.note(
                    Level.BROKEN, bundle.KEYS, f"{kid} was revoked, as {bundle.AUDIT} says; not so here"
                )
            elif key.validity.good_up_to != read_good(str(detail.get("good_up_to", "")).split()):
                report.note(
                    Level.BROKEN, bundle.KEYS, f"{bundle.AUDIT} says another last good batch of {kid}"
                )
    except (*ODD, WireError) as error:
        report.note(Level.BROKEN, bundle.AUDIT, f"it cannot be read ({error})")


def _validity(one: dict[str, Any]) -> Validity:
    stated = one.get("stated_in")
    ends = one.get("valid_to")
    return Validity(
        one["gateway"],
        float(one["valid_from"]),
        None if ends is None else float(ends),
        None if one["revoked_at"] is None else float(one["revoked_at"]),
        read_good(one.get("good_up_to", "").split()),
        one["last_good_seq"],
        None if stated is None else read_batch(stated),
    )


def _not_introduced(
    files: Unpacked, keys: dict[str, KnownKey], said: tuple[str, str, str], verify: Verifier
) -> str | None:
    """Why the bundle does not show that a key follows from another; None when it does."""
    kid, old, stated_in = said
    name = bundle.statement_name(kid)
    if name not in files.members:
        return f"nothing shows that {old} introduced the key"
    if old not in keys:
        return f"the key {old} that introduced it is not in the register"
    try:
        frame = open_frame(files.read(name))
        head = frame.header
        if (head.gw, head.kid, (head.ep, head.seq)) != (
            keys[kid].validity.gateway,
            old,
            read_batch(stated_in),
        ):
            return "it is not the batch that the register names"
        if frame.signature is None or not verify(keys[old].public_key, frame.signature, frame.signed_bytes):
            return f"it is not signed by {old}"
        if keys[kid].public_key not in _introduced(frame, verify):
            return f"it does not introduce {kid}"
    except (WireError, ValueError) as error:
        return f"it cannot be read ({error})"
    return None


def _introduced(frame: Frame, verify: Verifier) -> list[bytes]:
    name = statement_name(frame.header.gw)
    texts = [
        one.value for one in read_pack(frame.pack, 0.0) if one.name == name and isinstance(one.value, str)
    ]
    return [read_statement(text, frame.header.gw, frame.header.kid, verify) for text in texts]
