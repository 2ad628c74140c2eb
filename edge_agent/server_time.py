"""Asking the server what time it is: Cristian's method over signed answers, the best of four."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.timekeeping import Anchor

ROUNDS = 4
ACCEPTABLE_S = 5.0
GIVE_UP_S = 5.0


@dataclass(frozen=True)
class Question:
    """One request; `id` is ours alone, so an old answer, or one to somebody else, is no answer."""

    id: str
    m0: float


class TimeExchange:
    """One exchange. Boot times come from the gateway's clock; `now` is monotonic and ends the waiting."""

    def __init__(self, now: float) -> None:
        self._until = now + GIVE_UP_S
        self._open: Question | None = None
        self._asked = 0
        self._best: Anchor | None = None
        self.over = False

    def ask(self, boot_time: float) -> Question | None:
        """The next question to send, or None while one is open or all are asked."""
        if self._open is not None or self._asked >= ROUNDS or self.over:
            return None
        self._asked += 1
        self._open = Question(secrets.token_hex(8), boot_time)
        return self._open

    def answer(self, said: Mapping[str, object], boot_time: float) -> None:
        """Take a verified answer that arrived at `boot_time`."""
        question = self._open
        if question is None or said.get("id") != question.id:
            return
        s1, s2 = said.get("s1"), said.get("s2")
        if not isinstance(s1, int | float) or not isinstance(s2, int | float):
            return
        server_error = said.get("err", 0.0)
        error = (boot_time - question.m0) / 2 + (
            server_error if isinstance(server_error, int | float) else 0.0
        )
        off = ((s1 - question.m0) + (s2 - boot_time)) / 2
        self._open = None
        if self._best is None or error < self._best.err:
            self._best = Anchor(boot_time, boot_time + off, max(0.0, error), "srv")
        self.over = self._asked >= ROUNDS

    def give_up(self, now: float) -> None:
        """End the waiting when it has lasted long enough; what came so far counts."""
        if now >= self._until:
            self.over = True

    def anchor(self) -> Anchor | None:
        """The best answer, if it is good enough to set a clock by."""
        if self._best is None or self._best.err >= ACCEPTABLE_S:
            return None
        return self._best
