"""The pages: one router made of the files beside this one."""

from __future__ import annotations

from fastapi import APIRouter

from ingest_service.web import (
    account_pages,
    case_pages,
    evidence_pages,
    factory_pages,
    fleet_pages,
    live,
    mail_pages,
    overview_pages,
    quarantine_pages,
    rule_pages,
    sign_in_pages,
)
from ingest_service.web.rendering import STATIC

__all__ = ["STATIC", "router"]

router = APIRouter()
for part in (
    sign_in_pages,
    overview_pages,
    factory_pages,
    evidence_pages,
    case_pages,
    rule_pages,
    fleet_pages,
    quarantine_pages,
    account_pages,
    mail_pages,
    live,
):
    router.include_router(part.router)
