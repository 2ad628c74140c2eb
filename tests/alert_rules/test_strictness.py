"""Whatever layers an installation writes: what is accepted without a reason never protects anybody less."""

from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alert_rules.layers import Place, effective
from alert_rules.pack_model import ExposureRule, Pack
from alert_rules.pack_strictness import looser
from alert_rules.pack_together import Placed, together
from alert_rules.zone_rules import ZoneFacts, active_rules

HERE = Place("kh", "garment", "f1")
LAYERS: tuple[tuple[str, dict[str, str]], ...] = (
    ("international", {}),
    ("country", {"country": "kh"}),
    ("sector", {"sector": "garment"}),
    ("site", {"site": "f1"}),
)
SOURCE = {"instrument": "I", "clause": "c", "confidence": "verified"}
VALUES = st.integers(18, 34).map(float)


def tables(least: int) -> st.SearchStrategy[dict[int, float]]:
    return st.dictionaries(st.integers(0, 4), VALUES, min_size=least, max_size=5)


@st.composite
def rules(draw: st.DrawFn, name: str, replaces: str | None) -> dict[str, Any]:
    """A rule on one exposure; the one that replaces nothing has a number for everybody."""
    limit: dict[str, Any] = {"unit": "Cel", "by_class": draw(tables(1 if replaces else 5))}
    if draw(st.booleans()):
        limit["not_acclimatised"] = draw(tables(5))
    return {
        "id": name,
        "title": "t",
        "hazard": "heat",
        "exposure": "wbgt_eff.twa60",
        "limit": limit,
        "compare": draw(st.sampled_from(["above", "at_or_above"])),
        "source": {**SOURCE, "confidence": draw(st.sampled_from(["verified", "unverified"]))},
        "replaces": replaces,
        "judge": "shift",
        "coverage": 0.75,
        "raise": {"after": "10 min"},
        "clear": {"below": "limit - 0.5", "for": "30 min"},
        "severity": "notice",
    }


@st.composite
def layered(draw: st.DrawFn) -> list[Pack]:
    """One rule a layer; each narrower one may replace any broader one."""
    packs: list[Pack] = []
    names: list[str] = []
    for layer, place in LAYERS:
        replaces = draw(st.sampled_from([None, *names])) if names else None
        rule = ExposureRule.model_validate(draw(rules(f"{layer}-rule", replaces)))
        header = {"format": 2, "pack": layer, "version": "1", "title": "t", "source": SOURCE, "layer": layer}
        pack = Pack.model_validate({**header, **place, "valid_from": DAY})
        packs.append(pack.model_copy(update={"rules": (rule,)}))
        names.append(rule.id)
    return packs


DAY = Pack.model_validate(
    {"format": 2, "pack": "x", "version": "1", "title": "t", "source": SOURCE, "valid_from": "2020-01-01"},
    strict=False,
).valid_from


def alarms(packs: list[Pack], zone: ZoneFacts, place: Place, value: float) -> bool:
    found = [one.engine.condition for one in active_rules(packs, zone, place=place)]
    return any(value > one.limit or (value == one.limit and not one.strict) for one in found)


@settings(max_examples=40)
@given(layered())
def test_what_alarms_internationally_alarms_under_every_accepted_layer(packs: list[Pack]) -> None:
    placed = [Placed(pack.pack, pack, shipped=False) for pack in packs]
    refused = {one.rule for one in together(placed, placed)}
    accepted = [pack for pack in packs if pack.rules[0].id not in refused]
    for number, acclimatised in product(range(5), (True, False)):
        zone = ZoneFacts(number, acclimatised)
        for value in map(float, range(17, 36)):
            if alarms(packs[:1], zone, Place(), value):
                assert alarms(accepted, zone, HERE, value)


@given(layered())
def test_a_rule_is_judged_once_or_says_why_not(packs: list[Pack]) -> None:
    found = effective(packs, HERE)
    assert sorted(one.rule.id for one in found) == sorted(pack.rules[0].id for pack in packs)
    for one in found:
        assert one.why
        if one.judged:
            for name in one.replaced:
                assert not next(other for other in found if other.rule.id == name).judged


@given(st.data())
def test_no_rule_is_looser_than_itself_and_looseness_has_a_direction(data: st.DataObject) -> None:
    one = ExposureRule.model_validate(data.draw(rules("one", None)))
    other = ExposureRule.model_validate(data.draw(rules("other", None)))
    assert looser(one, one) == []
    if not looser(one, other) and not looser(other, one):
        for number, acclimatised in product(range(5), (True, False)):
            values = [
                rule.limit.value(number, acclimatised=acclimatised)  # type: ignore[union-attr, operator]
                for rule in (one, other)
            ]
            assert values[0] == values[1]
