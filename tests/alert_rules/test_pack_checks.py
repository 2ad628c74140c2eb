"""Impossible packs: every one is refused with its place, its key and a way out, all mistakes at once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from alert_rules.pack_format import PackError, load_packs, read_pack
from alert_rules.pack_model import FORMAT, ExposureRule, TableLimit, WatchRule
from alert_rules.pack_tester import check_pack
from alert_rules.zone_rules import ZoneFacts, active_rules

PACK = """
format: 2
pack: house
version: "1"
title: t
source: {instrument: I, clause: c, confidence: verified}
valid_from: 2020-01-01
rules:
  - id: house-rule
    title: t
    hazard: air
    exposure: co.twa8h
    limit: 20 ppm
    compare: above
    source: {instrument: I, clause: c, confidence: verified}
    judge: always
    coverage: 0.75
    raise: {after: 5 min}
    clear: {below: limit - 3, for: 30 min}
    severity: notice
"""
WATCH = """
format: 2
pack: house
version: "1"
title: t
source: {instrument: I, clause: c, confidence: verified}
valid_from: 2020-01-01
rules:
  - id: house-watch
    title: t
    hazard: device
    watch: {what: stuck, after: 30 min, back: 10 min}
    severity: notice
"""
Found = list[tuple[str, str, str]]


@pytest.fixture
def found(tmp_path: Path) -> Callable[[str], Found]:
    def read(text: str) -> Found:
        path = tmp_path / "house.yaml"
        path.write_text(text)
        try:
            load_packs([path])
        except PackError as error:
            mistakes = error.mistakes
        else:
            mistakes = ()
        assert all(one.way_out and one.file == str(path) for one in mistakes)
        return [(one.rule, one.key, one.problem) for one in mistakes]

    return read


def test_the_pack_of_these_tests_is_good(found: Callable[[str], Found]) -> None:
    assert found(PACK) == []
    assert found(WATCH) == []


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("    source: {instrument: I, clause: c, confidence: verified}\n    judge", "    judge", "source",
         "a number of the pack's own needs its source"),
        ("limit: 20 ppm", "limit: 20 mg/m3", "limit", "its unit is 'mg/m3', but co.twa8h is in 'ppm'"),
        ("limit: 20 ppm", "limit: 20", "limit", "20 has no unit"),
        ("limit: 20 ppm", "limit: {unit: Cel, by_class: {1: 20}}", "limit", "its unit is 'Cel'"),
        ("limit: 20 ppm", "limit: {unit: ppm, by_class: {7: 20}}", "limit.by_class.7.[key]",
         "less than or equal to 4"),
        ("limit: 20 ppm", "limit: {unit: ppm, by_class: {}}", "limit.by_class", "at least 1 item"),
        ("limit: 20 ppm", "limit: {unit: ppm, by_clas: {1: 2}}", "limit.by_clas", "unknown key"),
        ("limit: 20 ppm", "limit: co_niosh_ceiling", "limit", "is no limit for co.twa8h"),
        ("limit: 20 ppm", "limit: iso7243", "limit", "is no limit for co.twa8h"),
        ("exposure: co.twa8h", "exposure: co.twa9h", "exposure", "no exposure is called 'co.twa9h'"),
        ("hazard: air", "hazard: noise", "hazard", "co.twa8h is about air, not noise"),
        ("hazard: air", "hazard: silence", "hazard", "belongs to rules with the key 'silence'"),
        ("hazard: air", "hazard: device", "hazard", "belongs to rules with the key 'watch'"),
        ("compare: above", "compare: below", "clear.below", "clears above a line"),
        ("below: limit - 3", "below: limit + 3", "clear.below", "on the wrong side"),
        ("below: limit - 3, ", "", "clear.below", "it is missing"),
        ("below: limit - 3", "below: limit - 3 Cel", "clear.below", "its unit is 'Cel'"),
        ("c, confidence: verified}\n    judge", "c, confidence: none_found}\n    judge", "source.confidence",
         "where no number was found there is none to judge"),
        ("    judge", "    looser: {reason: r}\n    judge", "looser", "it replaces nothing"),
        ("coverage: 0.75", "coverage: 0", "coverage", "greater than 0"),
        ("severity: notice", "severity: danger", "tell", "nobody is told of a danger"),
        ("id: house-rule", "id: House Rule", "id", "should match pattern"),
    ],
)  # fmt: skip
def test_an_impossible_rule_is_refused_at_its_key(
    found: Callable[[str], Found], old: str, new: str, key: str, problem: str
) -> None:
    assert old in PACK
    mistakes = found(PACK.replace(old, new, 1))
    assert key in [one[1] for one in mistakes]
    assert problem in " ".join(one[2] for one in mistakes)


@pytest.mark.parametrize(
    ("more", "key", "problem"),
    [
        ("layer: country", "country", "a pack of the layer 'country' needs it"),
        ("layer: sector", "sector", "a pack of the layer 'sector' needs it"),
        ("layer: site\nsite: f1\ncountry: kh", "country", "speaks of no country"),
        ("country: kh", "country", "a pack of the layer 'international' speaks of no country"),
        ("layer: country\ncountry: Cambodia", "country", "should match pattern"),
        ("layer: nation", "layer", "Input should be"),
        ("valid_to: 2019-12-31", "valid_to", "it is before valid_from"),
        ("optionl: true", "optionl", "unknown key"),
        ("gaps: [{hazard: air, what: w, note: n}]", "gaps.0.falls_back_to", "it is missing"),
        ("confirmations: [{rule: kh-noise-8h, by: a, reference: r}]", "confirmations.0.on", "it is missing"),
    ],
)
def test_an_impossible_header_is_refused_at_its_key(
    found: Callable[[str], Found], more: str, key: str, problem: str
) -> None:
    mistakes = found(PACK.replace("rules:", f"{more}\nrules:"))
    assert [one[1] for one in mistakes] == [key]
    assert problem in mistakes[0][2]


def test_all_mistakes_of_header_and_rules_come_at_once(found: Callable[[str], Found]) -> None:
    text = PACK.replace("limit: 20 ppm", "limit: 20 Cel").replace("rules:", "layer: country\nrules:")
    text += WATCH.partition("rules:\n")[2].replace("device", "silence")
    assert [one[1] for one in found(text)] == ["limit", "hazard", "country"]


def test_one_confirmation_a_rule_is_enough(found: Callable[[str], Found]) -> None:
    one = "{rule: kh-noise-8h, by: a, on: 2026-01-01, reference: r}"
    mistakes = found(PACK.replace("rules:", f"confirmations: [{one}, {one}]\nrules:"))
    assert [one[1] for one in mistakes] == ["confirmations.1"]


@pytest.mark.parametrize("more", ["gaps: [{hazard: air, what: w, falls_back_to: intl-air, note: n}]", ""])
def test_a_pack_without_rules_says_at_least_what_is_missing(found: Callable[[str], Found], more: str) -> None:
    text = PACK.partition("rules:")[0] + more
    assert [one[1] for one in found(text)] == ([] if more else ["rules"])


def test_format_1_is_read_as_format_2(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(PACK.replace("format: 2", "format: 1"))
    pack, mistakes = read_pack(path)
    assert mistakes == []
    assert pack is not None
    assert (pack.format, pack.layer, pack.optional) == (FORMAT, "international", False)
    assert [one.id for one in active_rules([pack], ZoneFacts())] == ["house-rule"]


def test_format_1_has_no_keys_of_format_2(found: Callable[[str], Found]) -> None:
    text = PACK.replace("format: 2", "format: 1").replace("rules:", "layer: country\ncountry: kh\nrules:")
    text = text.replace("    judge", "    replaces: air-co-twa\n    judge")
    assert sorted(
        (rule, key) for rule, key, problem in found(text) if problem.startswith("format 1 has no key")
    ) == [("", "country"), ("", "layer"), ("house-rule", "replaces")]


def test_a_lower_limit_clears_above_its_line(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    text = PACK.replace("hazard: air", "hazard: heat").replace("co.twa8h", "ta.mean60")
    text = text.replace("20 ppm", "18 Cel").replace("compare: above", "compare: below")
    path.write_text(text.replace("below: limit - 3", "above: limit + 0.5 Cel"))
    (pack,) = load_packs([path])
    condition = active_rules([pack], ZoneFacts())[0].engine.condition
    assert (condition.below, condition.strict, condition.limit, condition.clear_below) == (
        True,
        True,
        18.0,
        18.5,
    )


def test_a_table_gives_nobody_a_limit_that_it_does_not_have(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    text = PACK.replace("hazard: air", "hazard: heat").replace("co.twa8h", "ta.mean60")
    table = "{unit: Cel, by_class: {1: 34, 2: 32}, not_acclimatised: {1: 33}}"
    path.write_text(text.replace("20 ppm", table))
    (pack,) = load_packs([path])

    def limits(number: int, acclimatised: bool) -> list[float]:
        return [one.engine.condition.limit for one in active_rules([pack], ZoneFacts(number, acclimatised))]

    assert limits(1, True) == [34.0]
    assert limits(1, False) == [33.0]
    assert limits(2, True) == [32.0]
    assert limits(2, False) == limits(3, True) == []
    assert isinstance(pack.rules[0], ExposureRule)
    assert isinstance(pack.rules[0].limit, TableLimit)


def test_a_watch_rule_is_read_as_one(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(WATCH)
    (pack,) = load_packs([path])
    (rule,) = pack.rules
    assert isinstance(rule, WatchRule)
    assert (rule.watch.after, rule.watch.back) == (1800.0, 600.0)


def test_the_test_of_a_pack_names_a_wrong_kind_of_exposure(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    path.write_text(PACK)
    path.with_suffix(".md").write_text("## `house-rule`\n")
    path.with_suffix(".test.yaml").write_text(
        "format: 2\ntests:\n  - {name: n, exposures: {co.twa9h: '1x5'}, expect: []}\n"
    )
    pack, _ = read_pack(path)
    assert pack is not None
    _, lacking = check_pack(path, pack)
    assert {one.key for one in lacking} == {"tests", "exposures"}
    assert any("co.twa8h" in one.way_out for one in lacking)


def test_gaps_that_nothing_is_written_about_fail(tmp_path: Path) -> None:
    path = tmp_path / "house.yaml"
    gap = "gaps: [{hazard: air, what: w, falls_back_to: intl-air, note: n}]"
    path.write_text(PACK.partition("rules:")[0] + gap)
    test = "format: 2\ntests:\n  - {name: n, place: {}, exposures: {co.twa8h: '30x5'}, expect: []}\n"
    path.with_suffix(".test.yaml").write_text(test)
    pack, mistakes = read_pack(path)
    assert mistakes == []
    assert pack is not None
    results, lacking = check_pack(path, pack)
    assert [one.passed for one in results] == [True]
    assert [one.key for one in lacking] == ["runbook"]
    path.with_suffix(".md").write_text("## What is missing\n")
    assert check_pack(path, pack)[1] == []


def test_a_limit_that_is_no_number_is_refused(found: Callable[[str], Found]) -> None:
    assert [one[1] for one in found(PACK.replace("20 ppm", "{value: .nan, unit: ppm}"))] == ["limit.value"]
    table = "{unit: ppm, by_class: {1: .inf}}"
    assert [one[1] for one in found(PACK.replace("20 ppm", table))] == ["limit.by_class.1"]


WORDS = st.sampled_from(
    ["", "on", "limit", "limit - 1", "20 ppm", "nan", "-1 min", "kh", "house-rule", "é\n"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.integers(), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=150)
@given(data=st.data())
def test_whatever_stands_in_a_pack_it_is_read_or_refused_in_words(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pack = yaml.safe_load(PACK)
    pack |= {"gaps": [{"hazard": "air", "what": "w", "falls_back_to": "intl-air", "note": "n"}]}
    pack |= {"confirmations": [{"rule": "kh-noise-8h", "by": "a", "on": "2026-01-01", "reference": "r"}]}
    part: Any = data.draw(st.sampled_from([pack, pack["rules"][0], pack["gaps"][0], pack["source"]]))
    key = data.draw(st.sampled_from([*part, "layer", "country", "replaces", "selects", "watch", "silence"]))
    part[key] = data.draw(ANYTHING)
    path = tmp_path_factory.getbasetemp() / "anything.yaml"
    path.write_text(yaml.safe_dump(pack, allow_unicode=True), "utf-8")
    try:
        load_packs([path])
    except PackError as error:
        mistakes = error.mistakes
    else:
        mistakes = ()
    assert all(one.problem and one.way_out for one in mistakes)
