from itertools import product

import pytest

from ingest_service.auth.access import Action, Grant, Why, may
from ingest_service.register.entries import Person, Role

NOW = 1_780_279_200.0
OWN, FOREIGN = "kh/phnom-penh/kh-f0123", "kh/phnom-penh/kh-f0007"

# The whole matrix, written out: one letter a role, in this order; a dot is a refusal.
ROLES = [
    Role.AUTHORITY,
    Role.COMMITTEE_WORKER,
    Role.COMMITTEE_MANAGEMENT,
    Role.ADVISER,
    Role.ENGINEER,
    Role.ADMINISTRATOR,
    Role.PUBLIC,
]
MATRIX = {
    Action.READ_OVERVIEW: "y y y y y y .",
    Action.READ_SITE: "y y y y y y .",
    Action.READ_CASE: "y y y y y y .",
    Action.ACKNOWLEDGE_CASE: ". y y . . . .",
    Action.ADD_ACTION: ". y y . y . .",
    Action.CLOSE_CASE: ". y y . . . .",
    Action.READ_FLEET: "y y y . y y .",
    Action.READ_QUARANTINE: "y y y . y y .",
    Action.REPLAY_QUARANTINE: ". . . . y y .",
    Action.UPLOAD: ". . . . y y .",
    Action.ADMINISTER: ". . . . . y .",
    Action.READ_MAIL: "y . . . . y .",
    Action.READ_AUDIT: "y y y . y y .",
    Action.TAKE_EVIDENCE: "y y y . y y .",
}
ALLOWED = {
    (role, action)
    for action, row in MATRIX.items()
    for role, letter in zip(ROLES, row.split(), strict=True)
    if letter == "y"
}
SCOPES = ["", "kh", "kh/phnom-penh", OWN, OWN + "/sewing-3", FOREIGN, "kha", "vn/hanoi/vn-f0001"]


def person(role: Role, scope: str = OWN, *, active: bool = True, valid_until: float | None = None) -> Person:
    return Person(1, "alice", "Alice", role, scope, role.side, "en", active, valid_until)


def test_the_matrix_names_every_role_and_action() -> None:
    assert set(MATRIX) == set(Action)
    assert set(ROLES) == set(Role)


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_a_role_may_what_the_matrix_says_in_its_own_scope_and_nothing_elsewhere(
    role: Role, action: Action
) -> None:
    inside = {OWN, OWN + "/sewing-3"}
    for place in SCOPES:
        decision = may(person(role), action, place, NOW)
        assert decision.allowed is ((role, action) in ALLOWED and place in inside)
        if place not in inside:
            assert decision.why is Why.OUT_OF_SCOPE
        elif not decision.allowed:
            assert decision.why is Why.ROLE


@pytest.mark.parametrize(("role", "action"), sorted(ALLOWED))
def test_a_country_scope_holds_what_is_below_it_and_no_other_country(role: Role, action: Action) -> None:
    for place in ("kh", "kh/phnom-penh", OWN, FOREIGN, OWN + "/sewing-3"):
        assert may(person(role, "kh"), action, place, NOW).allowed
    for place in ("", "kha", "vn", "vn/hanoi/vn-f0001"):
        assert may(person(role, "kh"), action, place, NOW).why is Why.OUT_OF_SCOPE
    assert all(may(person(role, ""), action, place, NOW).allowed for place in SCOPES)


@pytest.mark.parametrize("action", list(Action))
def test_both_sides_of_a_committee_may_the_same(action: Action) -> None:
    for place in SCOPES:
        worker = may(person(Role.COMMITTEE_WORKER), action, place, NOW)
        management = may(person(Role.COMMITTEE_MANAGEMENT), action, place, NOW)
        assert (worker.allowed, worker.why) == (management.allowed, management.why)


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_nobody_and_ended_accounts_may_nothing(role: Role, action: Action) -> None:
    assert may(None, action, OWN, NOW).why is Why.NOT_SIGNED_IN
    assert may(person(role, active=False), action, OWN, NOW).why is Why.ENDED
    assert may(person(role, valid_until=NOW), action, OWN, NOW).why is Why.ENDED
    running = may(person(role, valid_until=NOW + 1), action, OWN, NOW)
    assert running.allowed is ((role, action) in ALLOWED)


@pytest.mark.parametrize(("role", "action"), list(product(Role, Action)))
def test_a_token_can_do_less_than_its_person_and_never_more(role: Role, action: Action) -> None:
    everything = Grant(frozenset(Action), "")
    assert may(person(role), action, OWN, NOW, everything).allowed is ((role, action) in ALLOWED)
    nothing = Grant(frozenset(Action) - {action}, "")
    assert not may(person(role), action, OWN, NOW, nothing).allowed
    narrow = Grant(frozenset(Action), OWN + "/sewing-3")
    assert may(person(role), action, OWN, NOW, narrow).why is Why.OUT_OF_SCOPE


def test_nobody_may_delete_a_reading() -> None:
    assert not [action for action in Action if "delete" in action or "reading" in action]
