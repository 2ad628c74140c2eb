"""Tests rule packs as data: series in, what becomes of cases out. None expected means quiet.

A pack `NAME.yaml` has its tests in `NAME.test.yaml` and its runbook in `NAME.md`. A rule without a test that
raises it, without a runbook heading of its id or without a source fails, and so does a pack with gaps of
which nothing is written. The format: docs/rule-packs.md.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import ValidationError

from alert_rules.alerts import CaseChange, Standing
from alert_rules.conditions import Observation
from alert_rules.engine import Change, RuleState, Transition, shift_over, step
from alert_rules.exposures import UNITS, near
from alert_rules.layers import Effective, Place, judging
from alert_rules.pack_format import Mistake, load_packs
from alert_rules.pack_model import (
    FORMAT,
    Confirmation,
    Pack,
    SilenceRule,
    Source,
    WatchRule,
)
from alert_rules.pack_tests import RAISING, Expected, Spans, Test, TestFile
from alert_rules.pack_yaml import in_words, read_yaml
from alert_rules.silence import Channel, SilenceState
from alert_rules.silence import step as silence_step
from alert_rules.watches import Doubt, Sensors, Told, WatchState
from alert_rules.watches import step as watch_step
from alert_rules.zone_rules import ActiveRule, ZoneFacts, active_rules

GAPS_HEADING: Final = "What is missing"
"""The heading of a runbook under which the gaps of a pack are explained."""
_WATCH_DEEDS: Final = {Told.RAISED: "opened", Told.JOINED: "joined", Told.CLEARED: "cleared"}


class Result(NamedTuple):
    """One test: what it said should happen and what happened."""

    file: str
    name: str
    passed: bool
    expected: tuple[str, ...]
    happened: tuple[str, ...]


def check_pack(path: Path, pack: Pack) -> tuple[list[Result], list[Mistake]]:
    """Run the tests of a pack, and say what it lacks: tests, runbook, tests or headings for single rules."""
    file = path.with_suffix(".test.yaml")
    raw, mistakes = read_yaml(file)
    if raw is None:
        return [], mistakes + _runbook(path, pack)
    try:
        tests = TestFile.model_validate(raw).tests
    except ValidationError as error:
        return [], in_words(error, TestFile, str(file), "") + _runbook(path, pack)
    results = [run_test(str(file), pack, test) for test in tests]
    raised = {one.rule for test in tests for one in test.expect if one.change in RAISING}
    mistakes = [
        Mistake(str(file), rule.id, "tests", "no test raises this rule", "Add one that does.")
        for rule in pack.rules
        if rule.id not in raised
    ]
    strange = (*_unknown_kinds(str(file), tests), *_unknown_names(str(file), pack, tests))
    return results, [*mistakes, *strange, *_runbook(path, pack)]


def _unknown_kinds(file: str, tests: Iterable[Test]) -> Iterator[Mistake]:
    for test in tests:
        for kind in test.exposures:
            if kind not in UNITS:
                problem = f"no exposure is called {kind!r} (test {test.name!r})"
                yield Mistake(file, "", "exposures", problem, near(kind))


def _unknown_names(file: str, pack: Pack, tests: Iterable[Test]) -> Iterator[Mistake]:
    """Rules and profiles that a test confirms or selects and that do not exist: it would pass for nothing."""
    known = (*_shipped(), pack)
    rules = {rule.id for one in known for rule in one.rules}
    optional = {one.pack for one in known if one.optional}
    for test in tests:
        for key, names, there in (
            ("confirmed", test.confirmed, rules),
            ("selected", test.selected, optional),
        ):
            for name in names:
                if name not in there:
                    what = "rule" if key == "confirmed" else "optional pack"
                    problem = f"no {what} is called {name!r} (test {test.name!r})"
                    yield Mistake(file, "", key, problem, "`oshwatch rules list` names them all.")


def _runbook(path: Path, pack: Pack) -> list[Mistake]:
    runbook = path.with_suffix(".md")
    try:
        text = runbook.read_text("utf-8") if runbook.is_file() else ""
    except UnicodeDecodeError:
        return [Mistake(str(runbook), "", "runbook", "is not UTF-8 text", "Save it as UTF-8.")]
    found = [
        Mistake(
            str(runbook), rule.id, "runbook", "nothing is written about this rule", f"Add '## `{rule.id}`'."
        )
        for rule in pack.rules
        if not _heading(f"`{rule.id}`", text)
    ]
    if pack.gaps and not _heading(GAPS_HEADING, text):
        problem = "nothing is written about the gaps of this pack"
        found.append(Mistake(str(runbook), "", "runbook", problem, f"Add '## {GAPS_HEADING}'."))
    return found


def _heading(title: str, text: str) -> bool:
    return re.search(rf"^## {re.escape(title)}$", text, re.MULTILINE) is not None


def run_test(file: str, pack: Pack, test: Test) -> Result:
    """Play one test; time runs a minute at a time and everything arrives as its minute ends."""
    stage = _Stage(pack, test)
    changes = sorted([*_exposures(stage), *_silence(stage), *_watches(stage)], key=lambda one: one.minute)
    passed = len(changes) == len(test.expect) and all(
        _fits(one, wanted) for one, wanted in zip(changes, test.expect, strict=True)
    )
    return Result(file, test.name, passed, tuple(map(_line, test.expect)), tuple(map(_line, changes)))


class _Stage:
    """Where a test plays: the packs of its place, and what its installation confirms and selects."""

    def __init__(self, pack: Pack, test: Test) -> None:
        self.test, self.day = test, test.day
        alone = test.place is None
        self.place = test.place.place if test.place else Place(*_own_place(pack))
        beside = [] if alone else [one for one in _shipped() if one.pack != pack.pack]
        selected = (*test.selected, pack.pack) if alone and pack.optional else test.selected
        self.packs = (*beside, pack, _installation(pack, test, selected))

    def judging(self) -> tuple[Effective, ...]:
        """The rules that judge here."""
        return judging(self.packs, self.place, self.day)


@lru_cache(maxsize=1)
def _shipped() -> tuple[Pack, ...]:
    return load_packs()


def _own_place(pack: Pack) -> tuple[str, str, str]:
    return pack.country or "", pack.sector or "", pack.site or ""


def _installation(pack: Pack, test: Test, selected: Iterable[str]) -> Pack:
    """What the test says that an installation confirmed and selected, as the pack in which it would."""
    return Pack(
        format=FORMAT,
        pack="installation",
        version="test",
        title="The installation of the test",
        source=Source(instrument="a test", clause="confirmed", confidence="verified"),
        valid_from=test.day or pack.valid_from,
        selects=tuple(selected),
        confirmations=tuple(
            Confirmation(rule=rule, by="the test", on=test.day or pack.valid_from, reference=test.name)
            for rule in test.confirmed
        ),
    )


def _line(one: Expected) -> str:
    parts = [f"minute {one.minute}: {one.change} by {one.rule}", one.severity or "", one.subject or ""]
    return ", ".join(part for part in parts if part)


def _fits(one: Expected, wanted: Expected) -> bool:
    """Whether it is what was expected; what the test does not speak of may be anything."""
    return (
        (one.minute, one.change, one.rule) == (wanted.minute, wanted.change, wanted.rule)
        and wanted.severity in {None, one.severity}
        and wanted.subject in {None, one.subject}
    )


def _exposures(stage: _Stage) -> Iterator[Expected]:
    test = stage.test
    facts = ZoneFacts(test.zone.metabolic_class, test.zone.acclimatised, test.zone.radiant_source)
    rules = active_rules(stage.packs, facts, place=stage.place, day=stage.day)
    states: dict[str, RuleState] = defaultdict(RuleState)
    standings: dict[tuple[str, str], Standing] = defaultdict(Standing)
    length = max((len(series) for series in test.exposures.values()), default=0)
    for minute in range(1, length + 1):
        on = test.shift is None or any(first < minute <= last for first, last in test.shift)
        for active in rules:
            made = _one_minute(active, test, states, minute, on=on)
            for transition in made:
                change = standings[active.group].take(active.id, active.rule.severity, transition)
                if change is not None:
                    yield _expected(minute, change, active)


def _one_minute(
    active: ActiveRule, test: Test, states: dict[str, RuleState], minute: int, *, on: bool
) -> tuple[Transition, ...]:
    if not on and active.rule.judge == "shift":
        states[active.id], made = shift_over(states[active.id], minute)
        return made
    series = test.exposures.get(active.rule.exposure, ())
    entry = series[minute - 1] if minute <= len(series) else None
    if entry is None:
        return ()
    observation = Observation(minute, entry[0], entry[1], test.method)
    states[active.id], made = step(states[active.id], observation, active.engine, 60.0 * minute)
    return made


def _expected(minute: int, change: CaseChange, active: ActiveRule) -> Expected:
    return Expected(
        minute=minute,
        change=change.deed.value,
        rule=active.id,
        severity=change.severity,
        subject=active.group[1] or None,
    )


def _silence(stage: _Stage) -> Iterator[Expected]:
    test = stage.test
    found = (one.rule for one in stage.judging())
    rules: dict[Any, SilenceRule] = {one.silence.cause: one for one in found if isinstance(one, SilenceRule)}
    if not test.reports or not rules:
        return
    state = SilenceState()
    for minute in range(1, test.minutes + 1):
        channels = [_channel(name, spans, test.period, minute) for name, spans in test.reports.items()]
        by_cause = {str(cause): rule.silence for cause, rule in rules.items()}
        state, made = silence_step(state, "s", channels, by_cause, 60.0 * minute, 0.0)
        for change in made:
            deed = "opened" if change.change is Change.RAISED else "cleared"
            yield _told(minute, deed, rules[change.cause], change.subject)


def _watches(stage: _Stage) -> Iterator[Expected]:
    test = stage.test
    rules = {one.rule.watch.what: one.rule for one in stage.judging() if isinstance(one.rule, WatchRule)}
    watched = {str(what): rule.watch for what, rule in rules.items()}
    wrong = {name for found in test.wrong.values() for name in found}
    sensors = Sensors(wrong | {name for found in test.amounts.values() for name in found}, ())
    state = WatchState()
    for minute in range(1, test.minutes + 1 if sensors.expected else 1):
        doubts = [
            *_amounts(test, minute),
            *(
                Doubt(what, name, 60.0 * minute, {})
                for what, found in test.wrong.items()
                for name, spans in found.items()
                if any(first < minute <= last for first, last in spans)
            ),
        ]
        state, made = watch_step(state, doubts, sensors, watched, 60.0 * minute)
        for change in made:
            what: Any = change.what
            yield _told(minute, _WATCH_DEEDS[change.told], rules[what], change.subject)


def _amounts(test: Test, minute: int) -> Iterator[Doubt]:
    for what, found in test.amounts.items():
        for name, series in found.items():
            entry = series[minute - 1] if minute <= len(series) else None
            if entry is not None and entry[0] is not None:
                yield Doubt(what, name, 60.0 * minute, {}, amount=entry[0])


def _told(minute: int, deed: str, rule: SilenceRule | WatchRule, subject: str) -> Expected:
    return Expected(minute=minute, change=deed, rule=rule.id, severity=rule.severity, subject=subject)


def _channel(name: str, spans: Spans, period: int, minute: int) -> Channel:
    heard = [
        last
        for first, until in spans
        for last in range(first, min(until, minute) + 1, period)
        if last <= minute
    ]
    last_time = 60.0 * max(heard) if heard else None
    return Channel(name.partition("/")[0], name, 60.0 * period, 0.0, last_time)
