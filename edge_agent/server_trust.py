"""Whose words the gateway obeys: the server's key it was given, and keys that this one introduced since."""

from __future__ import annotations

import os
from pathlib import Path

from edge_agent.identity import Identity, verify_ed25519
from edge_agent.journal import Journal
from osh_domain.acknowledgement import hear
from osh_domain.server_keys import KIND, followed, join, read_successor, split
from osh_domain.signing import key_id
from osh_domain.wire_error import WireError

FILE = "server.keys"
log = Journal(__name__)


class ServerTrust:
    """Hears words of the server. `identity.server_key` is replaced when the server has another key."""

    def __init__(self, folder: Path, identity: Identity) -> None:
        self._path, self._identity = folder / FILE, identity
        kept = split(self._path.read_bytes()) if self._path.exists() else []
        self._words: list[bytes] = []  # those that lead on; any other is to be heard again
        self._before: bytes | None = None  # still obeyed until the new one has spoken
        if identity.server_key is not None:
            keys = [identity.server_key]
            for word in kept:
                further = followed(identity.server_key, [*self._words, word], verify_ed25519)
                if len(further) > len(keys):
                    keys = further
                    self._words.append(word)
            identity.server_key = keys[-1]
            self._before = keys[-2] if len(keys) > 1 else None

    def hear(self, payload: bytes) -> dict[str, object]:
        """The object of a word. Raises WireError; OSError when a new key cannot be written down."""
        if payload in self._words:  # said at each connection, for those that were not there
            return {}
        newest = self._identity.server_key
        for key in (newest, self._before):
            if key is None:
                continue
            try:
                said = hear(payload, key, verify_ed25519)
            except WireError as error:
                if error.code != "sig":
                    raise
                continue
            if said.get("kind") == KIND:
                self._follow(payload, key)
            elif key == newest:
                self._before = None
            return said
        raise WireError("sig", "this word is not signed by the server's key")

    def _follow(self, word: bytes, speaker: bytes) -> None:
        step = read_successor(word, verify_ed25519)
        if step.old != speaker or step.old != self._identity.server_key:
            return
        self._words.append(word)
        draft = self._path.with_name(FILE + ".new")
        with draft.open("wb") as file:
            file.write(join(self._words))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        self._identity.server_key, self._before = step.new, step.old
        log.info("the server has another key", kid=key_id(step.new))
