"""Answers a gateway that asks for the time: its own nonce and clock back, ours beside it, signed."""

from __future__ import annotations

from osh_domain import strict_json
from osh_domain.acknowledgement import speak
from osh_domain.signing import Signer
from osh_domain.wire_error import WireError

LONGEST_REQUEST = 512
LONGEST_ID = 64


def answer(payload: bytes, received_at: float, now: float, signer: Signer) -> bytes:
    """The signed response to one request; times in s since 1970 UTC.

    ``received_at`` is when the request was read from the connection, ``now`` the moment of answering. Raises
    WireError (json, size) for what is no request.
    """
    if len(payload) > LONGEST_REQUEST:
        raise WireError("size", f"a time request of {len(payload)} bytes")
    said = strict_json.read_object(payload)
    nonce, m0 = said.get("id"), said.get("m0")
    if not isinstance(nonce, str) or not 0 < len(nonce) <= LONGEST_ID:
        raise WireError("json", f"time request: id is not text of at most {LONGEST_ID} characters")
    if isinstance(m0, bool) or not isinstance(m0, int | float):
        raise WireError("json", "time request: m0 is not a number")
    return speak({"id": nonce, "m0": m0, "s1": received_at, "s2": now}, signer)
