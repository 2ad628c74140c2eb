"""The fleet as a document: the register's own importer takes it, and one seed gives the same keys."""

from collections.abc import Iterator

import pytest

from firmware_sim.description import describe
from firmware_sim.fleet import Fleet, fleet_named
from ingest_service.register.description_check import check_description
from osh_domain.quantities import quantity


def test_the_demo_has_four_factories_twelve_zones_and_six_gateways() -> None:
    fleet = fleet_named("demo", 7)
    assert [factory.country for factory in fleet.factories] == ["kh", "kh", "bd", "bd"]
    assert sum(len(factory.zones) for factory in fleet.factories) == 12
    assert len(fleet.gateways) == 6


@pytest.mark.parametrize("name", ["demo", "30"])
def test_the_register_finds_no_mistake_in_the_document(name: str) -> None:
    fleet = fleet_named(name, 7)
    description = check_description(describe(fleet, valid_from=1.0), frozenset())
    assert sum(len(site.gateways) for site in description.sites) == len(fleet.gateways)


def test_keys_follow_the_seed() -> None:
    def keys(fleet: Fleet) -> Iterator[str]:
        for site in describe(fleet)["sites"]:
            yield from (gateway["key"] for gateway in site["gateways"])

    assert list(keys(fleet_named("demo", 7))) == list(keys(fleet_named("demo", 7)))
    assert not set(keys(fleet_named("demo", 7))) & set(keys(fleet_named("demo", 8)))


def test_private_keys_are_not_in_the_document() -> None:
    fleet = fleet_named("demo", 7)
    text = str(describe(fleet))
    for gateway in fleet.gateways:
        assert fleet.private_key(gateway).hex() not in text


def test_every_instrument_measures_known_quantities_within_their_range() -> None:
    for sensor in fleet_named("demo", 7).sensors:
        for measure in sensor.instrument.measures:
            row = quantity(measure.quantity)
            assert row.low <= measure.low < measure.high <= row.high


def test_an_unknown_fleet_says_what_is_possible() -> None:
    with pytest.raises(ValueError, match="write demo, or a number of factories"):
        fleet_named("domo", 7)
