"""What differs between one set of dashboards and another: the language and the time zone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self
from zoneinfo import available_timezones

from dashboards.words import ENGLISH, Say

DEFAULT_TIMEZONE: Final = "browser"


class PlanError(ValueError):
    """A language or a time zone that cannot be; the message says what is possible."""


def _as_it_is(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Plan:
    """`language` and how to say a text in it; `timezone` of the time axes: `browser`, `utc`, or a name.

    Two languages may stand beside each other in one Grafana: uids and folder differ.
    """

    language: str = ENGLISH
    say: Say = _as_it_is
    timezone: str = DEFAULT_TIMEZONE

    @classmethod
    def checked(cls, language: str, say: Say, timezone: str) -> Self:
        """A plan from what somebody typed. Raises PlanError."""
        if not re.fullmatch(r"[a-z]{2,3}(-[a-z0-9]{2,8})?", language):
            raise PlanError(f"{language!r} is no language; write for example fr")
        if timezone not in {"browser", "utc"} and timezone not in available_timezones():
            raise PlanError(
                f"{timezone!r} is no time zone; write browser, utc or for example Asia/Phnom_Penh"
            )
        return cls(language, say, timezone)

    def uid(self, name: str) -> str:
        """The fixed uid of a dashboard."""
        return f"oshwatch-{name}{self._suffix}"

    @property
    def folder(self) -> tuple[str, str]:
        """Uid and title of the folder."""
        title = "OSHWatch" if self.language == ENGLISH else f"OSHWatch ({self.language})"
        return f"oshwatch{self._suffix}", title

    @property
    def _suffix(self) -> str:
        return "" if self.language == ENGLISH else f"-{self.language}"
