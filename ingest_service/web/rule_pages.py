"""Rules: those in force at a place, and one rule explained."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import Response

from alert_rules.pack_format import PACKS
from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import caller_of
from ingest_service.queries.rules import explained, rule_named, rules_in_force
from ingest_service.web.rendering import page
from ingest_service.web.runbooks import Block, rule_part

router = APIRouter()

_COUNTRY_LETTERS: Final = 2


@router.get("/rules")
def rules_page(request: Request, place: str = "") -> Response:
    """The rules in force at a factory or, for a place of two letters, in a country.

    Who has one factory only sees its rules first.
    """
    caller = caller_of(request)
    country = place if len(place) == _COUNTRY_LETTERS else ""
    site = "" if country else place
    person = caller.must(Action.READ_SITE, site or None)
    view = caller.context.view(person)
    own = view.sites(Action.READ_SITE)
    if not request.query_params and len(own) == 1:
        site = own[0].id
    return page(request, "rules.html", {"page": rules_in_force(view, site, country)}, view=view)


@router.get("/rules/{pack_id}/{rule_id}")
def rule_page(request: Request, pack_id: str, rule_id: str) -> Response:
    """What a rule compares with what, since when, by which text."""
    caller = caller_of(request)
    person = caller.must(Action.READ_CASE)
    view = caller.context.view(person)
    pack, rule = rule_named(view, pack_id, rule_id)
    values = {
        "pack": pack,
        "rule": rule,
        "page": explained(view, pack_id, rule_id),
        "runbook": _runbook(pack.pack, rule.id, caller.context.settings.packs_dir),
    }
    return page(request, "rule.html", values, view=view)


def _runbook(pack: str, rule: str, packs_dir: Path | None) -> list[Block]:
    for folder in (packs_dir, PACKS):
        file = folder / f"{pack}.md" if folder else None
        if file is not None and file.is_file():
            return rule_part(file.read_text("utf-8"), rule)
    return []
