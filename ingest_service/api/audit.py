"""The audit log of a factory: changes of its register, and who from outside looked."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, require
from ingest_service.register.entries import Role

router = APIRouter(prefix="/api/v1", tags=["audit"])


class AuditLine(BaseModel):
    """Who did what, when [s since 1970 UTC]."""

    model_config = ConfigDict(frozen=True)

    id: int
    at: float
    who: str
    action: str
    object: str
    detail: dict[str, Any]


@router.get("/sites/{site}/audit", summary="Changes of a factory's register, and who looked, newest first")
def get_audit(
    site: str,
    caller: Annotated[Caller, Depends(require(Action.READ_AUDIT))],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> list[AuditLine]:
    person = caller.must(Action.READ_AUDIT, site)
    who = person.login if person.role is Role.ENGINEER else None  # an engineer reads what is their own
    return [
        AuditLine(id=row.id, at=row.at, who=row.who, action=row.action, object=row.object, detail=row.detail)
        for row in caller.context.audit.rows(site=site, who=who, limit=limit)
    ]
