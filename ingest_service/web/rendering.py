"""Templates to answers: one environment, autoescaped, with the words of the reader's language in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from ingest_service.auth.access import Action
from ingest_service.auth.dependencies import Caller, caller_of
from ingest_service.language import Translator, translator
from ingest_service.queries.models import URGENCY, MapPoint, Overview
from ingest_service.queries.panels import panel
from ingest_service.queries.view import View
from ingest_service.web import drawing, outlook_words, sentences, vocabulary
from ingest_service.web.words import Words

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"
_BUCKETS: Final = (0.0, 0.10, 0.25, 0.50)


class Fields(dict[str, str]):
    """Texts by form field; a field that has none has an empty one."""

    def __missing__(self, key: str) -> str:
        return ""


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        drawing=drawing,
        say=sentences,
        outlook=outlook_words,
        static=static,
        utc=utc,
        hour=hour,
        iso_day=iso_day,
        bucket=bucket,
        chart_keys=chart_keys,
        query=query,
        map_link=map_link,
        map_title=map_title,
        URGENCY=URGENCY,
        **{
            name: table
            for name, table in vars(vocabulary).items()
            if name.isupper() and isinstance(table, dict)
        },
    )
    return environment


@lru_cache(maxsize=64)
def static(name: str) -> str:
    """The address of a static file, with a mark of its content so that it may be cached for ever."""
    mark = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]
    return f"/static/{name}?v={mark}"


def query(page: Overview, number: int = 1, **other: str) -> str:
    """What was chosen on the overview, to be asked for again: another page of it, or with other choices."""
    chosen = {choice.name: choice.chosen for choice in page.choices if choice.chosen} | other
    return urlencode(chosen | ({"page": str(number)} if number > 1 else {}))


def map_link(page: Overview, point: MapPoint) -> str:
    """Where a mark on the map leads: to its factory, or to the overview of its district."""
    if point.site:
        return f"/factories/{point.site}"
    return f"/overview?{query(page, country=point.country, district=point.district)}"


def map_title(words: Words, point: MapPoint) -> str:
    """What a mark on the map says: the factory or the district, its number of factories, how it stands."""
    state = words.state(point.state)
    if point.site:
        return f"{point.name}: {state}"
    number = words._.count("%(n)s factory", "%(n)s factories", point.sites)
    return f"{words.place(point.district)}, {number}: {state}"


def utc(t: float) -> str:
    """An instant in UTC for machines and for the curious: `2026-04-20T03:40:00Z`."""
    return datetime.fromtimestamp(t, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def hour(t: float, timezone: str) -> str:
    """The wall time of an instant in a place."""
    return datetime.fromtimestamp(t, ZoneInfo(timezone)).strftime("%H:%M")


def iso_day(t: float, timezone: str) -> str:
    """The local day of an instant, as a form field of dates takes it."""
    return datetime.fromtimestamp(t, ZoneInfo(timezone)).date().isoformat()


def bucket(share: float) -> int:
    """Which of five tints a share has."""
    return sum(share > edge for edge in _BUCKETS)


def chart_keys(panel_id: str) -> list[tuple[str, str]]:
    """The lines of a chart's legend: look and exposure kind."""
    shown = panel(panel_id)
    if shown is None:
        return []
    looks = {shown.judged: "dashed", shown.thick: "thick", shown.thin: "thin"}
    return [(looks[kind], kind) for kind in shown.kinds]


ENVIRONMENT: Final = _environment()


def reader(caller: Caller) -> Translator:
    """The translator for whoever reads."""
    return translator(caller.person.language if caller.person else "en")


def surroundings(caller: Caller, view: View) -> dict[str, Any]:
    """What every template and every part of one may use."""
    _ = reader(caller)
    snapshot = view.register

    def timezone_of(site_id: str) -> str:
        site = snapshot.site(site_id)
        return site.timezone if site else "UTC"

    return {
        "_": _,
        "ngettext": _.count,
        "words": Words(_, view.now),
        "now": view.now,
        "rate": view.rate,
        "caught_up_to": view.caught_up_to,
        "stood_still_at": view.stood_still_at,
        "person": caller.person,
        "csrf": caller.session.csrf if caller.session else "",
        "timezone_of": timezone_of,
        "mistakes": Fields(),
        "typed": Fields(),
        "said": "",
    }


def page(
    request: Request,
    template: str,
    values: Mapping[str, Any],
    *,
    view: View | None = None,
    live: str = "",
    status: int = 200,
) -> HTMLResponse:
    """A whole page. `live`: address of its event stream, empty for a page that stands still."""
    caller = caller_of(request)
    shown = view or caller.context.view(caller.person)
    around = surroundings(caller, shown)
    say: Translator = around["_"]
    around |= {
        "navigation": _navigation(request, caller, shown, say),
        "live": live,
        "age_words": json.dumps(_age_words(say), ensure_ascii=False),
        "chart_words": json.dumps(_chart_words(say), ensure_ascii=False),
    }
    text = ENVIRONMENT.get_template(template).render(around | dict(values))
    return HTMLResponse(text, status)


def fragment(caller: Caller, view: View, template: str, values: Mapping[str, Any]) -> str:
    """A part of a page, as it is pushed; begins with the server's time, so that ages go by it."""
    text = ENVIRONMENT.get_template(template).render(surroundings(caller, view) | dict(values))
    return str(Markup(f"<!--now {view.now:.3f}-->") + Markup(text))  # noqa: S704 - rendered with autoescape


def _age_words(say: Translator) -> dict[str, str]:
    return {
        "now": say("now"),
        "s": say("%(n)s s ago"),
        "min": say("%(n)s min ago"),
        "h": say("%(n)s h ago"),
        "d": say("%(n)s d ago"),
    }


def _chart_words(say: Translator) -> dict[str, str]:
    return {
        "limit": say("limit"),
        "none": say("nothing known"),
        "suspect": say("suspect"),
        "failed": say("failed, not used"),
        "thinned": say("minutes no longer kept"),
    }


def _navigation(request: Request, caller: Caller, view: View, say: Translator) -> list[dict[str, Any]]:
    if caller.person is None:
        return []
    scope = caller.person.scope
    sites = view.sites(Action.READ_SITE)
    items: list[tuple[str, str]] = []
    if len(sites) == 1:
        items.append((f"/factories/{sites[0].id}", say("Factory")))
    elif view.may(Action.READ_OVERVIEW, scope):
        items.append(("/overview", say("Overview")))
    if view.may(Action.READ_CASE, scope):
        items.append(("/cases", say("Cases")))
    if sites:
        items.append(("/rules", say("Rules")))
    if view.may(Action.READ_FLEET, scope):
        items.append(("/fleet", say("Fleet")))
    if view.may(Action.READ_QUARANTINE, scope):
        items.append(("/quarantine", say("Quarantine")))
    if caller.context.settings.mail_viewer_dir is not None and view.may(Action.READ_MAIL, scope):
        items.append(("/demo/mail", say("Mail")))
    path = request.url.path
    return [
        {"path": target, "title": title, "here": path == target or path.startswith(target + "/")}
        for target, title in items
    ]
