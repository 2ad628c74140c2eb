"""Layers over layers: who replaces whom, what is shown and not judged, and what is a gap."""

from datetime import date
from pathlib import Path

import pytest

from alert_rules.layers import Place, effective, gaps_of
from alert_rules.pack_format import PackError, load_packs, shipped
from alert_rules.zone_rules import ZoneFacts, active_rules
from tests.alert_rules.installed_packs import ESCALATE, SITE, header, installed, judged, mistakes, noise_rule

SHIPPED = load_packs()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packs"
    made.mkdir()
    return made


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
    assert [key for _, key, _ in found] == ["pack"]


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
            "the pack has no rule about air called 'x'",
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
