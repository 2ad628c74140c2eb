"""Shards: a site's shard never changes, and a part of the register holds what belongs to its sites."""

from ingest_service.register.store import Register
from ingest_service.shards import SHARDS, shard_of


def test_the_shard_of_a_site_is_the_same_for_ever() -> None:
    # Rows of the ledger carry these numbers.
    assert [shard_of(site) for site in ("kh-f0123", "kh-f0124", "vn-a")] == [2, 1, 7]
    assert {shard_of(f"kh-f{number:04}") for number in range(500)} == set(range(SHARDS))


def test_each_site_is_in_one_part_with_all_that_belongs_to_it(register: Register) -> None:
    whole = register.snapshot()
    parts = [whole.of_shard(number) for number in range(SHARDS)]
    assert sorted(site.id for part in parts for site in part.sites) == [site.id for site in whole.sites]
    for name in ("zones", "gateways", "placements", "expected"):
        together = [one for part in parts for one in getattr(part, name)]
        assert sorted(together, key=repr) == sorted(getattr(whole, name), key=repr)
    part = whole.of_shard(shard_of("kh-f0123"))
    assert part.calendar("kh-f0123").shifts == whole.calendar("kh-f0123").shifts
    assert [part.keys_of(one.id) for one in part.gateways] == [whole.keys_of(one.id) for one in part.gateways]
    for zone in part.zones:
        assert part.zone_history(zone.id) == whole.zone_history(zone.id)
    assert part.committee("kh-f0123") == whole.committee("kh-f0123")
    assert [part.contacts(one.id) for one in part.people] == [whole.contacts(one.id) for one in whole.people]
    assert whole.of_shard(shard_of("kh-f0123")) is part
    assert whole.of_shard(None) is whole
