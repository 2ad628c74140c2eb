"""Another key for the server: a word by which the old one names the new one, which signs it too. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Final, NamedTuple

from osh_domain import strict_json
from osh_domain.acknowledgement import decode_signature, encode_signature, hear, speak
from osh_domain.signing import PUBLIC_KEY_BYTES, Signer, Verifier, key_id
from osh_domain.wire_error import WireError

KIND: Final = "osh-server-key"
_DOMAIN: Final = "osh-server-key-v1"


class Successor(NamedTuple):
    """One key of the server followed another (raw public keys)."""

    old: bytes
    new: bytes


def name_successor(old: Signer, new: Signer) -> bytes:
    """The word, signed by the old key."""
    proof = new.sign(_said(old.public_key, new.public_key))
    return speak(
        {
            "v": 1,
            "kind": KIND,
            "old": _text(old.public_key),
            "new": _text(new.public_key),
            "proof": encode_signature(proof).decode(),
        },
        old,
    )


def read_successor(word: bytes, verify: Verifier) -> Successor:
    """Who followed whom; WireError (sig, json) unless both keys signed it. Says nothing of whose keys they
    are: the caller believes it only from a key that it knows."""
    claimed = strict_json.read_object(word.partition(b"\n")[0])
    old, new = _key(claimed, "old"), _key(claimed, "new")
    said = hear(word, old, verify)
    proof = decode_signature(str(said.get("proof")).encode("ascii", "replace"))
    if said.get("kind") != KIND or proof is None or not verify(new, proof, _said(old, new)):
        raise WireError("sig", f"the key {key_id(new)} did not sign that it follows {key_id(old)}")
    return Successor(old, new)


def followed(first: bytes, words: Iterable[bytes], verify: Verifier) -> list[bytes]:
    """The keys that follow from `first`, itself included, in order; words that do not are left out."""
    keys = [first]
    for word in words:
        try:
            step = read_successor(word, verify)
        except WireError:
            continue
        if step.old == keys[-1] and step.new not in keys:
            keys.append(step.new)
    return keys


def preceding(last: bytes, words: Iterable[bytes], verify: Verifier) -> list[bytes]:
    """The keys from which `last` follows, itself first, then the newest before it."""
    keys = [last]
    for word in reversed(list(words)):
        try:
            step = read_successor(word, verify)
        except WireError:
            continue
        if step.new == keys[-1] and step.old not in keys:
            keys.append(step.old)
    return keys


def join(words: Iterable[bytes]) -> bytes:
    """Words as they lie in a file: two lines each."""
    return b"".join(word + b"\n" for word in words)


def split(content: bytes) -> list[bytes]:
    """The inverse of `join`; half a word at the end is left out."""
    lines = content.split(b"\n")
    return [lines[at] + b"\n" + lines[at + 1] for at in range(0, len(lines) - 2, 2)]


def _said(old: bytes, new: bytes) -> bytes:
    return f"{_DOMAIN}:{_text(old)}:{_text(new)}".encode()


def _key(said: dict[str, object], name: str) -> bytes:
    text = said.get(name)
    try:
        raw = base64.b64decode(f"{text}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != PUBLIC_KEY_BYTES or _text(raw) != text:
        raise WireError("json", f"{name} is no public key")
    return raw


def _text(public_key: bytes) -> str:
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()
