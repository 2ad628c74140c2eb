"""Layers over layers: who replaces whom, what is shown and not judged, and what is a gap."""

from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest

from alert_rules.layers import Place, effective, gaps_of, judging, packs_at
from alert_rules.pack_format import PackError, load_packs, shipped
from alert_rules.pack_model import ExposureRule, Pack
from alert_rules.zone_rules import ZoneFacts, active_rules

COUNTRIES = ("bd", "eg", "et", "ht", "id", "jo", "kh", "lk", "mg", "ni", "pk", "uz", "vn")
SHIPPED = load_packs()


def header(name: str, more: str) -> str:
    return (
        f"format: 2\npack: {name}\nversion: '1'\ntitle: t\nvalid_from: 2020-01-01\n"
        f"source: {{instrument: I, clause: c, confidence: verified}}\n{dedent(more)}"
    )


def noise_rule(rule_id: str, limit: str = "84 dB", more: str = "", confidence: str = "verified") -> str:
    return (
        f"  - id: {rule_id}\n    title: t\n    hazard: noise\n    exposure: la.lex8h\n    limit: {limit}\n"
        f"    source: {{instrument: I, clause: c, confidence: {confidence}}}\n"
        "    judge: shift\n    coverage: 0.75\n    raise: {after: 5 min}\n"
        "    clear: {below: limit - 1, for: 30 min}\n    severity: danger\n"
        f"    tell: [committee.worker, committee.management]\n{more}"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packs"
    made.mkdir()
    return made


def installed(folder: Path, **packs: str) -> tuple[Pack, ...]:
    for name, text in packs.items():
        (folder / f"{name}.yaml").write_text(text)
    return load_packs(packs_dir=folder)


def mistakes(folder: Path, **packs: str) -> list[tuple[str, str, str]]:
    with pytest.raises(PackError) as caught:
        installed(folder, **packs)
    assert all(one.way_out for one in caught.value.mistakes)
    return [(one.rule, one.key, one.problem) for one in caught.value.mistakes]


def judged(packs: tuple[Pack, ...], place: Place, day: date | None = None) -> set[str]:
    return {one.rule.id for one in judging(packs, place, day)}


def test_there_is_a_pack_for_every_country_of_the_programme() -> None:
    assert {pack.country for pack in SHIPPED if pack.layer == "country"} == set(COUNTRIES)


def test_without_a_place_only_international_rules_hold() -> None:
    assert {one.layer for one in effective(SHIPPED, Place())} == {"international"}
    assert {one.pack.layer for one in active_rules(SHIPPED, ZoneFacts())} == {"international"}


def test_the_law_of_one_country_never_judges_in_another() -> None:
    for country in COUNTRIES:
        for one in effective(SHIPPED, Place(country)):
            assert one.pack.country in {None, country}


@pytest.mark.parametrize("country", COUNTRIES)
def test_every_country_has_heat_and_noise_and_carbon_monoxide_judged_in_every_class(country: str) -> None:
    for number in range(5):
        for acclimatised in (True, False):
            zone = ZoneFacts(number, acclimatised)
            hazards = {one.group for one in active_rules(SHIPPED, zone, place=Place(country))}
            assert {("heat", ""), ("noise", ""), ("air", "co")} <= hazards


@pytest.mark.parametrize("country", COUNTRIES)
def test_no_layer_that_is_shipped_makes_the_first_alarm_later(country: str) -> None:
    """Whatever is replaced: the lowest judged limit of each exposure is at most the international one."""
    for number in range(5):
        zone = ZoneFacts(number, acclimatised=False)

        def lowest(place: Place, zone: ZoneFacts = zone) -> dict[tuple[str, str], float]:
            found: dict[tuple[str, str], float] = {}
            for one in active_rules(SHIPPED, zone, place=place):
                if one.rule.upward:
                    key = (one.rule.exposure, one.rule.severity)
                    found[key] = min(found.get(key, 1e9), one.engine.condition.limit)
            return found

        there = lowest(Place(country))
        order = ("notice", "warning", "danger")
        for (exposure, severity), value in lowest(Place()).items():
            worse = [
                there[exposure, one] for one in order[order.index(severity) :] if (exposure, one) in there
            ]
            assert min(worse) <= value, (exposure, severity)


def test_a_confirmed_law_takes_the_place_of_the_reference_it_equals() -> None:
    found = {one.rule.id: one for one in effective(SHIPPED, Place("id"))}
    assert found["id-noise-8h"].judged
    assert found["id-noise-8h"].replaced == ("noise-niosh-twa",)
    assert not found["noise-niosh-twa"].judged
    assert found["noise-niosh-twa"].why == "replaced by id-noise-8h (country)"
    assert judged(SHIPPED, Place("bd")) >= {"noise-niosh-twa"}


def test_an_unconfirmed_law_is_shown_replaces_nothing_and_leaves_its_gap() -> None:
    found = {one.rule.id: one for one in effective(SHIPPED, Place("kh"))}
    assert not found["kh-noise-8h"].judged
    assert "unverified" in found["kh-noise-8h"].why
    assert found["noise-niosh-twa"].judged
    assert {one.gap.filled_by for one in gaps_of(SHIPPED, Place("kh"))} == {None, "kh-noise-8h"}


CONFIRMED = """
    layer: country
    country: kh
    confirmations:
      - {rule: kh-noise-8h, by: Ministry of Labour, on: 2026-02-01, reference: "letter 12"}
"""


def test_an_installation_confirms_a_law_from_a_day_on(folder: Path) -> None:
    packs = installed(folder, choices=header("choices", CONFIRMED))
    before, after = (
        judged(packs, Place("kh"), date(2026, 1, 31)),
        judged(packs, Place("kh"), date(2026, 2, 1)),
    )
    assert "kh-noise-8h" in after - before
    assert "noise-niosh-twa" in before - after
    found = {one.rule.id: one for one in effective(packs, Place("kh"))}["kh-noise-8h"]
    assert found.why == "confirmed by Ministry of Labour on 2026-02-01: letter 12"
    assert found.confirmation is not None
    assert found.replaced == ("noise-niosh-twa",)
    assert {one.gap.filled_by for one in gaps_of(packs, Place("kh"))} == {None}


def test_a_confirmation_of_a_site_holds_at_that_site_alone(folder: Path) -> None:
    text = """
        layer: site
        site: f1
        confirmations:
          - {rule: pk-noise-8h, by: Labour Department of Sindh, on: 2026-02-01, reference: "rule 7"}
    """
    packs = installed(folder, choices=header("choices", text))
    assert "pk-noise-8h" in judged(packs, Place("pk", "", "f1"))
    assert "pk-noise-8h" not in judged(packs, Place("pk", "", "f2"))


def test_an_optional_profile_judges_where_it_is_selected(folder: Path) -> None:
    packs = installed(folder, choices=header("choices", "layer: site\nsite: f1\nselects: [osha-noise]\n"))
    assert "osha-noise-pel" in judged(packs, Place(site="f1"))
    assert "osha-noise-pel" not in judged(packs, Place(site="f2"))
    found = {one.rule.id: one for one in effective(packs, Place(site="f2"))}
    assert "optional" in found["osha-noise-pel"].why


def test_an_installation_has_its_own_edition_of_an_optional_profile(folder: Path) -> None:
    own = next(path for path in shipped() if path.stem == "acgih-heat").read_text("utf-8")
    packs = installed(folder, mine=own.replace("1: 31.0", "1: 30.5"))
    rules = [rule for pack in packs for rule in pack.rules if rule.id == "acgih-heat-screening"]
    assert [rule.limit.by_class[1] for rule in rules] == [30.5]  # type: ignore[union-attr]


def test_a_pack_that_is_not_optional_is_never_taken_out_by_a_copy_of_it(folder: Path) -> None:
    own = next(path for path in shipped() if path.stem == "intl-heat").read_text("utf-8")
    found = mistakes(folder, mine=own.replace('version: "1"', 'version: "9"'))
    assert [key for _, key, _ in found] == ["valid_from"]


def test_layers_follow_each_other_from_the_widest_to_the_narrowest(folder: Path) -> None:
    sector = header("agreement", "layer: sector\nsector: garment\ncountry: id\nrules:\n")
    sector += noise_rule("agreement-noise", "84 dB", "    replaces: id-noise-8h\n" + ESCALATE)
    site = header("house", "layer: site\nsite: f1\nrules:\n")
    site += noise_rule("house-noise", "83 dB", "    replaces: agreement-noise\n" + ESCALATE)
    packs = installed(folder, sector=sector, site=site)
    found = {one.rule.id: one for one in effective(packs, Place("id", "garment", "f1"))}
    assert found["house-noise"].replaced == ("agreement-noise", "id-noise-8h", "noise-niosh-twa")
    assert found["house-noise"].layer == "site"
    assert not found["agreement-noise"].judged
    assert "id-noise-8h" in judged(packs, Place("id", "footwear", "f2"))
    assert "agreement-noise" in judged(packs, Place("id", "garment", "f2"))
    assert "agreement-noise" not in judged(packs, Place("vn", "garment", "f2"))


ESCALATE = (
    "    escalate:\n"
    "      - {after: 4 h, unless: acknowledged_by_both, to: [committee.worker, committee.management]}\n"
    "      - {after: 24 h, unless: acknowledged_by_both, to: [adviser]}\n"
)
SITE = "layer: site\nsite: f1\nrules:\n"


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
        "    tell: [committee.worker, committee.management]\n"
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


def test_versions_follow_each_other_without_overlap(folder: Path) -> None:
    old = header("house", SITE) + noise_rule("house-noise", "84 dB")
    new = old.replace("version: '1'", "version: '2'").replace("2020-01-01", "2026-03-01")
    assert [key for _, key, _ in mistakes(folder, old=old, new=new)] == ["valid_from"]
    old = old.replace("layer: site", "valid_to: 2026-02-28\nlayer: site")
    packs = installed(folder, old=old, new=new.replace("84 dB", "83 dB"))

    def limit(day: date | None) -> float:
        rules = active_rules(packs, ZoneFacts(), place=Place(site="f1"), day=day)
        return next(one.engine.condition.limit for one in rules if one.id == "house-noise")

    assert (limit(date(2026, 2, 28)), limit(date(2026, 3, 1)), limit(None)) == (84.0, 83.0, 83.0)
    assert [one.version for one in packs if one.pack == "house"] == ["1", "2"]


def test_a_version_number_is_used_once(folder: Path) -> None:
    old = header("house", SITE) + noise_rule("house-noise")
    found = mistakes(folder, old=old, new=old.replace("2020-01-01", "2026-03-01"))
    assert [key for _, key, _ in found] == ["version"]


@pytest.mark.parametrize(
    ("more", "key", "problem"),
    [
        (
            "confirmations: [{rule: kh-noise, by: a, on: 2026-01-01, reference: r}]",
            "confirmations.0",
            "no rule",
        ),
        (
            "confirmations: [{rule: id-noise-8h, by: a, on: 2026-01-01, reference: r}]",
            "confirmations.0",
            "needs no confirmation",
        ),
        (
            "layer: country\ncountry: vn\nconfirmations: [{rule: kh-noise-8h, by: a, on: 2026-01-01, reference: r}]",  # noqa: E501
            "confirmations.0",
            "holds elsewhere",
        ),
        ("selects: [osha-nois]", "selects.0", "no pack is called"),
        ("selects: [intl-heat]", "selects.0", "not optional"),
        (
            "gaps: [{hazard: air, what: w, falls_back_to: intl-dust, note: n}]",
            "gaps.0.falls_back_to",
            "no rule or pack is called 'intl-dust'",
        ),
        (
            "gaps: [{hazard: air, what: w, falls_back_to: intl-air, filled_by: x, note: n}]",
            "gaps.0.filled_by",
            "the pack has no rule called 'x'",
        ),
    ],
)
def test_names_that_lead_nowhere_are_mistakes(folder: Path, more: str, key: str, problem: str) -> None:
    found = mistakes(folder, choices=header("choices", more))
    assert [one[1] for one in found] == [key]
    assert problem in found[0][2]


def test_a_folder_that_does_not_exist_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="is no folder"):
        load_packs(packs_dir=tmp_path / "absent")


def test_packs_hold_on_their_days_alone() -> None:
    assert "jo-limits" not in {one.pack for one in packs_at(SHIPPED, Place("jo"), date(2023, 12, 31))}
    assert "jo-limits" in {one.pack for one in packs_at(SHIPPED, Place("jo"), date(2024, 1, 1))}


def test_nothing_unconfirmed_of_a_law_judges_anywhere() -> None:
    for country in COUNTRIES:
        for one in judging(SHIPPED, Place(country)):
            if one.layer != "international":
                assert one.pack.source_of(one.rule).confidence in {"verified", "secondary"}


def test_a_law_without_a_number_never_got_one() -> None:
    """The countries and confidences of the exposure reference, section 5, word for word."""
    numbers = {
        pack.country: {
            rule.id.split("-", 1)[1]: pack.source_of(rule).confidence
            for rule in pack.rules
            if isinstance(rule, ExposureRule)
        }
        for pack in SHIPPED
        if pack.layer == "country"
    }
    assert {country for country, rules in numbers.items() if not rules} == {"bd", "ht", "jo", "mg"}
    assert numbers["kh"] == {"noise-8h": "unverified"}
    assert numbers["eg"] == {"heat-wbgt": "unverified", "noise-8h": "unverified"}
    assert numbers["et"] == {"noise-8h": "unverified"}
    assert numbers["id"] == {"noise-8h": "verified", "noise-115": "verified", "heat-isbb": "unverified"}
    assert numbers["lk"] == {"noise-85": "verified"}
    assert numbers["ni"] == numbers["pk"] == numbers["uz"] == {"noise-8h": "unverified"}
    assert set(numbers["vn"].values()) == {"verified"}
