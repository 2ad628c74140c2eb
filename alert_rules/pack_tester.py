"""Tests rule packs as data: series in, what becomes of cases out. None expected means quiet.

A pack `NAME.yaml` has its tests in `NAME.test.yaml` and its runbook in `NAME.md`. A rule without a test that
raises it, without a runbook heading of its id or without a source fails. The format: docs/rule-packs.md.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from alert_rules.alerts import CaseChange, Standing
from alert_rules.conditions import Observation
from alert_rules.durations import Minutes
from alert_rules.engine import Change, RuleState, Transition, shift_over, step
from alert_rules.pack_format import Mistake, read_yaml
from alert_rules.pack_model import Pack, Severity, SilenceRule
from alert_rules.silence import Channel, SilenceState
from alert_rules.silence import step as silence_step
from alert_rules.zone_rules import ActiveRule, ZoneFacts, active_rules

_TOKEN: Final = re.compile(
    r"(?P<value>-?\d+(?:\.\d+)?|\?|_)(?:\.\.(?P<to>-?\d+(?:\.\d+)?))?"
    r"(?:@(?P<coverage>[01](?:\.\d+)?))?(?:x(?P<count>\d{1,5}))?"
)
_SPAN: Final = re.compile(r"([0-9]+)\.\.([0-9]+)")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Expected(_Part):
    """One change of a case: in which minute of the test, what, by which rule, how severe afterwards."""

    minute: int
    change: str
    rule: str
    severity: Severity | None = None
    subject: str | None = None


class TestZone(_Part):
    """The zone of a test."""

    metabolic_class: int = 1
    acclimatised: bool = True
    radiant_source: bool = False


def _series(text: Any) -> tuple[tuple[float | None, float] | None, ...]:
    """Read `29x10 30..31x5 ?x3 _x5 30@0.6` as one entry a minute: (value, coverage), None for no row."""
    if not isinstance(text, str):
        raise ValueError("a series is a text like '29x10 30..31x5'")  # noqa: TRY004 - pydantic collects it
    entries: list[tuple[float | None, float] | None] = []
    for token in text.split():
        form = _TOKEN.fullmatch(token)
        if form is None:
            raise ValueError(f"{token!r} is not VALUE, VALUExCOUNT, FROM..TOxCOUNT, ?xCOUNT or _xCOUNT")
        entries += _expand(form)
    return tuple(entries)


def _expand(form: re.Match[str]) -> Iterator[tuple[float | None, float] | None]:
    count = int(form["count"] or 1)
    coverage = float(form["coverage"]) if form["coverage"] else 1.0
    for number in range(count):
        if form["value"] == "_":
            yield None
        elif form["value"] == "?":
            yield (None, 0.0)
        else:
            first = float(form["value"])
            last = float(form["to"]) if form["to"] else first
            yield (first + (last - first) * number / max(1, count - 1), coverage)


def _spans(text: Any) -> tuple[tuple[int, int], ...]:
    found = tuple((int(a), int(b)) for a, b in _SPAN.findall(text)) if isinstance(text, str) else ()
    if not found:
        raise ValueError("write when it reports, in minutes, like '0..30 50..90'")
    return found


class Test(_Part):
    """One situation and what is expected of it. `shift`: when the shift is on, always if left out."""

    __test__ = False

    name: str = Field(min_length=1)
    zone: TestZone = TestZone()
    method: str = ""
    shift: Annotated[tuple[tuple[int, int], ...], BeforeValidator(_spans)] | None = None
    exposures: dict[
        str, Annotated[tuple[tuple[float | None, float] | None, ...], BeforeValidator(_series)]
    ] = Field(default_factory=dict)
    period: Minutes = 1
    reports: dict[str, Annotated[tuple[tuple[int, int], ...], BeforeValidator(_spans)]] = Field(
        default_factory=dict
    )
    minutes: int = 0
    expect: tuple[Expected, ...] = Field(strict=False)


class TestFile(_Part):
    """The tests of one pack."""

    __test__ = False

    format: int
    tests: tuple[Test, ...] = Field(min_length=1, strict=False)


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
        mistakes = [
            Mistake(
                str(file),
                "",
                ".".join(map(str, one["loc"])),
                one["msg"].removeprefix("Value error, "),
                "docs/rule-packs.md shows how tests are written.",
            )
            for one in error.errors()
        ]
        return [], mistakes + _runbook(path, pack)
    results = [run_test(str(file), pack, test) for test in tests]
    raised = {one.rule for test in tests for one in test.expect if one.change != "cleared"}
    mistakes = [
        Mistake(str(file), rule.id, "tests", "no test raises this rule", "Add one that does.")
        for rule in pack.rules
        if rule.id not in raised
    ]
    return results, mistakes + _runbook(path, pack)


def _runbook(path: Path, pack: Pack) -> list[Mistake]:
    runbook = path.with_suffix(".md")
    text = runbook.read_text("utf-8") if runbook.is_file() else ""
    return [
        Mistake(
            str(runbook), rule.id, "runbook", "nothing is written about this rule", f"Add '## `{rule.id}`'."
        )
        for rule in pack.rules
        if not re.search(rf"^## `{re.escape(rule.id)}`$", text, re.MULTILINE)
    ]


def run_test(file: str, pack: Pack, test: Test) -> Result:
    """Play one test; time runs a minute at a time and everything arrives as its minute ends."""
    changes = sorted([*_exposures(pack, test), *_silence(pack, test)], key=lambda one: one.minute)
    passed = len(changes) == len(test.expect) and all(
        _fits(one, wanted) for one, wanted in zip(changes, test.expect, strict=True)
    )
    return Result(file, test.name, passed, tuple(map(_line, test.expect)), tuple(map(_line, changes)))


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


def _exposures(pack: Pack, test: Test) -> Iterator[Expected]:
    facts = ZoneFacts(test.zone.metabolic_class, test.zone.acclimatised, test.zone.radiant_source)
    rules = active_rules([pack], facts)
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


def _silence(pack: Pack, test: Test) -> Iterator[Expected]:
    rules = {one.silence.cause: one for one in pack.rules if isinstance(one, SilenceRule)}
    if not test.reports or not rules:
        return
    state = SilenceState()
    for minute in range(1, test.minutes + 1):
        channels = [_channel(name, spans, test.period, minute) for name, spans in test.reports.items()]
        by_cause = {str(cause): rule.silence for cause, rule in rules.items()}
        state, made = silence_step(state, "s", channels, by_cause, 60.0 * minute, 0.0)
        for change in made:
            rule = _rule_of(rules, change.cause)
            deed = "opened" if change.change is Change.RAISED else "cleared"
            yield Expected(
                minute=minute, change=deed, rule=rule.id, severity=rule.severity, subject=change.subject
            )


def _rule_of(rules: Mapping[Any, SilenceRule], cause: str) -> SilenceRule:
    return rules[cause]


def _channel(name: str, spans: Iterable[tuple[int, int]], period: int, minute: int) -> Channel:
    heard = [
        last
        for first, until in spans
        for last in range(first, min(until, minute) + 1, period)
        if last <= minute
    ]
    last_time = 60.0 * max(heard) if heard else None
    return Channel(name.partition("/")[0], name, 60.0 * period, 0.0, last_time)
