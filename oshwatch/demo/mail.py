"""Catches the demo's mail: each message becomes an .eml file that a page shows; none leaves the machine."""

import email.policy
import os
import time
from email.parser import BytesHeaderParser
from itertools import count
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

MOST_FILES = 2000


class _Catcher:
    """Writes what comes, named so that the order of names is the order of arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._names = sorted(path.name for path in folder.glob("*.eml"))

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Called by aiosmtpd for each message."""
        content = envelope.original_content or b""
        headers = BytesHeaderParser(policy=email.policy.default).parsebytes(content)
        recipients = envelope.rcpt_tos if headers["to"] is None else []
        extra = b"".join(b"X-Envelope-To: " + one.encode() + b"\r\n" for one in recipients)
        name = f"{time.time_ns():020d}-{os.getpid()}-{next(self._numbers):06d}.eml"
        draft = self._folder / f".{name}"
        draft.write_bytes(extra + content)
        draft.rename(self._folder / name)
        self._names.append(name)
        while len(self._names) > MOST_FILES:
            (self._folder / self._names.pop(0)).unlink(missing_ok=True)
        return "250 caught"


class MailCatcher:
    """An SMTP server on loopback in a thread of this process."""

    def __init__(self, folder: Path, port: int) -> None:
        self._controller = Controller(_Catcher(folder), hostname="127.0.0.1", port=port, ready_timeout=5.0)

    def start(self) -> None:
        """Raises OSError when the port is taken."""
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop(no_assert=True)
