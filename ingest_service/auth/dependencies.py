"""FastAPI dependencies: who asks, and whether they may."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Final, cast

from fastapi import Depends
from starlette.requests import HTTPConnection, Request

from ingest_service.auth.access import Action, Decision, Grant, Why, may
from ingest_service.auth.sessions import COOKIE, Session
from ingest_service.context import Context
from ingest_service.queries.view import View
from ingest_service.register.entries import Person
from ingest_service.register.snapshot import covers

CSRF_HEADER: Final = "x-csrf-token"
CSRF_FIELD: Final = "csrf"
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS: Final = ("application/x-www-form-urlencoded", "multipart/form-data")


class Refused(Exception):  # noqa: N818 - the noun that callers read
    """The caller may not do this; the app answers 401, 403 or 404 by the kind of the decision."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.reason)
        self.decision = decision


class CsrfRefused(Exception):  # noqa: N818 - the noun that callers read
    """A change came by cookie without the session's word: perhaps from a foreign page."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sends a request: somebody with a session, somebody's API token, or nobody.

    With a token the person's scope is narrowed to the token's, so that lists show no more than that.
    """

    context: Context
    person: Person | None
    session: Session | None = None
    grant: Grant | None = None

    def decide(self, action: Action, place: str | None = None) -> Decision:
        """The decision for a site (`kh-f0123`) or zone (`kh-f0123/sewing-3`); None is the own scope."""
        if self.person is None:
            return may(None, action, "", self.context.clock.now())
        scope = self.person.scope if place is None else self.context.register.snapshot().scope_of(place)
        if scope is None:
            return Decision(False, Why.OUT_OF_SCOPE, "There is nothing here.")
        return may(self.person, action, scope, self.context.clock.now(), self.grant)

    def may(self, action: Action, place: str | None = None) -> bool:
        """Whether; for pages that draw a button only for those who may press it."""
        return self.decide(action, place).allowed

    def must(self, action: Action, place: str | None = None) -> Person:
        """The person, if they may; raises `Refused`. An authority's look into a factory is noted."""
        decision = self.decide(action, place)
        if not decision.allowed or self.person is None:
            raise Refused(decision)
        if place is not None:
            self.context.audit.read(self.person, place.partition("/")[0])
        return self.person

    def view(self) -> View:
        """What a query reads for this caller, no wider than their token."""
        return self.context.view(self.person, self.grant)

    @property
    def who(self) -> str:
        """The name for the audit log."""
        return "nobody" if self.person is None else self.person.login


def context_of(connection: HTTPConnection) -> Context:
    """The context that `create_app` opened."""
    return cast("Context", connection.app.state.context)


def caller_of(request: Request) -> Caller:
    """Who sends the request, found once for each request."""
    known = getattr(request.state, "caller", None)
    if isinstance(known, Caller):
        return known
    caller = _identify(context_of(request), request)
    request.state.caller = caller
    return caller


def caller_anew(request: Request) -> Caller:
    """Who sends a request that lasts, by what holds now; raises `Refused` when session or token have ended.

    Looking again does not count as using the session.
    """
    caller = _identify(context_of(request), request, using=False)
    _running(caller)
    return caller


def _identify(context: Context, request: Request, *, using: bool = True) -> Caller:
    secret = _bearer(request)
    if secret is not None:
        return _by_token(context, secret)
    cookie = request.cookies.get(COOKIE)
    session = context.sessions.find(cookie, using=using) if cookie else None
    if session is None:
        return Caller(context, None)
    return Caller(context, context.register.snapshot().person(session.person), session)


def _bearer(request: Request) -> str | None:
    """The API token of a request; any other kind of `Authorization` is none, and the cookie counts."""
    kind, _, secret = request.headers.get("authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else None


def _by_token(context: Context, secret: str) -> Caller:
    token = context.tokens.find(secret)
    person = context.register.snapshot().person(token.person) if token is not None else None
    if token is None or person is None:
        return Caller(context, None)
    if covers(person.scope, token.grant.scope):
        return Caller(context, replace(person, scope=token.grant.scope), None, token.grant)
    if covers(token.grant.scope, person.scope):
        return Caller(context, person, None, token.grant)
    return Caller(context, None)


def current_person(request: Request) -> Person:
    """Whoever is signed in and whose account runs; raises `Refused`."""
    return _running(caller_of(request))


def _running(caller: Caller) -> Person:
    now = caller.context.clock.now()
    person = caller.person
    if person is None:
        raise Refused(may(None, Action.READ_SITE, "", now))
    if not person.active or (person.valid_until is not None and person.valid_until <= now):
        raise Refused(Decision(False, Why.ENDED, "This account has ended."))
    return person


def require(action: Action) -> Callable[[Request], Caller]:
    """A dependency that lets a request pass only if its caller may do the action.

    With a path parameter `site` (and `zone`) at that place, else somewhere in the caller's own scope; the
    endpoint then shows no more than that scope.
    """

    def check(request: Request) -> Caller:
        site, zone = request.path_params.get("site"), request.path_params.get("zone")
        caller = caller_of(request)
        caller.must(action, f"{site}/{zone}" if site and zone else site)
        return caller

    return check


async def csrf_protect(request: Request) -> None:
    """Refuse a change that comes by cookie without the session's word, as header or form field.

    Requests with an API token, or with neither, need none: a browser never sends them by itself.
    """
    if request.method in _SAFE or _bearer(request) is not None or COOKIE not in request.cookies:
        return
    session = context_of(request).sessions.find(request.cookies[COOKIE])
    if session is None:
        return
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        field = (await request.form()).get(CSRF_FIELD)
        given = field if isinstance(field, str) else None
    if given is None or not secrets.compare_digest(given.encode(), session.csrf.encode()):
        raise CsrfRefused("The form is out of date. Load the page again and send it once more.")


CallerDependency = Annotated[Caller, Depends(caller_of)]
PersonDependency = Annotated[Person, Depends(current_person)]
