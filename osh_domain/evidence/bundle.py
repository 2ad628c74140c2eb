"""What a bundle holds and how its files are called: one factory, one period, checkable by anyone.

| file | content |
|---|---|
| `README.txt` | how to check it with openssl and sha256sum alone |
| `frames/ROW.frame` | a sealed batch: header, pack, signature, three lines, inflated |
| `frames/ROW.senml` | a bare pack of a device that signs nothing, as received |
| `ledger.jsonl` | the ledger's row of each of them, with its way to the root of its day |
| `days/DAY.root` | the signed line of each day, as it was published |
| `keys.json`, `keys/KID.pem` | the key register with its dates, and the keys for openssl; `server.pem` |
| `keys/server.statements` | where the service's own key was changed: the words by which one named the next |
| `keys/KID.statement` | the sealed batch in which the key before introduced this one |
| `configurations/HASH.json` | what each batch was measured with: sensors, calibrations |
| `register.json` | where sensors stood, the facts of the zones, all with their dates |
| `audit.jsonl`, `quarantine.jsonl` | what was changed in the register and by whom; what was refused |
| `manifest.json` | size and SHA-256 of every file, signed by the server; the last file |
"""

from __future__ import annotations

import base64
import binascii
from typing import Final

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
README: Final = "README.txt"
LEDGER: Final = "ledger.jsonl"
KEYS: Final = "keys.json"
SERVER_PEM: Final = "keys/server.pem"
SERVER_STATEMENTS: Final = "keys/server.statements"
REGISTER: Final = "register.json"
AUDIT: Final = "audit.jsonl"
QUARANTINE: Final = "quarantine.jsonl"

# SubjectPublicKeyInfo of Ed25519 (RFC 8410 section 4) before the 32 bytes of the key.
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")
_BEGIN: Final = b"-----BEGIN PUBLIC KEY-----"
_END: Final = b"-----END PUBLIC KEY-----"


def frame_name(row: int, kind: str) -> str:
    """The file of a row's payload."""
    return f"frames/{row:09d}.{'frame' if kind == 'sealed' else kind}"


def day_name(day: str) -> str:
    """The file of a day's line."""
    return f"days/{day}.root"


def key_name(kid: str) -> str:
    """The file of a gateway's public key."""
    return f"keys/{kid}.pem"


def statement_name(kid: str) -> str:
    """The file of the batch that introduced a key."""
    return f"keys/{kid}.statement"


def configuration_name(hashed: str) -> str:
    """The file of a configuration document."""
    return f"configurations/{hashed}.json"


def to_pem(public_key: bytes) -> bytes:
    """A raw Ed25519 public key (32 bytes) as openssl reads it."""
    return _BEGIN + b"\n" + base64.b64encode(_SPKI + public_key) + b"\n" + _END + b"\n"


def from_pem(pem: bytes) -> bytes:
    """The inverse of `to_pem`; ValueError unless it is exactly what that writes."""
    lines = pem.split(b"\n")
    try:
        raw = base64.b64decode(lines[1], validate=True)
    except (IndexError, binascii.Error):
        raw = b""
    key = raw[len(_SPKI) :]
    if len(key) != 32 or to_pem(key) != pem:
        raise ValueError("this is no Ed25519 public key in PEM")
    return key
