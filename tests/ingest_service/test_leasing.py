"""Who should hold which shard: the decision alone, among processes that come, go and look as they like."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest_service.leasing import Lease, decide, quotas

LEASE_S = 10.0
SHARDS = 16


class World:
    """The table of leases, and what processes do with their decisions."""

    def __init__(self) -> None:
        self.now = 100.0
        self.leases = [Lease(shard, None, 0.0, 0) for shard in range(SHARDS)]
        self.live: dict[str, float] = {}

    def look(self, me: str) -> None:
        until = self.now + LEASE_S
        self.live[me] = until
        self.leases = [one._replace(until=until) if one.holder == me else one for one in self.leases]
        decision = decide(me, self.leases, {h for h, t in self.live.items() if t >= self.now}, self.now)
        left = decision.take
        for place, lease in enumerate(self.leases):
            if lease.shard in decision.release:
                assert lease.holder == me
                self.leases[place] = lease._replace(holder=None, until=0.0)
            elif left and lease.free(self.now) and lease.holder != me:
                self.leases[place] = Lease(lease.shard, me, until, lease.term + 1)
                left -= 1

    def held(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for lease in self.leases:
            if lease.holder is not None:
                found[lease.holder] = found.get(lease.holder, 0) + 1
        return found


EVENT = st.tuples(st.sampled_from("abcdefg"), st.booleans(), st.floats(0.0, 6.0))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(EVENT, max_size=40), st.sets(st.sampled_from("abcdefg"), min_size=1), st.permutations("abcdefg")
)
def test_whatever_happened_before_the_living_soon_share_all_of_it_and_then_nothing_moves(
    events: list[tuple[str, bool, float]], living: set[str], order: list[str]
) -> None:
    world = World()
    for who, ends, passes in events:
        world.look(who)
        if ends:
            world.leases = [
                one._replace(holder=None, until=0.0) if one.holder == who else one for one in world.leases
            ]
            del world.live[who]
        world.now += passes
    turns = [who for who in order if who in living]
    for _ in range(14):  # a lease's length and a few looks more
        for who in turns:
            world.look(who)
        world.now += 1.0
    held = world.held()
    assert set(held) == living if len(living) <= SHARDS else set(held) <= living
    assert sum(held.values()) == SHARDS
    assert max(held.values()) - min(held.values()) <= 1
    before = [(one.shard, one.holder, one.term) for one in world.leases]
    for who in turns:
        world.look(who)
    assert [(one.shard, one.holder, one.term) for one in world.leases] == before


def test_a_newcomer_gets_its_share_and_nobody_who_has_no_more_than_theirs_gives_up() -> None:
    leases = [Lease(shard, "a" if shard < 8 else "b", 200.0, 1) for shard in range(SHARDS)]
    live = {"a", "b", "c"}
    assert quotas("c", leases, live, 100.0) == {"a": 6, "b": 5, "c": 5}
    assert decide("a", leases, live, 100.0).release == (6, 7)
    assert decide("b", leases, live, 100.0).release == (13, 14, 15)
    assert decide("c", leases, live, 100.0) == (0, ())


def test_what_a_dead_holder_has_is_taken_when_its_lease_is_over_and_not_before() -> None:
    leases = [Lease(shard, "dead" if shard < 8 else "a", 110.0, 1) for shard in range(SHARDS)]
    assert decide("a", leases, {"a", "dead"}, 109.0).take == 0
    leases = [one._replace(until=130.0) if one.holder == "a" else one for one in leases]
    assert decide("a", leases, {"a"}, 110.1).take == 8


def test_more_processes_than_shards_leave_some_without_work() -> None:
    live = {f"h{number:02}" for number in range(20)}
    leases = [Lease(shard, None, 0.0, 0) for shard in range(SHARDS)]
    assert sorted(quotas("h00", leases, live, 0.0).values()) == [0] * 4 + [1] * 16
