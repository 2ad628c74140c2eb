"""Ed25519 over `cryptography`: the server's own key, and the check of others' signatures."""

import os
import stat
import tempfile
from collections.abc import Sequence
from itertools import pairwise
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
from osh_domain.signing import key_id
from osh_domain.wire_error import WireError

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
        return cls(key, _statements(path, key.public_key().public_bytes_raw()))

    @classmethod
    def replace(cls, path: Path) -> "ServerKey":
        """Another key in the file, introduced by the present one. Raises `ServerKeyError`, OSError.

        The statement is on the disk before the key changes; killed in between, the next call goes on.
        """
        old = cls.load_or_create(path)
        waiting = path.with_name(path.name + ".next")
        words = [*old.statements]
        last = read_successor(words[-1], verify_ed25519) if words else None
        named = last.new if last is not None and last.old == old.public_key else None
        new = cls.load_or_create(waiting) if named is None or waiting.exists() else None
        if new is None or named not in (None, new.public_key):
            raise ServerKeyError(
                f"The key {key_id(named or b'')}, which {statements_file(path)} names as the next one, is not"
                f" at {waiting}. Put it back: gateways may have heard of it, and would follow no other."
            )
        if named is None:
            words.append(name_successor(old, new))
            draft = path.with_name(path.name + ".statements.new")
            with draft.open("wb") as file:
                file.write(join(words))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(statements_file(path))
            _sync(path.parent)
        waiting.replace(path)
        _sync(path.parent)
        return cls.load_or_create(path)


def statements_file(path: Path) -> Path:
    """Where the words about earlier keys lie: beside the key; a backup needs both."""
    return path.with_name(path.name + ".statements")


def _statements(path: Path, public_key: bytes) -> list[bytes]:
    """The words that lead to this key. Raises ServerKeyError when they do not: without them gateways that
    were away obey nobody, and nobody would be told."""
    file = statements_file(path)
    try:
        content = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise ServerKeyError(f"{file} cannot be read ({error.strerror}). Check its rights.") from error
    words = split(content)
    try:
        steps = [read_successor(word, verify_ed25519) for word in words]
    except WireError as error:
        raise _astray(file, str(error)) from None
    if join(words) != content:
        raise _astray(file, "its end is missing")
    if any(one.new != other.old for one, other in pairwise(steps)):
        raise _astray(file, "a word in it is missing")
    if steps and public_key not in steps[-1]:
        raise _astray(file, f"it leads to {key_id(steps[-1].new)}")
    return words


def _astray(file: Path, why: str) -> ServerKeyError:
    return ServerKeyError(
        f"{file} does not lead to the server key beside it ({why}). Put both back from one backup. Without"
        " one, take the file away: gateways that have not followed yet then need this key as"
        " server_public_key."
    )


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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
