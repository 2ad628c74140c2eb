"""The JSON interface, version 1: one router made of the files beside this one."""

from fastapi import APIRouter

from ingest_service.api import account, audit, cases, evidence, quarantine, reading, rules, series, uploads
from ingest_service.api.errors import ErrorAnswer

router = APIRouter(
    responses={
        401: {"model": ErrorAnswer, "description": "Nobody is signed in, and there is no valid token."},
        403: {"model": ErrorAnswer, "description": "The role or the token may not do this."},
        404: {"model": ErrorAnswer, "description": "There is no such thing in the caller's scope."},
        422: {"model": ErrorAnswer, "description": "The request is not as described."},
        503: {"model": ErrorAnswer, "description": "A store does not answer; try again."},
    }
)
for part in (account, reading, rules, series, cases, quarantine, uploads, audit, evidence):
    router.include_router(part.router)
