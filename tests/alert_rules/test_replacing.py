"""A layer may only be stricter: what replaces what, and what is refused."""

from pathlib import Path

import pytest

from alert_rules.layers import Place
from tests.alert_rules.installed_packs import SITE, header, installed, judged, mistakes, noise_rule


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packs"
    made.mkdir()
    return made


def test_a_looser_layer_is_a_mistake_that_says_in_what(folder: Path) -> None:
    text = header("house", SITE) + noise_rule("house-noise", "86 dB", "    replaces: noise-niosh-twa\n")
    ((rule, key, problem),) = mistakes(folder, house=text)
    assert (rule, key) == ("house-noise", "replaces")
    assert "above 86 instead of above 85 in class of work 0, acclimatised" in problem


def test_a_looser_layer_needs_its_reason_and_only_then(folder: Path) -> None:
    reason = "    replaces: noise-niosh-twa\n    looser: {reason: agreed by both sides until June}\n"
    packs = installed(folder, house=header("house", SITE) + noise_rule("house-noise", "86 dB", reason))
    assert "noise-niosh-twa" not in judged(packs, Place(site="f1"))
    found = mistakes(folder, house=header("house", SITE) + noise_rule("house-noise", "84 dB", reason))
    assert [(key, problem) for _, key, problem in found] == [("looser", "it is as strict as noise-niosh-twa")]


def heat_rule(by_class: str, more: str = "") -> str:
    return (
        "  - id: house-heat\n    title: t\n    hazard: heat\n    exposure: wbgt_eff.twa60\n"
        f"    limit: {{unit: Cel, by_class: {by_class}{more}}}\n"
        "    source: {instrument: I, clause: c, confidence: verified}\n"
        "    replaces: heat-iso7243-reference\n    judge: shift\n    coverage: 0.75\n"
        "    estimate: {method: assumed_tg_eq_ta, margin: 1.0}\n"
        "    raise: {after: 10 min}\n    clear: {below: limit - 0.5, for: 30 min}\n    severity: danger\n"
        "    advice: [heat.rest]\n    tell: [committee.worker, committee.management]\n"
        "    escalate:\n"
        "      - {after: 1 h, unless: acknowledged_by_both, to: [committee.worker, committee.management]}\n"
        "      - {after: 2 h, unless: acknowledged_by_both, to: [adviser]}\n"
        "      - {after: 24 h, unless: action_recorded, to: [authority]}\n"
    )


@pytest.mark.parametrize(
    ("by_class", "more", "problem"),
    [
        ("{0: 32, 1: 29, 2: 26, 3: 23, 4: 20}", "", ""),
        ("{0: 33, 1: 30, 2: 28, 3: 26, 4: 25}", "", "not acclimatised"),
        (
            "{0: 33, 1: 30, 2: 28, 3: 26, 4: 25}",
            ", not_acclimatised: {0: 32, 1: 29, 2: 26, 3: 23, 4: 20}",
            "",
        ),
        ("{0: 32, 1: 29, 2: 26, 3: 23, 4: 20.1}", "", "class of work 4, not acclimatised"),
        ("{1: 29, 2: 26, 3: 23, 4: 20}", "", "no number for class of work 0"),
    ],
)
def test_a_table_is_compared_in_every_class_of_work_and_state(
    folder: Path, by_class: str, more: str, problem: str
) -> None:
    text = header("house", SITE) + heat_rule(by_class, more)
    if problem:
        assert problem in mistakes(folder, house=text)[0][2]
    else:
        assert "house-heat" in judged(installed(folder, house=text), Place(site="f1"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("raise: {after: 5 min}", "raise: {after: 30 min}", "it waits 30 min instead of 5 min"),
        ("severity: danger", "severity: notice", "it is a notice instead of a warning"),
        ("coverage: 0.75", "coverage: 0.9", "it needs 90% of the data instead of 75%"),
        ("tell: [committee.worker, committee.management]", "tell: [engineer]", "does not tell"),
        ("    advice: [noise.source]\n", "", "says nothing of what to do"),
    ],
)
def test_looser_is_also_what_waits_longer_or_tells_less(
    folder: Path, old: str, new: str, problem: str
) -> None:
    rule = noise_rule("house-noise", "84 dB", "    replaces: noise-niosh-twa\n").replace(old, new)
    assert problem in mistakes(folder, house=header("house", SITE) + rule)[0][2]


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("noise-niosh-twaa", "no rule is called 'noise-niosh-twaa'"),
        ("noise-niosh-dose", "different quantities"),
        ("watch-stuck", "it judges another kind of thing"),
    ],
)
def test_what_cannot_be_replaced_is_said(folder: Path, name: str, problem: str) -> None:
    text = header("house", SITE) + noise_rule("house-noise", more=f"    replaces: {name}\n")
    assert problem in mistakes(folder, house=text)[0][2]


def test_a_rule_of_the_same_or_a_narrower_layer_is_not_replaced(folder: Path) -> None:
    text = header("more", "rules:\n") + noise_rule("more-noise", more="    replaces: noise-niosh-twa\n")
    assert "of the layer 'international'" in mistakes(folder, more=text)[0][2]


def test_rules_that_replace_each_other_in_a_circle_are_found(folder: Path) -> None:
    one = header("one", SITE) + noise_rule("one", more="    replaces: two\n")
    two = header("two", "layer: sector\nsector: g\nrules:\n") + noise_rule("two", more="    replaces: one\n")
    problems = [problem for _, _, problem in mistakes(folder, one=one, two=two)]
    assert "it ends where it began: one replaces two replaces one" in problems
    assert "it ends where it began: two replaces one replaces two" in problems


def test_two_packs_of_one_layer_and_place_never_replace_the_same_rule(folder: Path) -> None:
    one = header("one", SITE) + noise_rule("one", more="    replaces: noise-niosh-twa\n")
    two = header("two", SITE) + noise_rule("two", more="    replaces: noise-niosh-twa\n")
    found = mistakes(folder, one=one, two=two)
    assert [key for _, key, _ in found] == ["replaces"]
    assert "at the same place already" in found[0][2]
