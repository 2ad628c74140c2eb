"""The words of a notice, and who is told later."""

import pytest

from alert_rules.escalation import CaseFacts, due_steps
from alert_rules.messages import notice_words
from alert_rules.pack_model import Escalation
from ingest_service.language import translator

EVENT = {
    "hazard": "heat",
    "severity": "danger",
    "agent": "",
    "site_name": "Mekong Garment 0123",
    "zone_name": "Sewing line 3",
    "timezone": "Asia/Phnom_Penh",
    "since": 1780285200.0,
    "at": 1780285800.0,
    "exposure": "wbgt_eff.twa60",
    "unit": "Cel",
    "value": 31.249999,
    "coverage": 0.983,
    "limit": {
        "value": 30.0,
        "label": "WBGT reference value, low metabolic rate, acclimatised",
        "instrument": "ISO 7243:2017",
        "clause": "Annex A, Table A.1",
        "confidence": "verified",
    },
    "advice": ["heat.water", "heat.rest", "heat.air", "heat.source"],
}
STEPS = (
    Escalation(after="1 h", unless="acknowledged_by_both", to=("committee.worker", "committee.management")),  # type: ignore[arg-type]
    Escalation(after="2 h", unless="acknowledged_by_both", to=("adviser",)),  # type: ignore[arg-type]
    Escalation(after="24 h", unless="action_recorded", to=("authority",)),  # type: ignore[arg-type]
)


def test_a_notice_is_short_and_says_what_since_when_how_much_and_what_to_do() -> None:
    words = notice_words("opened", EVENT, "http://osh.example/cases/7", translator("en"))
    assert words.subject == "DANGER: Too hot, Sewing line 3, Mekong Garment 0123"
    assert words.body.splitlines() == [
        "DANGER: Too hot, Sewing line 3, Mekong Garment 0123",
        "Since 2026-06-01 10:40 (Asia/Phnom_Penh).",
        (
            "WBGT, average of the last hour: 31.2 °C; limit 30.0 °C (ISO 7243:2017, Annex A, Table A.1; "
            "WBGT reference value, low metabolic rate, acclimatised)."
        ),
        "Measured share of the time: 98 %.",
        "Do now:",
        "1. Switch off machines and steam that are not needed right now.",
        "2. Open louvres and doors on both sides and switch on fans and extraction.",
        "3. Give rest breaks in a cool place every hour, in paid time.",
        "4. Bring cool drinking water within a few steps: a cup every 15 to 20 minutes.",
        "Please sign that you have seen it.",
        "http://osh.example/cases/7",
        "A fixed sensor supports screening; it does not measure one person's exposure.",
    ]


def test_a_value_just_above_its_limit_is_not_told_as_equal_to_it() -> None:
    body = notice_words("opened", EVENT | {"value": 30.004}, "", translator("en")).body
    assert "30.004 °C; limit 30.000 °C" in body
    assert (
        "30.0 °C; limit 30.0 °C" in notice_words("opened", EVENT | {"value": 30.0}, "", translator("en")).body
    )


def test_it_says_how_it_ended() -> None:
    over = EVENT | {"ended_by": "shift_over"}
    unmeasured = notice_words("cleared", over, "", translator("en"))
    assert unmeasured.subject == "Shift over: Too hot, Sewing line 3, Mekong Garment 0123"
    assert "The shift ended" in unmeasured.body
    measured = notice_words("cleared", EVENT | {"value": 28.0}, "", translator("en"))
    assert measured.subject == "Over: Too hot, Sewing line 3, Mekong Garment 0123"
    assert "WBGT, average of the last hour: 28.0 °C." in measured.body


def test_a_number_that_was_not_verified_says_so() -> None:
    unsure = EVENT | {"limit": EVENT["limit"] | {"confidence": "unverified"}}  # type: ignore[operator]
    assert "has not been verified" in notice_words("opened", unsure, "", translator("en")).body


def test_a_silent_site_is_told_in_its_own_words() -> None:
    event = {
        "hazard": "silence", "cause": "site", "severity": "warning", "site_name": "Mekong Garment 0123",
        "timezone": "Asia/Phnom_Penh", "since": 1780285200.0, "at": 1780285800.0, "channels": 8,
        "advice": ["watch.power"], "subject": "kh-f0123", "zone_name": "",
    }  # fmt: skip
    words = notice_words("opened", event, "", translator("en"))
    assert words.subject == "WARNING: No power or no link, Mekong Garment 0123"
    assert "8 expected channels report nothing." in words.body
    assert "agree on closing" not in notice_words("cleared", event, "", translator("en")).body


@pytest.mark.parametrize("kind", ["opened", "worsened", "cleared", "escalation-1"])
def test_every_kind_is_said_in_every_language(kind: str) -> None:
    for language in ("en", "fr"):
        words = notice_words(kind, EVENT | {"due_reason": "1 h later"}, "http://x", translator(language))
        assert words.subject
        assert "%(" not in words.body + words.subject


@pytest.mark.parametrize("ended", ["pack_ended", "not_judged", "reclassified", "zone_removed"])
def test_a_rule_that_judges_no_more_says_that_this_was_no_measurement(ended: str) -> None:
    words = notice_words("cleared", EVENT | {"ended_by": ended}, "", translator("en"))
    assert words.subject.startswith("Judged no more: Too hot")
    assert "it was not measured below the limit before" in words.body


def test_a_value_that_is_not_known_any_more_is_left_out() -> None:
    event = {key: value for key, value in EVENT.items() if key not in {"value", "coverage"}}
    body = notice_words("opened", event, "", translator("en")).body
    assert "WBGT, average of the last hour: limit 30.0 °C" in body


def test_doubts_about_sensors_are_told_with_what_they_are_based_on() -> None:
    event = {
        "hazard": "device", "cause": "moved", "severity": "warning", "site_name": "Mekong Garment 0123",
        "timezone": "Asia/Phnom_Penh", "since": 1780285200.0, "at": 1780285800.0, "zone_name": "",
        "sensors": ["a/th1", "b/th1"], "subject": "moved:a/th1",
        "doubts": [
            {"sensor": "a/th1", "reported": "S2", "registered": "S1", "other": "b/th1"},
            {"sensor": "b/th1", "reported": "S9", "registered": "S2", "other": ""},
            {"sensor": "c/co1", "quantity": "co", "due": "2026-05-01"},
            {"sensor": "d/th1", "quantity": "ta"},
        ],
    }  # fmt: skip
    words = notice_words("opened", event, "", translator("en"))
    assert words.subject == "WARNING: Sensor not in its place, a/th1, b/th1, Mekong Garment 0123"
    for part in (
        "a/th1 reports serial number S2, which is registered for b/th1.",
        "b/th1 reports serial number S9; S2 is registered.",
        "c/co1/co: its calibration was due on 2026-05-01.",
        "d/th1/ta reports the same value for longer than is likely.",
    ):
        assert part in words.body
    assert "right again" in notice_words("cleared", event, "", translator("en")).body


def test_why_further_people_are_told_is_said_in_the_language_of_the_reader() -> None:
    due = {"due_unless": "action_recorded", "due_after_s": 86400.0, "due_running": False, "due_reason": "x"}
    body = notice_words("escalation-3", EVENT | due, "", translator("en")).body
    assert "24 h later no action has been written down; it has ended for now" in body
    hours = EVENT | due | {"due_after_s": 5400.0, "due_unless": "cleared", "due_running": True}
    assert "1.5 h later it is still so." in notice_words("escalation-1", hours, "", translator("en")).body
    old = EVENT | {"due_reason": "1 h later it is still so"}
    assert "1 h later it is still so" in notice_words("escalation-1", old, "", translator("fr")).body


def facts(signed: str = "", actions: int = 0, running: bool = True, raised_at: float = 1000.0) -> CaseFacts:
    return CaseFacts(raised_at, 1000.0, running, frozenset(signed.split()), actions)


def kinds(case: CaseFacts, now: float, done: tuple[str, ...] = (), ever: tuple[str, ...] = ()) -> list[str]:
    return [due.kind for due in due_steps(case, STEPS, done, ever or done, now)]


def test_steps_come_when_they_are_due_and_not_twice() -> None:
    assert kinds(facts(), 4599.0) == []
    assert kinds(facts(), 4600.0) == ["escalation-1"]
    assert kinds(facts(), 8200.0, ("escalation-1",)) == ["escalation-2"]


def test_one_signature_is_not_two_and_an_action_is_no_signature() -> None:
    assert kinds(facts("worker", actions=1), 9000.0) == ["escalation-1", "escalation-2"]
    assert kinds(facts("worker management"), 9000.0) == []
    assert kinds(facts("worker management"), 90000.0) == ["escalation-3"]
    assert kinds(facts("worker management", actions=1), 90000.0) == []


def test_what_ended_still_waits_for_an_action_and_beginning_again_is_none() -> None:
    over = facts(running=False)
    assert kinds(over, 9000.0) == []
    assert kinds(over, 90000.0) == ["escalation-3"]
    (due,) = due_steps(over, STEPS, (), (), 90000.0)
    assert due.reason == "24 h later no action has been written down; it has ended for now"
    assert kinds(facts(actions=1, running=False), 90000.0) == []
    again = facts("worker management", raised_at=88000.0)
    assert kinds(again, 90000.0) == ["escalation-3"]
    assert kinds(again, 90000.0, ever=("escalation-3",)) == []
