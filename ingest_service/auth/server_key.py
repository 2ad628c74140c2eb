"""Ed25519 over `cryptography`: the server's own key, and the check of others' signatures."""

import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from osh_domain.server_keys import join, name_successor, read_successor, split

FILE_NAME: Final = "server.key"


class ServerKeyError(Exception):
    """The key file cannot be used; the message says why and what to do."""


def verify_ed25519(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature is good; bytes of the wrong length are simply not."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


class ServerKey:
    """A `Signer` (osh_domain.signing) that holds the server's private key; never shows it."""

    def __init__(self, key: Ed25519PrivateKey, statements: Sequence[bytes] = ()) -> None:
        """`statements`: the words by which earlier keys named their successors, this one at last."""
        self._key = key
        self.statements = tuple(statements)
        self.public_key: bytes = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    def __repr__(self) -> str:
        return f"ServerKey(public_key={self.public_key.hex()})"

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    @classmethod
    def load_or_create(cls, path: Path) -> "ServerKey":
        """The key in the file, which is made (PEM, mode 0600) if it is not there. Raises `ServerKeyError`.

        Safe when several processes start at once: the first to finish decides, the others load its key.
        """
        try:
            if not path.exists():
                _create(path)
            _check_mode(path)
            key = load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise ServerKeyError(
                f"The server key {path} cannot be read or made ({error.strerror}). Check the rights of the "
                "data directory."
            ) from error
        except (ValueError, TypeError):
            raise ServerKeyError(_damaged(path)) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise ServerKeyError(_damaged(path))
        words = statements_file(path)
        return cls(key, split(words.read_bytes()) if words.exists() else ())

    @classmethod
    def replace(cls, path: Path) -> "ServerKey":
        """Another key in the file, introduced by the present one. Raises `ServerKeyError`, OSError.

        The statement is on the disk before the key changes; killed in between, the next call goes on.
        """
        old = cls.load_or_create(path)
        waiting = path.with_name(path.name + ".next")
        new = cls.load_or_create(waiting)
        words = [*old.statements]
        named = [read_successor(word, verify_ed25519).new for word in words]
        if new.public_key not in named:
            words.append(name_successor(old, new))
            draft = path.with_name(path.name + ".statements.new")
            with draft.open("wb") as file:
                file.write(join(words))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(statements_file(path))
        waiting.replace(path)
        return cls.load_or_create(path)


def statements_file(path: Path) -> Path:
    """Where the words about earlier keys lie: beside the key; a backup needs both."""
    return path.with_name(path.name + ".statements")


def _create(path: Path) -> None:
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle, name = tempfile.mkstemp(dir=path.parent)  # mkstemp makes it 0600
    fresh = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
            file.flush()
            os.fsync(file.fileno())
        try:
            path.hardlink_to(fresh)  # fails if another process was faster
        except FileExistsError:
            return
    finally:
        fresh.unlink()


def _check_mode(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ServerKeyError(
            f"The server key {path} can be read by others (mode {mode:04o}). Run `chmod 600 {path}`; "
            "if it was open for long, make a new one and tell the gateways."
        )


def _damaged(path: Path) -> str:
    return (
        f"The server key {path} is not an Ed25519 private key in PEM. Put it back from a backup: gateways "
        "trust this key alone, and a new one has to be given to each of them."
    )
