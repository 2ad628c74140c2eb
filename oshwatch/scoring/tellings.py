"""What people were told in a run: cases and notices as the alerts runner wrote them."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingest_service.cases.schema import CASE_EVENTS, CASES, NOTICES

SEVERITIES = ("notice", "warning", "danger")
TELLING = ("opened", "worsened", "raised_again", "found_afterwards")
_STEPS = (*TELLING, "eased", "parted", "cleared", "closed")


@dataclass(frozen=True)
class Telling:
    """One moment at which a hazard was told; `at` is when it was decided, by the server's clock [s].

    `people`: how many notices were written; a note that calls nobody has none. `limit` is None where no limit
    led to it. `since` and `event_at`: the hold it was judged by.
    """

    at: float
    what: str
    case: int
    place: str
    hazard: str
    subject: str
    severity: str
    rule: str
    people: int = 0
    exposure: str = ""
    limit: float | None = None
    below: bool = False
    since: float = 0.0
    event_at: float = 0.0


@dataclass(frozen=True)
class Standing:
    """A stretch [begin, end) in which a case stood open with a severity."""

    case: int
    place: str
    hazard: str
    subject: str
    severity: str
    begin: float
    end: float


@dataclass(frozen=True)
class Told:
    """Everything told in a run; `twice` are notices that one person had twice of the same moment."""

    tellings: tuple[Telling, ...]
    standings: tuple[Standing, ...]
    twice: tuple[str, ...] = ()


def read_told(engine: sa.Engine, end: float) -> Told:
    """The cases of a database; what still stands at the end stands until `end`."""
    with engine.connect() as connection:
        cases = {row["id"]: row for row in connection.execute(sa.select(CASES)).mappings()}
        query = sa.select(CASE_EVENTS).where(CASE_EVENTS.c.kind.in_(_STEPS)).order_by(CASE_EVENTS.c.id)
        events = list(connection.execute(query).mappings())
        notices = list(connection.execute(sa.select(NOTICES)).mappings())
    called: dict[tuple[int, str], int] = defaultdict(int)
    for notice in notices:
        called[notice["case_id"], notice["key"].split("|")[2]] += 1
    tellings = [
        _telling(event, cases[event["case_id"]], called[event["case_id"], str(event["id"])])
        for event in events
        if event["kind"] in TELLING
    ]
    return Told(tuple(tellings), tuple(_standings(events, cases, end)), tuple(_twice(notices)))


def _telling(event: sa.RowMapping, case: sa.RowMapping, people: int) -> Telling:
    data = event["data"]
    limit = data.get("limit") or {}
    return Telling(
        at=event["at"],
        what=event["kind"],
        case=case["id"],
        place=case["zone"] or case["site"],
        hazard=case["hazard"],
        subject=case["subject"],
        severity=data.get("severity", case["severity"]),
        rule=data.get("rule", case["rule"]),
        people=people,
        exposure=data.get("exposure", ""),
        limit=limit.get("value"),
        below="below" in str(limit.get("compare", data.get("compare", ""))),
        since=data.get("since", event["at"]),
        event_at=data.get("at", event["at"]),
    )


def _standings(
    events: Sequence[sa.RowMapping], cases: dict[int, sa.RowMapping], end: float
) -> list[Standing]:
    found: list[Standing] = []
    running: dict[int, tuple[str, float]] = {}
    for event in events:
        number, kind = event["case_id"], event["kind"]
        if kind == "found_afterwards":
            continue
        before = running.pop(number, None)
        severity = event["data"].get("severity", before[0] if before else "")
        if before is not None:
            if kind in ("cleared", "closed") or severity != before[0]:
                found.append(_standing(cases[number], before[0], before[1], event["at"]))
            else:
                running[number] = before
        if kind not in ("cleared", "closed") and number not in running:
            running[number] = severity or cases[number]["severity"], event["at"]
    found += [_standing(cases[number], severity, begin, end) for number, (severity, begin) in running.items()]
    return found


def _standing(case: sa.RowMapping, severity: str, begin: float, end: float) -> Standing:
    place = case["zone"] or case["site"]
    return Standing(case["id"], place, case["hazard"], case["subject"], severity, begin, end)


def _twice(notices: Sequence[sa.RowMapping]) -> list[str]:
    seen: set[tuple[int, str, str, float]] = set()
    found = []
    for notice in notices:
        key = (notice["case_id"], notice["kind"], notice["person"], notice["created_at"])
        if key in seen:
            found.append(f"{notice['name']} was told twice of case {notice['case_id']}: {notice['kind']}")
        seen.add(key)
    return found
