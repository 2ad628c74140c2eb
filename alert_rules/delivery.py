"""Delivers what is due: each attempt is written down before it is made, and tried again with growing pauses.

A crash between sending and writing the outcome leaves an attempt `sending`; it is tried again after the
start, so a notice may rarely come twice but is never lost.
"""

import logging
from collections.abc import Callable
from typing import Final

from alert_rules.ports import Notifier, NotifyError, Outbox, Waiting

PAUSES_S: Final = (30.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 1800.0, 3600.0)
"""Pause before the next try, by the number of tries made; the last one holds from then on."""
GIVE_UP_AFTER_S: Final = 48 * 3600.0
SECOND_CHANNEL_AFTER: Final = 3
NO_CONTACT: Final = "no way to reach this person is registered"

_log = logging.getLogger(__name__)


def pause_after(tries: int) -> float:
    """Seconds to wait after this many failed tries (1 or more)."""
    return PAUSES_S[min(tries, len(PAUSES_S)) - 1]


class Delivery:
    """One pass at a time over what is due. `now` gives the instant of the service's clock."""

    def __init__(self, outbox: Outbox, notifier: Notifier, now: Callable[[], float]) -> None:
        self._outbox, self._notifier, self._now = outbox, notifier, now

    def recover(self) -> int:
        """What was being sent by a process that has ended is to be sent again."""
        return self._outbox.interrupted(self._now())

    def pass_once(self, limit: int = 50, stopped: Callable[[], bool] = lambda: False) -> list[str]:
        """Try each due notice once; returns the outcomes. Ends early when told to stop."""
        outcomes: list[str] = []
        for notice in self._outbox.due(self._now(), limit):
            if stopped():
                break
            outcome = self._attempt(notice)
            if outcome is not None:
                outcomes.append(outcome)
        return outcomes

    def _attempt(self, notice: Waiting) -> str | None:
        attempt = self._outbox.begin(notice.id, self._now())
        if attempt is None:
            return None
        try:
            detail = self._send(notice)
        except NotifyError as error:
            self._failed(notice, attempt, error)
            return "failed"
        self._outbox.delivered(attempt, self._now(), detail)
        return "delivered"

    def _send(self, notice: Waiting) -> str:
        if notice.url is None:
            raise NotifyError(NO_CONTACT, permanent=True)
        return self._notifier.send(notice.url, notice.subject, notice.body)

    def _failed(self, notice: Waiting, attempt: int, error: NotifyError) -> None:
        now, tries = self._now(), notice.tries + 1
        again_at: float | None = now + pause_after(tries)
        if error.permanent or (again_at is not None and again_at - notice.first_at > GIVE_UP_AFTER_S):
            again_at = None
        second = tries == SECOND_CHANNEL_AFTER or again_at is None
        self._outbox.failed(attempt, now, str(error), again_at=again_at, second=second)
        _log.warning("notice %d was not delivered at try %d: %s", notice.id, tries, error)
