"""What was published of each day. The only part of the interface that needs no account."""

import json

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict

from ingest_service.auth.dependencies import context_of
from ingest_service.context import Context

router = APIRouter(prefix="/api/v1", tags=["evidence"])


class Published(BaseModel):
    """One day's line: `first` to `last` are ledger rows, `word` is what was signed and the signature."""

    model_config = ConfigDict(frozen=True)

    day: str
    first: int
    last: int
    root: str
    word: str


@router.get("/evidence/days", summary="The published line of each day; needs no account")
def get_days(request: Request) -> list[Published]:
    return published(context_of(request))


def published(context: Context) -> list[Published]:
    """Every published day, oldest first."""
    return [
        Published(
            day=one.day,
            first=one.first,
            last=one.last,
            root=json.loads(one.word.partition(b"\n")[0])["root"],
            word=one.word.decode(),
        )
        for one in context.ledger.day_roots()
    ]
