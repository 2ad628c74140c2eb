import pytest

from osh_domain import limits
from osh_domain.coverage import CAPTURE
from osh_domain.limits import UnknownLimitError, limit


@pytest.mark.parametrize(
    ("work", "acclimatised", "value"),
    [
        (0, True, 33),
        (1, True, 30),
        (1, False, 29),
        (2, True, 28),
        (2, False, 26),
        (3, True, 26),
        (4, False, 20),
    ],
)
def test_iso_7243_gives_the_value_of_its_table(work: int, acclimatised: bool, value: float) -> None:
    found = limit("iso7243", metabolic_class=work, acclimatised=acclimatised)
    assert (found.value, found.unit, found.clause) == (value, "Cel", "Annex A, Table A.1")


def test_niosh_rel_becomes_the_alert_limit_for_people_who_are_not_acclimatised() -> None:
    rel = limit("niosh_rel", metabolic_class=2, acclimatised=True)
    ral = limit("niosh_rel", metabolic_class=2, acclimatised=False)
    assert rel.value == pytest.approx(28.213, abs=0.005)
    assert ral.value == pytest.approx(24.973, abs=0.005)
    assert ral.band is not None
    assert ral.band[0] < ral.value < ral.band[1]


def test_a_limit_is_exceeded_above_and_an_action_value_at_its_number() -> None:
    upper = limit("eu_upper_action", metabolic_class=1, acclimatised=True)
    highest = limit("eu_limit", metabolic_class=1, acclimatised=True)
    assert upper.exceeded_by(85.0)
    assert not upper.exceeded_by(84.999)
    assert not highest.exceeded_by(87.0)
    assert highest.exceeded_by(87.0000001)


@pytest.mark.parametrize("work", [-1, 5, True])
def test_an_unknown_class_of_work_gets_no_guessed_limit(work: int) -> None:
    with pytest.raises(UnknownLimitError, match=r"0 \(resting\) to 4"):
        limit("iso7243", metabolic_class=work, acclimatised=True)


def test_an_unknown_name_is_answered_with_near_ones() -> None:
    with pytest.raises(UnknownLimitError, match="eu_upper_action"):
        limit("eu_uper_action", metabolic_class=1, acclimatised=True)


def test_every_limit_names_its_instrument_clause_and_confidence() -> None:
    for name in limits.LIMIT_NAMES:
        found = limit(name, metabolic_class=2, acclimatised=True)
        assert found.instrument
        assert found.clause
        assert found.label
        assert found.confidence in ("verified", "secondary", "unverified")


@pytest.mark.parametrize(("watts", "number"), [(90, 0), (124.9, 0), (125, 1), (240, 2), (465, 4), (600, 4)])
def test_a_rate_on_a_boundary_belongs_to_the_heavier_class(watts: float, number: int) -> None:
    assert limits.class_of_rate(watts).number == number


def test_every_limit_says_which_exposures_it_is_about() -> None:
    assert set(limits.MEANT_FOR) == set(limits.LIMIT_NAMES)
    for name, kinds in limits.MEANT_FOR.items():
        assert kinds, name
        assert set(kinds) <= set(CAPTURE), name
        assert kinds == limit(name, metabolic_class=2, acclimatised=True).kinds


@pytest.mark.parametrize(
    ("name", "value", "unit", "strict", "confidence"),
    [
        ("osha_noise_ceiling", 115.0, "dB", True, "verified"),
        ("osha_pel_dose", 100.0, "%", True, "verified"),
        ("osha_action_dose", 50.0, "%", False, "verified"),
        ("co_niosh_ceiling", 200.0, "ppm", True, "unverified"),
        ("co_osha_twa", 50.0, "ppm", True, "verified"),
        ("co2_twa", 5000.0, "ppm", True, "secondary"),
        ("hcho_niosh_twa", 16.0, "ppb", True, "verified"),
        ("hcho_niosh_ceiling", 100.0, "ppb", True, "verified"),
        ("hcho_osha_twa", 750.0, "ppb", True, "verified"),
        ("hcho_osha_stel", 2000.0, "ppb", True, "verified"),
        ("hcho_osha_action", 500.0, "ppb", False, "verified"),
        ("no2_niosh_stel", 1000.0, "ppb", True, "unverified"),
        ("no2_osha_ceiling", 5000.0, "ppb", True, "unverified"),
    ],
)
def test_the_numbers_of_gases_and_noise_are_those_of_the_reference_with_their_confidence(
    name: str, value: float, unit: str, strict: bool, confidence: str
) -> None:
    found = limit(name, metabolic_class=1, acclimatised=False)
    assert (found.value, found.unit, found.strict, found.confidence) == (value, unit, strict, confidence)


def test_no_limit_of_dust_is_one_of_cotton_dust() -> None:
    dust = [name for name, kinds in limits.MEANT_FOR.items() if any(kind.startswith("pm") for kind in kinds)]
    assert all(name.startswith("who_") for name in dust)
