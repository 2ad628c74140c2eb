"""The demo's own data folder: what it keeps from one start to the next, and where."""

import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any


class DemoError(Exception):
    """The demo cannot start; the sentence says why and what to do."""


class DemoFolder:
    """Paths and small files of one demo. Open it with `claim()`, which keeps a second demo out."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.server = root / "server"
        self.fleet = root / "fleet"
        self.broker = root / "broker"
        self.mail = root / "mail"
        self.logs = root / "logs"
        self.truth = root / "truth.jsonl"
        self.processes = root / "processes.json"
        self.broker_passwords = root / "broker-passwords.json"
        self._state = root / "demo.json"
        self._clock = root / "clock.json"
        self._lock: IO[str] | None = None

    def claim(self) -> None:
        """Make the folders and lock them for this process. Raises DemoError."""
        try:
            for folder in (self.root, self.server, self.fleet, self.broker, self.mail, self.logs):
                folder.mkdir(parents=True, exist_ok=True)
                probe = folder / ".writable"
                probe.write_text("")
                probe.unlink()
            self._lock = (self.root / "demo.lock").open("w")
        except OSError as error:
            raise DemoError(
                f"{self.root} cannot be written ({error.strerror}). "
                "Give this user the right to write there, or another folder with --data-dir."
            ) from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            raise DemoError(
                f"another demo is running on {self.root}. Stop it first, or give another --data-dir."
            ) from None

    def release(self) -> None:
        """Let another process claim the folder."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def state(self) -> dict[str, Any]:
        """What was decided at the first start; empty before it. Raises DemoError."""
        try:
            found = json.loads(self._state.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise DemoError(
                f"{self._state} cannot be read ({error}). Delete {self.root} to begin afresh."
            ) from None
        return dict(found)

    def keep_state(self, state: dict[str, Any]) -> None:
        """Write what was decided; it holds the demo password, so nobody else may read it."""
        write_private(self._state, json.dumps(state, indent=1))

    def clock(self) -> float | None:
        """The last simulated instant that was written down."""
        try:
            return float(json.loads(self._clock.read_text("utf-8"))["time"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep_clock(self, t: float) -> None:
        draft = self._clock.with_suffix(".new")
        draft.write_text(json.dumps({"time": t}), "utf-8")
        draft.replace(self._clock)

    def passwords(self, names: list[str]) -> dict[str, str]:
        """A broker password for each name, made when first needed and kept."""
        try:
            held = json.loads(self.broker_passwords.read_text("utf-8"))
        except (OSError, ValueError):
            held = {}
        missing = [name for name in names if name not in held]
        if missing:
            held |= {name: secrets.token_urlsafe(18) for name in missing}
            write_private(self.broker_passwords, json.dumps(held))
        return {name: held[name] for name in names}


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    draft.replace(path)
