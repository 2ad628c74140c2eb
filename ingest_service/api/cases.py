"""What the committee does with a case."""

from typing import Annotated

from fastapi import APIRouter, Body, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from ingest_service.api.errors import ApiError
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, PersonDependency, caller_of
from ingest_service.queries import case as case_query
from ingest_service.queries.records import Case
from ingest_service.queries.view import NotHere
from ingest_service.register.entries import Person, Side

router = APIRouter(prefix="/api/v1", tags=["cases"])

CaseId = Annotated[int, Path(ge=1, le=2**53)]
AnyCaller = Annotated[Caller, Depends(caller_of)]


class ActionWanted(BaseModel):
    """What is or will be done; `due_at` in s since 1970 UTC."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=4000)
    due_at: float | None = Field(None, ge=0, le=32_503_680_000, allow_inf_nan=False)


class Agreement(BaseModel):
    """One side agrees to close; a reason is needed while the case has not ended."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=4000)


@router.post("/cases/{case}/acknowledge", summary="Sign for one's side that the case was seen")
def acknowledge(case: CaseId, _person: PersonDependency, caller: AnyCaller) -> Case:
    person = _allowed(caller, case, Action.ACKNOWLEDGE_CASE)
    caller.context.cases.acknowledge(case, person, _side(person), caller.context.clock.now())
    return _case(caller, case)


@router.post("/cases/{case}/actions", status_code=201, summary="Write down what is or will be done")
def add_action(case: CaseId, wanted: ActionWanted, _person: PersonDependency, caller: AnyCaller) -> Case:
    person = _allowed(caller, case, Action.ADD_ACTION)
    now = caller.context.clock.now()
    caller.context.cases.add_action(case, wanted.text, person, person.side, now, wanted.due_at)
    return _case(caller, case)


@router.post("/cases/{case}/actions/{action}/done", summary="Say that an action is done")
def finish_action(case: CaseId, action: CaseId, _person: PersonDependency, caller: AnyCaller) -> Case:
    person = _allowed(caller, case, Action.ADD_ACTION)
    if action not in {row["id"] for row in caller.context.cases.actions(case)}:
        raise NotHere(f"action {action}")
    caller.context.cases.finish_action(action, person, person.side, caller.context.clock.now())
    return _case(caller, case)


@router.post("/cases/{case}/close", summary="Agree for one's side to close the case")
def close(
    case: CaseId,
    _person: PersonDependency,
    caller: AnyCaller,
    agreement: Annotated[Agreement | None, Body()] = None,
) -> Case:
    person = _allowed(caller, case, Action.CLOSE_CASE)
    reason = "" if agreement is None else agreement.reason
    now = caller.context.clock.now()
    caller.context.cases.agree_to_close(case, person, _side(person), now, reason)
    return _case(caller, case)


def _allowed(caller: Caller, case: int, action: Action) -> Person:
    """The person, if they may do this at the case's site; a case elsewhere does not exist."""
    row = caller.context.cases.case(case)
    if row is None:
        raise NotHere(f"case {case}")
    return caller.must(action, row["site"])


def _side(person: Person) -> Side:
    if person.side is None:
        raise ApiError(403, "not_allowed", "Only the two sides of the committee sign.")
    return person.side


def _case(caller: Caller, case: int) -> Case:
    return case_query.case(caller.view(), case)
