"""Compares what was told with what had to be and might be told. Pure: needs and tellings in, a score out."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise
from statistics import median

from firmware_sim.expectations import Expectation
from oshwatch.scoring.tellings import SEVERITIES, Standing, Telling, Told
from oshwatch.scoring.truth_needs import Need

Justified = Callable[[Telling], bool]
"""Whether the true values bear out what was told."""
SameStretch = Callable[[Telling, Telling], bool]
"""Whether the truth stayed near or above the limit of two tellings from the first to the second."""


When = Callable[[float], str]
"""Writes an instant for people."""
ENDS_EARLY_S = 20 * 60.0


@dataclass
class Score:
    """How a run was told. Lists are sentences; delays in minutes."""

    expected: int = 0
    told: int = 0
    notes: int = 0
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    delays: list[float] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Nothing missed, false or doubled; what was late is told, but does not fail."""
        return not (self.missed or self.false or self.doubled)

    @property
    def median_delay(self) -> float | None:
        return median(self.delays) if self.delays else None

    @property
    def worst_delay(self) -> float | None:
        return max(self.delays, default=None)


def compare(
    told: Told,
    needs: Iterable[Need],
    expect: Sequence[Expectation],
    allowed: Sequence[Expectation],
    unseen: Sequence[Expectation],
    justified: Justified,
    same_stretch: SameStretch,
    when: When = "{:.0f}".format,
) -> Score:
    """Score a run."""
    score = Score(
        told=sum(t.people > 0 for t in told.tellings), notes=sum(not t.people for t in told.tellings)
    )
    for need in needs:
        _meet_need(score, told, need, unseen, when)
    for expectation in expect:
        _meet_expectation(score, told, expectation, when)
    for telling in told.tellings:
        may = any(_meant(one, telling) for one in (*expect, *allowed))
        if not may and not justified(telling):
            score.false.append(describe(telling, when))
    score.doubled += [
        *told.twice,
        *_at_once(told.standings),
        *_again(told.tellings, expect, same_stretch, when),
    ]
    return score


def describe(telling: Telling, when: When) -> str:
    """One telling in words."""
    subject = f" {telling.subject}" if telling.subject else ""
    limit = "" if telling.limit is None else f" ({telling.exposure}, limit {telling.limit:g})"
    return (
        f"{telling.what} {telling.severity} {telling.hazard}{subject} at {telling.place} "
        f"at {when(telling.at)} by {telling.rule}{limit}"
    )


def _meet_need(score: Score, told: Told, need: Need, unseen: Sequence[Expectation], when: When) -> None:
    words = f"{need.severity} {need.hazard} at {need.place} since {when(need.onset)}: {need.why}"
    for one in unseen:
        if _holds(one, need, need.onset):
            score.unseen.append(f"{words} ({one.why})")
            return
    score.expected += 1
    standing = [
        one
        for one in told.standings
        if (one.place, one.hazard) == (need.place, need.hazard)
        and (not need.subject or one.subject == need.subject)
        and _at_least(one.severity, need.severity)
        and one.begin <= need.end
        and one.end > need.onset
    ]
    _judge(score, words, min((one.begin for one in standing), default=None), need.onset, need.deadline)
    over = max((one.end for one in standing), default=need.end)
    if need.end - over > ENDS_EARLY_S:
        text = f"said to be over {(need.end - over) / 60.0:.0f} min too early: {words}"
        reasons = [one for one in unseen if _holds(one, need, over)]
        (score.unseen if reasons else score.missed).append(text)


def _holds(one: Expectation, need: Need, t: float) -> bool:
    return one.about((need.place,), need.hazard, need.subject) and one.begin <= t <= one.end


def _meet_expectation(score: Score, told: Told, one: Expectation, when: When) -> None:
    words = f"{one.severity} {one.hazard} {one.subject} at {one.at} from {when(one.begin)}: {one.why}"
    score.expected += 1
    times = [
        telling.at
        for telling in told.tellings
        if one.about((telling.place,), telling.hazard, telling.subject)
        and _at_least(telling.severity, one.severity)
        and telling.what != "found_afterwards"
        and telling.at >= one.begin
    ]
    _judge(score, words, min(times, default=None), one.begin, one.end)


def _judge(score: Score, words: str, at: float | None, onset: float, deadline: float) -> None:
    if at is None:
        score.missed.append(words)
        return
    delay = max(0.0, at - onset) / 60.0
    score.delays.append(delay)
    if at > deadline:
        score.late.append(f"{delay:.0f} min after {words}")


def _meant(one: Expectation, telling: Telling) -> bool:
    return one.begin <= telling.at <= one.end and one.about((telling.place,), telling.hazard, telling.subject)


def _at_once(standings: Sequence[Standing]) -> list[str]:
    """Two cases of one thing that stood open at the same time."""
    by_thing: dict[tuple[str, str, str], list[Standing]] = defaultdict(list)
    for one in standings:
        by_thing[one.place, one.hazard, one.subject].append(one)
    return [
        f"cases {a.case} and {b.case} at once: {a.hazard} {a.subject} at {a.place}"
        for group in by_thing.values()
        for a, b in combinations(group, 2)
        if a.case < b.case and a.begin < b.end and b.begin < a.end
    ]


def _again(
    tellings: Sequence[Telling], expect: Sequence[Expectation], same_stretch: SameStretch, when: When
) -> list[str]:
    """The same told once more although nothing was over in between; getting worse is not the same."""
    by_thing: dict[tuple[str, str, str], list[Telling]] = defaultdict(list)
    for one in tellings:
        if one.what in ("opened", "raised_again"):
            by_thing[one.place, one.hazard, one.subject].append(one)
    found = []
    for group in by_thing.values():
        for before, after in pairwise(group):
            expected = any(_meant(one, before) and _meant(one, after) for one in expect)
            if expected or (before.limit is not None and same_stretch(before, after)):
                found.append(f"told again without having ended: {describe(after, when)}")
    return found


def _at_least(severity: str, least: str) -> bool:
    return SEVERITIES.index(severity) >= SEVERITIES.index(least)
