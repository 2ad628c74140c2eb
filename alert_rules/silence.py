"""Silence of expected channels, grouped by probable cause: a sensor, a gateway, or the whole site.

Judged from what the register expects and each channel's last reading, by the clock: a channel that never
reported is as silent as one that stopped. A broader cause covers the narrower ones, so that one power cut is
one case; when it ends, what it covered gets its full time again before it is called silent on its own.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from alert_rules.engine import Change
from alert_rules.pack_model import Silence

_BREADTH: Final = ("site", "gateway", "channel")


class Channel(NamedTuple):
    """An expected channel. `last_time`: newest reading, None for none yet; `due_from`: expected since."""

    gateway: str
    name: str
    period_s: float
    due_from: float
    last_time: float | None

    @property
    def heard(self) -> float:
        return max(self.due_from, self.last_time or self.due_from)


@dataclass(frozen=True, slots=True)
class Open:
    """A cause that people were told of. `back_since`: readings flow again since, None while silent."""

    cause: str
    since: float
    opened_at: float
    back_since: float | None = None


@dataclass(frozen=True, slots=True)
class SilenceState:
    """The open causes of a site by subject, and until when covered gateways were excused."""

    open: Mapping[str, Open] = field(default_factory=dict)
    excused: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SilenceChange:
    """A cause raised or cleared: what is silent, since when, how many channels.

    `ended`: why it ended though nothing was heard: `pack_ended`, `not_expected`.
    """

    change: Change
    cause: str
    subject: str
    since: float
    channels: int
    reason: str
    ended: str | None = None


def step(
    state: SilenceState,
    site: str,
    channels: Iterable[Channel],
    rules: Mapping[str, Silence],
    now: float,
    started_at: float,
) -> tuple[SilenceState, tuple[SilenceChange, ...]]:
    """Look at all expected channels of a site at one moment. `rules` are by cause."""
    look = _Look(state, site, tuple(channels), rules, now)
    changes = look.clear()
    if not any(now - started_at < rule.grace for rule in rules.values()):
        changes += look.raise_()
    return look.state(), tuple(changes)


def next_look(
    state: SilenceState,
    channels: Iterable[Channel],
    rules: Mapping[str, Silence],
    now: float,
    started_at: float,
) -> float:
    """The first instant after `now` at which a look may change anything if no reading comes until then.

    Readings only put silence off, so a look that comes too early costs time but never tells late. Open causes
    are looked at often, to see when readings flow again.
    """
    if state.open:
        return now + min((rule.back for rule in rules.values()), default=60.0) / 4.0
    due = [started_at + rule.grace for rule in rules.values()]
    every = tuple(channels)
    # A gateway and a site are judged by their shortest period, so a slow channel may count earlier in them.
    shortest: dict[str, float] = {}
    for channel in every:
        shortest[channel.gateway] = min(channel.period_s, shortest.get(channel.gateway, channel.period_s))
    least = min(shortest.values(), default=0.0)
    for channel in every:
        for rule in rules.values():
            for heard in (channel.heard, state.excused.get(channel.gateway, 0.0)):
                for period in {channel.period_s, shortest[channel.gateway], least}:
                    silent = heard + max(rule.after, rule.periods * period)
                    due += (silent, silent + rule.together)
    return min((t for t in due if t > now), default=float("inf"))


class _Look:
    """One look at one site: the causes that are open while it goes on."""

    def __init__(
        self,
        state: SilenceState,
        site: str,
        channels: tuple[Channel, ...],
        rules: Mapping[str, Silence],
        now: float,
    ) -> None:
        self._site, self._rules, self._now = site, rules, now
        self._open = dict(state.open)
        # A clock that was put back since must not excuse a gateway until it gets there again.
        self._excused = {gateway: min(t, now) for gateway, t in state.excused.items()}
        self._channels = channels
        self._by_gateway: dict[str, list[Channel]] = defaultdict(list)
        for channel in channels:
            self._by_gateway[channel.gateway].append(channel)
        self._by_name = {channel.name: channel for channel in channels}

    def state(self) -> SilenceState:
        return SilenceState(self._open, self._excused)

    def clear(self) -> list[SilenceChange]:
        """End the causes that are over, after readings have flowed long enough."""
        changes: list[SilenceChange] = []
        for subject, one in list(self._open.items()):
            rule = self._rules.get(one.cause)
            members = self._members(one.cause, subject)
            if rule is not None and members and self._still(one, members, rule):
                self._open[subject] = replace(one, back_since=None)
                continue
            back_since = min(one.back_since, self._now) if one.back_since is not None else self._now
            if rule is not None and members and self._now - back_since < rule.back:
                self._open[subject] = replace(one, back_since=back_since)
                continue
            del self._open[subject]
            self._excuse(one.cause, subject)
            ended, reason = _why_over(watched=rule is not None, expected=bool(members))
            told = SilenceChange(Change.CLEARED, one.cause, subject, one.since, len(members), reason, ended)
            changes.append(told)
        return changes

    def raise_(self) -> list[SilenceChange]:
        """Open what is silent now, the broadest cause first."""
        changes: list[SilenceChange] = []
        for cause in _BREADTH:
            rule = self._rules.get(cause)
            if rule is None:
                continue
            for subject in self._subjects(cause):
                since = self._silent_since(cause, subject, rule)
                if since is None or self._covered(cause, subject):
                    continue
                members = self._members(cause, subject)
                self._open[subject] = Open(cause, since, self._now)
                reason = f"no reading for {(self._now - since) / 60:.0f} min"
                changes.append(SilenceChange(Change.RAISED, cause, subject, since, len(members), reason))
        return changes

    def _subjects(self, cause: str) -> list[str]:
        if cause == "site":
            return [self._site] if len(self._by_gateway) > 1 else []
        return sorted(self._by_gateway if cause == "gateway" else self._by_name)

    def _members(self, cause: str, subject: str) -> list[Channel]:
        if cause == "site":
            return list(self._channels)
        if cause == "gateway":
            return self._by_gateway.get(subject, [])
        return [self._by_name[subject]] if subject in self._by_name else []

    def _silent_since(self, cause: str, subject: str, rule: Silence) -> float | None:
        """Since when it counts as silent now; None while it does not."""
        if cause == "site":
            # A gateway that was silent before has its own case and says nothing about this cause.
            last = [self._heard(gateway) for gateway in self._by_gateway if gateway not in self._open]
            if len(last) < 2:
                return None
            together = max(last) - min(last) <= rule.together
            return max(last) if together and self._long(max(last), self._channels, rule, 0.0) else None
        members = self._members(cause, subject)
        gateway = members[0].gateway
        heard = max(*(c.heard for c in members), self._excused.get(gateway, 0.0))
        # A narrower cause waits a little longer, until it is known whether its neighbours fell silent too.
        return heard if self._long(heard, members, rule, rule.together) else None

    def _still(self, one: Open, members: list[Channel], rule: Silence) -> bool:
        """Old readings that come in afterwards do not make a silence end."""
        heard = max(channel.heard for channel in members)
        return heard <= one.since or self._long(heard, members, rule, 0.0)

    def _heard(self, gateway: str) -> float:
        newest = max(channel.heard for channel in self._by_gateway[gateway])
        return max(newest, self._excused.get(gateway, 0.0))

    def _long(self, heard: float, members: Iterable[Channel], rule: Silence, wait: float) -> bool:
        shortest = min(channel.period_s for channel in members)
        return self._now - heard >= max(rule.after, rule.periods * shortest) + wait

    def _covered(self, cause: str, subject: str) -> bool:
        if subject in self._open or self._site in self._open:
            return True
        if cause != "channel":
            return False
        gateway = self._by_name[subject].gateway
        rule = self._rules.get("gateway")
        if gateway in self._open:
            return True
        return rule is not None and self._long(self._heard(gateway), self._by_gateway[gateway], rule, 0.0)

    def _excuse(self, cause: str, subject: str) -> None:
        if cause == "site":
            self._excused.update(dict.fromkeys(self._by_gateway, self._now))
        elif cause == "gateway":
            self._excused[subject] = self._now


def _why_over(*, watched: bool, expected: bool) -> tuple[str | None, str]:
    if not expected:
        return "not_expected", "nothing is expected of it any more"
    return (None, "readings flow again") if watched else ("pack_ended", "its rule is not in force any more")
