"""Who this gateway is: its Ed25519 key, the server key it trusts, the machine it runs on."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from osh_domain.signing import PUBLIC_KEY_BYTES, key_id

KEY_FILE = "gateway.key"
SERIAL_FILES = ("proc/device-tree/serial-number", "sys/class/dmi/id/product_uuid", "etc/machine-id")


class IdentityError(Exception):
    """The key cannot be used; the sentence says which file and what to do."""


class GatewaySigner:
    """Signs as this gateway. The private key never leaves the object, nor shows in its `repr`."""

    def __init__(self, private_key: Ed25519PrivateKey) -> None:
        self._private_key = private_key
        self._public = private_key.public_key().public_bytes_raw()

    @classmethod
    def from_bytes(cls, raw: bytes) -> GatewaySigner:
        """From the 32 raw bytes of a private key. Raises ValueError."""
        return cls(Ed25519PrivateKey.from_private_bytes(raw))

    @property
    def public_key(self) -> bytes:
        return self._public

    def sign(self, data: bytes) -> bytes:
        return self._private_key.sign(data)

    def __repr__(self) -> str:
        return f"GatewaySigner(kid={key_id(self._public)})"


@dataclass
class Identity:
    """Gateway, site, signing key, and the key whose words it obeys (None: it obeys and deletes nothing).

    One object for all parts of an agent: keys are replaced in it while the agent runs, by the thread that
    owns the outbox. `former`: public keys that signed before this one, oldest first.
    """

    gateway: str
    site: str
    signer: GatewaySigner
    server_key: bytes | None
    serial: str = "unknown"
    former: tuple[bytes, ...] = ()

    @property
    def kid(self) -> str:
        return key_id(self.signer.public_key)

    @property
    def own_keys(self) -> tuple[bytes, ...]:
        """Every public key that batches of this gateway may be signed with."""
        return (self.signer.public_key, *self.former)


def verify_ed25519(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature over `data` is by the holder of the raw `public_key`."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


def load_or_create_key(path: Path) -> GatewaySigner:
    """The key in `path`, made at the first start with mode 0600. Raises IdentityError.

    A key that others may read is refused rather than repaired: it may already have been copied.
    """
    if not path.exists():
        return _create_key(path)
    if path.stat().st_mode & 0o077:
        raise IdentityError(
            f"{path}: others on this machine may read the key. If nobody has copied it run "
            f"`chmod 600 {path}`; otherwise revoke it on the server, delete it and enrol again."
        )
    try:
        return GatewaySigner.from_bytes(path.read_bytes())
    except ValueError as error:
        raise IdentityError(
            f"{path}: not a private key ({error}). Restore it from a backup, or delete it and enrol again."
        ) from error


def _create_key(path: Path) -> GatewaySigner:
    private_key = Ed25519PrivateKey.generate()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written beside and linked, so that a power cut never leaves half a key, and two processes that make one
    # at the same time (the agent and a command) go on with the same: that of the first.
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, private_key.private_bytes_raw())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    with contextlib.suppress(FileExistsError):
        path.hardlink_to(draft)
    draft.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return load_or_create_key(path)


def encode_public_key(public_key: bytes) -> str:
    """As printed and typed: base64url without padding, 43 characters."""
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()


def decode_public_key(text: str) -> bytes:
    """The raw bytes of a printed public key. Raises ValueError saying what is wrong."""
    try:
        raw = base64.b64decode(text.strip() + "=" * (-len(text.strip()) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64url ({error})") from error
    if len(raw) != PUBLIC_KEY_BYTES:
        raise ValueError(f"an Ed25519 public key has {PUBLIC_KEY_BYTES} bytes, this has {len(raw)}")
    return raw


def hardware_serial(root: Path = Path("/")) -> str:
    """The machine's own serial number, so that a copied card is noticed; `unknown` when nothing tells it."""
    for name in SERIAL_FILES:
        try:
            serial = (root / name).read_text(errors="replace").strip("\0 \n")
        except OSError:
            continue
        if serial:
            return serial
    return "unknown"
