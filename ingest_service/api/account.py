"""Who the caller is, and API tokens."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field

from ingest_service.api.errors import ApiError
from ingest_service.auth.access import RIGHTS, Action
from ingest_service.auth.dependencies import Caller, CallerDependency, PersonDependency, require
from ingest_service.auth.tokens import Token
from ingest_service.register.description import known_scopes
from ingest_service.register.entries import Person
from ingest_service.register.snapshot import covers

router = APIRouter(prefix="/api/v1", tags=["account"])

Administrator = Annotated[Caller, Depends(require(Action.ADMINISTER))]


class Me(BaseModel):
    """The caller, and what they may do within their scope."""

    login: str
    name: str
    role: str
    scope: str
    side: str | None
    language: str
    actions: list[Action]


class TokenFacts(BaseModel):
    """A token without its secret. Instants are s since 1970 UTC."""

    id: int
    label: str
    login: str
    actions: list[Action]
    scope: str
    created_at: float
    expires_at: float | None
    revoked_at: float | None
    used_at: float | None


class TokenWanted(BaseModel):
    """What a token shall be able to do; never more than its person may."""

    model_config = ConfigDict(extra="forbid")

    label: str = Field(min_length=1, max_length=100)
    login: str = Field(max_length=64)
    actions: list[Action] = Field(min_length=1)
    scope: str = Field(max_length=200)
    days: float | None = Field(None, gt=0, le=3660, description="Ends after so many days; null never.")


class TokenMade(BaseModel):
    """A new token; `secret` is shown this once and kept nowhere."""

    id: int
    secret: str = Field(repr=False)


@router.get("/me", summary="Who the caller is")
def me(caller: CallerDependency, person: PersonDependency) -> Me:
    rights = RIGHTS[person.role]
    if caller.grant is not None:
        rights &= caller.grant.actions
    return Me(
        login=person.login,
        name=person.name,
        role=person.role,
        scope=person.scope,
        side=person.side,
        language=person.language,
        actions=sorted(rights),
    )


@router.get("/tokens", summary="The tokens of people in the caller's scope")
def tokens(caller: Administrator) -> list[TokenFacts]:
    return [
        _facts(token, owner)
        for token in caller.context.tokens.all()
        if (owner := _owner(caller, token.person)) is not None
    ]


@router.post("/tokens", status_code=201, summary="Make a token")
def create_token(wanted: TokenWanted, caller: Administrator) -> TokenMade:
    snapshot = caller.context.register.snapshot()
    owner = snapshot.people_by_login.get(wanted.login)
    if owner is None or not owner.active or _owner(caller, owner.id) is None:
        raise ApiError(422, "invalid", f"There is no active person {wanted.login!r}.", where="login")
    if not covers(owner.scope, wanted.scope) or wanted.scope not in known_scopes(snapshot) | {""}:
        message = f"{wanted.scope!r} is no place within {owner.login}'s scope {owner.scope!r}."
        raise ApiError(422, "invalid", message, where="scope", way_out="Write country/district/site/zone.")
    if above := sorted(set(wanted.actions) - RIGHTS[owner.role]):
        message = f"The role {owner.role} does not hold {', '.join(above)}."
        raise ApiError(422, "invalid", message, where="actions", way_out="Leave them out.")
    expires_at = None if wanted.days is None else time.time() + wanted.days * 86_400
    made = caller.context.tokens.create(
        wanted.label, owner.id, wanted.actions, wanted.scope, caller.who, expires_at
    )
    return TokenMade(id=made.id, secret=made.secret)


@router.delete("/tokens/{token}", status_code=204, summary="End a token")
def revoke_token(token: Annotated[int, Path(ge=1)], caller: Administrator) -> None:
    held = next((held for held in caller.context.tokens.all() if held.id == token), None)
    if held is None or _owner(caller, held.person) is None:
        raise ApiError(404, "not_found", "There is nothing here.")
    caller.context.tokens.revoke(token, caller.who)


def _owner(caller: Caller, person: int) -> Person | None:
    """The person of that number, if they are within the caller's scope."""
    found = caller.context.register.snapshot().person(person)
    mine = caller.person.scope if caller.person is not None else None
    return found if found is not None and mine is not None and covers(mine, found.scope) else None


def _facts(token: Token, owner: Person) -> TokenFacts:
    return TokenFacts(
        id=token.id,
        label=token.label,
        login=owner.login,
        actions=sorted(token.grant.actions),
        scope=token.grant.scope,
        created_at=token.created_at,
        expires_at=token.expires_at,
        revoked_at=token.revoked_at,
        used_at=token.used_at,
    )
