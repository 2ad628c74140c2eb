"""Who may do what where: one pure function decides."""

from enum import StrEnum
from typing import Final, NamedTuple

from ingest_service.register.entries import Person, Role
from ingest_service.register.snapshot import covers


class Action(StrEnum):
    """What can be asked for."""

    READ_OVERVIEW = "read_overview"
    READ_SITE = "read_site"
    READ_CASE = "read_case"
    ACKNOWLEDGE_CASE = "acknowledge_case"
    ADD_ACTION = "add_action"
    CLOSE_CASE = "close_case"
    READ_FLEET = "read_fleet"
    READ_QUARANTINE = "read_quarantine"
    REPLAY_QUARANTINE = "replay_quarantine"
    UPLOAD = "upload"
    ADMINISTER = "administer"
    READ_MAIL = "read_mail"
    READ_AUDIT = "read_audit"
    TAKE_EVIDENCE = "take_evidence"


class Why(StrEnum):
    """The kind of a decision; each refusal has its own HTTP status."""

    ALLOWED = "allowed"
    NOT_SIGNED_IN = "not_signed_in"
    ENDED = "ended"
    OUT_OF_SCOPE = "out_of_scope"
    ROLE = "role"
    TOKEN = "token"  # noqa: S105 - a reason, no secret


class Decision(NamedTuple):
    """Whether, and the reason as a sentence for people."""

    allowed: bool
    why: Why
    reason: str


class Grant(NamedTuple):
    """What an API token was made for: it can do less than its person, never more."""

    actions: frozenset[Action]
    scope: str


_READ: Final = frozenset({Action.READ_OVERVIEW, Action.READ_SITE, Action.READ_CASE})
_READ_RECORDS: Final = frozenset(
    {Action.READ_FLEET, Action.READ_QUARANTINE, Action.READ_AUDIT, Action.TAKE_EVIDENCE}
)
_COMMITTEE: Final = _READ | _READ_RECORDS | {Action.ACKNOWLEDGE_CASE, Action.ADD_ACTION, Action.CLOSE_CASE}

# The two sides of a committee have one set between them, so that neither can see or do more than the other.
# Only they sign and close; nobody, whatever the role, can delete a reading: there is no such action.
RIGHTS: Final[dict[Role, frozenset[Action]]] = {
    Role.AUTHORITY: _READ | _READ_RECORDS | {Action.READ_MAIL},
    Role.COMMITTEE_WORKER: _COMMITTEE,
    Role.COMMITTEE_MANAGEMENT: _COMMITTEE,
    Role.ADVISER: _READ,
    Role.ENGINEER: _READ | _READ_RECORDS | {Action.ADD_ACTION, Action.REPLAY_QUARANTINE, Action.UPLOAD},
    Role.ADMINISTRATOR: _READ
    | _READ_RECORDS
    | {Action.REPLAY_QUARANTINE, Action.UPLOAD, Action.ADMINISTER, Action.READ_MAIL},
    Role.PUBLIC: frozenset(),
}


def may(
    person: Person | None, action: Action, scope: str, now: float, grant: Grant | None = None
) -> Decision:
    """Decide whether the person may do the action at a node of the tree of scopes ("" is everything).

    What lies outside the person's scope is refused first, so that an answer never tells a stranger whether a
    place exists.
    """
    if person is None:
        return Decision(False, Why.NOT_SIGNED_IN, "Sign in first.")
    if not person.active or (person.valid_until is not None and person.valid_until <= now):
        return Decision(False, Why.ENDED, "This account has ended.")
    if not covers(person.scope, scope) or (grant is not None and not covers(grant.scope, scope)):
        return Decision(False, Why.OUT_OF_SCOPE, "There is nothing here.")
    if action not in RIGHTS[person.role]:
        return Decision(False, Why.ROLE, f"The role {person.role} does not hold the right {action}.")
    if grant is not None and action not in grant.actions:
        return Decision(False, Why.TOKEN, f"This token was not made for {action}.")
    return Decision(True, Why.ALLOWED, f"{person.role} may {action}.")
