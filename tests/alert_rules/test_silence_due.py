"""When a site has to be looked at again: never later than something may have to be told."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from alert_rules.pack_model import Silence
from alert_rules.silence import Channel, SilenceState, next_look, step

RULES = {
    cause: Silence(
        cause=cause,
        after="10 min",  # type: ignore[arg-type]
        periods=5.0,
        together="3 min",  # type: ignore[arg-type]
        grace="10 min",  # type: ignore[arg-type]
        back="2 min",  # type: ignore[arg-type]
    )
    for cause in ("channel", "gateway", "site")
}


@settings(max_examples=400)
@example([("b", 0, 30.0, None), ("b", 1, 300.0, 1621)], 0, 1)
@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.integers(0, 4), st.sampled_from([30.0, 60.0, 300.0]),
                  st.one_of(st.none(), st.integers(0, 2400))),
        min_size=1, max_size=8, unique_by=lambda one: one[:2],
    ),
    st.integers(0, 1200),
    st.integers(1, 4000),
)  # fmt: skip
def test_nothing_has_to_be_told_before_the_next_look(
    channels: list[tuple[str, int, float, int | None]], started: int, ahead: int
) -> None:
    now, state = 2400.0, SilenceState()
    known = [
        Channel(gateway, f"{gateway}/s{number}/ta", period, 0.0, None if last is None else float(last))
        for gateway, number, period, last in channels
    ]
    state, _ = step(state, "s", known, RULES, now, float(started))
    due = next_look(state, known, RULES, now, float(started))
    assert due > now
    at = min(now + ahead, due - 0.001)
    if at > now and not state.open:
        _, made = step(state, "s", known, RULES, at, float(started))
        assert made == ()
