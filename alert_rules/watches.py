"""Doubts about sensors that do report: a stuck value, a lapsed calibration, a moved sensor, a wrong clock.

And about how a gateway delivers: an old backlog, a full disk, lost readings, refused batches, a suspected
copy.

Judged by the clock from what is doubted at the moment. Doubts of one probable cause are one case: all stuck
sensors of a gateway, all calibrations that lapse together, and sensors that carry each other's serial numbers
(a swapped pair). What is silent is not doubted as well: nothing is known of it, so nothing begins nor ends.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from alert_rules.pack_model import Watch

TOGETHER_S: Final = 300.0
"""Doubts that begin within this time may have one cause."""


class Doubt(NamedTuple):
    """One reason not to believe a sensor (`GATEWAY/SENSOR`). `since`: as far as it is known from data.

    `links`: serial numbers at the wrong place; doubts that share one have one cause. `detail`: what is said
    of it: `quantity`, `due`, `registered`, `reported`, `other`, `gateway`, `behind_min`, `said`. `amount`:
    how much of it there is, for rules that say how much is too much. What a gateway does is said of `sys`.
    """

    what: str
    sensor: str
    since: float
    detail: Mapping[str, str]
    links: frozenset[str] = frozenset()
    amount: float | None = None

    @property
    def gateway(self) -> str:
        return self.sensor.partition("/")[0]

    @property
    def key(self) -> str:
        return f"{self.what} {self.sensor}"


class Told(StrEnum):
    """What becomes of a cause; `joined`: another sensor belongs to one that was told already."""

    RAISED = "raised"
    JOINED = "joined"
    CLEARED = "cleared"


@dataclass(frozen=True, slots=True)
class OpenDoubt:
    """A cause that people were told of, with its sensors. `back_since`: right again since, None while not."""

    what: str
    sensors: tuple[str, ...]
    since: float
    opened_at: float
    links: tuple[str, ...] = ()
    back_since: float | None = None


@dataclass(frozen=True, slots=True)
class WatchState:
    """The open causes of a site by subject, and when each doubt was first seen, by its key."""

    open: Mapping[str, OpenDoubt] = field(default_factory=dict)
    seen: Mapping[str, float] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """The state as plain JSON."""
        return {"open": {name: asdict(one) for name, one in self.open.items()}, "seen": dict(self.seen)}

    @staticmethod
    def read(raw: Mapping[str, Any]) -> "WatchState":
        """A stored state."""
        found = {
            name: OpenDoubt(**{**one, "sensors": tuple(one["sensors"]), "links": tuple(one["links"])})
            for name, one in raw["open"].items()
        }
        return WatchState(found, dict(raw["seen"]))


@dataclass(frozen=True, slots=True)
class WatchChange:
    """A cause that began, grew or ended: its sensors and the doubts about them."""

    told: Told
    what: str
    subject: str
    sensors: tuple[str, ...]
    since: float
    doubts: tuple[Doubt, ...]
    reason: str


class Sensors(NamedTuple):
    """The sensors that are expected at a site, and those of them of which nothing is known now (silent)."""

    expected: Collection[str]
    silent: Collection[str]


def step(
    state: WatchState,
    doubts: Iterable[Doubt],
    sensors: Sensors,
    rules: Mapping[str, Watch],
    now: float,
) -> tuple[WatchState, tuple[WatchChange, ...]]:
    """Look at the doubts about a site's sensors at one moment. `rules` are by what they watch."""
    believed = [
        one
        for one in doubts
        if one.sensor in sensors.expected and one.sensor not in sensors.silent and _too_much(one, rules)
    ]
    look = _Look(state, believed, sensors, rules, now)
    changes = [*look.clear(), *look.raise_()]
    return look.state(), tuple(changes)


def _too_much(doubt: Doubt, rules: Mapping[str, Watch]) -> bool:
    """Whether its rule, if it asks for so much, is met. Nothing is rounded before it is compared."""
    rule = rules.get(doubt.what)
    if rule is None or rule.over is None:
        return True
    return doubt.amount is not None and doubt.amount > rule.over


class _Look:
    """One look at one site."""

    def __init__(
        self,
        state: WatchState,
        doubts: Sequence[Doubt],
        sensors: Sensors,
        rules: Mapping[str, Watch],
        now: float,
    ) -> None:
        self._sensors, self._rules, self._now = sensors, rules, now
        self._open = dict(state.open)
        self._by_key: dict[str, list[Doubt]] = {}
        for one in doubts:
            self._by_key.setdefault(one.key, []).append(one)
        # A doubt about what is silent now is neither new nor over.
        kept = {
            key: min(first, now) for key, first in state.seen.items()
            if key in self._by_key or key.partition(" ")[2] in sensors.silent
        }  # fmt: skip
        self._seen = {**dict.fromkeys(self._by_key, now), **kept}

    def state(self) -> WatchState:
        return WatchState(self._open, self._seen)

    def clear(self) -> Iterator[WatchChange]:
        """End the causes that are over, after all was right for long enough."""
        for subject, one in list(self._open.items()):
            rule = self._rules.get(one.what)
            there = [name for name in one.sensors if name in self._sensors.expected]
            if rule is not None and there:
                if any(self._open_still(one.what, name) for name in there):
                    self._open[subject] = replace(one, back_since=None)
                    continue
                back_since = self._now if one.back_since is None else min(one.back_since, self._now)
                if self._now - back_since < rule.back:
                    self._open[subject] = replace(one, back_since=back_since)
                    continue
            del self._open[subject]
            reason = _why_over(watched=rule is not None, there=bool(there))
            yield WatchChange(Told.CLEARED, one.what, subject, one.sensors, one.since, (), reason)

    def _open_still(self, what: str, sensor: str) -> bool:
        """Of a silent sensor nobody can say that it is right again."""
        return f"{what} {sensor}" in self._by_key or sensor in self._sensors.silent

    def raise_(self) -> Iterator[WatchChange]:
        """Open what was doubted for long enough, with what began at about the same time."""
        for what, rule in self._rules.items():
            covered = {name for one in self._open.values() if one.what == what for name in one.sensors}
            fresh = {
                key: found
                for key, found in self._by_key.items()
                if found[0].what == what and found[0].sensor not in covered
            }
            due = {key for key in fresh if self._now - self._seen[key] >= rule.after}
            for group in _causes(what, fresh, self._seen):
                if due & group:
                    yield self._told(what, [one for key in sorted(group) for one in fresh[key]])

    def _told(self, what: str, doubts: Sequence[Doubt]) -> WatchChange:
        links = frozenset(link for one in doubts for link in one.links)
        sensors = tuple(sorted({one.sensor for one in doubts}))
        for subject, one in self._open.items():
            if links & frozenset(one.links) and one.what == what:
                self._open[subject] = replace(
                    one,
                    sensors=tuple(sorted({*one.sensors, *sensors})),
                    links=tuple(sorted(links | frozenset(one.links))),
                )
                reason = f"belongs to it as well: {', '.join(sensors)}"
                return WatchChange(Told.JOINED, what, subject, sensors, one.since, tuple(doubts), reason)
        since = min(*(one.since for one in doubts), self._now)
        subject = f"{what}:{sensors[0]}"
        self._open[subject] = OpenDoubt(what, sensors, since, self._now, tuple(sorted(links)))
        reason = f"{what}: {', '.join(sensors)}"
        return WatchChange(Told.RAISED, what, subject, sensors, since, tuple(doubts), reason)


def _why_over(*, watched: bool, there: bool) -> str:
    if not watched:
        return "its rule is not in force any more"
    return "it is right again" if there else "nothing is expected of it any more"


def _causes(what: str, found: Mapping[str, Sequence[Doubt]], seen: Mapping[str, float]) -> Iterator[set[str]]:
    """The keys of doubts that have one probable cause."""
    left = sorted(found, key=lambda key: (seen[key], key))
    while left:
        group = {left.pop(0)}
        grown = True
        while grown:
            more = {
                key for key in left
                if any(_one_cause(what, found[key], found[other], seen[key] - seen[other]) for other in group)
            }  # fmt: skip
            grown = bool(more)
            group |= more
            left = [key for key in left if key not in more]
        yield group


def _one_cause(what: str, one: Sequence[Doubt], other: Sequence[Doubt], apart: float) -> bool:
    if what == "moved":
        return any(a.links & b.links for a in one for b in other)
    if abs(apart) > TOGETHER_S:
        return False
    return what == "calibration" or one[0].gateway == other[0].gateway
