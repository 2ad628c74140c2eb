"""Doubts about sensors: one cause is one case, silence is no doubt, and a restart forgets nothing."""

import json
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from alert_rules.pack_model import Watch
from alert_rules.watches import Doubt, Sensors, Told, WatchChange, WatchState, step

RULES = {
    "stuck": Watch(what="stuck", after="30 min", back="10 min"),  # type: ignore[arg-type]
    "calibration": Watch(what="calibration", after="1 h", back="1 h"),  # type: ignore[arg-type]
    "moved": Watch(what="moved", after="10 min", back="10 min"),  # type: ignore[arg-type]
}
SENSORS = ("a/th1", "a/th2", "a/mic1", "b/th1", "b/pm1")


def stuck(sensor: str, quantity: str = "ta") -> Doubt:
    return Doubt("stuck", sensor, 0.0, {"quantity": quantity})


def lapsed(sensor: str) -> Doubt:
    return Doubt("calibration", sensor, 0.0, {"quantity": "co", "due": "2026-05-01"})


def moved(sensor: str, *serials: str) -> Doubt:
    return Doubt("moved", sensor, 0.0, {"reported": serials[0]}, frozenset(serials))


class Site:
    """A site that is looked at once a minute."""

    def __init__(self) -> None:
        self.state, self.minute = WatchState(), 0
        self.told: list[WatchChange] = []

    def look(
        self, doubts: Iterable[Doubt], minutes: int = 1, silent: Iterable[str] = (), rules: object = None
    ) -> list[tuple[str, str, tuple[str, ...]]]:
        made: list[WatchChange] = []
        every = list(doubts)
        for _ in range(minutes):
            self.minute += 1
            sensors = Sensors(SENSORS, frozenset(silent))
            known = RULES if rules is None else {}
            self.state, changes = step(self.state, every, sensors, known, 60.0 * self.minute)
            self.state = WatchState.read(json.loads(json.dumps(self.state.stored())))
            made += changes
        self.told += made
        return [(one.told.value, one.subject, one.sensors) for one in made]


def test_a_stuck_value_is_told_after_its_time_and_is_over_after_it_moved_for_a_while() -> None:
    site = Site()
    assert site.look([stuck("a/th1")], 30) == []
    assert site.look([stuck("a/th1")]) == [("raised", "stuck:a/th1", ("a/th1",))]
    assert site.look([stuck("a/th1")], 100) == []
    assert site.look([], 10) == []
    assert site.look([]) == [("cleared", "stuck:a/th1", ("a/th1",))]


def test_a_value_that_moves_in_between_begins_anew() -> None:
    site = Site()
    assert site.look([stuck("a/th1")], 29) == []
    assert site.look([]) == []
    assert site.look([stuck("a/th1")], 29) == []


def test_channels_and_sensors_of_a_gateway_that_stick_together_are_one_case() -> None:
    site = Site()
    doubts = [stuck("a/th1"), stuck("a/th1", "rh"), stuck("a/th2"), stuck("b/th1")]
    site.look(doubts[:2])
    assert site.look(doubts, 35) == [
        ("raised", "stuck:a/th1", ("a/th1", "a/th2")),
        ("raised", "stuck:b/th1", ("b/th1",)),
    ]
    assert len(site.told[0].doubts) == 3


def test_a_swapped_pair_is_one_case_that_names_both() -> None:
    site = Site()
    pair = [moved("a/th1", "S2", "S1"), moved("b/th1", "S1", "S2")]
    assert site.look(pair, 20) == [("raised", "moved:a/th1", ("a/th1", "b/th1"))]


def test_the_other_one_of_a_pair_that_comes_later_joins_the_case() -> None:
    site = Site()
    assert site.look([moved("b/th1", "S1", "S2")], 20) == [("raised", "moved:b/th1", ("b/th1",))]
    pair = [moved("a/th1", "S2", "S1"), moved("b/th1", "S1", "S2")]
    assert site.look(pair, 30) == [("joined", "moved:b/th1", ("a/th1",))]
    assert site.look([], 30) == [("cleared", "moved:b/th1", ("a/th1", "b/th1"))]


def test_calibrations_that_lapse_together_are_one_case() -> None:
    site = Site()
    doubts = [lapsed(sensor) for sensor in SENSORS]
    assert site.look(doubts, 90) == [("raised", "calibration:a/mic1", tuple(sorted(SENSORS)))]


def test_what_is_silent_is_neither_doubted_nor_right_again() -> None:
    site = Site()
    assert site.look([stuck("a/th1")], 60, silent=["a/th1"]) == []
    site.look([stuck("a/th1")], 31)
    assert [one.told for one in site.told] == [Told.RAISED]
    assert site.look([], 60, silent=["a/th1"]) == []
    assert site.look([], 11) == [("cleared", "stuck:a/th1", ("a/th1",))]


def test_a_doubt_whose_rule_is_gone_ends_and_says_so() -> None:
    site = Site()
    site.look([stuck("a/th1")], 31)
    assert site.look([stuck("a/th1")], rules=()) == [("cleared", "stuck:a/th1", ("a/th1",))]
    assert site.told[-1].reason == "its rule is not in force any more"


@given(
    st.lists(
        st.tuples(
            st.lists(st.sampled_from(SENSORS), max_size=3, unique=True),
            st.lists(st.sampled_from(SENSORS), max_size=2, unique=True),
            st.integers(1, 40),
        ),
        max_size=12,
    )
)
def test_each_cause_is_told_once_and_ends_once_and_is_only_told_after_its_full_time(
    course: list[tuple[list[str], list[str], int]],
) -> None:
    site, doubted = Site(), dict.fromkeys(SENSORS, 0)
    running: set[str] = set()
    for wrong, silent, minutes in course:
        for _ in range(minutes):
            # How long each was doubted without a minute in which it was known to be right.
            for name in SENSORS:
                if name not in silent:
                    doubted[name] = doubted[name] + 1 if name in wrong else 0
                elif doubted[name]:
                    doubted[name] += 1
            for told, subject, sensors in site.look(map(stuck, wrong), silent=silent):
                if told == "raised":
                    assert subject not in running
                    assert max(doubted[name] for name in sensors) > 30
                    assert not set(sensors) & set(silent)
                    running.add(subject)
                else:
                    running.remove(subject)
                    assert not set(sensors) & (set(wrong) | set(silent))
