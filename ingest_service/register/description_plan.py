"""What an import would change, in words, and what of it takes something down."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, Final

from ingest_service.register.recorder import Recorded

_ENDS: Final = {
    "sensor removed": "sensor placed",
    "channel ended": "channel expected",
    "shift ended": "shift added",
    "day off cancelled": "day off added",
    "overtime cancelled": "overtime added",
    "season cancelled": "season added",
}
"""What takes something down -> what puts something else in its place."""


_DATES: Final = ("valid_from", "valid_to")
_NOTHING: Final[tuple[Any, ...]] = (str(date.min), [], None)
"""Values that say nothing about something new."""


def takes_down(changes: Sequence[Recorded]) -> list[Recorded]:
    """The changes after which something is no longer there: not those that bring it to other values."""
    added = {(entry.site, entry.action, entry.what) for entry in changes}
    return [
        entry
        for entry in changes
        if entry.action in _ENDS and (entry.site, _ENDS[entry.action], entry.what) not in added
    ]


def line_of(entry: Recorded) -> str:
    """One change on one line: `zone changed kh-f0123/sewing-3: women 84 -> 90, since ...`."""
    detail = entry.detail
    before, after = detail.get("before"), detail.get("after")
    words = []
    if isinstance(after, dict):
        old = before if isinstance(before, dict) else {}
        words += [_changed(key, old, new) for key, new in after.items() if _tells(key, old, new)]
    words += [
        f"{key} {_shown(value)}"
        for key, value in detail.items()
        if key not in ("before", "after", "valid_from") and not isinstance(value, (dict, list))
    ]
    if detail.get("valid_from"):
        words.append(f"since {datetime.fromtimestamp(detail['valid_from'], UTC):%Y-%m-%d %H:%M} UTC")
    what = f"{entry.action} {entry.what}"
    where = f" ({entry.site})" if entry.site and entry.site not in entry.what else ""
    return f"{what}{where}: {', '.join(words)}" if words else what + where


def _tells(key: str, old: dict[str, Any], new: Any) -> bool:
    if key in ("id", "site", "name", "login") and key not in old:
        return False  # it is in what is named
    return old[key] != new if key in old else new not in _NOTHING


def _changed(key: str, old: dict[str, Any], new: Any) -> str:
    after = _date(new) if key in _DATES else _shown(new)
    if key not in old:
        return f"{key} {after}"
    return f"{key} {_date(old[key]) if key in _DATES else _shown(old[key])} -> {after}"


def _date(value: Any) -> str:
    """A first or last day, or an instant."""
    if isinstance(value, float):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M} UTC" if value else "always"
    if value is None:
        return "without end"
    return "always" if value == str(date.min) else str(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(_shown(entry) for entry in value)
    if isinstance(value, dict):
        return f"{value.get('name')} {value.get('start')}-{value.get('end')}"
    return "unknown" if value is None else str(value)
