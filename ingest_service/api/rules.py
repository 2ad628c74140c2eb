"""Rules in force, and what is ahead of a zone: advice that triggers nothing."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, require
from ingest_service.queries import ahead as ahead_query
from ingest_service.queries import rules as rules_query
from ingest_service.queries.outlook import Ahead, WorkRest
from ingest_service.queries.rule_models import RuleExplained, RulesInForce
from ingest_service.queries.standings import Standings
from ingest_service.queries.view import NotHere

router = APIRouter(prefix="/api/v1", tags=["rules"])

CountryWord = Annotated[str, Query(pattern="^([a-z]{2})?$")]
Projected = Literal["heat", "noise"]


@router.get("/rules", summary="Rules in a country, or the international ones: judged, shown, gaps, profiles")
def get_rules(
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))], country: CountryWord = ""
) -> RulesInForce:
    return rules_query.rules_in_force(caller.view(), "", country)


@router.get("/rules/{pack}/{rule}", summary="One rule, with its limit for each class of work")
def get_rule(
    pack: str, rule: str, caller: Annotated[Caller, Depends(require(Action.READ_SITE))]
) -> RuleExplained:
    return rules_query.explained(caller.view(), pack, rule)


@router.get("/sites/{site}/rules", summary="Rules at a factory today: judged, shown, gaps in law, profiles")
def get_site_rules(site: str, caller: Annotated[Caller, Depends(require(Action.READ_SITE))]) -> RulesInForce:
    return rules_query.rules_in_force(caller.view(), site)


@router.get("/sites/{site}/zones/{zone}/projection", summary="Heat or noise to the end of the shift")
def get_projection(
    site: str,
    zone: str,
    caller: Annotated[Caller, Depends(require(Action.READ_SITE))],
    hazard: Projected = "heat",
) -> Ahead:
    view = caller.view()
    place, part = view.zone(site, zone, Action.READ_SITE)
    found = ahead_query.ahead(view, place, part, hazard)
    if found is None:
        raise NotHere(f"{hazard} is not projected.")
    return found


@router.get("/sites/{site}/zones/{zone}/work-rest", summary="Work and rest at the last hour's WBGT")
def get_work_rest(
    site: str, zone: str, caller: Annotated[Caller, Depends(require(Action.READ_SITE))]
) -> WorkRest:
    view = caller.view()
    place, part = view.zone(site, zone, Action.READ_SITE)
    return Standings(view, [place]).work_rest(part)
