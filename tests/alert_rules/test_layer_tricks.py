"""Ways in which a layer could protect less without saying so: each is refused, or said."""

from pathlib import Path

import pytest

from alert_rules.layers import Place
from alert_rules.pack_format import PackError, load_packs, shipped
from tests.alert_rules.installed_packs import ESCALATE, SITE, header, installed, judged, mistakes, noise_rule


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "packs"
    made.mkdir()
    return made


LAW = "    replaces: noise-eu-limit\n" + ESCALATE


def test_the_rule_of_these_tests_is_as_strict(folder: Path) -> None:
    packs = installed(folder, house=header("house", SITE) + noise_rule("house-noise", "87 dB", LAW))
    assert "house-noise" in judged(packs, Place(site="f1"))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("raise: {after: 5 min}", "raise: {after: 5 min, gap: 1 min}", "gaps of 1 min instead of 2 min"),
        ("raise: {after: 5 min}", "raise: {after: 5 min, gap: 600 min}", "gaps of 600 min instead of 2"),
        ("for: 30 min", "for: 1 min", "it clears after 1 min instead of 30 min"),
        ("below: limit - 1,", "below: limit,", "it clears below 87 instead of 86 in class of work 0"),
        ("after: 4 h", "after: 9000 h", "it does not escalate to committee.worker, committee.management"),
        ("to: [adviser]", "to: [engineer]", "it does not escalate to adviser after 24 h"),
        ("24 h, unless: acknowledged_by_both", "24 h, unless: cleared", "unless acknowledged by both"),
    ],
)
def test_what_is_raised_later_ends_sooner_or_is_heard_less_is_looser(
    folder: Path, old: str, new: str, problem: str
) -> None:
    text = header("house", SITE) + noise_rule("house-noise", "87 dB", LAW)
    assert old in text
    found = mistakes(folder, house=text.replace(old, new))
    assert [key for _, key, _ in found] == ["replaces"]
    assert problem in found[0][2]


WATCHES = """
  - id: house-silent
    title: t
    hazard: silence
    source: {instrument: I, clause: c, confidence: verified}
    silence: {cause: channel, after: 10 min, periods: 5, together: 3 min, grace: 10 min, back: 2 min}
    replaces: watch-channel-silent
    severity: warning
    advice: [watch.sensor, watch.measure]
    tell: [engineer, committee.worker, committee.management]
    escalate:
      - {after: 24 h, unless: cleared, to: [committee.worker, committee.management]}
"""


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("periods: 5", "periods: 50000", "it waits 50000 periods instead of 5"),
        ("grace: 10 min", "grace: 90 d", "it says nothing for 129600 min"),
        ("together: 3 min", "together: 3 d", "it waits 4320 min instead of 3 min for one cause"),
        ("back: 2 min", "back: 1 s", "it is over after"),
    ],
)
def test_a_silence_that_is_never_told_is_looser(folder: Path, old: str, new: str, problem: str) -> None:
    text = header("house", SITE) + WATCHES
    assert "house-silent" in judged(installed(folder, house=text), Place(site="f1"))
    assert problem in mistakes(folder, house=text.replace(old, new))[0][2]


def test_an_older_version_of_what_is_replaced_excuses_nothing(folder: Path) -> None:
    sector = "layer: sector\nsector: garment\nrules:\n"
    strict = header("law", sector) + noise_rule("law-noise", "80 dB")
    strict = strict.replace("2020-01-01", "2026-01-01").replace("version: '1'", "version: '2'")
    loose = header("law", "valid_to: 2025-12-31\n" + sector) + noise_rule("law-noise", "99 dB")
    house = header("house", SITE) + noise_rule("house-noise", "90 dB", "    replaces: law-noise\n")
    # Files are read by name: whichever version is read last, both are compared.
    found = mistakes(folder, a_new=strict, b_old=loose, house=house)
    assert [(rule, key) for rule, key, _ in found] == [("house-noise", "replaces")]
    assert "above 90 instead of above 80" in found[0][2]


def test_no_past_version_of_a_shipped_pack_can_be_invented(folder: Path) -> None:
    old = header("intl-noise", "valid_to: 2020-01-02\nrules:\n") + noise_rule("noise-niosh-twa", "99 dB")
    old = old.replace("valid_from: 2020-01-01", "valid_from: 1999-01-01").replace("2020-01-02", "1999-01-02")
    assert [(key, problem) for _, key, problem in mistakes(folder, zz=old)] == [
        ("pack", "the program has a pack called intl-noise")
    ]


def test_an_edition_of_an_optional_profile_for_one_site_takes_it_from_nobody(folder: Path) -> None:
    text = next(path for path in shipped() if path.stem == "osha-noise").read_text("utf-8")
    own = text.replace("optional: true", "optional: true\nlayer: site\nsite: f1")
    assert [key for _, key, _ in mistakes(folder, mine=own)] == ["pack"]


def test_a_rule_that_holds_elsewhere_is_not_replaced(folder: Path) -> None:
    text = header("bd-more", "layer: sector\nsector: garment\ncountry: bd\nrules:\n")
    text += noise_rule("bd-more-noise", "85 dB", "    replaces: id-noise-8h\n" + ESCALATE)
    assert mistakes(folder, more=text)[0][2] == "id-noise-8h holds elsewhere than this pack"


def test_a_single_file_is_held_against_the_shipped_packs_of_its_place_too(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    text = header("mine", "layer: country\ncountry: id\nrules:\n")
    path.write_text(text + noise_rule("mine-noise", "85 dB", "    replaces: noise-niosh-twa\n"))
    with pytest.raises(PackError) as caught:
        load_packs([path])
    assert "at the same place already" in str(caught.value)


@pytest.mark.parametrize("name", ["osha-noise", "vn-noise-8h", "kh-noise-8h", "intl-heat", "house"])
def test_a_gap_falls_back_to_what_judges_its_hazard_there(folder: Path, name: str) -> None:
    gap = f"gaps: [{{hazard: noise, what: w, falls_back_to: {name}, note: n}}]\n"
    text = header("house", "layer: country\ncountry: kh\n" + gap)
    found = mistakes(folder, house=text)
    assert [(key, problem) for _, key, problem in found] == [
        ("gaps.0.falls_back_to", f"{name} judges no noise at the place of this pack")
    ]


def test_a_gap_is_filled_by_a_rule_about_its_own_hazard(folder: Path) -> None:
    gap = "gaps: [{hazard: heat, what: w, falls_back_to: intl-heat, note: n, filled_by: house-noise}]\n"
    text = header("house", "layer: country\ncountry: kh\n" + gap + "rules:\n") + noise_rule("house-noise")
    assert [key for _, key, _ in mistakes(folder, house=text)] == ["gaps.0.filled_by"]


def test_a_rule_inherits_no_source_in_which_no_number_was_found(folder: Path) -> None:
    text = header("house", SITE).replace("verified", "none_found") + noise_rule("house-noise", "niosh_noise")
    text = text.replace("    source: {instrument: I, clause: c, confidence: verified}\n", "")
    assert [(rule, key) for rule, key, _ in mistakes(folder, house=text)] == [("house-noise", "source")]
