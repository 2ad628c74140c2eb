"""The law of thirteen countries as it is shipped: nothing invented, nothing loosened, every gap filled."""

from datetime import date

import pytest

from alert_rules.layers import Place, effective, gaps_of, judging, packs_at
from alert_rules.pack_format import load_packs
from alert_rules.pack_model import ExposureRule
from alert_rules.zone_rules import ZoneFacts, active_rules

COUNTRIES = ("bd", "eg", "et", "ht", "id", "jo", "kh", "lk", "mg", "ni", "pk", "uz", "vn")
SHIPPED = load_packs()


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


def test_every_country_says_what_its_law_lacks_and_what_judges_instead() -> None:
    for country in COUNTRIES:
        gaps = gaps_of(SHIPPED, Place(country))
        assert gaps, country
        judged = {one.pack.pack for one in judging(SHIPPED, Place(country))}
        assert {one.gap.falls_back_to for one in gaps} <= judged
        assert all(one.gap.source is not None for one in gaps)


def test_where_nothing_was_found_or_read_the_source_says_so() -> None:
    packs = {pack.pack: pack for pack in SHIPPED}
    dust = next(gap for gap in packs["kh-limits"].gaps if gap.hazard == "air")
    assert dust.source is not None
    assert dust.source.confidence == "none_found"
    for name in ("watch-rapid-heat", "watch-rapid-co"):
        rule = packs["intl-watch"].rule(name)
        assert rule is not None
        assert rule.source is not None
        assert rule.source.confidence == "unverified"


def test_a_whole_minute_at_what_the_law_allows_for_half_of_one_is_above_it() -> None:
    for country in ("id", "vn"):
        found = active_rules(SHIPPED, ZoneFacts(), place=Place(country))
        minute = next(one for one in found if one.rule.exposure == "la.leq1")
        assert minute.engine.condition.limit == 115.0
        assert not minute.engine.condition.strict
