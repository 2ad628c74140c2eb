"""Brings data sources, folder and dashboards into a running Grafana, and says first what would change.

What somebody edited in Grafana is never overwritten unasked. Each of our saves leaves a message in the
history of a dashboard; a newest version with another message was made by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from dashboards.comparing import dashboard_differences, source_differences
from dashboards.remote import Remote

MESSAGE: Final = "oshwatch dashboards push"
VIEW: Final = 1
READERS: Final = ({"role": "Viewer", "permission": VIEW}, {"role": "Editor", "permission": VIEW})
"""Everybody who signs in to Grafana may look; administrators may do all anyway."""

Kind = Literal["data source", "folder", "permissions", "dashboard"]
State = Literal["new", "same", "changed", "edited", "from a file"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that Grafana should have.

    `edited`: changed there by hand; `from a file`: Grafana reads it itself.

    `carry_out` is None where nothing is to be done, or nothing may be.
    """

    kind: Kind
    name: str
    state: State
    differences: tuple[str, ...] = ()
    carry_out: Callable[[], None] | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a Grafana should hold; no data sources leaves those there as they are."""

    folder: tuple[str, str]
    dashboards: Mapping[str, Mapping[str, Any]]
    sources: Iterable[Mapping[str, Any]] = ()
    overwrite: bool = False
    renew_secrets: bool = False


def plan_steps(grafana: Remote, wish: Wish) -> Iterator[Step]:
    """What is to be done, in order; each step looks at Grafana when it is asked for. Raises RemoteError."""
    for source in wish.sources:
        yield _source(grafana, source, renew=wish.renew_secrets)
    yield _folder(grafana, wish.folder)
    yield _permissions(grafana, wish.folder[0])
    for name, dashboard in wish.dashboards.items():
        yield _dashboard(grafana, name, dashboard, wish)


def _source(grafana: Remote, wanted: Mapping[str, Any], *, renew: bool) -> Step:
    name = str(wanted["name"])
    stored = grafana.source(str(wanted["uid"]))
    if stored is None:
        return Step("data source", name, "new", (), lambda: grafana.add_source(wanted))
    differences = source_differences(stored, wanted)
    if stored.get("readOnly"):
        return Step("data source", name, "from a file", tuple(differences))
    if renew and wanted.get("secureJsonData"):
        differences.append("secureJsonData: sent again")
    if not differences:
        return Step("data source", name, "same")
    change = {**wanted, "version": stored.get("version")}
    return Step("data source", name, "changed", tuple(differences), lambda: grafana.change_source(change))


def _folder(grafana: Remote, wanted: tuple[str, str]) -> Step:
    uid, title = wanted
    stored = grafana.folder(uid)
    if stored is None:
        return Step("folder", title, "new", (), lambda: grafana.add_folder(uid, title))
    if stored["title"] == title:
        return Step("folder", title, "same")
    line = f"title: {stored['title']!r} -> {title!r}"
    version = int(stored["version"])
    return Step("folder", title, "changed", (line,), lambda: grafana.rename_folder(uid, title, version))


def _permissions(grafana: Remote, folder: str) -> Step:
    wanted = list(READERS)
    stored = grafana.permissions(folder)
    name = "who may look"
    if stored is None:
        return Step("permissions", name, "new", (), lambda: grafana.set_permissions(folder, wanted))
    now = sorted((str(one.get("role") or "a person or a team"), int(one["permission"])) for one in stored)
    if now == sorted((str(one["role"]), VIEW) for one in wanted):
        return Step("permissions", name, "same")
    line = f"{_said(now)} -> {_said([(str(one['role']), VIEW) for one in wanted])}"
    return Step("permissions", name, "changed", (line,), lambda: grafana.set_permissions(folder, wanted))


def _dashboard(grafana: Remote, name: str, wanted: Mapping[str, Any], wish: Wish) -> Step:
    uid, folder = str(wanted["uid"]), wish.folder[0]
    found = grafana.dashboard(uid)
    if found is None:
        return Step("dashboard", name, "new", (), lambda: grafana.save(wanted, folder, MESSAGE, None))
    stored, meta = found["dashboard"], found["meta"]
    differences = dashboard_differences(stored, wanted)
    if meta.get("folderUid") != folder:
        differences.append(f"folder: {meta.get('folderUid') or 'none'} -> {folder}")
    if not differences:
        return Step("dashboard", name, "same")
    if meta.get("provisioned"):
        return Step("dashboard", name, "from a file", tuple(differences))
    version = int(stored["version"])
    edited = not grafana.last_message(uid).startswith(MESSAGE)
    if edited and not wish.overwrite:
        return Step("dashboard", name, "edited", tuple(differences))

    def save() -> None:
        grafana.save(wanted, folder, MESSAGE, version)

    return Step("dashboard", name, "edited" if edited else "changed", tuple(differences), save)


def _said(roles: Iterable[tuple[str, int]]) -> str:
    words = {1: "looks", 2: "edits", 4: "administers"}
    return ", ".join(f"{role} {words.get(right, right)}" for role, right in roles) or "nobody"
